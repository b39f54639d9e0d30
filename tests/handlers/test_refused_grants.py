"""The record of a refusal names the grant that the caller named, if there is one (rows AUD 2 and AUD 4)."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.handlers.credentials import create_credentials
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_grant
from jitney.handlers.releases import release_grant
from jitney.handlers.review.terminal_votes import vote_from_terminal
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.runtime.edge import Route
from jitney.handlers.suspensions import suspend
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, System, configuration
from tests.handlers.gateway import GET, MemoryUpstream, add_gateway
from tests.handlers.review_browser import Browser
from tests.handlers.test_review_pages import pending
from tests.handlers.test_terminal_reviews import call, own_token, terminal_desk

OWNER, OTHER = "reader-agent", "writer-agent"
UNKNOWN = "g-" + "a" * 14


def begun(system: System, way: str, token: str) -> str:
    """Return the id of a new grant."""
    status, answer, _ = system.call(create_grant, REQUEST_BODY | {"way": way}, token=token)
    assert status == 201, answer
    return str(answer["grant"]["id"])


def of_path(route: Route, body: Any = None) -> Callable[[System, str, str], int]:
    return lambda system, grant_id, token: system.call(route, body, grant_id=grant_id, token=token)[0]


def gateway_call(system: System, grant_id: str, token: str) -> int:
    return system.call(create_call, GET | {"grant": grant_id}, token=token, idempotency_key="key-1")[0]


TRIES: list[tuple[Callable[[System, str, str], int], str, str, str, str]] = [
    (of_path(create_credentials), "credentials", OWNER, "issue", "grant_released"),
    (of_path(create_credentials), "credentials", OTHER, "issue", "grant_not_found"),
    (of_path(create_credentials), "gateway", OWNER, "issue", "grant_released"),
    (of_path(read_grant), "credentials", OTHER, "refusal", "grant_not_found"),
    (of_path(release_grant), "credentials", OTHER, "refusal", "grant_not_found"),
    (of_path(revoke_grant, {"reason": "mine"}), "credentials", OTHER, "refusal", "not_operator"),
    (gateway_call, "gateway", OWNER, "call", "grant_released"),
    (gateway_call, "gateway", OTHER, "call", "grant_not_found"),
]


@pytest.mark.parametrize(("attempt", "way", "who", "event", "code"), TRIES)
def test_aud_04_a_refused_caller_is_on_record_with_the_grant(
    system: System, attempt: Callable[[System, str, str], int], way: str, who: str, event: str, code: str
):
    add_gateway(system, MemoryUpstream())
    owner, caller = minting.agent_token(OWNER, system.now), minting.agent_token(who, system.now)
    grant_id = begun(system, way, owner)
    assert system.call(release_grant, grant_id=grant_id, token=owner)[0] == 200
    before = len(system.records())
    assert attempt(system, grant_id, caller) in (403, 404, 409)
    (record,) = system.records()[before:]
    assert (record["event"], record["outcome"], record["code"]) == (event, "refused", code)
    assert record["principal"] == f"corp.{who}"
    assert json.loads(record["detail"]) == {"grant": grant_id}


@pytest.mark.parametrize(
    "attempt", [of_path(create_credentials), of_path(read_grant), of_path(release_grant), gateway_call]
)
def test_aud_04_a_grant_that_does_not_exist_is_not_on_record(
    system: System, attempt: Callable[[System, str, str], int]
):
    """A caller could name any number of them."""
    add_gateway(system, MemoryUpstream())
    assert attempt(system, UNKNOWN, minting.token()) == 404
    assert json.loads(system.records()[-1]["detail"]) == {}


def test_aud_04_a_suspended_agent_is_refused_before_its_grant_is_read():
    system = System(config=replace(configuration(), operators=("other/security",)))
    token = minting.agent_token(OWNER, system.now)
    grant_id = begun(system, "credentials", token)
    body = {"kind": "agent", "name": f"corp.{OWNER}", "reason": "the laptop was stolen"}
    assert system.call(suspend, body, token=minting.operator_token(system.now, "carol"))[0] == 201
    assert system.call(create_credentials, grant_id=grant_id, token=token)[0] == 403
    record = system.records()[-1]
    assert (record["code"], json.loads(record["detail"])) == ("suspended", {})


def test_aud_04_a_form_and_a_terminal_vote_that_are_not_valid_are_on_record_with_the_request():
    desk = terminal_desk()
    grant, browser = pending(desk), Browser(desk)
    browser.sign_in("alice")
    answer = browser.send("POST", f"/reviews/{grant.id}", browser.first_form(grant.id) | {"verdict": ""})
    assert answer.status == 400
    status, _ = call(desk, vote_from_terminal, grant, own_token(desk), verdict="perhaps")
    assert status == 400
    refused = [each for each in desk.system.records() if each["outcome"] == "refused"]
    assert [(each["code"], json.loads(each["detail"])) for each in refused] == 2 * [
        ("request_invalid", {"grant": grant.id})
    ]
