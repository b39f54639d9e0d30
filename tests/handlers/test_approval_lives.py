"""Lives of approvals that count again: requests, votes, revocations, suspensions and days in any order (row REV 11).

A request needs no new review exactly if docs/earlier-approvals.md says so, applied to the history of the life.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from jitney.core.access.grant import OPEN_STATES, Grant, State, VoteVerdict
from jitney.core.access.request import Permission
from jitney.core.config import ReviewerGroup
from jitney.core.review import covering_approvals
from jitney.core.review.selection import NarrowedApproval
from jitney.handlers.caller import earlier_approvals
from jitney.handlers.credentials import create_credentials
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.suspensions import lift, suspend
from tests.core.identity import minting
from tests.examples import examples
from tests.fakes import MemoryStore
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot
from tests.handlers.test_earlier_approvals import DAY, REPORTS, Desk, writes
from tests.lives import Chooser, live_many

AGENTS, KEYS, REVIEWERS = ("reader-agent", "writer-agent"), ("a", "b", "c"), ("alice", "bob")
COUNTS_FOR = 30 * DAY


@dataclass
class Approval:
    """What a reviewer approved, and whether the agent obtained it."""

    agent: str
    keys: frozenset[str]
    seconds: int
    at: int
    by: str
    grant_id: str
    counts: bool
    obtained: bool = False


class ApprovalLives:
    """The handlers over in-memory adapters, and the approvals that were given."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.desk.configure(operators=("other/security",))
        self.members = set(REVIEWERS)
        self.approvals: dict[str, Approval] = {}
        self.allowed: dict[str, str] = {}
        self.rejected: list[tuple[str, frozenset[str], int]] = []
        self.suspended: dict[str, str] = {}
        self.revocations: dict[str, int] = {}
        self.asked: dict[str, tuple[str, frozenset[str]]] = {}

    # What people and agents do.

    def ask(self, agent: str, keys: frozenset[str], seconds: int) -> None:
        permissions = writes(*sorted(f"{REPORTS}/{key}" for key in keys))
        status, answer, _ = self.desk.ask(claims={"sub": agent}, permissions=permissions, duration_seconds=seconds)
        if agent in self.suspended:
            assert answer["code"] == "suspended"
            return
        if answer.get("grant", {}).get("id") in self.asked:  # the same request, sent again
            return
        counting = [each for each in self.approvals.values() if self.counts(each, agent, keys, seconds)]
        if counting and not self.was_rejected(agent, keys):
            assert status == 201, (answer, counting)
            earlier = [each["grant"] for each in answer["grant"]["earlier_approvals"]]
            assert set(earlier) <= {each.grant_id for each in counting}
            self.allowed[answer["grant"]["id"]] = earlier[0]
        else:
            assert status in (202, 403, 429), answer
        if status in (201, 202):
            self.asked[answer["grant"]["id"]] = agent, keys

    def approve(self, number: int, name: str, narrowed: str) -> None:
        self.decide(number, name, VoteVerdict.APPROVE, narrowed)

    def reject(self, number: int, name: str) -> None:
        self.decide(number, name, VoteVerdict.REJECT, "")

    def decide(self, number: int, name: str, verdict: VoteVerdict, narrowed: str) -> None:
        pending = [each for each in self.grants() if each.at(self.now).state is State.PENDING]
        if not pending or name not in self.members:
            return
        grant = pending[number % len(pending)]
        agent, keys = self.asked[grant.id]
        if agent in self.suspended:
            return
        narrowing = None
        if verdict is VoteVerdict.APPROVE and narrowed:
            less = {
                "part": NarrowedApproval(_only_first(grant), grant.duration_seconds),
                "shorter": NarrowedApproval(grant.permissions, 300),
                "once": NarrowedApproval(grant.permissions, grant.duration_seconds, this_time_only=True),
            }[narrowed]
            narrowing = None if less == NarrowedApproval(grant.permissions, grant.duration_seconds) else less
        vote(ballot(grant, name, verdict, narrowing=narrowing), self.desk.system.ports)
        if verdict is VoteVerdict.REJECT:
            self.rejected.append((agent, keys, self.now))
            return
        after = self.desk.stored(grant)
        assert after.state is State.ACTIVE
        given = frozenset(each.rpartition("/")[2] for each in after.permissions[0].resources)
        assert given <= keys
        self.approvals[grant.id] = Approval(
            agent, given, after.duration_seconds, self.now, name, grant.id, counts=narrowed != "once"
        )

    def collect(self, number: int) -> None:
        active = [each for each in self.grants() if each.at(self.now).state is State.ACTIVE]
        if not active:
            return
        grant = active[number % len(active)]
        agent, _ = self.asked[grant.id]
        token = self.desk.token(sub=agent)
        status, answer, _ = self.desk.system.call(create_credentials, grant_id=grant.id, token=token)
        if status == 200 and grant.id in self.approvals:
            self.approvals[grant.id].obtained = True
        if earlier := self.allowed.get(grant.id):
            revoked = self.desk.system.store.grants[earlier].state is State.REVOKED
            valid = not revoked and self.approvals[earlier].by in self.members and agent not in self.suspended
            assert (status == 200) == valid, answer

    def revoke(self, number: int) -> None:
        if self.grants():
            self.revoke_one(self.grants()[number % len(self.grants())])

    def revoke_one(self, grant: Grant) -> None:
        before = grant.at(self.now).state
        body = {"reason": "no longer needed"}
        status, answer, _ = self.desk.system.call(revoke_grant, body, grant_id=grant.id, token=self.operator())
        assert status in (200, 409), answer
        approval = self.approvals.get(grant.id)
        revocable = approval and approval.counts and self.now < approval.at + COUNTS_FOR
        if before in OPEN_STATES or (before in (State.EXPIRED, State.RELEASED) and revocable):
            self.ended(grant)

    def ended(self, grant: Grant) -> None:
        """End the earlier approvals of the agent. Each grant of a life is or was pending, or an approval allowed it."""
        self.revocations[self.asked[grant.id][0]] = self.now

    def suspend(self, agent: str) -> None:
        if agent not in self.suspended:
            is_open = [each for each in self.grants() if each.at(self.now).state in OPEN_STATES]
            body = {"kind": "agent", "name": f"corp.{agent}", "unseen": True, "reason": "it copied data out"}
            status, answer, _ = self.desk.system.call(suspend, body, token=self.operator())
            assert status == 201, answer
            self.suspended[agent] = answer["suspension"]["id"]
            for each in is_open:
                if self.asked[each.id][0] == agent:
                    self.ended(each)

    def lift(self, agent: str) -> None:
        if agent in self.suspended:
            number = self.suspended.pop(agent)
            assert self.desk.system.call(lift, {"reason": "mended"}, grant_id=number, token=self.operator())[0] == 200

    def change_member(self, name: str) -> None:
        self.members ^= {name}
        people = tuple(f"corp.{each}" for each in sorted(self.members))
        self.desk.configure(reviewers={"owners": ReviewerGroup(people)})

    def wait(self, seconds: int) -> None:
        self.desk.system.now += seconds

    # What counts.

    def check(self) -> None:
        """Each step checks its own result."""

    def counts(self, approval: Approval, agent: str, keys: frozenset[str], seconds: int) -> bool:
        return (
            approval.agent == agent
            and approval.counts
            and approval.obtained
            and approval.at > self.revocations.get(agent, 0)
            and keys <= approval.keys
            and seconds <= approval.seconds
            and self.now < approval.at + COUNTS_FOR
            and approval.by in self.members
        )

    def was_rejected(self, agent: str, keys: frozenset[str]) -> bool:
        return any(who == agent and keys & rejected and self.now < at + DAY for who, rejected, at in self.rejected)

    # The system.

    @property
    def now(self) -> int:
        return self.desk.system.now

    def grants(self) -> list[Grant]:
        return list(self.desk.system.store.grants.values())

    def operator(self) -> str:
        return self.desk.token(sub="olga", groups=["security"], iss=minting.OTHER, key="rsa-other")


def _only_first(grant: Grant) -> tuple[Permission, ...]:
    (permission,) = grant.permissions
    return (replace(permission, resources=permission.resources[:1]),)


STEPS: dict[str, Chooser] = {
    "ask": lambda random: {
        "agent": random.choice(AGENTS),
        "keys": frozenset(random.sample(KEYS, random.choice([1, 1, 2]))),
        "seconds": random.choice([300, 600]),
    },
    "approve": lambda random: {
        "number": random.randrange(5),
        "name": random.choice(REVIEWERS),
        "narrowed": random.choice(["", "", "", "part", "shorter", "once"]),
    },
    "reject": lambda random: {"number": random.randrange(5), "name": random.choice(REVIEWERS)},
    "collect": lambda random: {"number": random.randrange(5)},
    "revoke": lambda random: {"number": random.randrange(5)},
    "suspend": lambda random: {"agent": random.choice(AGENTS)},
    "lift": lambda random: {"agent": random.choice(AGENTS)},
    "change_member": lambda random: {"name": random.choice(REVIEWERS)},
    "wait": lambda random: {"seconds": random.choice([1, 60, 400, 700, DAY, 16 * DAY])},
}
OFTEN = (*4 * ["ask"], *4 * ["approve"], *4 * ["collect"], "lift", "wait", "wait")


def test_rev_11_an_approval_counts_again_exactly_as_the_page_says():
    live_many(ApprovalLives, STEPS, OFTEN, examples(400))


def _owners(*_: Any) -> frozenset[str]:
    return frozenset({"owners"})


PLANTED: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "counts what was not obtained, or for once": (covering_approvals, "_was_reviewed", lambda grant: True),
    "covers more than was given": (covering_approvals, "_gave", lambda *_: True),
    "counts reviewers who left": (covering_approvals, "present_approvals", _owners),
    "forgets rejections": (earlier_approvals, "equal_rejections", lambda *_: ()),
    "forgets revocations": (MemoryStore, "_ends_of_approvals", lambda *_: [0]),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_rev_11_a_planted_bug_in_earlier_approvals_is_found(bug: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(*PLANTED[bug])
    with pytest.raises(AssertionError, match=r"^seed"):
        live_many(ApprovalLives, STEPS, OFTEN, 300)
