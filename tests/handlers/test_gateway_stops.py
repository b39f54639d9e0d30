"""What stops an agent's next call through the gateway without IAM: a suspension, and another address."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.access.suspensions import Suspensions
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.releases import release_grant
from tests.core.identity import minting
from tests.handlers.gateway import GET, PUT, Gateway, failing


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def suspend(gateway: Gateway, kind: SuspensionKind, name: str) -> None:
    suspension = Suspension(
        "s-aaaaaaaaaaaaaa", kind, name, gateway.system.now, "corp.olga", "leaked", issuer=minting.CORP
    )
    gateway.system.store.suspensions = Suspensions("s-aaaaaaaaaaaaaa", (suspension,))


OF_THE_AGENT = [(SuspensionKind.AGENT, "corp.reader-agent"), (SuspensionKind.ISSUER, "corp")]


@pytest.mark.parametrize(("kind", "name"), OF_THE_AGENT)
def test_gw_10_a_suspended_agent_makes_no_call_and_gets_no_kept_answer(
    gateway: Gateway, kind: SuspensionKind, name: str
):
    assert gateway.post(PUT, key="made")[0] == gateway.post(PUT, key="made")[0] == 200
    suspend(gateway, kind, name)
    for key in ("made", "new"):
        status, answer = gateway.post(PUT, key=key)
        assert (status, answer["code"]) == (403, "suspended")
    assert len(gateway.upstream.sent) == 1
    assert gateway.entries()[-1] == ("call", "refused", "suspended")


def test_gw_10_a_suspended_target_is_called_no_more_and_gives_no_kept_answer(gateway: Gateway):
    assert gateway.post(PUT, key="made")[0] == gateway.post(PUT, key="made")[0] == 200
    suspend(gateway, SuspensionKind.TARGET, "analytics-prod")
    assert gateway.post(GET)[1]["code"] == "grant_revoked"
    assert gateway.post(PUT, key="made")[1].get("code") == "grant_revoked"
    assert len(gateway.upstream.sent) == 1


def test_gw_10_a_suspended_target_gives_no_kept_answer_of_a_grant_that_was_released_before(gateway: Gateway):
    assert gateway.post(PUT, key="made")[0] == 200
    assert gateway.system.call(release_grant, grant_id=gateway.grant_id)[0] == 200
    assert gateway.post(PUT, key="made")[0] == 200
    suspend(gateway, SuspensionKind.TARGET, "analytics-prod")
    for targets in (gateway.system.ports.config.targets, {}):  # also if the suspended target is removed
        gateway.system.ports.config = replace(gateway.system.ports.config, targets=targets)
        status, answer = gateway.post(PUT, key="made")
        assert (status, answer["code"]) == (403, "suspended")


def test_gw_10_a_call_of_a_suspended_agent_requests_no_grant(gateway: Gateway):
    suspend(gateway, SuspensionKind.AGENT, "corp.reader-agent")
    body: dict[str, Any] = {**GET, "target": "analytics-prod", "reason": "monthly report"}
    status, answer, _ = gateway.system.call(create_call, body, idempotency_key="k")
    assert (status, answer["code"]) == (403, "suspended")
    assert len(gateway.system.store.grants) == 1
    assert gateway.entries() == [("call", "refused", "suspended")]


def test_gw_10_a_bound_grant_is_called_from_its_own_address_only(gateway: Gateway):
    grants = gateway.system.store.grants
    grants[gateway.grant_id] = replace(grants[gateway.grant_id], bound_address="203.0.113.9")
    status, answer = gateway.post(GET)
    assert (status, answer["code"], gateway.upstream.sent) == (403, "address_mismatch", [])
    grants[gateway.grant_id] = replace(grants[gateway.grant_id], bound_address="198.51.100.7")
    assert gateway.post(GET)[0] == 200


def test_gw_10_a_bound_grant_gives_its_kept_answers_to_its_own_address_only(gateway: Gateway):
    assert gateway.post(PUT, key="made")[0] == gateway.post(PUT, key="made")[0] == 200
    grants = gateway.system.store.grants
    grants[gateway.grant_id] = replace(grants[gateway.grant_id], bound_address="203.0.113.9")
    status, answer = gateway.post(PUT, key="made")
    assert (status, answer.get("code")) == (403, "address_mismatch")
    grants[gateway.grant_id] = replace(grants[gateway.grant_id], bound_address="198.51.100.7")
    assert gateway.post(PUT, key="made")[0] == 200
    assert len(gateway.upstream.sent) == 1


def test_gw_06_a_read_that_is_lost_each_time_says_so(gateway: Gateway):
    gateway.system.ports.stopwatch = lambda: 0
    gateway.upstream.answer = failing("call_may_have_run")
    status, answer = gateway.post(GET)
    assert (status, answer["code"]) == (502, "call_may_have_run")
    assert gateway.entries() == [("call", "failed", "call_may_have_run")] * len(gateway.upstream.sent)
