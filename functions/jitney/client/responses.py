"""The broker's answers, as frozen values with the API's own names.

Members that this client does not know are dropped. Answers are printed from these values, so a credential under an
unknown name is never printed.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from jitney.client.grant_request import ApiPermission

DEFAULT_RETRY_SECONDS = 5
GRANT_ID = re.compile(r"g-[a-z2-7]{14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiRevocation:
    """When a grant was ended (ISO 8601), by which principal, why, and how soon AWS refused its credentials."""

    at: str
    by: str
    reason: str = ""
    denied_after_milliseconds: int | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The ending in a JSON object of the API. Raises TypeError otherwise."""
        return cls(**{item.name: document[item.name] for item in fields(cls) if item.name in document})


@dataclass(frozen=True, slots=True)
class ApiVote:
    """A reviewer's verdict, `approve` or `reject`, with a comment, and the absent members they are delegate for."""

    human: str
    verdict: str
    comment: str = ""
    at: str = ""
    delegate_for: tuple[str, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The vote in a JSON object of the API. Raises KeyError or TypeError otherwise."""
        comment, at = document.get("comment", ""), document.get("at", "")
        return cls(document["human"], document["verdict"], comment, at, tuple(document.get("delegate_for", ())))


@dataclass(frozen=True, slots=True)
class ApiGrant:
    """One grant. Times are ISO 8601, UTC.

    `state` is pending, active, rejected, expired, released, revoked or failed. `ending` is set once it was released
    or revoked. Credentials issued until `cut_off_at` no longer work, since its agent or the whole role was cut off.
    `votes` are the latest of each reviewer.
    """

    id: str
    state: str
    target: str
    permissions: tuple[ApiPermission, ...]
    duration_seconds: int
    created_at: str
    expires_at: str | None = None
    starts_at: str | None = None
    account: str = ""
    region: str = ""
    role_arn: str = ""
    reason: str = ""
    ticket: str | None = None
    principal: str = ""
    human: str | None = None
    policy_version: str = ""
    ending: ApiRevocation | None = None
    cut_off_at: str | None = None
    votes: tuple[ApiVote, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The grant in a JSON object of the API. Raises KeyError, TypeError or ValueError otherwise."""
        known = {item.name: document[item.name] for item in fields(cls) if item.name in document}
        ending = document.get("ending")
        read = {
            "permissions": read_permissions(document["permissions"]),
            "ending": ApiRevocation.read(ending) if ending else None,
            "votes": tuple(ApiVote.read(vote) for vote in document.get("votes", ())),
        }
        return cls(**known | read)

    def document(self) -> dict[str, Any]:
        """The grant as JSON. It holds no credential."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ApiCredentials:
    """AWS credentials of one grant; `expiration` is their end, ISO 8601. A repr shows only the key id."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: str


@dataclass(frozen=True, slots=True)
class GrantWithCredentials:
    """A grant with its credentials."""

    grant: ApiGrant
    credentials: ApiCredentials


@dataclass(frozen=True, slots=True)
class ApiReview:
    """The reviewers of a request: all groups of any one set in `any_of` have to approve before `expires_at`.

    `approved` are the groups that have approved, `escalated_to` those that were notified later because others did not
    answer.
    """

    any_of: tuple[tuple[str, ...], ...]
    expires_at: str | None = None
    approved: tuple[str, ...] = ()
    escalated_to: tuple[str, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The review in a JSON object of the API. Raises KeyError or TypeError otherwise."""
        return cls(
            tuple(tuple(groups) for groups in document["any_of"]),
            document.get("expires_at"),
            tuple(document.get("approved", ())),
            tuple(document.get("escalated_to", ())),
        )


@dataclass(frozen=True, slots=True)
class GrantResponse:
    """The broker's answer about one grant.

    `credentials` are set when they were just issued, `review` while the grant is pending. Poll again after
    `retry_seconds`. `repeats` is true when an equal request was already under review.
    """

    grant: ApiGrant
    credentials: ApiCredentials | None = None
    review: ApiReview | None = None
    retry_seconds: int = DEFAULT_RETRY_SECONDS
    repeats: bool = False

    @classmethod
    def read(cls, document: Mapping[str, Any], retry_seconds: int = DEFAULT_RETRY_SECONDS) -> Self:
        """The answer in a body of the API. Raises KeyError, TypeError or ValueError otherwise."""
        credentials, review = document.get("credentials"), document.get("review")
        return cls(
            ApiGrant.read(document["grant"]),
            ApiCredentials(**{item.name: credentials[item.name] for item in fields(ApiCredentials)})
            if credentials
            else None,
            ApiReview.read(review) if review else None,
            retry_seconds,
            document.get("repeats") is True,
        )

    def document(self) -> dict[str, Any]:
        """The answer as JSON, without the credentials (row CLI 1)."""
        body: dict[str, Any] = {"grant": self.grant.document()}
        body |= {"review": asdict(self.review)} if self.review else {}
        return body | {"repeats": True} if self.repeats else body


@dataclass(frozen=True, slots=True)
class ApiReason:
    """Why policy decided so: the policy's or built-in rule's name, a sentence, and its pair ("" for all pairs).

    `template` is the sentence with `{action}` in place of the action, "" when the sentence does not name it.
    """

    policy: str
    sentence: str
    action: str = ""
    resource: str = ""
    template: str = ""


@dataclass(frozen=True, slots=True)
class ApiRisk:
    """A risk of a request: its name, a sentence, the actions that have it, own grants that add to it, and a source."""

    risk: str
    sentence: str
    actions: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class ApiRequiredAction:
    """One action that a call needs, its resources, and why. `call` is masked except for values that name resources."""

    call: str
    action: str
    resources: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class ApiDecision:
    """What policy would decide about a request; nothing was issued."""

    effect: str
    reasons: tuple[ApiReason, ...]
    permissions: tuple[ApiPermission, ...]
    reviews: tuple[tuple[str, ...], ...]
    allowed_subset: tuple[ApiPermission, ...]
    longest_seconds: int
    session_policy: Mapping[str, Any]
    session_policy_size: Mapping[str, int]
    policy_version: str
    explanation: tuple[ApiRequiredAction, ...] = ()
    risks: tuple[ApiRisk, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The decision in a body of the API. Raises KeyError, TypeError or ValueError otherwise."""
        return cls(
            effect=document["effect"],
            reasons=read_reasons(document["reasons"]),
            permissions=read_permissions(document["permissions"]),
            reviews=tuple(tuple(groups) for groups in document.get("reviews", ())),
            allowed_subset=read_permissions(document.get("allowed_subset", ())),
            longest_seconds=document.get("longest_seconds", 0),
            session_policy=document.get("session_policy") or {},
            session_policy_size=document.get("session_policy_size") or {},
            policy_version=document.get("policy_version", ""),
            explanation=read_explanation(document.get("explanation", ())),
            risks=read_risks(document.get("risks", ())),
        )

    def document(self) -> dict[str, Any]:
        """The decision as JSON."""
        members = asdict(self)
        return members if self.explanation else {name: members[name] for name in members if name != "explanation"}


@dataclass(frozen=True, slots=True)
class GrantPage:
    """One page of the principal's own grants; `next` is the cursor of the next page, or None."""

    grants: tuple[ApiGrant, ...]
    next: str | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The page in a body of the API. Raises KeyError, TypeError or ValueError otherwise."""
        return cls(tuple(ApiGrant.read(item) for item in document["grants"]), document.get("next"))

    def document(self) -> dict[str, Any]:
        """The page as JSON."""
        return {"grants": [grant.document() for grant in self.grants], "next": self.next}


def read_permissions(items: Any) -> tuple[ApiPermission, ...]:
    """The permissions in a JSON list of the API. Raises KeyError or TypeError otherwise."""
    return tuple(ApiPermission(tuple(item["actions"]), tuple(item["resources"])) for item in items)


def read_reasons(items: Any) -> tuple[ApiReason, ...]:
    """The reasons in a JSON list of the API, without members that this client does not know."""
    names = [item.name for item in fields(ApiReason)]
    return tuple(ApiReason(**{name: item[name] for name in names if name in item}) for item in items)


def read_risks(items: Any) -> tuple[ApiRisk, ...]:
    """The risks in a JSON list of the API. Raises KeyError or TypeError otherwise."""
    return tuple(
        ApiRisk(item["risk"], item["sentence"], tuple(item["actions"]), tuple(item["grants"]), item["source"])
        for item in items
    )


def read_explanation(items: Any) -> tuple[ApiRequiredAction, ...]:
    """The explanation in a JSON list of the API. Raises KeyError or TypeError otherwise."""
    return tuple(
        ApiRequiredAction(item["call"], item["action"], tuple(item["resources"]), item["why"]) for item in items
    )
