"""Suspensions: the agents, units, humans, issuers and targets that an operator stopped (rows END 7, END 8). Pure.

All suspensions are one value, which the store keeps in one item. So one write stops an issuer with any number of
grants, and every decision needs one read. A suspension also ends the grants that it covers. `Suspensions.applied`
returns a grant with that end, even before the end is written. In the same way, `Grant.at` returns an expired grant
before its expiry is written.
"""

import json
from dataclasses import asdict, replace
from typing import NamedTuple, Self

from jitney.core.access.grant import Grant, State
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem
from jitney.core.stored_identity import Identity, identity_of
from jitney.core.target_config import Target
from jitney.core.times import iso

MOST_SUSPENSIONS = 200
"""How many suspensions fit into an item of DynamoDB (400 kB), with the longest names and reasons."""
MAX_CHARACTERS = 200_000
"""The longest text to which a suspension is added. Lifting one adds little text, and is always possible."""
ENDING_SECONDS = 86_400
"""How long the reconciler tries to complete a suspension. One run takes minutes, and runs are repeated."""
LIFTED_SECONDS = 7 * 86400
"""How long a lifted suspension is kept. A grant that it ended may be stored as open for the longest review."""


class Suspensions(NamedTuple):
    """All suspensions in force, and the lifted ones that still end grants.

    `version` is the version of the stored item. Each write sets a new version: the id of its record (`adapters.store`).
    """

    version: str = ""
    entries: tuple[Suspension, ...] = ()

    @classmethod
    def read(cls, version: str, text: str) -> Self:
        """Return the suspensions in `text`, also after a rollback (`Suspension.read`).

        Raises AttributeError, LookupError, TypeError or ValueError when it is malformed.
        """
        return cls(version, tuple(map(Suspension.read, json.loads(text))))

    def text(self) -> str:
        """Return the text that `read` parses."""
        return json.dumps([asdict(each) for each in self.entries], separators=(",", ":"))

    @property
    def in_force(self) -> tuple[Suspension, ...]:
        """The suspensions that are not lifted, the oldest first."""
        return tuple(each for each in self.entries if each.in_force)

    def of(self, kind: SuspensionKind, name: str, issuer: str = "", role: str = "") -> Suspension | None:
        """Return the suspension in force with this kind and name, and with this issuer and role unless they are "".

        A target's alias may have had another role when it was suspended.
        """
        found = (each for each in self.in_force if (each.kind, each.name) == (kind, name))
        return next((each for each in found if issuer in ("", each.issuer) and role in ("", each.role)), None)

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

    def require_target_unsuspended(self, grant: Grant) -> None:
        """Raise Problem suspended if the grant's target is suspended, even if jitney.yaml has no such target now."""
        if found := next((each for each in self.in_force if each.covers_target(grant.target, grant.role_arn)), None):
            raise suspended_problem(found)

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

    def has_missing_ends(self, grant: Grant) -> bool:
        """Return whether an incomplete suspension concerns the agent and target of `grant`.

        Then it may have ended a grant like it whose end, and what this end changes, is not written yet.
        """
        return any(each.completed_at is None and each.ends(grant) for each in self.entries)

    def denies(self, grant: Grant, target: Target) -> bool:
        """Return whether the deny documents of `target` deny the grant's sessions, because a suspension ended it."""
        return any(each.ends(grant) and each.is_denied_on(target, grant) for each in self.entries)

    def with_new(self, suspension: Suspension) -> Self:
        """Return the suspensions with one more. Raises Problem suspensions_full."""
        kept = self.kept(suspension.since).entries
        if len(kept) >= MOST_SUSPENSIONS or len(self.text()) > MAX_CHARACTERS:
            detail = f"There are {len(self.in_force)} suspensions in force, and no room for another."
            fix = "Suspend the issuer or the target instead, or lift suspensions that are no longer needed."
            raise Problem("suspensions_full", detail, fix)
        return self._replace(entries=(*kept, suspension))

    def with_lifted(self, suspension: Suspension, by: str, now: int) -> Self:
        """Return the suspensions after `suspension` was lifted at `now`."""
        lifted = replace(suspension, lifted_at=now, lifted_by=by)
        return self._replace(entries=tuple(lifted if each.id == lifted.id else each for each in self.kept(now).entries))

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

    def kept(self, now: int) -> Self:
        """Return the suspensions without those that were lifted `LIFTED_SECONDS` before `now`."""
        kept = (each for each in self.entries if each.lifted_at is None or now < each.lifted_at + LIFTED_SECONDS)
        return self._replace(entries=tuple(kept))


def suspended_problem(suspension: Suspension) -> Problem:
    """Return the problem that a suspended caller gets. It does not show the operator's reason."""
    return Problem(
        "suspended",
        f"An operator suspended {suspension.title} at {iso(suspension.since)}.",
        f"Do not try again by yourself. Ask an operator or your platform engineer about {suspension.id}.",
        {"suspension": {"id": suspension.id, "kind": str(suspension.kind), "name": suspension.name}},
    )


NO_SUSPENSIONS = Suspensions()
