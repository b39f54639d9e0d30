"""A repeated POST /v1/grants gets the grant of the first one, even if a new request is refused now (row REV 12)."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.core.problems import Problem
from jitney.core.quotas import IDEMPOTENCY_SECONDS
from jitney.handlers.access import grant_requests
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, WRITE, System

REFUSALS = {
    "the session policy became too large": (REQUEST_BODY, "session_request_of"),
    "the size is tried again": (REQUEST_BODY | {"permissions": WRITE}, "session_request_of"),
    "an equal request was rejected": (REQUEST_BODY | {"permissions": WRITE}, "unless_rejected_before"),
    "the unit has too many requests": (REQUEST_BODY | {"permissions": WRITE}, "queue"),
}


def refusing(*_args: Any) -> Any:
    raise Problem("policy_too_large", "It is refused now.", "Ask for less.")


@pytest.mark.parametrize("case", REFUSALS)
def test_rev_12_a_refusal_of_new_requests_does_not_hide_the_grant_of_the_first_post(
    case: str, system: System, monkeypatch: pytest.MonkeyPatch
):
    asked, refused_by = REFUSALS[case]
    first = system.call(create_grant, asked, Idempotency_Key="k")
    monkeypatch.setattr(grant_requests, refused_by, refusing)
    again = system.call(create_grant, asked, Idempotency_Key="k")
    assert (again[0], again[1].get("grant", {}).get("id")) == (first[0], first[1]["grant"]["id"])
    other = system.call(create_grant, asked | {"duration_seconds": 301}, Idempotency_Key="k")
    assert (other[0], other[1]["code"]) == (422, "idempotency_mismatch")
    assert system.call(create_grant, asked)[1]["code"] == "policy_too_large"
    assert len(system.store.grants) == 1


def test_rev_12_a_full_list_of_grants_does_not_hide_the_grant_of_the_first_post(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    first = system.call(create_grant, REQUEST_BODY, Idempotency_Key="k")
    monkeypatch.setattr("jitney.handlers.caller.other_grants.OtherGrantsLookup.updates_for", refusing)
    again = system.call(create_grant, REQUEST_BODY, Idempotency_Key="k")
    assert (again[0], again[1].get("grant", {}).get("id")) == (first[0], first[1]["grant"]["id"])


def test_rev_12_a_joined_post_can_be_repeated_when_the_unit_may_join_no_more(system: System):
    asked = REQUEST_BODY | {"permissions": WRITE}
    limits = replace(system.ports.config.limits, ungranted_requests_per_minute=2)
    system.ports.config = replace(system.ports.config, limits=limits)
    first = system.call(create_grant, asked, Idempotency_Key="a")
    assert system.call(create_grant, asked, Idempotency_Key="b")[0] == 202
    assert system.call(create_grant, asked, Idempotency_Key="c")[0] == 202
    assert system.call(create_grant, asked, Idempotency_Key="d")[1]["code"] == "rate_limited"
    for key in ("a", "b", "c"):
        again = system.call(create_grant, asked, Idempotency_Key=key)
        assert (again[0], again[1].get("grant", {}).get("id")) == (202, first[1]["grant"]["id"])


@pytest.mark.parametrize("permissions", [REQUEST_BODY["permissions"], WRITE], ids=["allowed", "reviewed"])
def test_rev_12_a_key_is_new_again_after_a_day_although_it_is_deleted_later(permissions: Any, system: System):
    def post() -> tuple[int, dict[str, Any]]:
        token = minting.token(iat=system.now, exp=system.now + 300)
        return system.call(create_grant, REQUEST_BODY | {"permissions": permissions}, Idempotency_Key="k", token=token)[
            :2
        ]

    first = post()
    system.now += IDEMPOTENCY_SECONDS - 1
    assert post()[1]["code"] == "grant_ended"
    system.now += 1
    again = post()
    assert again[0] == first[0]
    assert again[1]["grant"]["id"] != first[1]["grant"]["id"]
