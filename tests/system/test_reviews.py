"""The reviewers' pages of the deployed system: signing in, deciding, and that looking changes nothing."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.reviewer_browser import PEOPLE, Person, hidden, traces
from tests.running_systems import PATIENCE, alone, until
from tests.system.conftest import Api, request_body

# With tests/browser in one worker: both look for what people leave in the tables.
pytestmark = pytest.mark.xdist_group("reviews")
# No other test's request is like a rejected one of these, and none of the demo's.
WRITE = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/reviewed/q3.csv", "arn:aws:s3:::reports/x"]}]


@pytest.fixture
def pending(api: Api) -> str:
    answer = api("POST", "/v1/grants", request_body(permissions=WRITE), agent="writer-agent")
    assert answer.status_code == 202, answer.text
    return str(answer.json()["grant"]["id"])


def read(api: Api, grant_id: str) -> dict[str, Any]:
    return dict(api("GET", f"/v1/grants/{grant_id}", agent="writer-agent").json()["grant"])


def test_rev_07_a_reviewer_approves_less_and_the_credentials_can_do_just_that(
    api: Api, person: Callable[[str], Person], pending: str, agent_session: Callable[..., Any]
):
    alice = person("alice")
    page = alice.sign_in(f"/{pending}")
    assert (page.status_code, str(page.url)) == (200, f"{alice.url}/{pending}")
    answer = alice.vote(pending, "approve_selected", resource=["0.0"], seconds="120", comment="one file")
    assert answer.status_code == 303
    assert "Approved by people.alice" in alice.get(f"/{pending}").text
    issued = api("POST", f"/v1/grants/{pending}/credentials", {}, agent="writer-agent").json()
    assert issued["grant"]["duration_seconds"] == 120
    s3 = agent_session(issued["credentials"])("s3")
    s3.put_object(Bucket="reports", Key="reviewed/q3.csv", Body=b"region,revenue\n")
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.put_object(Bucket="reports", Key="x", Body=b"")


def test_rev_06_a_rejection_ends_it(api: Api, person: Callable[[str], Person], pending: str):
    bob = person("bob")
    bob.sign_in()
    assert bob.vote(pending, "reject", comment="not today").status_code == 303
    assert read(api, pending)["state"] == "rejected"
    alice = person("alice")
    alice.sign_in()
    late = alice.post(f"/{pending}", {"token": alice.token(), "content": "x", "verdict": "approve"})
    assert (late.status_code, "review_ended" in late.text) == (409, True)


def test_rev_18_requests_of_one_agent_are_rejected_together(api: Api, person: Callable[[str], Person]):
    """Requests of other tests are on the page, so the form names only these."""
    bob, ids = person("bob"), []
    for name in ("one", "two"):
        permissions = [{"actions": ["s3:PutObject"], "resources": [f"arn:aws:s3:::reports/flooded/{name}"]}]
        answer = api("POST", "/v1/grants", request_body(permissions=permissions), agent="writer-agent")
        ids.append(answer.json()["grant"]["id"])
    listed = {each["id"]: each for each in api("GET", "/v1/grants", agent="writer-agent").json()["grants"]}
    assert [listed[each]["review"]["review_url"].rpartition("/")[2] for each in ids] == ids
    bob.sign_in()
    page = bob.get("/rejections?agent=local.writer-agent")
    seen = [each for each in re.findall(r'name="request" value="([^"]+)"', page.text) if each.partition(".")[0] in ids]
    assert len(seen) == 2, page.text
    form = {"token": hidden(page, "token"), "agent": "local.writer-agent", "request": seen, "verdict": "reject"}
    for _ in range(2):  # the second one is a reload
        answer = bob.post("/rejections", form | {"comment": "in a loop"})
        assert (answer.status_code, "<h1>Rejected 2 requests of agent" in answer.text) == (200, True)
    assert [read(api, each)["state"] for each in ids] == ["rejected"] * 2
    unchanged = {name: value for name, value in request_body(permissions=permissions).items() if name != "changed"}
    again = api("POST", "/v1/decisions", unchanged, agent="writer-agent")
    assert (again.status_code, again.json()["code"]) == (403, "rejected_before")


def test_rev_19_an_operator_sees_what_is_open(api: Api, person: Callable[[str], Person], pending: str):
    alice = person("alice")
    alice.sign_in()
    assert f'/reviews/{pending}"><code>{pending}</code>' in alice.get("/overview").text
    file = alice.get("/overview?table=pending&format=csv")
    assert (file.headers["content-type"], pending in file.text) == ("text/csv; charset=utf-8; header=present", True)
    seals = list(csv.DictReader(io.StringIO(alice.get("/overview?table=seals&format=csv").text, newline="")))
    numbers = [int(each["Seal"]) for each in seals]
    assert numbers == sorted(numbers, reverse=True)[:5]
    bob = person("bob")
    bob.sign_in()
    assert bob.get("/overview").status_code == 403


def test_end_01_an_operator_revokes(api: Api, person: Callable[[str], Person], pending: str):
    alice = person("alice")
    alice.sign_in()
    alice.vote(pending)
    assert api("POST", f"/v1/grants/{pending}/credentials", {}, agent="writer-agent").status_code == 200
    answer = alice.post(f"/{pending}/revocation", {"token": alice.token(), "reason": "finished"})
    assert answer.status_code == 303
    ending = read(api, pending)["ending"]
    assert (ending["by"], ending["reason"]) == ("people.alice", "finished")
    assert ending["written_at"] is not None
    until(lambda: read(api, pending)["ending"]["denied_after_milliseconds"])


@pytest.mark.slow
def test_rev_01_get_and_head_of_every_url_change_nothing(
    stack: dict[str, Any], aws: Callable[..., Any], person: Callable[[str], Person], pending: str
):
    alice, stranger = person("alice"), person("bob")
    alice.sign_in()
    paths = ["", f"/{pending}", f"/{pending}/report", f"/{pending}/revocation", "/g-aaaaaaaaaaaaaa", "/sign-in"]
    paths += ["/rejections?agent=local.writer-agent", "/overview", "/overview?table=pending&format=csv"]
    paths += [f"/sign-in?to={pending}"]
    paths += ["/callback", "/callback?code=a&state=b", "/callback?error=access_denied", "/sign-out", "/x/../y"]
    with alone(PEOPLE):
        before = traces(stack, aws, pending)
        for who in (alice, stranger):
            for path in paths:
                for verb in ("GET", "HEAD", "OPTIONS"):
                    answer = who.http.request(verb, who.url + path)
                    assert answer.status_code < 500
        assert traces(stack, aws, pending) == before


@pytest.mark.parametrize("verb", ["HEAD", "PUT", "PATCH", "DELETE"])
def test_there_are_no_other_verbs(person: Callable[[str], Person], pending: str, verb: str):
    alice = person("alice")
    alice.sign_in()
    for path in ("", f"/{pending}", "/sign-in", "/callback", "/sign-out", f"/{pending}/revocation"):
        assert alice.http.request(verb, alice.url + path).status_code in (403, 404, 405)


def test_rev_05_an_agents_token_opens_and_decides_nothing(
    api: Api, token: Callable[[str], str], person: Callable[[str], Person], pending: str
):
    alice = person("alice")
    alice.sign_in()
    page = alice.get(f"/{pending}")
    for agent in ("writer-agent", "incident-bot"):
        headers = {"Authorization": f"Bearer {token(agent)}", "Origin": alice.origin}
        with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
            assert http.get(f"{alice.url}/{pending}", headers=headers).status_code == 303
            for path in (f"/{pending}", f"/{pending}/revocation"):
                form = {
                    "token": "x",
                    "verdict": "approve",
                    "reason": "x",
                    "content": page.text.split('content" value="')[1][:64],
                }
                assert http.post(alice.url + path, data=form, headers=headers).status_code == 401
    assert read(api, pending)["state"] == "pending"


def test_a_form_from_another_site_is_refused_and_on_record(api: Api, person: Callable[[str], Person], pending: str):
    alice = person("alice")
    alice.sign_in()
    form = {"token": alice.token(), "verdict": "approve"}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null", "Sec_Fetch_Site": "cross-site"}):
        assert alice.post(f"/{pending}", form, **headers).status_code == 403
    assert read(api, pending)["state"] == "pending"
