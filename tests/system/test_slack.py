"""Review in Slack on the running system: messages that notify, buttons and modals that decide (REV 9)."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from jitney.core.access.grant import VoteVerdict
from jitney.core.review.safe_text import defang
from local.slack.workspace import OUTAGE
from tests.cli import invoke
from tests.handlers.slack_workspace import signed
from tests.reviewer_browser import Person
from tests.running_systems import PATIENCE, until
from tests.system.conftest import Api, request_body
from tests.system.review_system import Review

CHANNEL = "CDATAREVIEWS"
# With the other tests of reviews: they count what a person leaves in the tables.
pytestmark = pytest.mark.xdist_group("reviews")


class Workspace:
    """The local workspace: its messages about one request, and its people."""

    def __init__(self, stack: dict[str, Any], http: httpx.Client) -> None:
        self._url = str(stack["slack_url"])
        self._http = http

    def messages(self, grant_id: str) -> list[dict[str, Any]]:
        """Return the request's message and the replies in its thread."""
        posted = self._http.get(f"{self._url}/messages").json()["messages"]
        mine = [each for each in posted if f"/reviews/{grant_id}" in json.dumps(each)]
        stamps = {each["ts"] for each in mine}
        return mine + [each for each in posted if each.get("thread_ts") in stamps]

    def asked(self, grant_id: str) -> dict[str, Any]:
        """Return the message once it is there."""
        return dict(until(lambda: (self.messages(grant_id) or [None])[0]))

    def press(self, message: dict[str, Any], action: str, who: str = "alice") -> dict[str, Any]:
        click = {"user": f"U{who.upper()}", "channel": CHANNEL, "ts": message["ts"], "action": action}
        return dict(self._http.post(f"{self._url}/press", json=click).raise_for_status().json())

    def send(self, modal: dict[str, Any], values: dict[str, Any] | None = None, who: str = "alice") -> dict[str, Any]:
        submission = {"user": f"U{who.upper()}", "values": values or {}}
        return dict(self._http.post(f"{self._url}/modals/{modal['id']}", json=submission).raise_for_status().json())


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def workspace(stack: dict[str, Any], http: httpx.Client) -> Workspace:
    return Workspace(stack, http)


@pytest.fixture(scope="module")
def review(api: Api, stack, aws) -> Review:
    return Review(api, stack, aws)


def buttons(message: dict[str, Any]) -> list[str]:
    return [each["action_id"] for each in pressable(message)]


def pressable(message: dict[str, Any]) -> list[dict[str, Any]]:
    (block,) = [each for each in message["blocks"] if each["type"] == "actions"]
    return list(block["elements"])


def closed(workspace: Workspace, grant_id: str) -> dict[str, Any]:
    """Return the message once it has no more buttons to decide with."""
    return dict(until(lambda: (one := workspace.asked(grant_id)) and buttons(one) == ["page"] and one))


def test_rev_09_a_button_approves_and_the_message_says_so(review: Review, workspace: Workspace, api: Api):
    grant_id = review.ask()
    message = workspace.asked(grant_id)
    assert buttons(message) == ["approve", "approve_selected", "reject", "page"]
    assert workspace.press(message, "approve") == {"status": 200, "body": {}, "modal": None, "alone": []}
    grant = review.grant(grant_id)
    assert (grant.state, grant.votes[0].human.name, grant.votes[0].via) == ("active", "people.alice", "slack")
    assert api("POST", f"/v1/grants/{grant_id}/credentials", {}, agent="writer-agent").status_code == 200
    assert "Approved by people.alice." in json.dumps(closed(workspace, grant_id)["blocks"])
    until(lambda: len(workspace.messages(grant_id)) == 2)
    assert workspace.messages(grant_id)[1]["text"] == "Approved by people.alice."

    def notices() -> list[Any]:
        return [json.loads(each["detail"])["sent"] for each in review.records(grant_id) if each["event"] == "notice"]

    notified = until(lambda: len(found := notices()) == 2 and found)
    slack = [each for sent in notified for each in sent if each["channel"] == "slack"]
    assert slack == [{"channel": "slack", "to": "#data-reviews", "code": ""}] * 2


def test_rev_07_less_by_the_modal_is_what_the_credentials_can_do(
    api: Api, workspace: Workspace, review: Review, agent_session: Callable[..., Any]
):
    key = f"2026/{uuid.uuid4()}.csv"
    wanted = [
        {"actions": ["s3:PutObject"], "resources": [f"arn:aws:s3:::reports/{key}", "arn:aws:s3:::reports/2026/x"]}
    ]
    grant_id = api("POST", "/v1/grants", request_body(permissions=wanted), agent="writer-agent").json()["grant"]["id"]
    pressed = workspace.press(workspace.asked(grant_id), "approve_selected", "bob")
    answer = workspace.send(pressed["modal"], {"choices-0-r-0": ["r0.0"], "seconds": "1000"}, "bob")
    assert (answer["body"]["response_action"], list(answer["body"]["errors"])) == ("errors", ["seconds"])
    answer = workspace.send(
        answer["modal"], {"choices-0-r-0": ["r0.0"], "seconds": "120", "comment": "one file"}, "bob"
    )
    assert (answer["body"], answer["modal"]) == ({"response_action": "clear"}, None)
    issued = api("POST", f"/v1/grants/{grant_id}/credentials", {}, agent="writer-agent").json()
    assert (issued["grant"]["duration_seconds"], issued["grant"]["votes"][0]["comment"]) == (120, "one file")
    s3 = agent_session(issued["credentials"])("s3")
    s3.put_object(Bucket="reports", Key=key, Body=b"region,revenue\n")
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.put_object(Bucket="reports", Key="2026/x", Body=b"")


def test_rev_06_a_rejection_with_its_comment(review: Review, workspace: Workspace):
    grant_id = review.ask()
    modal = workspace.press(workspace.asked(grant_id), "reject", "bob")["modal"]
    assert workspace.send(modal, who="bob")["body"]["response_action"] == "errors"
    assert workspace.send(modal, {"comment": "not today"}, "bob")["body"] == {"response_action": "clear"}
    shown = review.shown(grant_id)
    assert (shown["state"], shown["votes"][0]["comment"]) == ("rejected", "not today")
    assert "Rejected by people.bob." in json.dumps(closed(workspace, grant_id)["blocks"])


def test_rev_09_a_user_who_is_no_reviewer_changes_nothing_and_alone_sees_why(review: Review, workspace: Workspace):
    grant_id = review.ask()
    message = workspace.asked(grant_id)
    for action in ("approve", "approve_selected", "reject"):
        pressed = workspace.press(message, action, "mallory")
        assert (pressed["status"], pressed["modal"]) == (200, None)
        assert "does not know who you are" in pressed["alone"][0]
    modal = workspace.press(message, "reject")["modal"]
    sent = workspace.send(modal, {"comment": "mine"}, "mallory")
    assert "does not know who you are" in json.dumps(sent["body"])
    assert review.grant(grant_id).state == "pending"
    review.release(grant_id)


def test_rev_09_what_was_decided_on_the_page_is_shown_in_slack(
    review: Review, workspace: Workspace, person: Callable[[str], Person]
):
    grant_id = review.ask()
    message = workspace.asked(grant_id)
    alice = person("alice")
    alice.sign_in()
    assert alice.vote(grant_id).status_code == 303
    assert "Approved by people.alice." in json.dumps(closed(workspace, grant_id)["blocks"])
    # The button of an old screen.
    payload = pressed_by("bob", pressable(message)[0])
    assert post(review, payload).status_code == 200
    assert [vote.human.name for vote in review.grant(grant_id).votes] == ["people.alice"]


def pressed_by(who: str, button: dict[str, Any], team: str = "TLOCAL") -> dict[str, Any]:
    """Return the payload of a button as the workspace would send it."""
    return {
        "type": "block_actions",
        "team": {"id": team},
        "user": {"id": f"U{who.upper()}", "team_id": team},
        "channel": {"id": CHANNEL},
        "trigger_id": "1.1",
        "actions": [button],
    }


def post(review: Review, payload: Any, secret: str = "", age: int = 0) -> httpx.Response:
    """Send Slack's request for a payload, signed with its secret unless another one is given."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    headers = signed(body, int(time.time()) - age, secret or review.stack["slack_signing_secret"])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return review.api.client.post(f"{review.stack['api_url']}/slack/interactions", content=body, headers=headers | form)


def test_rev_09_a_body_is_taken_once_and_only_as_slack_signs_it(review: Review, workspace: Workspace):
    grant_id = review.ask()
    approve = pressable(workspace.asked(grant_id))[0]
    for how in ({"secret": "another"}, {"age": 400}, {"age": -400}):
        answer = post(review, pressed_by("alice", approve), **how)
        assert (answer.status_code, answer.json()["code"]) == (401, "slack_signature_invalid")
    elsewhere = post(review, pressed_by("alice", approve, "TELSE"))
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "slack_workspace_unknown")
    assert review.grant(grant_id).state == "pending"
    body = urlencode({"payload": json.dumps(pressed_by("alice", approve))}).encode()
    headers = signed(body, int(time.time()), review.stack["slack_signing_secret"])
    for _ in range(3):
        answer = review.api.client.post(f"{review.stack['api_url']}/slack/interactions", content=body, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
    grant = review.grant(grant_id)
    assert (grant.state, len(grant.votes)) == ("active", 1)
    assert review.events(grant_id).count("vote") == 1


def test_rev_10_an_agents_words_arrive_as_text_alone(review: Review, workspace: Workspace):
    words = "<!channel> *approve* [this](https://evil.example) <https://evil.example|now> @here"
    grant_id = review.ask(reason=words)
    message = workspace.asked(grant_id)
    parts = [part for block in message["blocks"] if block["type"] == "rich_text" for part in block["elements"]]
    (quoted,) = [part for part in parts if part["type"] == "rich_text_quote"]
    first, *more = quoted["elements"]  # after another test's rejection, more lines say what changed
    assert (first["type"], first["text"]) == ("text", defang(words))
    assert {each["type"] for each in more} <= {"text"}
    assert "mrkdwn" not in json.dumps(message["blocks"])
    assert "evil" not in message["text"]
    review.release(grant_id)


def test_rev_13_slack_that_does_not_answer_hangs_nothing_and_is_on_record(review: Review):
    grant_id = review.ask(reason=OUTAGE)
    failed = until(lambda: [each for each in review.records(grant_id) if each["event"] == "notice"])
    sent = json.loads(failed[0]["detail"])["sent"]
    assert {"channel": "slack", "to": "#data-reviews", "code": "slack_error"} in sent
    # Mail and the pages go on without it.
    assert {"channel": "mail", "to": "people.alice", "code": ""} in sent
    assert review.vote(grant_id, VoteVerdict.APPROVE).state == "active"
    review.ended(grant_id)


def test_rev_13_an_operator_checks_who_can_be_reached(api: Api, stack, token, tmp_path):
    answer = api("POST", "/v1/reviews/check", agent="incident-bot")
    named = {(each["kind"], each["name"]): each["code"] for each in answer.json()["checks"]}
    assert set(named.values()) == {""}
    assert {("sender", "jitney@example.com"), ("channel", "#data-reviews"), ("person", "people.bob")} <= set(named)
    assert api("POST", "/v1/reviews/check").json()["code"] == "not_operator"
    (tmp_path / "token").write_text(token("incident-bot"), encoding="utf-8")
    env = {"JITNEY_API_URL": stack["api_url"], "JITNEY_TOKEN_FILE": str(tmp_path / "token")}
    done = invoke(["review", "check"], env=env)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("Passed")
