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
from typing import TYPE_CHECKING, Any, ClassVar

from jitney.client.api.grant_request import GrantRequest

if TYPE_CHECKING:
    from jitney.client.api.grant_members import ApiReview
    from jitney.client.api.problem_members import ApiProblem
    from jitney.client.api.responses import GrantResponse


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

    @property
    def members(self) -> "ApiProblem":
        """The members that this client knows. Raises KeyError, TypeError or ValueError for members of other types."""
        from jitney.client.api.problem_members import ApiProblem  # noqa: PLC0415 - most processes have no problem

        return ApiProblem.read(self.document())

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
        grant = self.members.grant
        return grant.id if grant else ""

    @property
    def review_url(self) -> str:
        """The page on which the reviewers decide, or ""."""
        review = self.review
        return review.review_url if review else ""

    @property
    def reviewers(self) -> tuple[str, ...]:
        """The names of the people who were asked."""
        review = self.review
        return review.reviewers if review else ()

    @property
    def review(self) -> "ApiReview | None":
        """The reviewers who were asked, if the problem names them. Raises as `members`."""
        from jitney.client.api.grant_members import ApiReview  # noqa: PLC0415 - as in `members`

        given = self.extras.get("review")
        return ApiReview.read(given) if given else None

    @property
    def answer(self) -> "GrantResponse":
        """The broker's answer about the grant under review. Raises KeyError if the problem names no grant."""
        from jitney.client.api.responses import GrantResponse  # noqa: PLC0415 - as in `members`

        return GrantResponse.read(self.extras)


class Unauthenticated(ClientProblem):
    """No token was found, or the broker does not accept it."""

    exit_code = 5


class Unavailable(ClientProblem):
    """The broker, the identity provider or AWS did not answer as it should."""

    exit_code = 6


class GrantEnded(ClientProblem):
    """The grant does not exist, or has ended."""

    exit_code = 7
