"""Why a command failed, and its exit code.

    ClientProblem        1   anything else
    +-- Invalid          2   the request, an option, a file or the configuration is not valid
    +-- Denied           3   policy denied the request, or it was rejected or revoked
    |   +-- Rejected         a reviewer rejected the request
    |   +-- Revoked          a person revoked the grant
    +-- ReviewPending    4   the review is still open
    +-- Unauthenticated  5   no token, or the broker does not accept it
    +-- Unavailable      6   the broker, the identity provider or AWS did not answer as it should; try again
    +-- GrantEnded       7   the grant does not exist, or has ended

The broker's problems (RFC 9457) keep their `code`, sentences and other members. The client's problems have their own
codes. No problem contains a token or a credential.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from jitney.client.api.grant_request import GrantRequest


class ClientProblem(Exception):
    """A refusal or failure: a stable `code`, a `title`, what happened (`detail`), what to do (`fix`), and `extras`.

    `request` is the access request that failed, if there was one.
    """

    exit_code: ClassVar[int] = 1
    request: GrantRequest | None = None

    def __init__(
        self, code: str, title: str, detail: str, fix: str = "", extras: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(code, title, detail, fix, extras)  # with all of them, a copy in another process is whole
        self.code = code
        self.title = title
        self.detail = detail
        self.fix = fix
        self.extras = dict(extras or {})

    def __str__(self) -> str:
        """Return what happened and what to do, for a traceback."""
        return "\n".join(part for part in (f"{self.title}: {self.detail}", self.fix) if part)

    def document(self) -> dict[str, Any]:
        """Return the problem as JSON, with the members of the API's problem+json."""
        return {"code": self.code, "title": self.title, "detail": self.detail, "fix": self.fix, **self.extras}


class Invalid(ClientProblem):
    """The request, an option, a file or the configuration is not valid."""

    exit_code = 2


class Denied(ClientProblem):
    """Policy denied the request, or it was rejected or revoked."""

    exit_code = 3


class Rejected(Denied):
    """A reviewer rejected the request."""


class Revoked(Denied):
    """A person revoked the grant. Its credentials no longer work."""


class ReviewPending(ClientProblem):
    """The review is still open."""

    exit_code = 4

    @property
    def grant_id(self) -> str:
        """The id of the grant that is under review, or ""."""
        return str((self.extras.get("grant") or {}).get("id", ""))

    @property
    def review_url(self) -> str:
        """The page on which the reviewers decide, or ""."""
        return str(self.extras.get("review", {}).get("review_url", ""))

    @property
    def reviewers(self) -> tuple[str, ...]:
        """The names of the people who were asked."""
        return tuple(self.extras.get("review", {}).get("reviewers", ()))


class Unauthenticated(ClientProblem):
    """No token was found, or the broker does not accept it."""

    exit_code = 5


class Unavailable(ClientProblem):
    """The broker, the identity provider or AWS did not answer as it should."""

    exit_code = 6


class GrantEnded(ClientProblem):
    """The grant does not exist, or has ended."""

    exit_code = 7


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


def from_problem_json(status: int, document: Mapping[str, Any]) -> ClientProblem:
    """Return the problem in a problem+json body of the broker. Its code or else its status determines the class."""
    known = {"code", "title", "detail", "fix"}
    code = str(document["code"])
    kind = _BY_CODE.get(code) or _by_status(status)
    extras = {name: value for name, value in document.items() if name not in known}
    title, detail, fix = (str(document.get(name, "")) for name in ("title", "detail", "fix"))
    return kind(code, title or "The broker refused", detail, fix, extras)


def _by_status(status: int) -> type[ClientProblem]:
    exact: Mapping[int, type[ClientProblem]] = {401: Unauthenticated, 403: Denied, 429: Unavailable}
    return exact.get(status) or (Invalid if status < 500 else Unavailable)
