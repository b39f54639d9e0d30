"""What the broker answers, as frozen values that hold the API's own words.

Members that this client does not know are dropped: an answer is printed from these values, so a credential can never
slip out under a name nobody looked for.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from jitney.client.asking import Permission

DEFAULT_RETRY_SECONDS = 5
GRANT_ID = re.compile(r"g-[a-z2-7]{14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a grant was taken back: when (ISO 8601), by whom, why, and how soon AWS refused its credentials."""

    at: str
    by: str
    reason: str = ""
    kill_milliseconds: int | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The ending in a JSON object of the API. Raises TypeError when it is none."""
        return cls(**{item.name: document[item.name] for item in fields(cls) if item.name in document})


@dataclass(frozen=True, slots=True)
class Vote:
    """What a reviewer said, `approve` or `reject`, with a comment for the agent, and for which absent members."""

    human: str
    verdict: str
    comment: str = ""
    at: str = ""
    stands_in_for: tuple[str, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The vote in a JSON object of the API. Raises KeyError or TypeError when it is none."""
        comment, at = document.get("comment", ""), document.get("at", "")
        return cls(document["human"], document["verdict"], comment, at, tuple(document.get("stands_in_for", ())))


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant. Times are ISO 8601, UTC.

    `state` is pending, active, rejected, expired, released, revoked or failed. `ending` is there once it was taken
    back. What was issued until `cut_off_at` works no longer: its agent or the whole role was cut off. `votes` are the
    reviewers' latest.
    """

    id: str
    state: str
    target: str
    permissions: tuple[Permission, ...]
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
    ending: Ending | None = None
    cut_off_at: str | None = None
    votes: tuple[Vote, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The grant in a JSON object of the API. Raises KeyError, TypeError or ValueError when it is none."""
        known = {item.name: document[item.name] for item in fields(cls) if item.name in document}
        ending = document.get("ending")
        read = {
            "permissions": read_permissions(document["permissions"]),
            "ending": Ending.read(ending) if ending else None,
            "votes": tuple(Vote.read(vote) for vote in document.get("votes", ())),
        }
        return cls(**known | read)

    def document(self) -> dict[str, Any]:
        """The grant as JSON: no credential is in it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Credentials:
    """AWS credentials of one grant; `expiration` is the true end, ISO 8601. Only the key id shows in a repr."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expiration: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A grant with the credentials that were issued for it."""

    grant: Grant
    credentials: Credentials


@dataclass(frozen=True, slots=True)
class Review:
    """Who was asked: any one of the group sets in `any_of`, all groups of that set; open until `expires_at`.

    `approved` are the groups that have approved, `escalated_to` those that were asked later in the place of others.
    """

    any_of: tuple[tuple[str, ...], ...]
    expires_at: str | None = None
    approved: tuple[str, ...] = ()
    escalated_to: tuple[str, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The review in a JSON object of the API. Raises KeyError or TypeError when it is none."""
        return cls(
            tuple(tuple(groups) for groups in document["any_of"]),
            document.get("expires_at"),
            tuple(document.get("approved", ())),
            tuple(document.get("escalated_to", ())),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A grant with what came with it.

    `credentials` when it was just issued; `review` while it is pending; `retry_seconds` until it is worth asking again;
    `repeats` when it was under review already, and nobody was asked again.
    """

    grant: Grant
    credentials: Credentials | None = None
    review: Review | None = None
    retry_seconds: int = DEFAULT_RETRY_SECONDS
    repeats: bool = False

    @classmethod
    def read(cls, document: Mapping[str, Any], retry_seconds: int = DEFAULT_RETRY_SECONDS) -> Self:
        """The answer in a body of the API. Raises KeyError, TypeError or ValueError when it is none."""
        credentials, review = document.get("credentials"), document.get("review")
        return cls(
            Grant.read(document["grant"]),
            Credentials(**{item.name: credentials[item.name] for item in fields(Credentials)}) if credentials else None,
            Review.read(review) if review else None,
            retry_seconds,
            document.get("repeats") is True,
        )

    def document(self) -> dict[str, Any]:
        """The answer as JSON, without the credentials (row CLI 1)."""
        body: dict[str, Any] = {"grant": self.grant.document()}
        body |= {"review": asdict(self.review)} if self.review else {}
        return body | {"repeats": True} if self.repeats else body


@dataclass(frozen=True, slots=True)
class Reason:
    """Why policy says so: the policy's or built-in rule's name, a sentence, and the pair it is about ("" for all)."""

    policy: str
    sentence: str
    action: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Risk:
    """What makes a request risky: a name, a sentence, the actions that have it, own grants that take part, a source."""

    risk: str
    sentence: str
    actions: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """One action that a call needs, on which resources, and why; `call` is masked but for what names them."""

    call: str
    action: str
    resources: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy would say to a request; nothing was issued. `session_policy_size` is (characters, limit)."""

    effect: str
    reasons: tuple[Reason, ...]
    permissions: tuple[Permission, ...]
    reviews: tuple[tuple[str, ...], ...]
    allowed_subset: tuple[Permission, ...]
    longest_seconds: int
    session_policy: Mapping[str, Any]
    session_policy_size: Mapping[str, int]
    policy_version: str
    explanation: tuple[Need, ...] = ()
    risks: tuple[Risk, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The decision in a body of the API. Raises KeyError, TypeError or ValueError when it is none."""
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
class Page:
    """Some of the principal's own grants; `next` is the cursor of the next page, or None."""

    grants: tuple[Grant, ...]
    next: str | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The page in a body of the API. Raises KeyError, TypeError or ValueError when it is none."""
        return cls(tuple(Grant.read(item) for item in document["grants"]), document.get("next"))

    def document(self) -> dict[str, Any]:
        """The page as JSON."""
        return {"grants": [grant.document() for grant in self.grants], "next": self.next}


def read_permissions(items: Any) -> tuple[Permission, ...]:
    """The permissions in a JSON list of the API. Raises KeyError or TypeError when it is none."""
    return tuple(Permission(tuple(item["actions"]), tuple(item["resources"])) for item in items)


def read_reasons(items: Any) -> tuple[Reason, ...]:
    """The reasons in a JSON list of the API; members that this client does not know are dropped."""
    names = [item.name for item in fields(Reason)]
    return tuple(Reason(**{name: item[name] for name in names if name in item}) for item in items)


def read_risks(items: Any) -> tuple[Risk, ...]:
    """The risks in a JSON list of the API. Raises KeyError or TypeError when it is none."""
    return tuple(
        Risk(item["risk"], item["sentence"], tuple(item["actions"]), tuple(item["grants"]), item["source"])
        for item in items
    )


def read_explanation(items: Any) -> tuple[Need, ...]:
    """The explanation in a JSON list of the API. Raises KeyError or TypeError when it is none."""
    return tuple(Need(item["call"], item["action"], tuple(item["resources"]), item["why"]) for item in items)
