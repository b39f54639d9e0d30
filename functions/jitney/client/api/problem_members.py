"""The members of the broker's problems that commands and tools read, checked before one of them is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jitney.client.api.api_object import ApiObject, ApiTime
from jitney.client.api.grant_members import ApiReview
from jitney.client.api.grant_request import ApiPermission
from jitney.client.api.responses import ApiGrant, ApiReason


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
    """The members of a problem (RFC 9457) that this client reads."""

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


def is_problem(document: Mapping[str, Any]) -> bool:
    """Return whether the document is a problem of the broker, with members that can be read."""
    try:
        members = ApiProblem.read(document)
        if members.code == "grant_pending" and "review" in document:
            ApiReview.read(document["review"])
    except (KeyError, TypeError, ValueError):
        return False
    return True
