"""END 6: an end without a deny entry leaves no credentials outside Jitney, however requests interleave.

One request runs until its step `at`, then the other one runs, and the first one continues. Steps are the calls of the
store and of STS. So each pair of requests is tried with every preemption.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from jitney.core.access.live_credentials import FASTEST_DENIAL_SECONDS
from jitney.handlers.credentials import create_credentials
from jitney.handlers.releases import release_grant
from jitney.handlers.revocations import revoke_grant
from tests.core.identity import minting
from tests.fakes import ROLE_ARN
from tests.handlers.conftest import System
from tests.handlers.gateway import DELETE, GET, PUT, SECRET, SECRET_ARN, Gateway
from tests.handlers.test_call_tickets import REVEALED, UPLOAD
from tests.handlers.test_ending import end_as, fresh, mine

ENDS = ("released", "revoked")
WITHOUT_S3 = [{"actions": ["secretsmanager:GetSecretValue"], "resources": [SECRET_ARN]}]


@dataclass
class Preemption:
    """Runs `other` once: before step number `at` of what else uses the system, or after it if there are fewer steps."""

    system: System
    other: Callable[[], Any]
    at: int
    steps: int = 0
    answer: Any = None
    running: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        self._before(self.system.store, "_answer")
        self._before(self.system.sessions, "issue")

    def then_answer(self) -> Any:
        """Return the answer of `other`, which runs now if it has not."""
        if self.steps < self.at:
            self.running, self.answer = True, self.other()
        return self.answer

    def _before(self, port: Any, name: str) -> None:
        method = getattr(port, name)

        def stepping(*arguments: Any, **named: Any) -> Any:
            if not self.running:
                self.steps += 1
                if self.steps == self.at:
                    self.running = True
                    self.answer = self.other()
                    self.running = False
            return method(*arguments, **named)

        setattr(port, name, stepping)


def listed(system: System) -> dict[str, int]:
    """Return until when the role's deny list denies each grant."""
    return {name: each.until for name, each in system.store.deny_list.listed.get(ROLE_ARN, {}).items()}


@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize("ends_first", [True, False])
def test_end_06_no_keys_leave_without_a_deny_entry_when_a_request_for_them_meets_the_end(state: str, ends_first: bool):
    seen = set()
    for at in range(1, 100):
        system = System()
        (grant_id,) = mine(system, 1, unissued=True)

        def fetch(system: System = system, grant_id: str = grant_id) -> Any:
            return system.call(create_credentials, grant_id=grant_id)[0]

        def end(system: System = system, grant_id: str = grant_id) -> Any:
            return end_as(system, grant_id, state)[0]

        first, second = (end, fetch) if ends_first else (fetch, end)
        preemption = Preemption(system, second, at)
        answers = first(), preemption.then_answer()
        fetched, over = reversed(answers) if ends_first else answers
        assert over == 200
        assert (grant_id in listed(system)) is (fetched == 200)
        seen.add(fetched)
        if preemption.steps < at:
            break
    assert at >= 3
    assert seen == {200, 409 if state == "released" else 410}


@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize("ends_first", [True, False])
def test_end_06_no_ticket_outlives_the_deny_entry_of_its_grant(state: str, ends_first: bool):
    seen = set()
    for at in range(1, 100):
        gateway = Gateway()
        system = gateway.system

        def issue(gateway: Gateway = gateway) -> Any:
            return gateway.post(UPLOAD)[0]

        def end(system: System = system, grant_id: str = gateway.grant_id) -> Any:
            return end_as(system, grant_id, state)[0]

        first, second = (end, issue) if ends_first else (issue, end)
        preemption = Preemption(system, second, at)
        answers = first(), preemption.then_answer()
        issued, over = reversed(answers) if ends_first else answers
        assert over == 200
        tickets = [each for each in system.sessions.asked if each.name.startswith("c-")]
        assert (issued == 200) is bool(tickets)
        assert all(each.ends_at < listed(system)[gateway.grant_id] for each in tickets)
        assert gateway.grant_id in system.role_policies.denies(ROLE_ARN)
        seen.add(issued)
        if preemption.steps < at:
            break
    assert at > 3
    assert len(seen) == 2
    assert 200 in seen


@pytest.mark.parametrize("state", ENDS)
def test_end_06_the_end_of_a_grant_whose_keys_never_left_the_broker_denies_nothing(state: str):
    gateway = Gateway(permissions=WITHOUT_S3)
    assert gateway.post(SECRET)[0] == 200
    sessions = len(gateway.system.sessions.asked)
    status, body, _ = end_as(gateway.system, gateway.grant_id, state)
    assert (status, body["grant"]["state"], listed(gateway.system)) == (200, state, {})
    assert (gateway.system.role_policies.writes, len(gateway.system.sessions.asked)) == (0, sessions)
    assert gateway.records()[-1]["detail"]["no_denial"] == "in_broker"
    assert gateway.post(SECRET)[1]["code"] == f"grant_{state}"


@pytest.mark.parametrize("call", [GET, PUT, DELETE, {**GET, "operation": "HeadObject"}, UPLOAD])
def test_end_06_no_ticket_is_issued_in_a_grant_without_actions_of_s3(call: dict[str, Any]):
    gateway = Gateway(REVEALED, permissions=WITHOUT_S3, reveal=True)
    asked = {**call, "direct": call.get("direct", {})}
    asked["parameters"] = {name: value for name, value in call["parameters"].items() if name != "Body"}
    assert gateway.post(asked)[0] == 403
    assert not gateway.system.sessions.asked


@pytest.mark.parametrize("left", range(FASTEST_DENIAL_SECONDS + 1))
def test_end_06_a_release_in_the_last_moment_denies_nothing_and_a_revocation_does(system: System, left: int):
    released, revoked = mine(system, 2)
    system.now = system.store.grants[released].expires_at - left
    assert system.call(release_grant, grant_id=released, token=fresh(system))[0] == 200
    token = minting.token(sub="carol", groups=["security"], iat=system.now, exp=system.now + 300)
    assert system.call(revoke_grant, {"reason": "leaked"}, grant_id=revoked, token=token)[0] == 200
    assert set(listed(system)) == {
        *([released] if left >= FASTEST_DENIAL_SECONDS else []),
        *([revoked] if left else []),
    }
    if 0 < left < FASTEST_DENIAL_SECONDS:
        (record,) = (json.loads(each["detail"]) for each in system.records() if each["event"] == "release")
        assert record["no_denial"] == "ends_first"


@pytest.mark.parametrize("state", ENDS)
def test_end_06_a_forged_state_neither_keeps_a_gateway_grant_open_nor_reopens_it(state: str):
    """A function that may write a state writes that the grant expired, and later that it is active."""
    gateway = Gateway(permissions=WITHOUT_S3)
    grants = gateway.system.store.grants
    grants[gateway.grant_id] = replace(grants[gateway.grant_id], state=grants[gateway.grant_id].state.EXPIRED)
    assert end_as(gateway.system, gateway.grant_id, state)[1]["grant"]["state"] == state
    assert grants[gateway.grant_id].ending is not None
