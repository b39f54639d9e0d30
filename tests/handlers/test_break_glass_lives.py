"""Lives of break-glass: uses, follow-up reviews, objections, votes, suspensions and changed settings (row REV 8).

Who may use break-glass or do a follow-up review, what it grants and for how long comes from docs/reviewer.md,
docs/reviewer-changes.md and docs/call-reviews.md, and from the history of the life. Writes fail before or after they
take effect, and another act is stored in between.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from jitney.core.access.break_glass import FollowUpVerdict
from jitney.core.access.grant import OPEN_STATES, TRANSITIONS, Grant, State, VoteVerdict
from jitney.core.access.write_lease import LEASE_SECONDS
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.config import Policies, ReviewerGroup
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem
from jitney.core.review import approvals_in_force
from jitney.core.review import break_glass as core
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.out_of_office import OutOfOffice
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grants import create_grant
from jitney.handlers.pages.visits import FormRoute, Page
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.review import break_glass as handlers
from jitney.handlers.review_schedule import check_schedule
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.suspensions import lift, suspend
from tests.core.identity import minting
from tests.examples import examples
from tests.fakes import MemoryFollowUps
from tests.handlers.conftest import POLICIES, REQUEST_BODY, System, configuration, policies_of
from tests.handlers.faulty_writes import FAULTS, FaultyWrites
from tests.handlers.form_visits import post_form
from tests.handlers.record_replay import assert_replayed
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot, person
from tests.handlers.test_break_glass import FORBIDS
from tests.handlers.test_races import chain
from tests.identities import identity
from tests.lives import Chooser, live_many

MEMBERS, LATE = ("alice", "bob", "gina"), ("lea",)
ON_CALL = {"zoe": "corp/on-call", "olga": "other/security"}
"""People with a group in their token. Olga is an operator."""
PEOPLE = (*MEMBERS, *LATE, "carol", "dora", "zoe", "olga", "frank")
AGENTS = ("reader-agent", "writer-agent", "other-agent")
TARGET = "analytics-prod"
CAP, FOLLOW_UP_SECONDS = 240, 600
SETTINGS = BreakGlassConfig(
    ("corp.gina", "corp.dora"), ("corp/on-call",), (TARGET,), (), CAP, FOLLOW_UP_SECONDS, own_requests=False
)
REASON = {"reason": "the laptop was stolen"}


@dataclass
class Use:
    """A use of break-glass, and what its follow-up review said."""

    by: str
    agent: str
    at: int
    seconds: int
    follow_up: tuple[str, str] | None = None


class BreakGlassLives:
    """The handlers over in-memory adapters, and what people did."""

    def __init__(self) -> None:
        config = replace(configuration(), operators=("other/security",), break_glass=SETTINGS)
        limits = replace(config.limits, reviews_per_hour=1000, max_pending=100, ungranted_requests_per_minute=1000)
        groups = {
            "owners": ReviewerGroup(
                tuple(f"corp.{each}" for each in MEMBERS),
                approvals=2,
                escalates_to="late",
                escalates_after_seconds=900,
                delegates=("corp.carol",),
            ),
            "late": ReviewerGroup(tuple(f"corp.{each}" for each in LATE)),
        }
        self.system = System(config=replace(config, limits=limits, reviewers=groups))
        self.faults = FaultyWrites(self.system.store)
        self.settings: BreakGlassConfig | None = SETTINGS
        self.forbidden = ""
        self.owners: dict[str, str] = {}
        self.suspended: dict[str, str] = {}
        self.agents: dict[str, str] = {}
        self.uses: dict[str, Use] = {}
        self.seen: dict[str, State] = {}
        self.numbers = itertools.count()
        self.ask(0, 300, "")
        self.ask(1, 300, "")

    # What people and agents do.

    def ask(self, agent: int, seconds: int, fault: str) -> None:
        name, before = AGENTS[agent], set(self.system.store.grants)
        permissions = [{"actions": ["s3:PutObject"], "resources": [f"arn:aws:s3:::reports/{next(self.numbers)}"]}]
        body = REQUEST_BODY | {"permissions": permissions, "duration_seconds": seconds}
        with self.faults.next_write("create_grant", fault):
            status, answer, _ = self.system.call(create_grant, body, token=self.agent(name))
        for each in set(self.system.store.grants) - before:
            self.agents[each] = name
        if {name, TARGET} & self.suspended.keys():
            assert answer["code"] == "suspended"
        elif self.forbidden == "all":
            assert answer["code"] == "denied"
        else:
            assert status == (503 if self.faults.hit else 202), answer

    def use(self, number: int, name: str, reason: str, fault: str, shown: str = "") -> None:
        """Use break-glass, with both steps. `shown` is what the person saw, if that is not the present request."""
        if grant := self.chosen(number):
            self.use_on(grant, name, reason, fault, shown)

    def use_on(
        self, grant: Grant, name: str, reason: str = "down", fault: str = "", shown: str = "", between: Any = None
    ) -> None:
        form = {"content": shown or content_hash(self.grant(grant.id)), "reason": reason}
        before = self.grant(grant.id)
        try:
            first = self.visit(name, grant, handlers.break_glass, form)
        except Problem as problem:
            self.refused_use(grant.id, name, reason, shown, problem)
            assert self.grant(grant.id) == before
            return
        assert self.grant(grant.id) == before, "the first step activates nothing"
        form |= {"confirmed": first.values["confirmed"]} if first.status == 200 else {}
        self.faults.meanwhile = between
        try:
            with self.faults.next_write("save", fault):
                page = self.visit(name, grant, handlers.break_glass, form)
        except Problem as problem:
            if self.faults.hit and problem.code == "unavailable":
                if self.faults.took_effect:
                    self.used(grant.id, name, form["reason"], shown)
                return
            self.refused_use(grant.id, name, reason, shown, problem)
            return
        finally:
            self.faults.meanwhile = None
        assert page.status == 303
        known = self.uses.get(grant.id)
        if known is None:
            self.used(grant.id, name, reason, shown)
        else:
            assert known.by == name
            assert self.refusal(grant.id, name, reason, shown) in ("repeated", "again")

    def used(self, grant_id: str, name: str, reason: str, shown: str) -> None:
        after, settings = self.grant(grant_id), self.settings
        assert self.refusal(grant_id, name, reason, shown, stored=False) == ""
        assert settings is not None
        seconds = min(after.requested.duration_seconds if after.requested else 300, settings.max_duration_seconds)
        assert (after.state, after.starts_at, after.expires_at) == (State.ACTIVE, self.now, self.now + seconds)
        assert after.duration_seconds == seconds
        assert after.break_glass is not None
        assert after.break_glass.due_at == self.now + FOLLOW_UP_SECONDS
        self.uses[grant_id] = Use(name, self.agents[grant_id], self.now, seconds)

    def refused_use(self, grant_id: str, name: str, reason: str, shown: str, problem: Problem) -> None:
        expected = self.refusal(grant_id, name, reason, shown)
        assert problem.code == expected or (expected == "again" and problem.code == "unavailable"), (problem, expected)

    def refusal(self, grant_id: str, name: str, reason: str, shown: str, *, stored: bool = True) -> str:
        """Return the code with which a use is refused now, "" for none, or "repeated" for one by the same person."""
        settings, agent, grant = self.settings, self.agents[grant_id], self.grant(grant_id)
        if name in self.suspended:
            return "suspended"
        if not settings or not settings.targets:
            return "break_glass_not_allowed"
        if f"corp.{name}" not in settings.people and ON_CALL.get(name) not in settings.groups:
            return "break_glass_not_allowed"
        if self.is_owner(name, grant) and not settings.own_requests:
            return "own_request"
        if not reason:
            return "request_invalid"
        use = self.uses.get(grant_id)
        if use and use.by == name:
            return "repeated"
        if stored and self.state(grant) is not State.PENDING:
            return "review_ended"
        if shown and shown != content_hash(grant):
            return "review_changed"
        if any(name == each.by or agent == each.agent for each in self.owing()):
            return "follow_up_due"
        return "denied" if self.forbidden else ""

    def use_together(self, number: int, other: int, names: tuple[str, str]) -> None:
        """Two people use break-glass at the same time, for one request or for two. The second is stored first."""
        grant, second = self.chosen(number), self.chosen(other)
        if grant and second:
            self.use_on(grant, names[0], between=lambda: self.use_on(second, names[1]))

    def use_while(self, number: int, name: str, act: str) -> None:
        """Use break-glass, while another act on the request, or a suspension, is stored."""
        if grant := self.chosen(number):
            acts: dict[str, Callable[[], None]] = {
                "vote": lambda: self.vote_on(grant, "alice", VoteVerdict.APPROVE),
                "reject": lambda: self.vote_on(grant, "alice", VoteVerdict.REJECT),
                "revoke": lambda: self.revoke_one(grant),
                "suspend agent": lambda: self.suspend(self.agents[grant.id]),
                "suspend person": lambda: self.suspend(name),
                "settings": lambda: self.change_settings({"people": ()}),
            }
            if act in ("vote", "reject", "revoke"):
                self.use_on(grant, name, between=acts[act])
            else:
                acts[act]()
                self.use_on(grant, name)

    def follow_up(self, number: int, name: str, verdict: str, comment: str, fault: str) -> None:
        used = [each for each in self.agents if each in self.uses]
        found = used if number < 4 and used else list(self.agents)
        if found:
            self.follow_up_on(self.grant(found[-1 - number % len(found)]), name, verdict, comment, fault)

    def follow_up_on(
        self, grant: Grant, name: str, verdict: str, comment: str = "seen", fault: str = "", between: Any = None
    ) -> None:
        before, use = self.grant(grant.id), self.uses.get(grant.id)
        self.faults.meanwhile = between
        try:
            with self.faults.next_write("save", fault):
                page = self.visit(name, grant, handlers.follow_up, {"judgement": verdict, "comment": comment})
        except Problem as problem:
            after = self.grant(grant.id)
            if self.faults.hit:
                assert problem.code == "unavailable", problem
                if after.follow_up and not before.follow_up and use:
                    assert not self.refused_follow_up(grant.id, name, verdict, comment)
                    use.follow_up = (name, verdict)
            elif problem.code in ("unavailable", "revocation_incomplete"):
                assert self.system.role_policies.lost
            else:
                assert self.refused_follow_up(grant.id, name, verdict, comment), problem
                assert before.follow_up or between or not after.follow_up
            return
        finally:
            self.faults.meanwhile = None
        assert page.status == 303
        assert use is not None
        assert not self.refused_follow_up(grant.id, name, verdict, comment)
        use.follow_up = (name, verdict)
        after = self.grant(grant.id)
        assert after.follow_up is not None
        assert (after.follow_up.human.name, str(after.follow_up.judgement)) == (f"{self.alias(name)}.{name}", verdict)
        if verdict == FollowUpVerdict.OBJECT:
            assert self.state(after) not in OPEN_STATES

    def refused_follow_up(self, grant_id: str, name: str, verdict: str, comment: str) -> bool:
        """Return whether a follow-up review is refused."""
        use, grant = self.uses.get(grant_id), self.grant(grant_id)
        if use is None or name in self.suspended or name == use.by or self.is_owner(name, grant):
            return True
        if not comment or verdict not in ("confirm", "object"):
            return True
        delegating = self.delegating_to(name)
        if delegating & {use.by, *self.owners_of(grant)}:
            return True
        reviewing = name in (*MEMBERS, *LATE) or bool(delegating)
        if name != "olga" and not reviewing:
            return True
        return use.follow_up not in (None, (name, verdict))

    def follow_up_together(self, number: int, names: tuple[str, str], verdicts: tuple[str, str]) -> None:
        """Two people do the follow-up review at the same time. The second is stored first."""
        used = [each for each in self.agents if each in self.uses]
        if used:
            grant = self.grant(used[-1 - number % len(used)])
            self.follow_up_on(
                grant, names[0], verdicts[0], between=lambda: self.follow_up_on(grant, names[1], verdicts[1])
            )

    def object_while_iam_fails(self, number: int, name: str) -> None:
        """IAM does not answer. Later the same person objects again."""
        self.system.role_policies.lost = 99
        self.follow_up(number, name, "object", "no outage", "")
        self.system.role_policies.lost = 0
        self.wait(LEASE_SECONDS + 1)
        reconcile(self.system.ports)
        self.follow_up(number, name, "object", "no outage", "")

    def vote(self, number: int, name: str, verdict: VoteVerdict) -> None:
        if grant := self.chosen(number):
            self.vote_on(grant, name, verdict)

    def vote_on(self, grant: Grant, name: str, verdict: VoteVerdict) -> None:
        before = self.grant(grant.id)
        try:
            vote(ballot(grant, name, verdict), self.system.ports)
        except Problem:
            assert self.grant(grant.id) == before
            return
        assert self.grant(grant.id) == before or self.state(before) is State.PENDING

    def collect(self, number: int) -> None:
        """An agent fetches credentials of a grant."""
        grant = self.chosen(number)
        if grant is None:
            return
        before, token = len(self.system.sessions.asked), self.agent(self.agents[grant.id])
        status, answer, _ = self.system.call(create_credentials, grant_id=grant.id, token=token)
        issued = self.system.sessions.asked[before:]
        assert bool(issued) == (status == 200), answer
        is_active = self.state(self.grant(grant.id)) is State.ACTIVE
        if use := self.uses.get(grant.id):
            assert (status == 200) == (is_active and self.is_valid(use, grant)), (answer, use)
            assert all(each.ends_at <= use.at + use.seconds for each in issued)
        else:
            assert (status == 200) <= (is_active and len(self.grant(grant.id).votes) > 1)

    def collect_after(self, change: str) -> None:
        """An agent fetches credentials of the last use of break-glass, after something happened to the use."""
        if self.uses:
            grant_id, use = [*self.uses.items()][-1]
            changes: dict[str, Callable[[], None]] = {
                "suspend": lambda: self.suspend(use.by),
                "settings": lambda: self.change_settings({"people": ("corp.frank",), "groups": ()}),
                "cap": lambda: self.change_settings({"max_duration_seconds": use.seconds - 1}),
                "own": lambda: self.change_owner(AGENTS.index(use.agent), use.by),
                "forbid": lambda: self.forbid("break-glass"),
                "object": lambda: self.follow_up_on(self.grant(grant_id), "lea", "object"),
            }
            changes[change]()
            self.collect([*reversed(self.system.store.grants)].index(grant_id))

    def is_valid(self, use: Use, grant: Grant) -> bool:
        """Return whether a use still counts when credentials are issued."""
        settings = self.settings
        return (
            settings is not None
            and bool(settings.targets)
            and (f"corp.{use.by}" in settings.people or bool(settings.groups))
            and use.seconds <= settings.max_duration_seconds
            and (settings.own_requests or not self.is_owner(use.by, grant))
            and use.by not in self.suspended
            and not self.forbidden
            and (use.follow_up is None or use.follow_up[1] == "confirm")
        )

    def release(self, number: int) -> None:
        if grant := self.chosen(number):
            token = self.agent(self.agents[grant.id])
            assert self.system.call(release_grant, grant_id=grant.id, token=token)[0] in (200, 409)

    def revoke(self, number: int) -> None:
        if grant := self.chosen(number):
            self.revoke_one(grant)

    def revoke_one(self, grant: Grant) -> None:
        assert self.system.call(revoke_grant, REASON, grant_id=grant.id, token=self.operator())[0] in (200, 409)
        assert self.state(self.grant(grant.id)) not in OPEN_STATES

    def suspend(self, name: str) -> None:
        """Suspend a person, an agent or the target, or with "" the person who used break-glass last."""
        name = name or next((each.by for each in reversed(self.uses.values())), "gina")
        if name not in self.suspended:
            kind = "target" if name == TARGET else "agent" if name in AGENTS else "human"
            body = {"kind": kind, "name": name if name == TARGET else f"corp.{name}", "unseen": True, **REASON}
            status, answer, _ = self.system.call(suspend, body, token=self.operator())
            assert status in (201, 202), answer
            self.suspended[name] = answer["suspension"]["id"]

    def lift(self, number: int) -> None:
        if self.suspended:
            name = sorted(self.suspended)[number % len(self.suspended)]
            body = {"reason": "came back"}
            assert self.system.call(lift, body, grant_id=self.suspended.pop(name), token=self.operator())[0] == 200

    def change_settings(self, changes: Mapping[str, Any] | None) -> None:
        """Change break-glass in the configuration: some members, or None to remove it, or {} for the first settings."""
        self.settings = None if changes is None else SETTINGS._replace(**changes)
        config = self.system.ports.config
        self.system.ports.__dict__["config"] = replace(config, break_glass=self.settings)

    def change_owner(self, agent: int, name: str) -> None:
        self.owners[AGENTS[agent]] = name
        config = self.system.ports.config
        owners = {each: (f"corp.{owner}",) for each, owner in self.owners.items() if owner}
        issuers = {**config.issuers, "corp": replace(config.issuers["corp"], owners=owners)}
        self.system.ports.__dict__["config"] = replace(config, issuers=issuers)

    def forbid(self, what: str) -> None:
        self.forbidden = what
        more = {"": "", "break-glass": FORBIDS["a forbid of break-glass"], "all": FORBIDS["a forbid"]}[what]
        ports = self.system.ports
        policies = Policies(POLICIES + more, ports.config.policies.schema, "v1")
        ports.__dict__.update(policies=policies_of(policies), config=replace(ports.config, policies=policies))

    def go_away(self, name: str, lasts: int) -> None:
        human, delegate = identity(f"corp.{name}"), identity("corp.carol")
        period = OutOfOffice(f"o-{next(self.numbers)}", human, self.now, self.now + lasts, (("owners", delegate),))
        self.system.store.away[human.name] = period

    def wait(self, seconds: int) -> None:
        self.system.now += seconds

    def reconcile(self) -> None:
        reconcile(self.system.ports)

    # What must hold after each of these.

    def check(self) -> None:
        assert_replayed(self.system)
        assert len(self.system.store.outstanding) == 2 * len(self.owing())
        for grant_id, use in self.uses.items():
            grant, events = self.grant(grant_id), chain(self.system, grant_id)
            assert (
                (use.follow_up is None)
                == grant.awaits_follow_up
                == (grant_id in self.system.store.outstanding.values())
            )
            assert events.count("break_glass") == 1
            assert events.count("follow_up") == (use.follow_up is not None)
            due = check_schedule({"grant_id": grant_id, "since": 0}, self.system.ports)["due"]
            is_waiting = use.follow_up is None and self.now < use.at + FOLLOW_UP_SECONDS
            assert (due == "decided") == (not is_waiting)
            assert grant.state is not State.PENDING
        for grant_id in self.agents:
            grant, events = self.grant(grant_id), chain(self.system, grant_id)
            assert len(events) == grant.records
            assert ("break_glass" in events) == (grant_id in self.uses)
            before = self.seen.get(grant_id, State.PENDING)
            after_two = {last for each in TRANSITIONS[before] for last in TRANSITIONS[each]}
            assert grant.state in {before, *TRANSITIONS[before], *after_two}
            self.seen[grant_id] = grant.state

    def owing(self) -> list[Use]:
        """The uses without a follow-up review."""
        return [each for each in self.uses.values() if each.follow_up is None]

    def is_owner(self, name: str, grant: Grant) -> bool:
        return name in self.owners_of(grant)

    def owners_of(self, grant: Grant) -> set[str]:
        """The owners of the grant's agent, at the request and now."""
        before = {each.name.removeprefix("corp.") for each in grant.agent_owners}
        return {*before, self.owners.get(self.agents[grant.id], "")} - {""}

    def delegating_to(self, name: str) -> set[str]:
        """The members whose delegate a person is now."""
        if name != "carol":
            return set()
        away = ((each, self.system.store.away.get(f"corp.{each}")) for each in MEMBERS)
        return {
            each
            for each, period in away
            if period and period.starts_at <= self.now < period.ends_at and each not in self.suspended
        }

    def state(self, grant: Grant) -> State:
        """The state of a grant. A suspension of its agent or target ends it."""
        current = grant.at(self.now).state
        suspended = {self.agents[grant.id], TARGET} & self.suspended.keys()
        return State.REVOKED if current in OPEN_STATES and suspended else current

    # The system.

    @property
    def now(self) -> int:
        return self.system.now

    def grant(self, grant_id: str) -> Grant:
        return self.system.store.grants[grant_id]

    def chosen(self, number: int) -> Grant | None:
        grants = list(self.system.store.grants.values())
        return grants[-1 - number % len(grants)] if grants else None

    def alias(self, name: str) -> str:
        return "other" if name == "olga" else "corp"

    def person(self, name: str) -> Principal:
        groups = frozenset({ON_CALL[name]} if name in ON_CALL else ())
        return replace(person(name, self.alias(name)), groups=groups)

    def visit(self, name: str, grant: Grant, route: FormRoute, form: Mapping[str, str]) -> Page:
        """Post a form of a person's own session."""
        return post_form(self.system.ports, self.person(name), grant.id, route, form)

    def agent(self, name: str) -> str:
        return minting.agent_token(name, self.now)

    def operator(self) -> str:
        return minting.operator_token(self.now, "oscar")


STEPS: dict[str, Chooser] = {
    "ask": lambda random: {
        "agent": random.randrange(3),
        "seconds": random.choice([300, 300, 600]),
        "fault": random.choice(FAULTS),
    },
    "use": lambda random: {
        "number": random.choice([0, 0, 1, 2, 3]),
        "name": random.choice(["gina", "gina", "dora", "zoe", *PEOPLE]),
        "reason": random.choice(["down", "down", "down", ""]),
        "fault": random.choice(FAULTS),
        "shown": random.choice(["", "", "", "0" * 64]),
    },
    "use_together": lambda random: {
        "number": random.randrange(3),
        "other": random.randrange(3),
        "names": tuple(random.choices(["gina", "dora", "zoe"], k=2)),
    },
    "use_while": lambda random: {
        "number": random.randrange(3),
        "name": random.choice(["gina", "dora", "zoe"]),
        "act": random.choice(["vote", "reject", "revoke", "suspend agent", "suspend person", "settings"]),
    },
    "follow_up": lambda random: {
        "number": random.randrange(5),
        "name": random.choice(["alice", "bob", "lea", "olga", "carol", *PEOPLE]),
        "verdict": random.choice(["confirm", "confirm", "confirm", "object", "maybe"]),
        "comment": random.choice(["seen", "seen", "seen", ""]),
        "fault": random.choice(FAULTS),
    },
    "follow_up_together": lambda random: {
        "number": random.randrange(3),
        "names": tuple(random.choices(["alice", "bob", "lea", "olga"], k=2)),
        "verdicts": tuple(random.choices(["confirm", "object"], k=2)),
    },
    "object_while_iam_fails": lambda random: {"number": random.randrange(3), "name": random.choice(["alice", "olga"])},
    "vote": lambda random: {
        "number": random.randrange(4),
        "name": random.choice(MEMBERS),
        "verdict": random.choice([VoteVerdict.APPROVE, VoteVerdict.APPROVE, VoteVerdict.REJECT]),
    },
    "collect": lambda random: {"number": random.randrange(4)},
    "collect_after": lambda random: {
        "change": random.choice(["suspend", "settings", "cap", "own", "forbid", "object"]),
    },
    "release": lambda random: {"number": random.randrange(4)},
    "revoke": lambda random: {"number": random.randrange(4)},
    "suspend": lambda random: {"name": random.choice(["", "", "alice", "carol", TARGET, *AGENTS])},
    "lift": lambda random: {"number": random.randrange(4)},
    "change_settings": lambda random: {
        "changes": random.choice(
            [
                None,
                {},
                {},
                {"people": ("corp.dora",), "groups": ()},
                {"targets": ()},
                {"max_duration_seconds": 120},
                {"own_requests": True},
            ]
        )
    },
    "change_owner": lambda random: {
        "agent": random.randrange(3),
        "name": random.choice(["", "", "gina", "alice", "dora"]),
    },
    "forbid": lambda random: {"what": random.choice(["", "", "", "break-glass", "all"])},
    "go_away": lambda random: {"name": random.choice(["gina", *MEMBERS]), "lasts": random.choice([60, 3600])},
    "wait": lambda random: {"seconds": random.choice([1, 60, 119, 240, 600])},
    "reconcile": lambda _: {},
}
OFTEN = (
    *3 * ["ask"],
    *6 * ["use"],
    "use_together",
    *6 * ["follow_up"],
    *3 * ["collect"],
    *2 * ["collect_after"],
    *2 * ["lift"],
    "go_away",
    "wait",
)


def test_rev_08_no_life_of_break_glass_gives_more_than_its_rules_and_each_use_is_followed_up_once():
    live_many(BreakGlassLives, STEPS, OFTEN, examples(40))


PLANTED: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "owes for the person only": (core, "follow_up_keys", lambda grant, human: (f"HUMAN#{human.digest}",) * 2),
    "asks no one to follow up": (MemoryFollowUps, "outstanding", lambda _: {}),
    "lets everyone follow up": (handlers, "may_follow_up", lambda *_, **__: True),
    "counts the suspended": (GrantUnderReview, "is_trusted", lambda *_: True),
    "caps nothing": (core, "capped_by_break_glass", lambda grant, _: grant),
    "asks no policy again": (approvals_in_force, "break_glass_approvals", lambda *_: frozenset({"owners"})),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_rev_08_a_planted_bug_in_break_glass_is_found(bug: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(*PLANTED[bug])
    with pytest.raises(AssertionError, match=r"^seed"):
        live_many(BreakGlassLives, STEPS, OFTEN, 200)
