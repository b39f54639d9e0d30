"""Break-glass and another act at the same time, in each order of their steps: one outcome, on record once (REV 8)."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.config import ReviewerGroup
from jitney.core.review.content import content_hash
from jitney.handlers.credentials import create_credentials
from jitney.handlers.review.break_glass import break_glass, follow_up
from tests.handlers.conftest import System, configuration
from tests.handlers.form_visits import post_form
from tests.handlers.seen_votes import vote
from tests.handlers.stepping import Call, Prepared, meetings
from tests.handlers.test_ballots import ballot, pending, person
from tests.handlers.test_races import asking, chain, is_denied, suspending

SETTINGS = BreakGlassConfig(("corp.gina", "corp.dora"), (), ("analytics-prod",), (), 120, 600, own_requests=False)


def new_system() -> System:
    groups = {"owners": ReviewerGroup(("corp.alice", "corp.bob"))}
    return System(config=replace(configuration(), reviewers=groups, break_glass=SETTINGS))


def using(system: System, grant: Grant, name: str = "gina") -> Call:
    """Return the second step of break-glass, which ends with the state of the grant."""
    form = {"content": content_hash(grant), "reason": "down"}
    first = post_form(system.ports, person(name), grant.id, break_glass, form)
    return _posting(system, grant, name, break_glass, form | {"confirmed": first.values["confirmed"]})


def judging(system: System, grant: Grant, name: str, verdict: str) -> Call:
    return _posting(system, grant, name, follow_up, {"judgement": verdict, "comment": "seen"})


def _posting(system: System, grant: Grant, name: str, route: Any, form: dict[str, str]) -> Call:
    return lambda: post_form(system.ports, person(name), grant.id, route, form).status


def _voted(system: System, grant: Grant, verdict: VoteVerdict) -> State:
    return vote(ballot(grant, verdict=verdict), system.ports).state


@pytest.mark.parametrize("verdict", VoteVerdict)
def test_rev_08_of_break_glass_and_a_deciding_vote_at_once_one_decides(verdict: VoteVerdict):
    def prepare() -> Prepared:
        system = new_system()
        grant = pending(system)
        return system, using(system, grant), partial(_voted, system, grant, verdict)

    for system, used, voted in meetings(prepare):
        (grant,) = system.store.grants.values()
        events, decided = chain(system, grant.id), "approved" if verdict is VoteVerdict.APPROVE else "rejected"
        won = grant.break_glass is not None
        assert (used, voted) == ((303, "review_ended") if won else ("review_ended", grant.state))
        assert (events.count("break_glass"), events.count(decided)) == (won, not won)
        assert bool(system.store.outstanding) is won


def test_rev_08_of_two_uses_for_one_request_at_once_one_counts():
    def prepare() -> Prepared:
        system = new_system()
        grant = pending(system)
        return system, using(system, grant), using(system, grant, "dora")

    for system, *answers in meetings(prepare):
        (grant,) = system.store.grants.values()
        assert sorted(map(str, answers)) == ["303", "review_ended"]
        assert chain(system, grant.id).count("break_glass") == 1
        assert set(system.store.outstanding.values()) == {grant.id}


@pytest.mark.parametrize("verdicts", [("confirm", "object"), ("object", "confirm"), ("object", "object")])
def test_rev_08_of_two_follow_up_reviews_at_once_one_counts(verdicts: tuple[str, str]):
    def prepare() -> Prepared:
        system = new_system()
        grant = pending(system)
        assert using(system, grant)() == 303
        names = zip(("alice", "bob"), verdicts, strict=True)
        return system, *(judging(system, grant, *each) for each in names)

    for system, *answers in meetings(prepare):
        (grant,) = system.store.grants.values()
        assert grant.follow_up is not None
        assert sorted(map(str, answers)) == ["303", "review_ended"]
        assert chain(system, grant.id).count("follow_up") == 1
        assert chain(system, grant.id).count("revocation") == (grant.state is State.REVOKED)
        assert system.store.outstanding == {}
        assert (grant.follow_up.judgement == "object") <= (grant.state is State.REVOKED)


def test_rev_08_keys_that_are_issued_while_a_reviewer_objects_are_denied():
    def prepare() -> Prepared:
        system = new_system()
        grant = pending(system)
        assert using(system, grant)() == 303
        return system, judging(system, grant, "alice", "object"), asking(system, create_credentials, grant_id=grant.id)

    for system, objected, fetched in meetings(prepare):
        (grant,) = system.store.grants.values()
        assert (objected, grant.state) == (303, State.REVOKED)
        assert fetched in ((200, ""), (410, "grant_revoked"), (403, "denied"))
        assert all(is_denied(system, each) for each in system.sessions.asked)


@pytest.mark.parametrize("kind", ["agent", "target"])
def test_rev_08_a_use_while_its_agent_is_suspended_gives_nothing(kind: str):
    def prepare() -> Prepared:
        system = new_system()
        grant = pending(system)
        return system, suspending(system, kind), using(system, grant)

    for system, suspended, used in meetings(prepare):
        (grant,) = system.store.grants.values()
        assert suspended == (201, "")
        assert used in (303, "review_ended", "suspended")
        fetch: Callable[[], Any] = asking(system, create_credentials, grant_id=grant.id)
        assert fetch() in ((403, "suspended"), (410, "grant_revoked"))
        assert system.sessions.asked == []
        assert bool(system.store.outstanding) is (grant.break_glass is not None)
