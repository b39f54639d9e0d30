"""Suspensions: the agents, units, humans, issuers and targets that an operator stopped (rows END 7, END 8). Pure.

All suspensions are one value, which the store keeps in one item. So one write stops an issuer with any number of
grants, and every decision needs one read. A suspension also ends the grants that it covers. `Suspensions.applied`
returns a grant with that end, even before the end is written. In the same way, `Grant.at` returns an expired grant
before its expiry is written.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, NamedTuple, Self

from jitney.core.access.deny_document import IN_FLIGHT_SECONDS
from jitney.core.access.grant import Grant, GrantEnd, State
from jitney.core.identity.principal import Principal
from jitney.core.identity.source_identity import identity_prefix
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.problems import Problem
from jitney.core.stored_identity import Identity, identity_of, name_of
from jitney.core.target_config import Target
from jitney.core.target_roles import first_role
from jitney.core.times import iso

MOST_SUSPENSIONS = 200
"""How many suspensions fit into an item of DynamoDB (400 kB), with the longest names and reasons."""
MAX_CHARACTERS = 200_000
"""The longest text to which a suspension is added. Lifting one adds little text, and is always possible."""
ENDING_SECONDS = 86_400
"""How long the reconciler tries to complete a suspension. One run takes minutes, and runs are repeated."""
LIFTED_SECONDS = 7 * 86400
"""How long a lifted suspension is kept. A grant that it ended may be stored as open for the longest review."""


class SuspensionKind(StrEnum):
    """What is suspended."""

    AGENT = "agent"
    UNIT = "unit"
    HUMAN = "human"
    ISSUER = "issuer"
    TARGET = "target"


class SuspensionRequest(NamedTuple):
    """A suspension that an operator requests.

    `unseen` permits the exact name of an agent, a unit or a human without an open grant. `including_caller` permits
    a suspension that stops the requesting operator, who cannot lift it afterwards.
    """

    kind: SuspensionKind
    name: str
    reason: str
    unseen: bool = False
    including_caller: bool = False


@dataclass(frozen=True, slots=True)
class Suspension:
    """One suspension, from `since` until `lifted_at` (epoch seconds; None while it is in force).

    `name` depends on the kind. It is a source identity for an agent or a human, and the unit's name for a unit. For an
    issuer, it is the issuer's name in source identities. For a target, it is the alias. `by` and `lifted_by` are source
    identities of operators. The reason is for operators and auditors. `role` is the ARN of the target's first role, ""
    for other kinds. So a target stays suspended under another alias. In the same way, `issuer` is the `iss` of what is
    suspended, "" for a target, or if a record or grant does not say it. So agents, units and people stay suspended
    under other names, and others who have the suspended name later are not suspended. `completed_at` is when every
    document denied what is suspended and every end was on record, None before. The suspension cannot be lifted before
    `not_before`.
    """

    id: str
    kind: SuspensionKind
    name: str
    since: int
    by: str
    reason: MaskedComment
    lifted_at: int | None = None
    lifted_by: str = ""
    role: str = ""
    completed_at: int | None = None
    not_before: int | None = None
    issuer: str = ""

    @property
    def in_force(self) -> bool:
        """Whether the suspension has not been lifted."""
        return self.lifted_at is None

    @property
    def title(self) -> str:
        """What is suspended: "issuer github"."""
        return f"{self.kind} {self.name}"

    @property
    def target(self) -> str:
        """The alias of the suspended target; "" for other kinds."""
        return self.name if self.kind is SuspensionKind.TARGET else ""

    @property
    def detail(self) -> dict[str, str]:
        """The members of `detail` in every record of the suspension. `jitney restore` reads them."""
        return {"suspension": self.id, "kind": str(self.kind), "name": self.name, "issuer": self.issuer}

    def covers_person(self, person: Identity) -> bool:
        """Return whether the suspension covers the person (their own unit), by name if it has no issuer."""
        if self.kind is SuspensionKind.ISSUER:
            named = person.name.startswith(identity_prefix(self.name))
            return person.issuer == self.issuer if self.issuer else named
        same = person == identity_of(self.name, self.issuer) if self.issuer else person.name == self.name
        return same and self.kind is not SuspensionKind.TARGET

    def covers_target(self, alias: str, role_arn: str) -> bool:
        """Return whether the target with this alias and this role is suspended, even under an earlier alias."""
        return self.kind is SuspensionKind.TARGET and (alias == self.name or first_role(role_arn) == self.role)

    def concerned(self, targets: Iterable[Target]) -> list[Target]:
        """Return the targets where what is suspended may have credentials."""
        return [each for each in targets if not self.target or self.covers_target(each.alias, each.role_arn)]

    def concerns_role(self, role_arn: str) -> bool:
        """Return whether credentials of what is suspended may be on a role that no configured target has."""
        return self.kind is not SuspensionKind.TARGET or first_role(role_arn) == self.role

    def covers_requester(self, agent: Identity, unit: Identity, human: Identity | None) -> bool:
        """Return whether the suspension covers the requests of this agent and unit on behalf of `human`."""
        if self.kind is SuspensionKind.UNIT:
            return self.covers_person(unit)
        on_behalf = human is not None and self.kind is not SuspensionKind.AGENT and self.covers_person(human)
        return on_behalf or self.covers_person(agent)

    def is_denied_on(self, target: Target, grant: Grant) -> bool:
        """Return whether the deny documents of `target` deny the grant's sessions by the names in the suspension."""
        return self._has_name_of(grant) or self.covers_target(target.alias, target.role_arn)

    def _has_name_of(self, grant: Grant) -> bool:
        people = grant.principal, name_of(grant.human)
        if self.kind is SuspensionKind.ISSUER:
            return any(each.startswith(identity_prefix(self.name)) for each in people)
        names = {SuspensionKind.AGENT: people[:1], SuspensionKind.UNIT: (grant.unit,), SuspensionKind.HUMAN: people}
        return self.name in names.get(self.kind, ())

    def ends(self, grant: Grant) -> bool:
        """Return whether the suspension ended the grant. Grants from after it was lifted are not affected.

        Earlier grants of others under the suspended name end too, because documents deny that name. Under a suspension,
        only requests in flight at its beginning open grants. So the end by the clock of another function matters in the
        first minute only. The deny document denies what is issued in that minute.
        """
        concerned = self.lifted_at is None or grant.created_at < min(self.lifted_at, self.since + IN_FLIGHT_SECONDS)
        covered = self.covers_requester(grant.agent, identity_of(grant.unit, grant.issuer), grant.human)
        named = grant.created_at < self.since + IN_FLIGHT_SECONDS and self._has_name_of(grant)
        return concerned and (covered or named or self.covers_target(grant.target, grant.role_arn))

    def end_of(self, grant: Grant) -> GrantEnd:
        """Return the end that the suspension gives a grant. The agent sees this end's reason, not the operator's."""
        reason = MaskedComment(f"{self.title} was suspended ({self.id})")
        return GrantEnd(max(self.since, grant.created_at), self.by, reason)

    def view(self) -> dict[str, Any]:
        """Return the suspension as the API shows it to operators."""
        return asdict(self) | {
            "since": iso(self.since),
            "lifted_at": None if self.lifted_at is None else iso(self.lifted_at),
            "lifted_by": self.lifted_by or None,
            "role": self.role or None,
            "issuer": self.issuer or None,
            "completed_at": None if self.completed_at is None else iso(self.completed_at),
            "not_before": None if self.not_before is None else iso(self.not_before),
        }

    def require_liftable(self, now: int) -> None:
        """Raise Problem suspension_locked before `not_before`."""
        if self.not_before is not None and now < self.not_before:
            raise Problem(
                "suspension_locked",
                f"The tables were restored, and {self.title} stays suspended until {iso(self.not_before)}.",
                "Lift it after that time. Until then, earlier sessions and tokens may still be valid.",
                {"not_before": iso(self.not_before)},
            )


class Suspensions(NamedTuple):
    """All suspensions in force, and the lifted ones that still end grants.

    `version` is the version of the stored item. Each write sets a new version: the id of its record (`adapters.store`).
    """

    version: str = ""
    entries: tuple[Suspension, ...] = ()

    @classmethod
    def read(cls, version: str, text: str) -> Self:
        """Return the suspensions in `text`. Raises ValueError or TypeError when it is malformed.

        Members that a later version added are ignored, so that suspensions hold after a rollback.
        """
        known = [each.name for each in fields(Suspension)]
        kept = ({name: each[name] for name in known if name in each} for each in json.loads(text))
        return cls(version, tuple(Suspension(**each | {"kind": SuspensionKind(each["kind"])}) for each in kept))

    def text(self) -> str:
        """Return the text that `read` parses."""
        return json.dumps([asdict(each) for each in self.entries], separators=(",", ":"))

    @property
    def in_force(self) -> tuple[Suspension, ...]:
        """The suspensions that are not lifted, the oldest first."""
        return tuple(each for each in self.entries if each.in_force)

    def of(self, kind: SuspensionKind, name: str, issuer: str = "") -> Suspension | None:
        """Return the suspension in force with this kind and name, and with this issuer unless that is ""."""
        found = (each for each in self.in_force if (each.kind, each.name) == (kind, name))
        return next((each for each in found if issuer in ("", each.issuer)), None)

    def with_id(self, suspension_id: str) -> Suspension | None:
        """Return the suspension of an id, in force or lifted."""
        return next((each for each in self.entries if each.id == suspension_id), None)

    def covers_person(self, person: Identity) -> bool:
        """Return whether the person is suspended."""
        return any(each.covers_person(person) for each in self.in_force)

    def stopping(self, who: Principal, target: Target | None = None) -> Suspension | None:
        """Return the suspension that stops a principal, or its requests for `target`, or None."""
        for each in self.in_force:
            if each.covers_requester(who.identity, identity_of(who.unit, who.issuer), who.human):
                return each
            if target and each.covers_target(target.alias, target.role_arn):
                return each
        return None

    def require_unsuspended(self, who: Principal, target: Target | None = None) -> None:
        """Raise Problem suspended when a suspension stops the principal, or its requests for `target`."""
        if stopping := self.stopping(who, target):
            raise suspended_problem(stopping)

    def incomplete_at(self, now: int) -> list[Suspension]:
        """Return the suspensions of the last day that are not complete."""
        return [each for each in self.entries if each.completed_at is None and now < each.since + ENDING_SECONDS]

    def applied(self, grant: Grant) -> Grant:
        """Return the grant, revoked if a suspension ended it, else the same object."""
        for each in self.entries:
            if each.ends(grant):
                end = each.end_of(grant)
                ended = grant.end(State.REVOKED, end)
                if ended.ending is end:
                    return ended
        return grant

    def ending(self, grant: Grant) -> Suspension | None:
        """Return the first suspension that ends the grant, or None if no suspension does."""
        ended = self.applied(grant)
        return None if ended is grant else next(each for each in self.entries if each.ends(grant))

    def with_new(self, suspension: Suspension) -> Self:
        """Return the suspensions with one more. Raises Problem suspensions_full."""
        kept = self._kept(suspension.since)
        if len(kept) >= MOST_SUSPENSIONS or len(self.text()) > MAX_CHARACTERS:
            detail = f"There are {len(self.in_force)} suspensions in force, and no room for another."
            fix = "Suspend the issuer or the target instead, or lift suspensions that are no longer needed."
            raise Problem("suspensions_full", detail, fix)
        return self._replace(entries=(*kept, suspension))

    def with_lifted(self, suspension: Suspension, by: str, now: int) -> Self:
        """Return the suspensions after `suspension` was lifted at `now`."""
        lifted = replace(suspension, lifted_at=now, lifted_by=by)
        return self._replace(entries=tuple(lifted if each.id == lifted.id else each for each in self._kept(now)))

    def with_completed(self, suspension: Suspension, now: int) -> Self:
        """Return the suspensions with `suspension` marked as complete: everything that it covers has ended."""
        completed = replace(suspension, completed_at=now)
        return self._replace(entries=tuple(completed if each.id == completed.id else each for each in self.entries))

    def locked_until(self, moment: int) -> Self:
        """Return the suspensions, with those in force locked until `moment`. A later lock stays."""
        locked = (
            replace(each, not_before=max(moment, each.not_before or 0)) if each.in_force else each
            for each in self.entries
        )
        return self._replace(entries=tuple(locked))

    def _kept(self, now: int) -> tuple[Suspension, ...]:
        return tuple(each for each in self.entries if each.lifted_at is None or now < each.lifted_at + LIFTED_SECONDS)


def suspended_problem(suspension: Suspension) -> Problem:
    """Return the problem that a suspended caller gets. It does not show the operator's reason."""
    return Problem(
        "suspended",
        f"An operator suspended {suspension.title} at {iso(suspension.since)}.",
        f"Do not try again by yourself. Ask an operator or your platform engineer about {suspension.id}.",
        {"suspension": {"id": suspension.id, "kind": str(suspension.kind), "name": suspension.name}},
    )


NO_SUSPENSIONS = Suspensions()
