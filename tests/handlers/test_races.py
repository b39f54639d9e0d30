"""Two callers change one thing at the same time, fifty times each: one outcome, recorded in order, and nothing is lost.

Every step of the store takes a random moment, so that the callers meet at different places each time.
"""

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.config import ReviewerGroup
from jitney.core.problems import Problem
from jitney.handlers.ballots import vote
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grant_expiry import record_expiry
from jitney.handlers.grants import create_grant
from jitney.handlers.ports import Ports
from jitney.handlers.releases import release_grant
from jitney.handlers.revocations import revoke_grant
from tests.examples import examples
from tests.fakes import ROLE_ARN
from tests.handlers.conftest import REQUEST_BODY, System, configuration
from tests.handlers.test_ballots import ballot, pending
from tests.handlers.test_ending import REASON, operator

ROUNDS = examples(50)
SLOWEST_SECONDS, SPREAD_SECONDS = 0.001, 0.02
STEPS = {
    "store": ("grant", "save", "create_grant", "consume"),
    "deny_list": ("acquire", "deny_entries", "complete"),
    "sessions": ("issue",),
}


@pytest.fixture
def system() -> System:
    """A system on the real clock for pauses, whose adapters take their time."""
    config, groups = configuration(), {"owners": ReviewerGroup(("corp.alice", "corp.bob"))}
    limits = replace(config.limits, reviews_per_hour=1000, max_pending=1000, grants_per_hour=10_000)
    made = System(config=replace(config, reviewers=groups, limits=limits))
    # A tenth of the time counts, so that a slow machine does not end a wait.
    made.ports.__dict__.update(
        pause=lambda seconds: time.sleep(seconds / 10),
        pause_up_to=lambda seconds: time.sleep(random.uniform(0, seconds / 10)),
        stopwatch=lambda: time.monotonic_ns() // 10_000_000,
    )
    adapters = {"store": made.store, "deny_list": made.store.deny_list, "sessions": made.sessions}
    for name, steps in STEPS.items():
        for step in steps:
            setattr(adapters[name], step, slowed(getattr(adapters[name], step)))
    # Longer than everything from the record of an end to the next write of a document.
    made.role_policies.during = lambda: time.sleep(random.uniform(0, SPREAD_SECONDS))
    return made


def moment() -> None:
    time.sleep(random.uniform(0, SLOWEST_SECONDS))


def slowed(step: Callable[..., Any]) -> Callable[..., Any]:
    def slow(*args: Any, **members: Any) -> Any:
        moment()
        answer = step(*args, **members)
        moment()
        return answer

    return slow


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def together(pool: ThreadPoolExecutor, *calls: Callable[[], Any]) -> list[Any]:
    """Return what the calls return, or the codes of the problems that they raise.

    They begin at about the same time. Some take longer than others, and each must sometimes be the first.
    """
    start = threading.Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        start.wait()
        time.sleep(random.uniform(0, SPREAD_SECONDS))
        try:
            return call()
        except Problem as problem:
            return problem.code

    return list(pool.map(one, calls))


def rounds(system: System) -> Iterator[int]:
    """Yield the number of each round. The records of earlier rounds are forgotten."""
    for number in range(ROUNDS):
        system.store.links.clear()
        yield number


def chain(system: System, grant_id: str) -> list[str]:
    """Return the events of a grant's records in order, with the outcomes of votes. Fails if the chain has a gap."""
    records = [each for each in system.records() if each["chain"] == grant_id]
    assert all(after["prev"] == before["hash"] for before, after in itertools.pairwise(records))
    assert [each["seq"] for each in records] == list(range(len(records)))
    return [each["outcome"] if each["event"] == "vote" else each["event"] for each in records]


def status(system: System, route: Any, body: Any = None, **members: Any) -> tuple[int, str]:
    code, body, _ = system.call(route, body, **members)
    return code, str(body.get("code", ""))


def _at(ports: Ports, moment: int) -> Ports:
    """Return the ports with a clock that stands."""
    other = copy(ports)
    other.__dict__["now"] = lambda: moment
    return other


def _state(change: Callable[..., Grant], *arguments: Any) -> State:
    return change(*arguments).state


def approved(system: System, number: int) -> Grant:
    """Return an active grant whose credentials were not fetched yet."""
    grant = pending(system, changed=f"round {number}")
    return vote(ballot(grant), system.ports)


def test_rev_04_two_reviewers_who_decide_at_once_give_one_outcome(system: System, pool: ThreadPoolExecutor):
    for number in rounds(system):
        grant = pending(system, changed=f"round {number}")
        given = [ballot(grant), ballot(grant, "bob"), ballot(grant, "bob", VoteVerdict.REJECT)]
        answers = together(pool, *(partial(_state, vote, each, system.ports) for each in given))
        ended = system.store.grants[grant.id].state
        assert ended in (State.ACTIVE, State.REJECTED)
        assert set(answers) <= {ended, "review_ended", "grant_conflict"}
        assert ended in answers
        events = chain(system, grant.id)
        assert [each for each in events if each in ("approved", "rejected")] == [
            "approved" if ended is State.ACTIVE else "rejected"
        ]


def test_rev_04_of_an_approval_and_an_expiry_at_once_one_holds(system: System, pool: ThreadPoolExecutor):
    for number in rounds(system):
        grant = pending(system, changed=f"round {number}")
        in_time, too_late = (_at(system.ports, grant.expires_at + late) for late in (-1, 0))
        voted, expired = together(
            pool, partial(_state, vote, ballot(grant), in_time), partial(_state, record_expiry, grant, too_late)
        )
        state, events = system.store.grants[grant.id].state, chain(system, grant.id)
        if state is State.ACTIVE:
            assert (voted, "approved" in events, "expiry" in events) == (State.ACTIVE, True, False)
        else:
            assert (state, voted, expired) == (State.EXPIRED, "review_ended", State.EXPIRED)
            assert ("approved" in events, events.count("expiry")) == (False, 1)


@pytest.mark.parametrize("ends", ["released", "revoked"])
def test_end_01_keys_that_are_issued_while_a_grant_ends_are_denied(system: System, pool: ThreadPoolExecutor, ends: str):
    """A revocation meets the first issue, when nothing is outside Jitney yet, and a release meets a renewal."""
    refused = (409 if ends == "released" else 410, f"grant_{ends}")
    for number in rounds(system):
        grant = approved(system, number)
        if ends == "released":
            assert status(system, create_credentials, grant_id=grant.id)[0] == 200
        system.sessions.asked.clear()
        end: dict[str, Any] = {"route": release_grant}
        if ends == "revoked":
            end = {"route": revoke_grant, "body": REASON, "token": operator()}
        ended, fetched = together(
            pool,
            partial(status, system, grant_id=grant.id, **end),
            partial(status, system, route=create_credentials, grant_id=grant.id),
        )
        assert ended == (200, "")
        assert fetched in ((200, ""), refused)
        assert system.store.grants[grant.id].state == ends
        assert len(system.sessions.asked) == (fetched[0] == 200)
        if fetched[0] == 200 or ends == "released":
            assert grant.id in system.role_policies.denies(ROLE_ARN)
        events, end_event = chain(system, grant.id), "release" if ends == "released" else "revocation"
        assert events.count(end_event) == 1
        assert "issue" not in events[events.index(end_event) :]


@pytest.mark.parametrize("reasons", [("a", "a"), ("a", "b")], ids=["same body", "another body"])
def test_sts_05_the_same_key_twice_at_once_opens_one_grant(
    system: System, pool: ThreadPoolExecutor, reasons: Sequence[str]
):
    for number in rounds(system):
        before = set(system.store.grants)
        system.sessions.asked.clear()

        def ask(reason: str, key: str = f"key-{number}") -> tuple[int, dict[str, Any]]:
            return system.call(create_grant, REQUEST_BODY | {"reason": reason}, Idempotency_Key=key)[:2]

        answers = together(pool, *(lambda each=each: ask(each) for each in reasons))
        made = set(system.store.grants) - before
        assert len(made) == len(system.sessions.asked) == 1
        assert sum("credentials" in body for _, body in answers) == 1
        if reasons[0] == reasons[1]:
            assert [code for code, _ in answers] == [201, 201]
            assert {body["grant"]["id"] for _, body in answers} == made
        else:
            assert sorted(code for code, _ in answers) == [201, 422]
        assert chain(system, *made) == ["request"]


def test_end_03_writers_of_one_deny_document_at_once_lose_no_entry(system: System, pool: ThreadPoolExecutor):
    for _ in rounds(system):
        system.store.deny_list.listed.clear()
        ids = [system.call(create_grant, REQUEST_BODY)[1]["grant"]["id"] for _ in range(4)]

        def end(number: int, grant_id: str) -> tuple[int, set[str]]:
            route, token, body = (release_grant, None, None) if number % 2 else (revoke_grant, operator(), REASON)
            code = status(system, route, body, grant_id=grant_id, token=token)[0]
            return code, system.role_policies.denies(ROLE_ARN)

        answers = together(pool, *(lambda each=each: end(*each) for each in enumerate(ids[:3])))
        for (code, denied), grant_id in zip(answers, ids, strict=False):
            assert code == 200
            assert grant_id in denied, "it was denied after the answer"
        assert system.role_policies.denies(ROLE_ARN) == set(ids[:3])
