"""Reads the broker's problems, and the members of problems that commands and tools use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jitney.client.api.api_object import ApiObject, ApiTime
from jitney.client.api.grant_members import ApiReview
from jitney.client.api.grant_request import ApiPermission
from jitney.client.api.responses import ApiGrant, ApiReason
from jitney.client.problems import (
    ClientProblem,
    Denied,
    GrantEnded,
    Invalid,
    Rejected,
    ReviewPending,
    Revoked,
    Unauthenticated,
    Unavailable,
)


@dataclass(frozen=True, slots=True)
class ApiBounds(ApiObject):
    """The bounds of a number."""

    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class ApiFault(ApiObject):
    """What is wrong with one member of a request, which the JSON pointer names."""

    pointer: str = ""
    detail: str = ""
    fix: str = ""
    bounds: ApiBounds | None = None


@dataclass(frozen=True, slots=True)
class ApiProblem(ApiObject):
    """The members of a problem (RFC 9457) that this client reads.

    `retry_seconds`, `repeated` and `may_have_run` are the client's own: when to try again, whether the request was
    sent more than once, and whether an earlier attempt may have run.
    """

    code: str
    title: str = ""
    detail: str = ""
    fix: str = ""
    pointer: str = ""
    errors: tuple[ApiFault, ...] = ()
    reasons: tuple[ApiReason, ...] = ()
    allowed_subset: tuple[ApiPermission, ...] = ()
    longest_seconds: int = 0
    retry_at: ApiTime | None = None
    ways: Mapping[str, str] = field(default_factory=dict)
    smallest_request: Mapping[str, Any] = field(default_factory=dict)
    grant: ApiGrant | None = None
    retry_seconds: int = 0
    repeated: bool = False
    may_have_run: bool = False


# Where the code is more exact than the status: a rejected grant is 410 Gone, but the reason is a reviewer's decision.
_BY_CODE: Mapping[str, type[ClientProblem]] = {
    "denied": Denied,
    "grant_rejected": Rejected,
    "rejected_before": Rejected,
    "grant_revoked": Revoked,
    "grant_pending": ReviewPending,
    "grant_not_found": GrantEnded,
    "grant_released": GrantEnded,
    "grant_ended": GrantEnded,
    "rate_limited": Unavailable,
    "too_many_pending": Unavailable,
    "too_many_grants": Unavailable,
    "too_many_reviews": Unavailable,
    "grant_conflict": Unavailable,
}


def read_problem_json(status: int, document: Mapping[str, Any]) -> ClientProblem:
    """Return the problem in a problem+json body of the broker. Its code or else its status determines the class.

    Raises KeyError, TypeError or ValueError for a body whose members cannot be read.
    """
    members = ApiProblem.read(document)
    if members.code == "grant_pending" and "review" in document:
        ApiReview.read(document["review"])
    kind = _BY_CODE.get(members.code) or _by_status(status)
    extras = {name: value for name, value in document.items() if name not in ("code", "title", "detail", "fix")}
    return kind(members.code, members.title or "The broker refused", members.detail, members.fix, extras)


def _by_status(status: int) -> type[ClientProblem]:
    exact: Mapping[int, type[ClientProblem]] = {401: Unauthenticated, 403: Denied, 429: Unavailable}
    return exact.get(status) or (Invalid if status < 500 else Unavailable)
