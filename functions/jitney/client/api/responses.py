"""The broker's answers as frozen values. Names are the API's.

Members that this client does not know are dropped. Answers are printed from these values. So a credential under an
unknown name is never printed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from jitney.client.api.api_object import ApiObject, ApiTime, checked_text
from jitney.client.api.explanations import ApiRequiredAction
from jitney.client.api.grant_members import (
    ApiAccessProfile,
    ApiEarlierApproval,
    ApiFact,
    ApiOutlivingEffect,
    ApiReview,
    ApiRevocation,
    ApiVote,
)
from jitney.client.api.grant_request import ApiPermission

DEFAULT_RETRY_SECONDS = 5
GRANT_ID = re.compile(r"g-[a-z2-7]{14}", re.ASCII)
REGION = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiGrant(ApiObject):
    """One grant. Times are ISO 8601 in UTC.

    `state` is pending, active, rejected, expired, released, revoked, failed or used. `ends_by` is when the token that
    requested the grant ends, if the grant ends with it. `ending` is set once the grant was released or revoked. After
    an emergency cut-off of its unit or of the whole role, credentials issued until `cut_off_at` do not work. `votes`
    are the latest votes, one of each reviewer. `requester` is the agent in a few words, and `facts` are what its
    provider says about it. A grant with the `way` "gateway" has no credentials: the broker makes its calls. With
    `reveal`, the broker does not mask sensitive values in their answers. A grant with a `call` covers that call only,
    which was sent at `used_at`. Its `ends_by` is the end of the grant that the call belongs to. A grant that needed no
    review, because people approved the same access before, has `earlier_approvals`.
    """

    id: str
    state: str
    target: str
    permissions: tuple[ApiPermission, ...]
    duration_seconds: int
    created_at: ApiTime
    expires_at: ApiTime | None = None
    ends_by: ApiTime | None = None
    starts_at: ApiTime | None = None
    account: str = ""
    region: str = ""
    role_arn: str = ""
    reason: str = ""
    ticket: str | None = None
    requester: str = ""
    principal: str = ""
    subject: str = ""
    unit: str = ""
    facts: tuple[ApiFact, ...] = ()
    human: str | None = None
    policy_version: str = ""
    ending: ApiRevocation | None = None
    cut_off_at: ApiTime | None = None
    votes: tuple[ApiVote, ...] = ()
    earlier_approvals: tuple[ApiEarlierApproval, ...] = ()
    access_profile: ApiAccessProfile | None = None
    way: str = "credentials"
    reveal: bool = False
    call: Mapping[str, Any] | None = None
    used_at: ApiTime | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a text that is no Region. Some SDKs would make a host name of it."""
        if self.region and not REGION.fullmatch(self.region):
            raise ValueError("the answer's Region is no Region")


@dataclass(frozen=True, slots=True)
class ApiCredentials(ApiObject):
    """AWS credentials of one grant. They end at `expiration` (ISO 8601). A repr shows only the key id."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: ApiTime


@dataclass(frozen=True, slots=True)
class GrantWithCredentials:
    """A grant with its credentials."""

    grant: ApiGrant
    credentials: ApiCredentials


@dataclass(frozen=True, slots=True)
class GrantResponse:
    """The broker's answer about one grant.

    `credentials` are set if they were just issued, and `review` while the grant is pending. Poll again after
    `retry_seconds`. `repeats` is true when an equal request was already under review. `outlives` is set after a release
    or revocation. `held` is true if the broker held the answer, as requested.
    """

    grant: ApiGrant
    credentials: ApiCredentials | None = None
    review: ApiReview | None = None
    retry_seconds: int = DEFAULT_RETRY_SECONDS
    repeats: bool = False
    outlives: tuple[ApiOutlivingEffect, ...] = ()
    held: bool = False

    @classmethod
    def read(
        cls, document: Mapping[str, Any], retry_seconds: int = DEFAULT_RETRY_SECONDS, *, held: bool = False
    ) -> Self:
        """Return the answer in a body of the API. Raises KeyError, TypeError or ValueError for any other body."""
        credentials, review = document.get("credentials"), document.get("review")
        return cls(
            ApiGrant.read(document["grant"]),
            ApiCredentials.read(credentials) if credentials else None,
            ApiReview.read(review) if review else None,
            retry_seconds,
            document.get("repeats") is True,
            tuple(ApiOutlivingEffect.read(each) for each in document.get("outlives", ())),
            held,
        )

    def document(self) -> dict[str, Any]:
        """Return the answer as JSON, without the credentials (row CLI 1)."""
        body: dict[str, Any] = {"grant": self.grant.document()}
        body |= {"review": self.review.document()} if self.review else {}
        body |= {"outlives": [each.document() for each in self.outlives]} if self.outlives else {}
        return body | {"repeats": True} if self.repeats else body


@dataclass(frozen=True, slots=True)
class ApiReason(ApiObject):
    """One reason of a decision: the name of a policy or built-in rule, and a sentence.

    `action` and `resource` are what the reason is about; "" stands for all.

    `template` is the sentence with `{action}` instead of the action, or "" when the sentence names no action.
    """

    policy: str
    sentence: str
    action: str = ""
    resource: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True)
class ApiRisk(ApiObject):
    """A risk: its name, a sentence, the actions that have it, the agent's other grants that add to it, and a source."""

    risk: str
    sentence: str
    actions: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    source: str = ""
    level: str = "unknown"


@dataclass(frozen=True, slots=True)
class ApiDecision(ApiObject):
    """What policy would decide about a request. Nothing was issued."""

    effect: str
    reasons: tuple[ApiReason, ...]
    permissions: tuple[ApiPermission, ...]
    reviews: tuple[tuple[str, ...], ...] = ()
    allowed_subset: tuple[ApiPermission, ...] = ()
    longest_seconds: int = 0
    retry_at: ApiTime | None = None
    session_policy: Mapping[str, Any] = field(default_factory=dict)
    session_policy_size: Mapping[str, int] = field(default_factory=dict)
    policy_version: str = ""
    explanation: tuple[ApiRequiredAction, ...] = ()
    risks: tuple[ApiRisk, ...] = ()
    session_policy_arns: tuple[str, ...] = ()
    ways: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the decision as JSON."""
        optional = ("explanation", "retry_at")
        members = ApiObject.document(self).items()
        return {name: value for name, value in members if value or name not in optional}


@dataclass(frozen=True, slots=True)
class GrantPage:
    """One page of the principal's own grants, with the reviews of pending ones.

    `next` is the cursor of the next page, or None.
    """

    grants: tuple[GrantResponse, ...]
    next: str | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the page in a body of the API. Raises KeyError, TypeError or ValueError for any other body."""
        listed = ({"grant": item, "review": {**item}.get("review")} for item in document["grants"])
        following = document.get("next")
        return cls(tuple(map(GrantResponse.read, listed)), None if following is None else checked_text(following))

    def document(self) -> dict[str, Any]:
        """Return the page as JSON."""
        reviews = ({"review": each.review.document()} if each.review else {} for each in self.grants)
        listed = [each.grant.document() | review for each, review in zip(self.grants, reviews, strict=True)]
        return {"grants": listed, "next": self.next}
