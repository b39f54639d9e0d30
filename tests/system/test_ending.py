"""Revoking live credentials, end to end: the deny document is IAM's, and IAM is the emulator's."""

import concurrent.futures
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.running_systems import PATIENCE, until
from tests.system.conftest import Api, request_body
from tests.system.test_asking import WRITE, read, refused_with
from tests.system.test_records import chain_of

KEY = "2026/q3.csv"
REASON = {"reason": "the laptop was stolen"}
POLICY = "JitneyRevocations"
# Every test here writes the deny document of the one sample role.
pytestmark = pytest.mark.xdist_group("deny-document")


@pytest.fixture
def document(aws, stack) -> Callable[[], dict[str, Any]]:
    target = stack["targets"]["analytics-prod"]
    iam = aws("iam", target["account"])
    role = target["role_arn"].rpartition("/")[2]

    def fetch() -> dict[str, Any]:
        try:
            return iam.get_role_policy(RoleName=role, PolicyName=POLICY)["PolicyDocument"]
        except iam.exceptions.NoSuchEntityException:
            return {}

    return fetch


def released(api: Api, issued: dict[str, Any]) -> dict[str, Any]:
    answer = api("DELETE", f"/v1/grants/{issued['grant']['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()["grant"]


def measured(api: Api, grant_id: str) -> int | None:
    """Return how many milliseconds it took until AWS denied the grant, or None if that is not measured yet."""
    ending = api("GET", f"/v1/grants/{grant_id}").json()["grant"]["ending"]
    ending = api("GET", f"/v1/grants/{grant_id}").json()["grant"]["ending"]
    milliseconds: int | None = ending["denied_after_milliseconds"]
    return milliseconds


def named_grants(document: dict[str, Any]) -> set[str]:
    """Return the grants that the document names. Other tests of the system leave denials of other kinds in it."""
    assert {each["Effect"] for each in document["Statement"]} == {"Deny"}
    conditions = [each["Condition"].get("StringEquals", {}) for each in document["Statement"]]
    return {name for each in conditions for name in each.get("aws:PrincipalTag/grant", [])}


@pytest.mark.parametrize("seconds", [300, 900], ids=["scoped down", "plain"])
def test_end_01_a_released_grants_live_credentials_fail_and_anothers_go_on(
    api: Api, agent_session, document, seconds: int
):
    issued, other = api.ask(duration_seconds=seconds), api.ask(duration_seconds=seconds)
    session, kept = agent_session(issued["credentials"]), agent_session(other["credentials"])
    assert read(session, KEY)
    grant = released(api, issued)
    assert grant["state"] == "released"
    assert refused_with(lambda: read(session, KEY)) == "AccessDenied"
    assert read(kept, KEY)
    named = named_grants(document())
    assert issued["grant"]["id"] in named
    assert other["grant"]["id"] not in named
    assert until(lambda: measured(api, grant["id"])) > 0


def test_sts_07_nothing_is_issued_again(api: Api):
    issued = api.ask()
    released(api, issued)
    answer = api("POST", f"/v1/grants/{issued['grant']['id']}/credentials")
    assert (answer.status_code, answer.json()["code"]) == (409, "grant_released")
    assert released(api, issued)["ending"] is not None  # again, and nothing changes
    revoked = api.ask()["grant"]["id"]
    assert api("POST", f"/v1/grants/{revoked}/revocation", REASON, agent="incident-bot").status_code == 200
    answer = api("POST", f"/v1/grants/{revoked}/credentials")
    assert (answer.status_code, answer.json()["code"]) == (410, "grant_revoked")


def test_end_01_an_agents_loop_ends_when_an_operator_revokes(api: Api, agent_session):
    issued = api.ask()
    session, grant_id = agent_session(issued["credentials"]), issued["grant"]["id"]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        loop = pool.submit(denied_after, lambda: read(session, KEY))
        answer = api("POST", f"/v1/grants/{grant_id}/revocation", REASON, agent="incident-bot")
        assert answer.status_code == 200, answer.text
        assert loop.result(timeout=PATIENCE) == "AccessDenied"
    ending = answer.json()["grant"]["ending"]
    assert (ending["by"], ending["reason"]) == ("local.incident-bot", REASON["reason"])
    assert api("GET", f"/v1/grants/{grant_id}").json()["grant"]["state"] == "revoked"


def denied_after(call: Callable[[], Any]) -> str:
    """Call until the call is refused. Return the error's code."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            call()
        except ClientError as error:
            return str(error.response["Error"]["Code"])
    return "never"


def test_only_operators_revoke(api: Api, agent_session):
    issued = api.ask()
    answer = api("POST", f"/v1/grants/{issued['grant']['id']}/revocation", REASON)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_operator")
    assert api("DELETE", f"/v1/grants/{issued['grant']['id']}", agent="idle-agent").status_code == 404
    assert read(agent_session(issued["credentials"]), KEY)


def test_a_pending_grant_can_be_released(api: Api):
    wanted = request_body(permissions=WRITE, reason="to be released")
    pending = api("POST", "/v1/grants", wanted, agent="writer-agent").json()["grant"]["id"]
    answer = api("DELETE", f"/v1/grants/{pending}", agent="writer-agent")
    assert answer.json()["grant"]["state"] == "released"


def test_aud_01_the_chain_shows_the_end_and_how_fast_it_was(api: Api, aws, stack):
    issued = api.ask()
    released(api, issued)
    until(lambda: measured(api, issued["grant"]["id"]))
    records = chain_of(aws, stack, issued["grant"]["id"])
    assert [each["event"] for each in records] == ["request", "release", "canary"]
    assert json.loads(records[-1]["detail"])["denied_after_milliseconds"] > 0


@pytest.mark.slow
def test_end_03_of_20_at_once_none_is_lost_and_none_too_many(api: Api, document):
    issued = [api.ask() for _ in range(21)]
    *ended, kept = [each["grant"]["id"] for each in issued]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda grant_id: api("DELETE", f"/v1/grants/{grant_id}").status_code, ended)
        assert set(answers) == {200}
    named = named_grants(document())
    assert set(ended) <= named
    assert kept not in named
