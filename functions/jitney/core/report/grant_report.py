"""What a story holds. Times in epoch seconds, 0 for what is not known; people and agents are source identities."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from jitney.core.access.request import Permission
from jitney.core.report.published_lines import PublishedCall


class ReportedState(StrEnum):
    """How it stands: not decided, in force, or how it ended."""

    PENDING = "pending"
    ACTIVE = "active"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RELEASED = "released"
    REVOKED = "revoked"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Requester(NamedTuple):
    """Who asked, for whom, and from which addresses it asked and fetched credentials."""

    principal: str
    human: str
    issuer: str
    subject: str
    addresses: tuple[str, ...]


class Terms(NamedTuple):
    """What may be done, and for how long."""

    permissions: tuple[Permission, ...]
    duration_seconds: int


class Times(NamedTuple):
    """When it was asked for, decided about, when credentials were first issued, and when they end or ended.

    `until` is the end that was set, `ended` when it really ended; 0 for what has not happened.
    """

    asked: int
    decided: int
    issued: int
    until: int
    ended: int


class ReportedEnd(NamedTuple):
    """How it ended, by whom and why; `denied_after_milliseconds` from the call to the first denial by AWS, None: not seen.

    `measured` says whether anything was tried to see it; `noted` whether the end is on record.
    """

    how: ReportedState
    by: str = ""
    why: str = ""
    measured: bool = False
    denied_after_milliseconds: int | None = None
    noted: bool = True


class SentNotification(NamedTuple):
    """One notice: when and why, whom it was for, on which channels it went out, and where it failed with which code."""

    at: int
    notice: str
    people: tuple[str, ...]
    channels: tuple[str, ...]
    failures: tuple[str, ...]


class ReportedVote(NamedTuple):
    """One vote; `terms` is what was granted with it if that is less than was asked."""

    at: int
    by: str
    verdict: str
    delegations: tuple[str, ...]
    comment: str
    via: str
    less: Terms | None


class ReportedBreakGlass(NamedTuple):
    """That it was taken without its reviewers."""

    at: int
    by: str
    reason: str
    until: str


class FollowUpReview(NamedTuple):
    """What somebody said of a broken glass afterwards."""

    at: int
    by: str
    judgement: str
    comment: str


class CredentialIssuance(NamedTuple):
    """An issue of credentials: the first or a renewal, from where it was asked, or why it failed."""

    at: int
    address: str
    outcome: str
    code: str


class CallGroup(NamedTuple):
    """Calls of one operation that came to the same: `code` is AWS's, "" for those that worked; `bypass` has reasons."""

    name: str
    actions: tuple[str, ...]
    code: str
    bypass: tuple[str, ...]
    times: int
    first: int
    last: int
    resources: tuple[str, ...]


class LeftoverResource(NamedTuple):
    """What a call made and none took away: "role reporter"."""

    thing: str
    at: int
    name: str


class RecordSummary(NamedTuple):
    """One record in its place; `known` is False for an event that this version does not know."""

    seq: int
    at: int
    event: str
    outcome: str
    code: str
    known: bool


@dataclass(frozen=True, slots=True)
class GrantReport:
    """The whole story of one grant, as far as the records and calls tell it.

    `asked` is what was asked for, `granted` what came of it after its reviewers, None where nothing was; `using` are
    the calls that the request was made from. `reviews` are the alternatives of groups that would have sufficed.
    `repeats` are when the same was asked again and joined; `cut_offs` when its credentials were cut off with others'.
    `uses` are calls in its sessions that worked or failed for a reason of their own, `denied` those that IAM denied,
    `bypasses` those in its name that it does not explain; `besides` counts the broker's own calls, by which it issues
    credentials and sees that an end holds, and `begun` the sessions that CloudTrail saw begin. `calls` counts the
    first three, and `seen` has those that it explains, one by one. `never` are the granted actions without such a call.
    `doubts` are sentences about what is missing or contradictory. `partial`: not all calls and records are in it, so
    that nothing follows from there being none, and `never` is empty.
    """

    grant_id: str
    who: Requester
    reason: str
    ticket: str
    target: str
    account: str
    asked: Terms
    granted: Terms | None
    using: tuple[str, ...]
    policies: tuple[str, ...]
    policy_version: str
    risks: tuple[str, ...]
    reviews: tuple[tuple[str, ...], ...]
    told: tuple[SentNotification, ...]
    votes: tuple[ReportedVote, ...]
    break_glass: ReportedBreakGlass | None
    follow_ups: tuple[FollowUpReview, ...]
    times: Times
    end: ReportedEnd
    issues: tuple[CredentialIssuance, ...]
    repeats: tuple[int, ...]
    cut_offs: tuple[int, ...]
    uses: tuple[CallGroup, ...]
    denied: tuple[CallGroup, ...]
    bypasses: tuple[CallGroup, ...]
    calls: int
    begun: int
    besides: int
    never: tuple[Permission, ...]
    left: tuple[LeftoverResource, ...]
    seen: tuple[PublishedCall, ...]
    moments: tuple[RecordSummary, ...]
    warnings: tuple[str, ...]
    partial: bool
