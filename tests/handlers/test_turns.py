"""Calls that arrive at the same time wait for each other, and calls that can be repeated are bounded."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from jitney.adapters import clock
from jitney.adapters.transactions import StaleWrite
from jitney.core.access.grant import State
from jitney.core.config import ReviewerGroup
from jitney.core.quotas import REPEATED_ENDS_PER_MINUTE
from jitney.core.times import iso
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grants import create_grant
from jitney.handlers.releases import release_grant
from jitney.handlers.revocations import revoke_grant
from tests.core.identity import minting
from tests.fakes import ROLE_ARN
from tests.handlers.conftest import REQUEST_BODY, WRITE, System
from tests.identities import identity

AT_ONCE = 30


@pytest.fixture
def system(system: System) -> System:
    """A system on the real clock, whose store cancels a transaction while another one writes, as DynamoDB does."""
    writing = threading.Lock()

    def one_at_a_time(write: Callable[..., None]) -> Callable[..., None]:
        def attempt(*args: Any, **members: Any) -> None:
            if not writing.acquire(blocking=False):
                raise StaleWrite
            try:
                clock.pause(0.002)
                write(*args, **members)
            finally:
                writing.release()

        return attempt

    system.store.create_grant = one_at_a_time(system.store.create_grant)  # type: ignore[method-assign]
    system.store.save = one_at_a_time(system.store.save)  # type: ignore[method-assign]
    system.ports.pause_up_to, system.ports.stopwatch = clock.pause_up_to, clock.monotonic_milliseconds
    return system


def at_once(call: Callable[[int], tuple[int, dict[str, Any], dict[str, str]]]) -> list[tuple[int, dict[str, Any]]]:
    """Return the status and body of each of AT_ONCE calls that begin together."""
    together = threading.Barrier(AT_ONCE)

    def one(number: int) -> tuple[int, dict[str, Any]]:
        together.wait()
        return call(number)[:2]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def test_sts_05_retries_at_the_same_time_open_one_grant_and_issue_one_key(system: System):
    answers = at_once(lambda _: system.call(create_grant, REQUEST_BODY, Idempotency_Key="k"))
    assert [status for status, _ in answers] == [201] * AT_ONCE
    assert len({body["grant"]["id"] for _, body in answers}) == len(system.store.grants) == 1
    assert len(system.sessions.asked) == 1
    assert len([body for _, body in answers if "credentials" in body]) == 1
    (path,) = {body["credentials_path"] for _, body in answers if "credentials" not in body}
    assert path == f"/v1/grants/{answers[0][1]['grant']['id']}/credentials"
    assert system.outcomes() == [("request", "allowed", "")]


def test_rev_12_retries_at_the_same_time_begin_one_review(system: System):
    asked = REQUEST_BODY | {"permissions": WRITE}
    answers = at_once(lambda _: system.call(create_grant, asked, Idempotency_Key="k"))
    assert [status for status, _ in answers] == [202] * AT_ONCE
    assert len({body["grant"]["id"] for _, body in answers}) == len(system.reviews.started) == 1


def test_renewals_at_the_same_time_wait_for_each_other(system: System):
    grant_id = system.call(create_grant, REQUEST_BODY)[1]["grant"]["id"]
    answers = at_once(lambda _: system.call(create_credentials, grant_id=grant_id))
    assert [status for status, _ in answers] == [200] * AT_ONCE
    assert [record["seq"] for record in system.records()] == list(range(AT_ONCE + 1))


def test_requests_of_one_agent_at_the_same_time_wait_for_each_other(system: System):
    def request(number: int) -> tuple[int, dict[str, Any], dict[str, str]]:
        return system.call(create_grant, REQUEST_BODY | {"duration_seconds": 300 + number})

    answers = at_once(request)
    assert [status for status, _ in answers] == [201] * AT_ONCE
    assert len(system.store.grants) == AT_ONCE


def test_a_repeat_writes_nothing(system: System):
    system.call(create_grant, REQUEST_BODY, Idempotency_Key="k")
    written = len(system.store.links), len(system.sessions.asked)
    for _ in range(50):
        assert system.call(create_grant, REQUEST_BODY, Idempotency_Key="k")[0] == 201
    assert (len(system.store.links), len(system.sessions.asked)) == written


def test_renewals_of_a_grant_are_bounded(system: System):
    limits = replace(system.config.limits, renewals_per_minute=3)
    system.ports.config = replace(system.config, limits=limits)
    system.now += 45 - system.now % 60
    grant_id = system.call(create_grant, REQUEST_BODY)[1]["grant"]["id"]
    answers = [system.call(create_credentials, grant_id=grant_id) for _ in range(10)]
    assert [status for status, _, _ in answers] == [200] * 3 + [429] * 7
    _, problem, headers = answers[-1]
    assert (problem["code"], problem["limit"], headers["Retry-After"]) == ("rate_limited", 3, "15")
    assert problem["retry_at"] == iso(system.now + 15)
    assert len(system.sessions.asked) == 4
    issues = [each for each in system.records() if each["event"] == "issue"]
    assert [each["outcome"] for each in issues] == ["allowed"] * 3 + ["refused"] * 3  # counted at 1, 2 and 4
    system.now += 60
    assert system.call(create_credentials, grant_id=grant_id)[0] == 200


def test_repeated_releases_of_a_grant_are_bounded(system: System):
    """Each one reads the deny entries of the role, and holds the lease that others' revocations wait for."""
    grant_id = system.call(create_grant, REQUEST_BODY)[1]["grant"]["id"]
    answers = [system.call(release_grant, grant_id=grant_id) for _ in range(REPEATED_ENDS_PER_MINUTE + 10)]
    assert [status for status, _, _ in answers] == [200] * (REPEATED_ENDS_PER_MINUTE + 1) + [429] * 9
    assert answers[-1][1]["code"] == "rate_limited"
    assert system.store.deny_list.leases[ROLE_ARN].last_acquired <= REPEATED_ENDS_PER_MINUTE + 1
    system.now += 60
    assert system.call(release_grant, grant_id=grant_id)[0] == 200


def test_repeated_revocations_of_a_grant_by_its_person_are_bounded_and_an_operators_are_not(system: System):
    grant_id = system.call(create_grant, REQUEST_BODY)[1]["grant"]["id"]
    for _ in range(REPEATED_ENDS_PER_MINUTE + 2):  # no repeated release prevents a revocation
        system.call(release_grant, grant_id=grant_id)
    grants = system.store.grants
    grants[grant_id] = replace(grants[grant_id], human=identity("people.frank"))
    frank = minting.token(iss=minting.PEOPLE, sub="frank")
    operator = minting.token(sub="carol", groups=["security"])
    given = {"reason": "wrong"}
    answers = [system.call(revoke_grant, given, grant_id=grant_id, token=frank) for _ in range(40)]
    assert [status for status, _, _ in answers] == [200] * REPEATED_ENDS_PER_MINUTE + [429] * 10
    assert answers[-1][1]["code"] == "rate_limited"
    assert system.call(revoke_grant, given, grant_id=grant_id, token=operator)[0] == 200


def test_no_persons_repeated_revocations_prevent_anothers(system: System):
    """The approval of a released grant may count for 30 days. The agent's person must not keep a reviewer from it."""
    grant_id = system.call(create_grant, REQUEST_BODY)[1]["grant"]["id"]
    system.call(release_grant, grant_id=grant_id)
    grants = system.store.grants
    grants[grant_id] = replace(
        grants[grant_id], counts_again=True, human=identity("people.frank"), reviews=(("owners",),)
    )
    system.ports.config = replace(system.config, reviewers={"owners": ReviewerGroup(("people.alice",))})
    frank, alice = (minting.token(iss=minting.PEOPLE, sub=each) for each in ("frank", "alice"))
    answers = [system.call(revoke_grant, {}, grant_id=grant_id, token=frank) for _ in range(40)]
    assert {status for status, _, _ in answers} == {400, 429}
    assert grants[grant_id].state is State.RELEASED
    assert system.call(revoke_grant, {"reason": "wrong"}, grant_id=grant_id, token=alice)[0] == 200
    assert grants[grant_id].state is State.REVOKED


def test_a_repeated_release_after_the_grants_end_does_nothing(system: System):
    grant_id = system.call(create_grant, REQUEST_BODY)[1]["grant"]["id"]
    system.call(release_grant, grant_id=grant_id)
    system.now += 200
    log = len(system.store.log)
    system.now += 100
    token = minting.token(iat=system.now, exp=system.now + 300)
    for _ in range(40):
        assert system.call(release_grant, grant_id=grant_id, token=token)[0] == 200
    assert set(system.store.log[log:]) == {"grant"}
