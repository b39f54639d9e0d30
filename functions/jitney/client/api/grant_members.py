"""The parts of a grant in the broker's answers, with the API's own names."""

from dataclasses import dataclass

from jitney.client.api.api_object import ApiObject, ApiTime


@dataclass(frozen=True, slots=True)
class ApiRevocation(ApiObject):
    """The end of a grant: when (ISO 8601), by which principal, why, and how soon AWS refused its credentials.

    `written_at` is when IAM accepted the denial. `denied_after_milliseconds` and `written_at` are None until they are
    on record.
    """

    at: ApiTime
    by: str
    reason: str = ""
    denied_after_milliseconds: int | None = None
    written_at: ApiTime | None = None


@dataclass(frozen=True, slots=True)
class ApiVote(ApiObject):
    """A reviewer's vote, `approve` or `reject`, with a comment.

    A delegate's vote counts for the members `delegate_for`, who are out of office.
    """

    human: str
    verdict: str
    comment: str = ""
    at: str = ""
    delegate_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApiEarlierApproval(ApiObject):
    """An approval, by reviewer groups, of an earlier grant that covers the same access."""

    grant: str
    groups: tuple[str, ...]
    at: str


@dataclass(frozen=True, slots=True)
class ApiAccessProfile(ApiObject):
    """The access profile of a grant: its name, and the SHA-256 of what it allows."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class ApiFact(ApiObject):
    """A fact about the agent from its provider: a label and a value. The agent may have chosen the value."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class ApiOutlivingEffect(ApiObject):
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


@dataclass(frozen=True, slots=True)
class ApiReview(ApiObject):
    """The reviewers of a request. All groups of one set in `any_of` must approve before `expires_at`.

    `approved` are the groups that have approved. `escalated_to` are the groups that were notified later, because
    reviewers of other groups did not answer. `reviewers` are the people who were asked, and `review_url` is the page on
    which they decide.
    """

    any_of: tuple[tuple[str, ...], ...]
    expires_at: ApiTime | None = None
    approved: tuple[str, ...] = ()
    escalated_to: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    review_url: str = ""
