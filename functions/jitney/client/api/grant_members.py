"""The parts of a grant in the broker's answers, with the API's own names."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ApiRevocation:
    """The end of a grant: when (ISO 8601), by which principal, why, and how soon AWS refused its credentials.

    `written_at` is when IAM accepted the denial. `denied_after_milliseconds` and `written_at` are None until they are
    on record.
    """

    at: str
    by: str
    reason: str = ""
    denied_after_milliseconds: int | None = None
    written_at: str | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the end in a JSON object of the API. Raises TypeError for any other object."""
        return cls(**{item.name: document[item.name] for item in fields(cls) if item.name in document})


@dataclass(frozen=True, slots=True)
class ApiVote:
    """A reviewer's vote, `approve` or `reject`, with a comment.

    A delegate's vote counts for the members `delegate_for`, who are out of office.
    """

    human: str
    verdict: str
    comment: str = ""
    at: str = ""
    delegate_for: tuple[str, ...] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the vote in a JSON object of the API. Raises KeyError or TypeError for any other object."""
        comment, at = document.get("comment", ""), document.get("at", "")
        return cls(document["human"], document["verdict"], comment, at, tuple(document.get("delegate_for", ())))


@dataclass(frozen=True, slots=True)
class ApiEarlierApproval:
    """An approval, by reviewer groups, of an earlier grant that covers the same access."""

    grant: str
    groups: tuple[str, ...]
    at: str

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the approval in a JSON object of the API. Raises KeyError or TypeError for any other object."""
        return cls(document["grant"], tuple(document["groups"]), document["at"])


@dataclass(frozen=True, slots=True)
class ApiAccessProfile:
    """The access profile of a grant: its name, and the SHA-256 of what it allows."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class ApiFact:
    """A fact about the agent from its provider: a label and a value. The agent may have chosen the value."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class ApiOutlivingEffect:
    """What outlives a grant that was released or revoked, and what a person can do about it.

    `used` are the actions that CloudTrail shows so far, or None if no calls were read. `longest_seconds` is None if the
    effect works until a person ends it.
    """

    effect: str
    sentence: str
    actions: tuple[str, ...]
    left_to_do: str
    used: tuple[str, ...] | None = None
    longest_seconds: int | None = None
    source: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the effect in a JSON object of the API. Raises KeyError or TypeError for any other object."""
        used = document.get("used")
        return cls(
            document["effect"],
            document["sentence"],
            tuple(document["actions"]),
            document["left_to_do"],
            None if used is None else tuple(used),
            document.get("longest_seconds"),
            document.get("source", ""),
        )


@dataclass(frozen=True, slots=True)
class ApiReview:
    """The reviewers of a request. All groups of one set in `any_of` must approve before `expires_at`.

    `approved` are the groups that have approved. `escalated_to` are the groups that were notified later, because
    reviewers of other groups did not answer. `reviewers` are the people who were asked, and `review_url` is the page on
    which they decide.
    """

    any_of: tuple[tuple[str, ...], ...]
    expires_at: str | None = None
    approved: tuple[str, ...] = ()
    escalated_to: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    review_url: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the review in a JSON object of the API. Raises KeyError or TypeError for any other object."""
        return cls(
            tuple(tuple(groups) for groups in document["any_of"]),
            document.get("expires_at"),
            tuple(document.get("approved", ())),
            tuple(document.get("escalated_to", ())),
            tuple(document.get("reviewers", ())),
            str(document.get("review_url", "")),
        )
