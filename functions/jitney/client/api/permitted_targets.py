"""The targets that the caller could request access to, as frozen values with the API's own names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from jitney.client.api.api_object import ApiConditions, ApiObject, checked_text, checked_texts

ApiReviews = tuple[tuple[str, ...], ...]
"""The alternatives of reviewer groups. All groups of one alternative must approve."""


@dataclass(frozen=True, slots=True)
class ApiPermittedAccess(ApiObject):
    """Access that policies permit on a target, for `max_seconds`, in each of `ways` ("credentials", "gateway").

    It is for the `actions`. If there are none, it is for all actions of the `services` with this access level.
    Resources may be requested with wildcards if `wildcards` is true; otherwise each by its own ARN. Calls must satisfy
    `conditions`. With `partial`, policies permit only some of it, and a dry run shows what. `effect` is "allow", or
    "review" with the groups in `reviews`.
    """

    access_level: str
    services: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    wildcards: bool
    partial: bool
    effect: str
    reviews: ApiReviews
    ways: tuple[str, ...]
    max_seconds: int
    conditions: ApiConditions = ()


@dataclass(frozen=True, slots=True)
class ApiPermittedProfile(ApiObject):
    """An access profile of a target that policies permit for `max_seconds`; with `partial`, only some of it."""

    name: str
    partial: bool
    effect: str
    reviews: ApiReviews
    max_seconds: int


@dataclass(frozen=True, slots=True)
class ApiPermittedTarget(ApiObject):
    """A target, and what policies permit the caller there. `max_seconds` is the longest duration of any of it.

    `regions` are those in which sessions may make calls, the target's own first. While the target is `suspended`,
    requests are refused. If it is `incomplete`, access may be missing. If it has `ticket_patterns`, a request's ticket
    must match one.
    """

    target: str
    account: str
    regions: tuple[str, ...]
    max_seconds: int
    suspended: bool
    access: tuple[ApiPermittedAccess, ...]
    access_profiles: tuple[ApiPermittedProfile, ...] = ()
    incomplete: bool = False
    ticket_patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiPermittedTargets:
    """The targets that the caller could request access to.

    `principal`, `groups`, `human` and `claims` are the caller as policies see it. `fix` says what to do if there is no
    target, or if not all were evaluated.
    """

    principal: str
    groups: tuple[str, ...]
    human: str | None
    claims: Mapping[str, Any]
    targets: tuple[ApiPermittedTarget, ...]
    fix: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the targets in a body of the API. Raises KeyError or TypeError for any other body."""
        caller = document["caller"]
        targets = tuple(map(ApiPermittedTarget.read, document["targets"]))
        human, claims = caller["human"], {**caller["claims"]}
        return cls(
            checked_text(caller["principal"]),
            checked_texts(caller["groups"]),
            None if human is None else checked_text(human),
            claims,
            targets,
            checked_text(document.get("fix", "")),
        )

    def document(self) -> dict[str, Any]:
        """Return the answer as JSON, in the form of the API."""
        caller = {"principal": self.principal, "groups": list(self.groups), "human": self.human, "claims": self.claims}
        shown: dict[str, Any] = {"caller": caller, "targets": [each.document() for each in self.targets]}
        return shown | ({"fix": self.fix} if self.fix else {})
