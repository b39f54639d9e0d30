"""Lives of grants: requests, votes, freezes, suspensions, calls and ends in any order, as time passes.

Agents get no credentials and no answer that policies, reviewers and operators do not permit at that moment. IAM's
document denies exactly the sessions of ended grants and of those that are suspended (rows POL 1, REV 4, END 1, END 8,
GW 3 and AUD 2). The expected results come from the history of the life, and from none of the code that decides.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from jitney.core.access.credentials import SessionRequest
from jitney.core.access.deny_document import CLOCK_SKEW_SECONDS
from jitney.core.access.grant import OPEN_STATES, TRANSITIONS, Grant, State, VoteVerdict
from jitney.core.access.live_credentials import FASTEST_DENIAL_SECONDS
from jitney.core.access.request import Way
from jitney.core.access.suspensions import Suspensions
from jitney.core.config import Config, Policies, ReviewerGroup
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.review.selection import NarrowedApproval
from jitney.core.time_window_config import TimeWindow
from jitney.core.times import iso
from jitney.handlers import reconciler, suspensions
from jitney.handlers.caller import authenticated_request
from jitney.handlers.credentials import create_credentials
from jitney.handlers.ending import grant_ends
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_grant
from jitney.handlers.reconciler import UNWRITTEN_SECONDS, reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.suspensions import lift, suspend
from tests.core.identity import minting
from tests.examples import examples
from tests.fakes import MemoryStore
from tests.handlers.conftest import REQUEST_BODY, System, configuration
from tests.handlers.gateway import GET, PUT, MemoryUpstream, add_gateway
from tests.handlers.record_replay import assert_replayed
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot
from tests.handlers.test_races import chain, is_denied
from tests.lives import Chooser, live_many

POLICIES = """
@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource)
when { context.durationSeconds <= 1800 && [true, false].contains(resource.wildcard) };
@id("write") @approval("owners") permit (principal, action == Jitney::Action::"Write", resource)
when { context.approvals.contains("owners") };
@id("freeze") forbid (principal, action, resource) when { context.timeWindows.contains("freeze") };
"""
READ, WRITE = "s3:GetObject", "s3:PutObject"
AGENTS = ("reader-agent", "writer-agent")
CALLS = {READ: GET, WRITE: PUT}
REASON = {"reason": "the laptop was stolen"}
HOUR = 3600
LATER = 60
"""A policy that permits a request has to permit it a minute later, too: clocks differ, and answers take time."""
SUSPENDABLE = [("target", "analytics-prod"), ("issuer", "corp"), *(("agent", f"corp.{each}") for each in AGENTS)]


@dataclass(frozen=True)
class Live:
    """Credentials that an agent has, since `issued_at`."""

    grant_id: str
    session: SessionRequest
    issued_at: int


def config_of() -> Config:
    config = configuration()
    return replace(
        config,
        policies=Policies(POLICIES, config.policies.schema, "lives"),
        operators=("other/security",),
        reviewers={"owners": ReviewerGroup(("corp.alice", "corp.bob"))},
        limits=replace(config.limits, reviews_per_hour=1000, max_pending=100, ungranted_requests_per_minute=1000),
    )


class Lives:
    """The handlers over in-memory adapters, and what was done to them."""

    def __init__(self) -> None:
        self.system = System(config=config_of())
        self.freezes: list[tuple[int, int]] = []
        self.suspended: dict[str, tuple[str, str]] = {}
        self.last_suspension = 0
        self.live: list[Live] = []
        self.seen: dict[str, State] = {}
        self.asked = 0
        self.unsettled = False
        self.upstream = MemoryUpstream()
        add_gateway(self.system, self.upstream)
        self.keys, self.called = 0, set[tuple[str, int]]()
        self.freeze(2400, 2700)
        self.ask(AGENTS[0], READ, 1800, Way.CREDENTIALS)

    # What the people and agents of a life do.

    def ask(self, agent: str, action: str, seconds: int, way: Way) -> None:
        self.asked += 1
        permissions = [{"actions": [action], "resources": [f"arn:aws:s3:::reports/{self.asked}"]}]
        body = REQUEST_BODY | {"permissions": permissions, "duration_seconds": seconds, "way": way}
        status, answer = self.call(create_grant, body, token=self.agent(agent))
        if self.is_suspended(agent):
            assert (status, answer.get("code")) == (403, "suspended")
        elif self.is_frozen(seconds):
            assert (status, answer.get("code")) == (403, "denied")
        elif not self.is_frozen(seconds + LATER):
            assert status == (201 if action == READ else 202), answer

    def use(self, number: int, *, again: bool) -> None:
        """Fetch credentials, or make a call through the gateway, with the key of the last call or a new one."""
        grant = self.chosen(number)
        if grant and grant.way is Way.GATEWAY:
            self.make_call(grant, again=again)
        elif grant:
            agent = grant.principal.removeprefix("corp.")
            status, answer = self.call(create_credentials, grant_id=grant.id, token=self.agent(agent))
            if self.is_suspended(agent) or grant.at(self.now).state is not State.ACTIVE:
                assert status in (403, 409, 410), answer
            elif not self.is_frozen(grant.expires_at - self.now + LATER):
                assert status == 200, answer

    def make_call(self, grant: Grant, *, again: bool) -> None:
        agent, key = grant.principal.removeprefix("corp."), grant.permissions[0].resources[0].rpartition("/")[2]
        (action,) = grant.permissions[0].actions
        self.keys += not again
        body = CALLS[action] | {"parameters": CALLS[action]["parameters"] | {"Key": key}, "grant": grant.id}
        before, mine = len(self.upstream.sent), (grant.id, self.keys)
        token = self.agent(agent)
        status, answer = self.call(create_call, body, token=token, idempotency_key=f"key-{grant.id}-{self.keys}")
        sent = len(self.upstream.sent) - before
        assert sent == (status == 200 and mine not in self.called), answer
        if status == 200:
            if action == WRITE:
                self.called.add(mine)
            assert grant.at(self.now).state is State.ACTIVE or not sent
            assert not self.is_suspended(agent)
            assert not self.is_frozen(0) or not sent
        else:
            closed = self.is_suspended(agent) or self.is_frozen(LATER) or grant.at(self.now).state is not State.ACTIVE
            assert closed, answer

    def ask_again(self, number: int, agent: str, seconds: int) -> None:
        if grant := self.chosen(number):
            body = REQUEST_BODY | {"permissions": grant.view()["permissions"], "duration_seconds": seconds}
            status, answer = self.call(create_grant, body, token=self.agent(agent))
            assert status in (201, 202, 403), answer

    def decide(self, number: int, name: str, verdict: VoteVerdict, seconds: int) -> None:
        """A reviewer votes, or approves at most so many seconds."""
        if grant := self.chosen(number, State.PENDING):
            shorter = {"narrowing": NarrowedApproval(grant.permissions, seconds)} if seconds else {}
            given = ballot(grant, name, verdict, **shorter if verdict is VoteVerdict.APPROVE else {})
            try:
                after = vote(given, self.system.ports)
            except Problem as problem:
                assert problem.code in ("review_ended", "selection_denied", "selection_invalid", "suspended"), problem
            else:
                assert (after.state is State.ACTIVE) <= (verdict is VoteVerdict.APPROVE)
                assert seconds == 0 or after.state is not State.ACTIVE or after.expires_at == self.now + seconds

    def release(self, number: int) -> None:
        if grant := self.chosen(number):
            token = self.agent(grant.principal.removeprefix("corp."))
            status, answer = self.call(release_grant, grant_id=grant.id, token=token)
            assert status in self.ends, answer

    def revoke(self, number: int) -> None:
        if grant := self.chosen(number):
            status, answer = self.call(revoke_grant, REASON, grant_id=grant.id, token=self.operator())
            assert status in self.ends, answer

    def suspend(self, named: tuple[str, str]) -> None:
        kind, name = named
        body = {"kind": kind, "name": name, "unseen": True, **REASON}
        status, answer = self.call(suspend, body, token=self.operator())
        assert status in (201, 202), answer
        self.suspended[answer["suspension"]["id"]] = named
        self.last_suspension = self.now

    def lift(self, number: int) -> None:
        if not self.suspended:
            return
        suspension_id = sorted(self.suspended)[number % len(self.suspended)]
        status, answer = self.call(lift, {"reason": "rotated"}, grant_id=suspension_id, token=self.operator())
        assert status == 200, answer
        del self.suspended[suspension_id]

    def freeze(self, opens: int, lasts: int) -> None:
        self.freezes.append((self.now + opens, self.now + opens + lasts))
        self.freezes.sort()
        windows = {"freeze": TimeWindow("UTC", (), tuple(self.freezes))}
        self.system.ports.__dict__["config"] = replace(self.system.ports.config, time_windows=windows)

    # What happens by itself.

    def wait(self, seconds: int) -> None:
        self.system.now += seconds
        self.live = [each for each in self.live if each.session.ends_at > self.now]

    def reconcile(self) -> None:
        try:
            reconcile(self.system.ports)
        except RuntimeError:  # AWS repeats the event
            assert self.unsettled

    def revoke_while_iam_fails(self, count: int, number: int, *, lost: bool) -> None:
        """IAM refuses the next writes, or does not answer."""
        iam, self.unsettled = self.system.role_policies, True
        iam.refusals, iam.lost = (0, count) if lost else (count, 0)
        self.revoke(number)

    def iam_recovers(self) -> None:
        """The reconciler writes what could not be written."""
        if not self.unsettled:
            return
        iam, self.unsettled = self.system.role_policies, False
        iam.refusals = iam.lost = 0
        self.wait(UNWRITTEN_SECONDS + 1)
        reconcile(self.system.ports)

    # What must hold after each of these.

    def check(self) -> None:
        assert_replayed(self.system)
        self.states_only_go_forward()
        self.every_change_is_on_record()
        self.the_document_denies_what_ended_and_nothing_else()
        self.the_owner_reads_the_state()

    def states_only_go_forward(self) -> None:
        for grant in self.grants():
            before = self.seen.get(grant.id, State.PENDING)
            assert grant.state in {before, *TRANSITIONS[before], *_after(before)}, (before, grant.state)
            self.seen[grant.id] = grant.state

    def every_change_is_on_record(self) -> None:
        for grant in self.grants():
            events = chain(self.system, grant.id)
            assert len(events) == grant.records
            assert (grant.state is State.RELEASED) <= ("release" in events)
            assert (grant.state is State.REVOKED) <= ("revocation" in events)

    def the_document_denies_what_ended_and_nothing_else(self) -> None:
        for each in self.live:
            grant = self.system.store.grants[each.grant_id]
            agent = grant.principal.removeprefix("corp.")
            ended = grant.state in (State.RELEASED, State.REVOKED) or self.is_suspended(agent)
            denied = is_denied(self.system, each.session, each.issued_at)
            if ended:
                ends_first = each.session.ends_at - self.now <= FASTEST_DENIAL_SECONDS
                assert denied or ends_first or self.unsettled, grant
            elif each.issued_at > self.last_suspension + CLOCK_SKEW_SECONDS:
                assert not denied, grant

    def the_owner_reads_the_state(self) -> None:
        for grant in self.grants()[-3:]:
            agent = grant.principal.removeprefix("corp.")
            status, answer = self.call(read_grant, grant_id=grant.id, token=self.agent(agent))
            expected = State.REVOKED if self.is_suspended(agent) and grant.at(self.now).state in OPEN_STATES else None
            assert (status, answer["grant"]["state"]) == (200, expected or grant.at(self.now).state)

    # The history.

    @property
    def ends(self) -> tuple[int, ...]:
        """The status of a call that ends a grant."""
        return (200, 409, 503) if self.unsettled else (200, 409)

    @property
    def now(self) -> int:
        return self.system.now

    def grants(self) -> list[Grant]:
        return list(self.system.store.grants.values())

    def chosen(self, number: int, *states: State) -> Grant | None:
        found = [each for each in self.grants() if not states or each.state in states]
        return found[-1 - number % len(found)] if found else None

    def agent(self, name: str) -> str:
        return minting.agent_token(name, self.now)

    def operator(self) -> str:
        """The token of an operator whose own issuer is never suspended."""
        return minting.operator_token(self.now, "carol")

    def is_suspended(self, agent: str) -> bool:
        covering = {("agent", f"corp.{agent}"), ("target", "analytics-prod"), ("issuer", "corp")}
        return not covering.isdisjoint(self.suspended.values())

    def is_frozen(self, seconds: int) -> bool:
        """Whether a freeze overlaps the next `seconds`."""
        return any(opens < self.now + seconds and self.now < closes for opens, closes in self.freezes)

    def call(self, route: Callable[..., Any], body: Any = None, **members: Any) -> tuple[int, dict[str, Any]]:
        """Call a handler, and look at each session that it lets STS issue."""
        before = len(self.system.sessions.asked)
        status, answer, _ = self.system.call(route, body, **members)
        for session in self.system.sessions.asked[before:]:
            self.issued(session)
        return status, answer

    def issued(self, session: SessionRequest) -> None:
        grant = self.system.store.grants[dict(session.tags)["grant"]]
        assert grant.state is State.ACTIVE
        assert not self.is_suspended(grant.principal.removeprefix("corp."))
        assert self.now < session.ends_at <= grant.expires_at
        assert not self.is_frozen(session.ends_at - self.now if grant.way is Way.CREDENTIALS else 0)
        if grant.permissions[0].actions == (WRITE,):
            asked = grant.permissions, grant.principal
            like = [each for each in self.grants() if (each.permissions, each.principal) == asked]
            approved = [each for each in like if _approved(each) and each.duration_seconds >= grant.duration_seconds]
            assert _approved(grant) or any(each.state is not State.REVOKED for each in approved)
        if grant.way is Way.CREDENTIALS:
            self.live.append(Live(grant.id, session, self.now))


def _approved(grant: Grant) -> bool:
    """Whether a reviewer approved the grant's request, and none rejected it."""
    given = {(each.human.name, each.verdict) for each in grant.votes}
    return any((each, VoteVerdict.APPROVE) in given for each in ("corp.alice", "corp.bob")) and not any(
        verdict is VoteVerdict.REJECT for _, verdict in given
    )


def _after(state: State) -> Iterator[State]:
    """The states that two changes in one step lead to."""
    for each in TRANSITIONS[state]:
        yield from TRANSITIONS[each]


STEPS: dict[str, Chooser] = {
    "ask": lambda random: {
        "agent": random.choice(AGENTS),
        "action": random.choice([READ, WRITE]),
        "seconds": random.choice([300, 900, 1800]),
        "way": random.choice(list(Way)),
    },
    "ask_again": lambda random: {
        "number": random.randrange(5),
        "agent": random.choice(AGENTS),
        "seconds": random.choice([300, 900]),
    },
    "decide": lambda random: {
        "number": random.randrange(5),
        "name": random.choice(["alice", "bob"]),
        "verdict": random.choice(list(VoteVerdict)),
        "seconds": random.choice([0, 0, 300]),
    },
    "use": lambda random: {"number": random.randrange(5), "again": random.choice([False, True])},
    "release": lambda random: {"number": random.randrange(5)},
    "revoke": lambda random: {"number": random.randrange(5)},
    "revoke_while_iam_fails": lambda random: {
        "number": random.randrange(5),
        "count": random.randint(1, 3),
        "lost": random.choice([False, True]),
    },
    "suspend": lambda random: {"named": random.choice(SUSPENDABLE)},
    "lift": lambda random: {"number": random.randrange(5)},
    "freeze": lambda random: {"opens": random.choice([0, 120, 600, 1200]), "lasts": random.choice([60, 900])},
    "wait": lambda random: {"seconds": random.choice([1, 59, 61, 299, 400, 1000])},
    "reconcile": lambda _: {},
    "iam_recovers": lambda _: {},
}
"""What can happen, with its arguments."""
OFTEN = (*5 * ["ask"], *4 * ["decide"], *7 * ["use"], *3 * ["wait"], *3 * ["lift"], "iam_recovers")


def test_end_08_no_life_of_a_grant_gives_more_than_was_given_at_each_moment():
    live_many(Lives, STEPS, OFTEN, examples(200))


def _nothing(*_: Any, **__: Any) -> None:
    pass


def _does_not_see_windows(patch: pytest.MonkeyPatch) -> None:
    windows = authenticated_request.grant_windows
    patch.setattr(
        authenticated_request,
        "grant_windows",
        lambda config, *more: windows(replace(config, time_windows={"freeze": TimeWindow("UTC", (), ())}), *more),
    )


def _forgets_a_record(patch: pytest.MonkeyPatch) -> None:
    save = MemoryStore.save

    def forgetful(self: MemoryStore, *change: Any, **more: Any) -> None:
        save(self, *change, **more)
        if change[1].state is State.RELEASED:
            self.links.pop()

    patch.setattr(MemoryStore, "save", forgetful)


def _lets_the_suspended_in(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Suspensions, "stopping", _nothing)


def _records_a_later_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(audit, "iso", lambda moment: iso(moment + 60))


PLANTED: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "sees no window": _does_not_see_windows,
    "forgets a record": _forgets_a_record,
    "records a later end": _records_a_later_end,
    "lets the suspended in": _lets_the_suspended_in,
    "revokes without a document": lambda patch: patch.setattr(grant_ends, "write_deny_document", _nothing),
    "suspends without a document": lambda patch: patch.setattr(suspensions, "write_deny_document", _nothing),
    "repairs no document": lambda patch: patch.setattr(reconciler, "repair_deny_document", _nothing),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_end_08_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch):
    PLANTED[bug](monkeypatch)
    with pytest.raises(AssertionError, match=r"^seed"):
        live_many(Lives, STEPS, OFTEN, 300)
