"""One suspension: an agent, a unit, a human, an issuer or a target that an operator stopped (rows END 7, END 8). Pure.

It says what it covers, and which grants it ends. `core.access.suspensions` has all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, NamedTuple, Self

from jitney.core.access.deny_document import IN_FLIGHT_SECONDS
from jitney.core.access.grant import Grant, GrantEnd
from jitney.core.identity.source_identity import identity_prefix
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.problems import Problem
from jitney.core.stored_identity import Identity, identity_of, name_of
from jitney.core.stored_types import with_types
from jitney.core.target_config import Target
from jitney.core.target_roles import first_role
from jitney.core.times import iso


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

    @classmethod
    def read(cls, members: Mapping[str, Any]) -> Self:
        """Return the suspension that `members` store. Members that a later version added are ignored.

        Raises LookupError, TypeError or ValueError for a missing member, or one of another type.
        """
        known = {each.name: members[each.name] for each in fields(cls) if each.name in members}
        return with_types(cls(**known | {"kind": SuspensionKind(members["kind"])}))

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
