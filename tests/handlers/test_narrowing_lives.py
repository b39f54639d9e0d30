"""Lives of narrowed approvals (rows REV 3, 4, 7, 11, 12, 17 and 18).

Reviewers of two groups approve all of a request, or the boxes that they check. They see the newest or an older version
of it. Two narrow it at once, writes fail before or after they take effect, and requests are rejected in bulk. Policies
deny a part, or need another group for it. Delegations, escalations, suspensions and ends are those of the lives in
tests/handlers/test_escalation_lives.py. What is granted, refused and recorded comes from docs/reviewer.md,
docs/earlier-approvals.md and docs/waiting.md, and from the history of the life.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, NamedTuple

import pytest

from jitney.core.access.decision import Decision
from jitney.core.access.grant import OPEN_STATES, Grant, State, Vote, VoteVerdict
from jitney.core.access.request import Permission, Way
from jitney.core.config import Policies
from jitney.core.problems import Problem
from jitney.core.review import covering_approvals, vote_result, votes
from jitney.core.review.bulk_rejection import RequestOwner
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.reviewers import Groups
from jitney.core.review.selection import NarrowedApproval
from jitney.handlers.access import review_queue
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grants import create_grant
from jitney.handlers.review import ballots
from jitney.handlers.review.ballots import decision_on
from jitney.handlers.review.bulk_rejections import reject_many
from jitney.handlers.runtime.ports import Ports
from jitney.handlers.votes import vote_on_request
from tests.core.access.test_profile_policy import allows
from tests.core.identity import minting
from tests.examples import examples
from tests.handlers.conftest import REQUEST_BODY, policies_of
from tests.handlers.faulty_writes import FAULTS
from tests.handlers.form_visits import post_form
from tests.handlers.record_replay import assert_replayed
from tests.handlers.test_access_profiles import profile, with_profiles
from tests.handlers.test_ballots import person
from tests.handlers.test_escalation_lives import AGENTS, LATE, OWNERS, PEOPLE, Asked, Given, Place
from tests.handlers.test_escalation_lives import EscalationLives as Escalations
from tests.handlers.test_races import chain
from tests.lives import Chooser, live_many

PUT, DELETE, LIST = "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"
BUCKET = "arn:aws:s3:::reports"
KEYS, PREFIXES = ("a", "b", "c"), ("2026/*", "2027/*")
HUMANS = ("", "pat")
DAY, COUNTS_FOR = 24 * 3600, 30 * 24 * 3600
PROFILE = "all"
WHOLE = Permission((PUT, DELETE), tuple(f"{BUCKET}/{key}" for key in KEYS))

EACH_TIME, LOCKED = frozenset({"strict", "hurried"}), f"{BUCKET}/c"
"""The policies that have another group approve each time, and the resource that one of them denies."""
BASE = """
@id("all") permit (principal, action, resource)
when { context.approvals.contains("owners") || context.earlierApprovals.contains("owners") }
when { [true, false].contains(resource.wildcard) && [true, false].contains(context.reveal) };
"""
DELETIONS = """@id("deletions") forbid (principal, action, resource) when { context.action == "s3:DeleteObject" }
unless { context.approvals.contains("late") || context.earlierApprovals.contains("late") };"""
UNLESS_LATE = 'unless { context.approvals.contains("late") };'
POLICIES: Mapping[str, str] = {
    "usual": BASE + DELETIONS,
    "lenient": BASE,
    "strict": f'{BASE}@id("strict") forbid (principal, action, resource) {UNLESS_LATE}',
    "hurried": f"""{BASE}{DELETIONS}
@id("hurried") forbid (principal, action, resource) when {{ context.durationSeconds <= 300 }} {UNLESS_LATE}""",
    "locked": f"""{BASE}{DELETIONS}
@id("locked") forbid (principal, action, resource) when {{ resource.arn == "{LOCKED}" }};""",
}

type Pair = tuple[str, str, str]
"""An action, a resource, and the prefix to which a condition limits it, or ""."""


class Content(NamedTuple):
    """What reviewers decide about: the pairs, the duration, and whether the approval is for this time only."""

    pairs: frozenset[Pair]
    seconds: int
    once: bool = False


NOTHING = Content(frozenset(), 0)


class Selection(NamedTuple):
    """The boxes that a reviewer unchecks, by numbers, the duration in the form, and "This time only"."""

    without: tuple[int, ...] = ()
    seconds: str = ""
    once: bool = False


class Seen(NamedTuple):
    """A version of a request as a page shows it: its hash, its lines with their resources, and its content."""

    hash: str
    lines: tuple[tuple[str, str, tuple[str, ...]], ...]
    content: Content


@dataclass
class Narrowable(Asked):
    """A request, its versions, and what was approved of it."""

    created_at: int = 0
    human: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    requested: Content = NOTHING
    content: Content = NOTHING
    seen: list[Seen] = field(default_factory=list)
    counts_again: bool = False
    earlier: frozenset[str] = frozenset()
    rejected: int = 0
    rejected_at: int = 0
    words: str = ""
    """What changed since a rejection, as reviewers saw it."""
    last: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    """The hash that each voter approved last, or "rejected", and the periods out of office that this vote used."""


class NarrowingLives(Escalations):
    """The handlers over in-memory adapters, and what people and agents did."""

    asked: dict[str, Narrowable]  # type: ignore[assignment]

    def __init__(self) -> None:
        self.mode, self.longest = "usual", 3600
        self.rejections: list[Narrowable] = []
        self.revocations: dict[tuple[str, str], int] = {}
        super().__init__()

    # What agents do.

    def ask(  # type: ignore[override]
        self,
        agent: int = 0,
        half: int = 0,
        seconds: int = 600,
        fault: str = "",
        way: Way = Way.CREDENTIALS,
        *,
        human: str = "",
        keys: Sequence[str] = KEYS,
        actions: Sequence[str] = (PUT, DELETE),
        prefixes: Sequence[str] = (),
        terms: str = "",
        changed: bool = False,
    ) -> None:
        del half
        name, profiled = AGENTS[agent], terms == "profile" and way is Way.CREDENTIALS
        pairs = {(action, f"{BUCKET}/{key}", "") for action in actions for key in keys}
        pairs |= {(LIST, BUCKET, prefix) for prefix in prefixes if not profiled}
        permissions = [{"actions": [*actions], "resources": [f"{BUCKET}/{key}" for key in keys]}]
        limited = sorted(each for each in pairs if each[2])
        permissions += [
            {"actions": [LIST], "resources": [arn], "conditions": {"s3:prefix": [at]}} for _, arn, at in limited
        ]
        body = {"permissions": permissions, "duration_seconds": seconds, "way": way}
        body |= {"access_profile": PROFILE} if profiled else {}
        body |= {"reveal": True} if terms == "reveal" and way is Way.GATEWAY else {}
        self.post(name, human, body, frozenset(pairs), fault, changed=changed)

    def ask_rest(self, number: int, *, changed: bool) -> None:
        """The agent of a narrowed request requests what the reviewers left out."""
        if not self.asked:
            return
        other = list(self.asked.values())[-1 - number % len(self.asked)]
        rest = other.requested.pairs - other.content.pairs
        permissions = [
            {"actions": [action], "resources": [arn]} | ({"conditions": {"s3:prefix": [prefix]}} if prefix else {})
            for action, arn, prefix in sorted(rest)
        ]
        if rest:
            body = {name: each for name, each in other.body.items() if name != "changed"}
            body |= {"permissions": permissions, "duration_seconds": max(300, other.content.seconds)}
            self.post(other.agent, other.human, body, rest, "", changed=changed)

    def repeat(self, number: int) -> None:
        """An agent sends a request again, unchanged."""
        if self.asked:
            other = list(self.asked.values())[-1 - number % len(self.asked)]
            self.post(other.agent, other.human, dict(other.body), other.requested.pairs, "", changed=False)

    def post(
        self, name: str, human: str, body: dict[str, Any], pairs: frozenset[Pair], fault: str, *, changed: bool
    ) -> None:
        """An agent sends a request. `changed` says that it differs from a rejected one."""
        body = REQUEST_BODY | body | ({"changed": f"changed at {next(self.numbers)}"} if changed else {})
        asked = Narrowable(name, "", frozenset(), self.now, created_at=self.now, human=human, body=body)
        asked.requested = asked.content = Content(pairs, body["duration_seconds"])
        before = set(self.system.store.grants)
        counting = self.counting(asked, asked.requested)
        with self.faults.next_write("create_grant", fault):
            token = self.token_of(asked)
            status, answer, _ = self.system.call(create_grant, dict(asked.body), token=token)
        new = set(self.system.store.grants) - before
        needed = self.rules(asked.content)
        if name in self.suspended:
            assert (answer["code"], new) == ("suspended", set())
        elif needed is None:
            assert (answer["code"], new) == ("denied", set())
        elif self.faults.hit and not self.faults.took_effect:
            assert (status, new) == (503, set())
        elif needed - self.groups_of(counting, asked) and self.is_refused(asked):
            assert (answer["code"], new) == ("rejected_before", set())
        elif new:
            (grant_id,) = new
            self.opened(grant_id, asked, needed, counting)
        else:
            assert "grant" in answer, answer
            self.joined(answer["grant"]["id"], asked, status)

    def opened(self, grant_id: str, asked: Narrowable, needed: frozenset[str], counting: list[str]) -> None:
        """A new grant exists. It waits for the groups that approved no grant that covers it."""
        grant = self.grant(grant_id)
        asked.earlier = frozenset(each.grant_id for each in grant.earlier_approvals)
        assert asked.earlier <= set(counting)
        asked.groups = needed - self.groups_of(counting, asked)
        asked.words = asked.body.get("changed", "") if self.equal_rejections(asked, asked.requested) else ""
        asked.counts_again = bool(asked.groups) and not self.each_time(asked.content)
        self.asked[grant_id] = asked
        assert (grant.state is State.PENDING) == bool(asked.groups), (grant, counting)
        assert {*grant.reviews} == ({tuple(sorted(asked.groups))} if asked.groups else set())
        assert grant.counts_again == asked.counts_again
        if not asked.groups:
            asked.started_at = self.now
            asked.collected = not self.faults.hit and grant.way is Way.CREDENTIALS
        self.show(grant_id)

    def joined(self, grant_id: str, asked: Narrowable, status: int) -> None:
        """An equal request gets the same pending grant, or one that was approved as a whole and not collected."""
        other, grant = self.asked[grant_id], self.grant(grant_id)
        assert (other.agent, other.human, other.requested) == (asked.agent, asked.human, asked.requested)
        if grant.state is State.ACTIVE:
            assert (status, other.content.pairs, other.content.seconds) == (
                201,
                asked.content.pairs,
                asked.content.seconds,
            )
            assert not other.collected
        else:
            assert (status, grant.at(self.now).state) == (202, State.PENDING)

    def collect(self, number: int, fault: str) -> None:
        grant = self.chosen(number)
        if grant is None:
            return
        asked = self.asked[grant.id]
        if grant.way is Way.GATEWAY:
            self.approvals_of_calls(grant)
            return
        sessions = self.system.sessions.asked
        before = len(sessions)
        with self.faults.next_write("save", fault):
            status, answer, _ = self.system.call(create_credentials, grant_id=grant.id, token=self.token_of(asked))
        assert len(sessions) - before == (status == 200), answer
        trusted = asked.agent not in self.suspended
        is_open = grant.at(self.now).state is State.ACTIVE and trusted
        valid = frozenset(group for group in asked.approved if self.represented(asked, group))
        needed = self.rules(asked.content)
        passes = needed is not None and needed <= valid | self.earlier_groups(asked)
        if status == 200:
            asked.collected = True
            assert is_open
            assert passes, (needed, valid)
            self.is_exact(asked, sessions[-1].policy)
        else:
            assert self.faults.hit or not (is_open and passes), answer
        if self.faults.hit and self.faults.took_effect and answer["code"] == "unavailable":
            asked.collected = asked.collected or self.grant(grant.id).unissued is False

    def is_exact(self, asked: Narrowable, policy: Any) -> None:
        """The session policy allows what was approved, and nothing else."""
        documents = [policy.text]
        if "access_profile" in asked.body:
            allowed = {"Effect": "Allow", "Action": list(WHOLE.actions), "Resource": list(WHOLE.resources)}
            documents.append(json.dumps({"Statement": [allowed]}))
        given = {(each, f"{BUCKET}/{key}", "") for each in (PUT, DELETE) for key in KEYS}
        given = {each for each in given if allows(documents, *each[:2], "2000-01-01T00:00:00Z")}
        listed = [
            each
            for each in json.loads(policy.text)["Statement"]
            if LIST in json.dumps(each) and each["Effect"] == "Allow"
        ]
        given |= {(LIST, BUCKET, prefix) for each in listed for prefix in PREFIXES if prefix in str(each["Condition"])}
        assert given == asked.content.pairs, policy.text

    def revoke(self, number: int, fault: str) -> None:
        grant = self.chosen(number)
        super().revoke(number, fault)
        if grant and self.grant(grant.id).state is State.REVOKED and grant.state is not State.REVOKED:
            self.ended(grant.id)

    def ended(self, grant_id: str) -> None:
        """A revocation ends the earlier approvals of the agent, if the grant is one of a kind that counts again."""
        asked = self.asked[grant_id]
        if asked.counts_again or asked.content.once or asked.earlier:
            self.revocations[asked.agent, asked.human] = self.now

    def suspend(self, name: str) -> None:
        is_open = [each.id for each in self.system.store.grants.values() if each.at(self.now).state in OPEN_STATES]
        was = name in self.suspended
        super().suspend(name)
        for grant_id in is_open if not was else ():
            if name == self.asked[grant_id].agent:
                self.ended(grant_id)

    # What reviewers do.

    def approve(  # type: ignore[override]
        self, number: int, name: str, fault: str, version: int = 0, selection: Selection | None = None
    ) -> None:
        if grant := self.chosen(number):
            self.vote(grant, name, fault, version=version, selection=selection)

    def approve_together(  # type: ignore[override]
        self, number: int, names: tuple[str, str], selections: tuple[Selection | None, Selection | None] = (None, None)
    ) -> None:
        if grant := self.chosen(number):
            self.vote(grant, names[0], other=names[1], selection=selections[0], others=selections[1])

    def decide(self, number: int, selection: Selection | None, mode: str, *, again: bool) -> None:
        """Members of both groups decide about a request, one of them about the version before.

        Policies may change meanwhile. The agent collects the grant, with `again` after sending its request once more.
        """
        self.approve(number, "alice", "", selection=selection)
        self.approve(number, "leo", "", version=1)
        for name in ("lea", "bob"):
            self.change_mode(mode)
            self.approve(number, name, "")
        if again:
            self.repeat(number)
        self.collect(number, "")

    def vote(
        self,
        grant: Grant,
        name: str,
        fault: str = "",
        other: str = "",
        *,
        version: int = 0,
        selection: Selection | None = None,
        others: Selection | None = None,
    ) -> None:
        """A person submits the form of a version of the request, just after the vote of an `other` person is stored."""
        asked = self.asked[grant.id]
        seen = asked.seen[-1 - version % len(asked.seen)]
        form, chosen = self.form_of(seen, selection, counts=asked.counts_again)
        may, places = self.may_vote(asked, name), self.places(asked, name)
        before = self.grant(grant.id)

        def vote_of_other() -> None:
            nonlocal before, resumed
            self.vote(self.grant(grant.id), other, selection=others)
            before, resumed = self.grant(grant.id), len(self.system.reviews.resumed)

        code, resumed = "", len(self.system.reviews.resumed)
        self.faults.meanwhile = vote_of_other if other else None
        with self.faults.next_write("save", fault):
            try:
                page = post_form(self.system.ports, person(name), grant.id, vote_on_request, form)
                if page.template == "second_step":
                    assert self.grant(grant.id) == before
                    confirmed = {"confirmed": page.values["confirmed"]}
                    post_form(self.system.ports, person(name), grant.id, vote_on_request, form | confirmed)
            except Problem as problem:
                code = problem.code
            finally:
                self.faults.meanwhile = None
        if self.grant(grant.id) != before:
            assert code in ({"unavailable"} if self.faults.hit else {"", "review_changed"}), code
            assert may
            self.took_effect(grant.id, asked, name, places, seen, chosen)
            changed = asked.seen[-1].hash != seen.hash
            assert (code == "review_changed") <= changed
            notifies = changed or self.grant(grant.id).state is not State.PENDING
            assert self.faults.hit or notifies == (len(self.system.reviews.resumed) > resumed)
        elif code == "unavailable" and self.faults.hit:
            assert not self.faults.took_effect
        else:
            expected = self.refusals(before, asked, name, places, seen, chosen)
            assert code in expected, (code, expected)

    def form_of(
        self, seen: Seen, selection: Selection | None, *, counts: bool
    ) -> tuple[dict[str, Any], Content | None]:
        """The fields of the form that a reviewer submits, and what is then approved."""
        if selection is None:
            return {"verdict": "approve", "content": seen.hash}, seen.content
        boxes = [(line, place) for line, (_, _, arns) in enumerate(seen.lines) for place in range(len(arns))]
        left = {
            box for number, box in enumerate(boxes) if number not in {each % len(boxes) for each in selection.without}
        }
        actions = {str(line) for line, _ in left}
        seconds = selection.seconds or str(seen.content.seconds)
        form = {
            "verdict": "approve_selected",
            "content": seen.hash,
            "action": sorted(actions),
            "resource": [f"{line}.{place}" for line, place in sorted(left)],
            "seconds": seconds,
            **({"this_time_only": "1"} if selection.once else {}),
        }
        pairs = frozenset(
            (seen.lines[line][0], seen.lines[line][2][place], seen.lines[line][1]) for line, place in left
        )
        if not pairs or not seconds.isdigit() or not 1 <= int(seconds) <= seen.content.seconds:
            return form, None
        return form, Content(pairs, int(seconds), seen.content.once or (selection.once and counts))

    def refusals(
        self, before: Grant, asked: Narrowable, name: str, places: frozenset[Place], seen: Seen, chosen: Content | None
    ) -> set[str]:
        """The codes with which a vote that changed nothing may be answered; "" for a repeated vote."""
        if name in self.suspended:
            return {"suspended"}
        if not self.may_vote(asked, name):
            return {"not_reviewer"}
        is_pending = before.at(self.now).state is State.PENDING and asked.agent not in self.suspended
        last, used = asked.last.get(name, ("", frozenset()))
        repeated = last == asked.seen[-1].hash and self.periods(places) <= used
        newest = seen.hash == asked.seen[-1].hash
        if not is_pending:
            if newest and chosen is None:
                return {"not_narrower"}
            return {"" if repeated and not (newest and chosen != seen.content) else "review_ended"}
        if not newest:
            return {"review_changed"}
        if chosen is None:
            return {"not_narrower"}
        if chosen != seen.content:
            assert self.rules(chosen) is None
            return {"selection_denied"}
        assert repeated
        return {""}

    def took_effect(
        self, grant_id: str, asked: Narrowable, name: str, places: frozenset[Place], seen: Seen, chosen: Content | None
    ) -> None:
        """A vote was stored. It was for the newest version, and voided the others if it narrowed the request."""
        assert seen.hash == asked.seen[-1].hash
        assert chosen is not None
        assert asked.agent not in self.suspended
        if narrows := chosen != asked.content:
            asked.content, asked.votes = chosen, {}
            asked.counts_again = asked.counts_again and not chosen.once
        self.counted(grant_id, asked, name, places)
        recorded = self.newest_vote(grant_id)
        assert recorded["by"] == f"corp.{name}"
        assert self.pairs_in(recorded["permissions"]) == asked.content.pairs
        assert narrows or recorded["content"] == seen.hash
        restarted = "review_restarted" in recorded
        if narrows or restarted:
            self.show(grant_id)
        assert restarted or recorded["content"] == asked.seen[-1].hash
        asked.last = asked.last if narrows is restarted is False else {}
        if not restarted:
            asked.last[name] = asked.seen[-1].hash, self.periods(places)

    def effect_of_votes(self, grant_id: str, asked: Narrowable) -> None:
        """Assert that the grant is as the groups' approvals and the present policies leave it."""
        after, needed = self.grant(grant_id), self.rules(asked.content)
        if needed is None:
            assert after.state is State.FAILED
        elif asked.approved != asked.groups:
            assert after.state is State.PENDING
            assert set(after.approvals) == asked.approved
        elif needed <= asked.approved | self.earlier_groups(asked):
            assert after.state is State.ACTIVE
            asked.started_at = self.now
        else:
            assert (after.state, after.votes, after.approvals) == (State.PENDING, (), ())
            still = frozenset(each.grant_id for each in after.earlier_approvals)
            assert still <= asked.earlier
            asked.earlier = still
            asked.groups, asked.votes, asked.approved = needed - self.earlier_groups(asked), {}, frozenset()
            asked.asked_at = self.now
            assert after.reviews == (tuple(sorted(asked.groups)),)
            asked.counts_again = not self.each_time(asked.content) and not asked.content.once

    def counted(self, grant_id: str, asked: Asked, name: str, places: frozenset[Place]) -> None:
        assert isinstance(asked, Narrowable)
        self.count(asked, name, places)
        self.effect_of_votes(grant_id, asked)

    def reject_in_bulk(self, name: str, whose: str, number: int, version: int, fault: str) -> None:
        """A person rejects the requests of an agent, of a unit, or of an agent for a person, as a page listed them."""
        grant = self.chosen(number)
        if grant is None:
            return
        owner = {"unit": grant.unit} if whose == "unit" else {"agent": grant.principal}
        owner |= {"human": grant.human.name if grant.human else "-"} if whose == "human" else {}
        listed = list(self.system.store.grants.values())[-5:]
        seen = {each.id: self.asked[each.id].seen[-1 - version % len(self.asked[each.id].seen)] for each in listed}
        may = {each.id: self.may_vote(self.asked[each.id], name) for each in listed}
        places = {each.id: self.places(self.asked[each.id], name) for each in listed}
        before = dict(self.system.store.grants)
        form = owner | {
            "verdict": "reject",
            "comment": "no",
            "request": [f"{key}.{at.hash}" for key, at in seen.items()],
        }
        with self.faults.next_write("save", fault):
            try:
                result = post_form(self.system.ports, person(name), grant.id, reject_many, form).values
            except Problem as problem:
                assert (problem.code, name in self.suspended) == ("suspended", True)
                return
        codes = dict.fromkeys(result["rejected"], "") | {each["id"]: each["code"] for each in result["not_rejected"]}
        assert codes.keys() == seen.keys()
        for each in listed:
            asked, was = self.asked[each.id], before[each.id]
            owned = {"unit": each.unit, "agent": each.principal, "human": each.human.name if each.human else "-"}
            if self.grant(each.id) != was:
                assert may[each.id]
                assert owner.items() <= owned.items()
                assert seen[each.id].hash == asked.seen[-1].hash
                assert (was.at(self.now).state, self.grant(each.id).state) == (State.PENDING, State.REJECTED)
                assert codes[each.id] == "" or (self.faults.hit and codes[each.id] == "unavailable")
                asked.rejected += 1
                asked.last[name] = "rejected", self.periods(places[each.id])
                asked.rejected_at = self.now
                self.rejections.append(asked)
            elif not codes[each.id]:
                assert asked.last[name][0] == "rejected"
                assert self.periods(places[each.id]) <= asked.last[name][1]
            elif not owner.items() <= owned.items():
                assert codes[each.id] == "request_invalid"
            elif not may[each.id]:
                assert codes[each.id] == "not_reviewer"
            elif codes[each.id] != "unavailable":
                pending = was.at(self.now).state is State.PENDING and asked.agent not in self.suspended
                assert codes[each.id] == ("review_changed" if pending else "review_ended")
            else:
                assert self.faults.hit

    def change_mode(self, mode: str) -> None:
        self.mode = mode
        self.configure()

    def shorten_target(self) -> None:
        self.longest = 3600 if self.longest == 400 else 400
        self.configure()

    # What must hold after each of these.

    def check(self) -> None:
        assert_replayed(self.system)
        for grant_id, asked in self.asked.items():
            grant, events = self.grant(grant_id), chain(self.system, grant_id)
            assert len(events) == grant.records
            assert (events.count("approved"), events.count("rejected")) == (asked.accepted, asked.rejected)
            assert self.pairs_of(grant.permissions) == asked.content.pairs
            assert (grant.duration_seconds, grant.this_time_only) == (asked.content.seconds, asked.content.once)
            assert grant.counts_again == asked.counts_again
            same = asked.content._replace(once=False) == asked.requested
            assert (grant.requested is None) == same
            if grant.requested:
                kept = self.pairs_of(grant.requested.permissions), grant.requested.duration_seconds
                assert kept == (asked.requested.pairs, asked.requested.seconds)
            assert (grant.state is State.ACTIVE) <= (asked.started_at is not None)
            assert (grant.state is State.REJECTED) == bool(asked.rejected)
            assert content_hash(grant) == asked.seen[-1].hash

    # What policies need, and what approvals cover.

    def rules(self, content: Content) -> frozenset[str] | None:
        """The groups that have to approve a content, or None if policies deny it."""
        if content.seconds > self.longest:
            return None
        if self.mode == "locked" and any(arn == LOCKED for _, arn, _ in content.pairs):
            return None
        deletes = self.mode not in ("lenient", "strict") and any(action == DELETE for action, _, _ in content.pairs)
        return frozenset({OWNERS, LATE} if deletes or self.each_time(content) else {OWNERS})

    def each_time(self, content: Content) -> bool:
        """Whether policies want an approval of this content that is no earlier one."""
        return self.mode == "strict" or (self.mode == "hurried" and content.seconds <= 300)

    def groups_of(self, grant_ids: Iterable[str], asked: Narrowable) -> frozenset[str]:
        """The groups whose earlier approvals policies count for a request."""
        found = {group for each in grant_ids for group in self.present_groups(each)}
        return frozenset(found - ({LATE} if self.each_time(asked.content) else set()))

    def earlier_groups(self, asked: Narrowable) -> frozenset[str]:
        """The groups whose earlier approvals still count for a grant. Under review, they end as for a new request."""
        counts = self.counting(asked, asked.content) if asked.started_at is None else asked.earlier
        found = (each for each in asked.earlier if each in counts and self.still_covers(each, asked))
        return self.groups_of(found, asked)

    def present_groups(self, grant_id: str) -> frozenset[str]:
        """The groups whose present members approved a grant."""
        asked = self.asked[grant_id]
        assert asked.started_at is not None
        at, present = min(self.now, asked.started_at), dict[str, Given]()
        for voter, given in asked.votes.items():
            own = frozenset(group for group in asked.groups if self.is_own(voter, given, group, asked, at))
            present[voter] = replace(given, own=own)
        return frozenset(each for each in asked.approved if self.represented(replace(asked, votes=present), each))

    def still_covers(self, grant_id: str, asked: Narrowable) -> bool:
        other = self.asked[grant_id]
        shows = {"credentials": 2, "gateway": 0}
        most, least = (shows[each.body["way"]] + (1 if each.body.get("reveal") else 0) for each in (other, asked))
        state = self.grant(grant_id).at(self.now).state
        return (
            (other.agent, other.human) == (asked.agent, asked.human)
            and other.counts_again
            and other.started_at is not None
            and (other.collected or other.body["way"] == Way.GATEWAY)
            and state in (State.ACTIVE, State.EXPIRED, State.RELEASED)
            and asked.content.pairs <= other.content.pairs
            and asked.content.seconds <= other.content.seconds
            and most >= least
            and other.body.get("access_profile") == asked.body.get("access_profile")
            and asked.created_at < other.started_at + COUNTS_FOR
        )

    def counting(self, asked: Narrowable, content: Content) -> list[str]:
        """The grants whose approvals count for a request of this content that is not active yet."""
        if self.equal_rejections(asked, content):
            return []
        ended = self.revocations.get((asked.agent, asked.human), 0)
        return [
            grant_id
            for grant_id, other in self.asked.items()
            if self.still_covers(grant_id, asked) and other.started_at is not None and other.started_at > ended
        ]

    def periods(self, places: Iterable[Place]) -> frozenset[str]:
        """The periods out of office in which these members are now."""
        return frozenset(self.system.store.away[f"corp.{each.member}"].id for each in places)

    def equal_rejections(self, asked: Narrowable, content: Content) -> list[Narrowable]:
        """The requests of the same person or unit, for some of the same, that were rejected within the last day."""
        about = {pair[:2] for pair in content.pairs}
        return [
            each
            for each in self.rejections
            if (each.human or each.agent) == (asked.human or asked.agent)
            and about & {pair[:2] for pair in each.requested.pairs}
            and self.now < each.rejected_at + DAY
        ]

    def is_refused(self, asked: Narrowable) -> bool:
        """Whether a request repeats a rejected one without saying what changed, or in words that were rejected."""
        said, rejected = asked.body.get("changed"), self.equal_rejections(asked, asked.requested)
        return bool(rejected) and (said is None or said in [each.words for each in rejected])

    # The system.

    def show(self, grant_id: str) -> None:
        """Reviewers can now see another version of the request."""
        grant, asked = self.grant(grant_id), self.asked[grant_id]
        lines: dict[tuple[str, str], list[str]] = {}
        for action, arn, prefix in self.listed(grant.permissions):
            lines.setdefault((action, prefix), []).append(arn)
        shown = tuple((action, prefix, tuple(dict.fromkeys(arns))) for (action, prefix), arns in lines.items())
        asked.seen.append(Seen(content_hash(grant), shown, asked.content))

    def listed(self, permissions: Iterable[Permission]) -> list[Pair]:
        return [
            (action, arn, prefix_in(each.conditions))
            for each in permissions
            for action in each.actions
            for arn in each.resources
        ]

    def pairs_of(self, permissions: Iterable[Permission]) -> frozenset[Pair]:
        return frozenset(self.listed(permissions))

    def pairs_in(self, view: Iterable[dict[str, Any]]) -> frozenset[Pair]:
        """The pairs in a record."""
        return frozenset(
            (action, arn, prefix_in(each.get("conditions")))
            for each in view
            for action in each["actions"]
            for arn in each["resources"]
        )

    def newest_vote(self, grant_id: str) -> dict[str, Any]:
        records = [each for each in self.system.records() if each["chain"] == grant_id and each["event"] == "vote"]
        detail: dict[str, Any] = json.loads(records[-1]["detail"])
        return detail

    def token_of(self, asked: Asked) -> str:
        assert isinstance(asked, Narrowable)
        human = {"act": {"sub": asked.human}} if asked.human else {}
        return minting.token(sub=asked.agent, iat=self.now, exp=self.now + 300, **human)

    def configure(self) -> None:
        super().configure()
        ports = self.system.ports
        policies = Policies(POLICIES[self.mode], ports.config.policies.schema, self.mode)
        ports.__dict__["policies"] = policies_of(policies)
        config = with_profiles(replace(ports.config, policies=policies), all=profile(PROFILE, WHOLE))
        target = replace(config.targets["analytics-prod"], max_duration_seconds=self.longest)
        ports.__dict__["config"] = replace(config, targets={"analytics-prod": target})


def prefix_in(conditions: Any) -> str:
    """Return the prefix that conditions name, or ""."""
    return next((each for each in PREFIXES if each in str(conditions)), "")


def _selection(random: Random) -> Selection | None:
    if random.random() < 0.4:
        return None
    without = tuple(random.sample(range(8), random.choice([0, 1, 1, 2, 3])))
    return Selection(without, random.choice(["", "", "", "300", "599", "60", "900", "0", "x"]), random.random() < 0.2)


STEPS: dict[str, Chooser] = {
    "ask": lambda random: {
        "agent": random.choice([0, 0, 1]),
        "seconds": random.choice([300, 600, 600]),
        "fault": random.choice(FAULTS),
        "way": random.choice([Way.CREDENTIALS, Way.CREDENTIALS, Way.GATEWAY]),
        "human": random.choice(HUMANS),
        "keys": random.sample(KEYS, random.choice([1, 2, 3])),
        "actions": random.choice([[PUT], [DELETE], [PUT, DELETE], [PUT, DELETE]]),
        "prefixes": random.choice([[], [], ["2026/*"], ["2026/*", "2027/*"]]),
        "terms": random.choice(["", "", "profile", "reveal"]),
        "changed": random.choice([False, False, True]),
    },
    "ask_rest": lambda random: {"number": random.choice([0, 0, 1, 2]), "changed": random.choice([False, False, True])},
    "approve": lambda random: {
        "number": random.choice([0, 0, 0, 1, 2]),
        "name": random.choice(PEOPLE),
        "fault": random.choice(FAULTS),
        "version": random.choice([0, 0, 0, 0, 1, 2]),
        "selection": _selection(random),
    },
    "approve_together": lambda random: {
        "number": random.choice([0, 0, 1]),
        "names": tuple(random.sample(PEOPLE, 2)),
        "selections": (_selection(random), _selection(random)),
    },
    "decide": lambda random: {
        "number": random.choice([0, 0, 1]),
        "selection": _selection(random),
        "mode": random.choice([*POLICIES, "usual", "usual"]),
        "again": random.random() < 0.5,
    },
    "repeat": lambda random: {"number": random.randrange(3)},
    "reject_in_bulk": lambda random: {
        "name": random.choice(PEOPLE),
        "whose": random.choice(["agent", "unit", "human"]),
        "number": random.choice([0, 0, 1]),
        "version": random.choice([0, 0, 0, 1]),
        "fault": random.choice(FAULTS),
    },
    "collect": lambda random: {"number": random.choice([0, 0, 1, 2]), "fault": random.choice(FAULTS)},
    "collect_after": lambda random: {"change": random.choice(["leave", "leave late", "suspend"])},
    "release": lambda random: {"number": random.randrange(4)},
    "revoke": lambda random: {"number": random.randrange(4), "fault": random.choice(FAULTS)},
    "suspend": lambda random: {"name": random.choice([*PEOPLE, AGENTS[0]])},
    "lift": lambda random: {"number": random.randrange(4)},
    "go_away": lambda random: {
        "name": random.choice(["alice", "bob", "lea", "leo"]),
        "delegate": random.choice(["dan", "dan", "leo", "erin"]),
        "lasts": random.choice([60, 600]),
    },
    "come_back": lambda random: {"name": random.choice(["alice", "bob", "lea", "leo"])},
    "change_member": lambda random: {"name": random.choice(["alice", "bob", "lea", "leo"])},
    "change_mode": lambda random: {"mode": random.choice([*POLICIES, "usual"])},
    "shorten_target": lambda _: {},
    "wait": lambda random: {"seconds": random.choice([1, 60, 119, 120, 400, 700, DAY])},
}
OFTEN = (
    *3 * ["ask"],
    *2 * ["ask_rest"],
    *8 * ["approve"],
    *2 * ["approve_together"],
    *4 * ["decide"],
    *2 * ["repeat"],
    *4 * ["collect"],
    "collect_after",
    *2 * ["lift"],
    "go_away",
)


def test_rev_07_no_life_of_narrowed_approvals_grants_what_its_groups_did_not_approve():
    live_many(NarrowingLives, STEPS, OFTEN, examples(50))


def _any_approving(review: GrantUnderReview) -> tuple[Vote, ...]:
    return tuple(each for each in review.grant.votes if each.verdict is VoteVerdict.APPROVE)


def _of_any_version(review: GrantUnderReview, vote: Vote, groups: Groups) -> Grant:
    return votes.cast(review, replace(vote, content=content_hash(review.grant)), groups)


def _whole(grant: Grant, approval: NarrowedApproval) -> Grant:
    return replace(votes.narrowed(grant, approval), permissions=grant.permissions)


def _without_request(grant: Grant, approval: NarrowedApproval) -> Grant:
    return replace(votes.narrowed(grant, approval), requested=None)


def _on_request(review: GrantUnderReview, approvals: Collection[str], ports: Ports) -> Decision:
    grant = review.grant
    asked = grant.requested or grant
    whole = replace(grant, permissions=asked.permissions, duration_seconds=asked.duration_seconds)
    return decision_on(review.with_grant(whole), approvals, ports)


PLANTED: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "counts votes on the wider request": (votes, "approving_votes", _any_approving),
    "takes a vote on any version for one on the newest": (vote_result, "cast", _of_any_version),
    "grants what was left out": (vote_result, "narrowed", _whole),
    "forgets what was requested": (vote_result, "narrowed", _without_request),
    "decides about the whole request": (ballots, "decision_on", _on_request),
    "joins a request to a part of it": (review_queue, "is_uncollected", lambda approved, *_: approved.unissued),
    "counts the approval of a part for all of it": (covering_approvals, "_gave", lambda *_: True),
    "rejects the requests of others": (RequestOwner, "owns", lambda *_: True),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_rev_07_a_planted_bug_in_narrowed_approvals_is_found(bug: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(*PLANTED[bug])
    with pytest.raises(AssertionError, match=r"^seed"):
        live_many(NarrowingLives, STEPS, OFTEN, 200)
