"""The data of a grant's report.

Times are epoch seconds, 0 if unknown. People and agents are source identities.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from jitney.core.access.request import Permission
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.access.way_wording import way_in_words
from jitney.core.identity.requester import Requester
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.report.published_lines import PublishedCall
from jitney.core.trail.gaps import TrailGap

NOT_SENT = (Outcome.REFUSED, Outcome.DENIED)
"""Outcomes of gateway calls that AWS never saw, and whose parameters are not recorded."""


class ReportedState(StrEnum):
    """The state of a grant: undecided, in force, or how it ended."""

    PENDING = "pending"
    ACTIVE = "active"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RELEASED = "released"
    REVOKED = "revoked"
    FAILED = "failed"
    USED = "used"
    UNKNOWN = "unknown"


class Terms(NamedTuple):
    """Permissions and a duration."""

    permissions: tuple[Permission, ...]
    duration_seconds: int


class Times(NamedTuple):
    """When a grant was requested, decided and first issued, and when it expires and ended; 0 if it did not happen.

    `expires_at` is the end that was set; `ended` is the actual end.
    """

    requested: int
    decided: int
    issued: int
    expires_at: int
    ended: int


class ReportedEnd(NamedTuple):
    """The end of a grant, with the person who ended it and the reason.

    `denied_after_milliseconds` is the time from the call that ended access to AWS's first denial. It is None if no
    denial was seen. `measured` says whether the broker measured it. `recorded` says whether the end is on record.
    `deny_entry_at` is when IAM accepted the deny entry, or 0. `deny_entry_failure` is the code if it first did not.
    `denial_unrecorded` says that credentials were revoked, and no record says that AWS denies them.
    """

    state: ReportedState
    by: str = ""
    reason: str = ""
    measured: bool = False
    denied_after_milliseconds: int | None = None
    recorded: bool = True
    deny_entry_at: int = 0
    deny_entry_failure: str = ""
    denial_unrecorded: bool = False


class SentNotification(NamedTuple):
    """One notification: its kind, its recipients, the channels that worked, and the failures with their codes."""

    at: int
    notice: str
    recipients: tuple[str, ...]
    channels: tuple[str, ...]
    failures: tuple[str, ...]


class ReportedVote(NamedTuple):
    """One vote. `narrowed_terms` is what the vote granted, if the vote narrowed the request.

    An approval for `this_time_only` does not count for the same request again. `code` says why the vote did not count.
    """

    at: int
    by: str
    verdict: str
    on_behalf_of: tuple[str, ...]
    comment: str
    via: str
    narrowed_terms: Terms | None
    this_time_only: bool
    code: str = ""


class RefusedAttempt(NamedTuple):
    """Equal refused attempts of a person or agent, such as votes on the grant: the first and last minute, and why."""

    first: int
    last: int
    event: str
    by: str
    code: str
    times: int


class ReportedBreakGlass(NamedTuple):
    """A use of break-glass, without its follow-up review."""

    at: int
    by: str
    reason: str
    follow_up_due_at: str


class FollowUpReview(NamedTuple):
    """A reviewer's judgement of a break-glass use."""

    at: int
    by: str
    judgement: str
    comment: str


class CredentialIssuance(NamedTuple):
    """One issuance of credentials, or a failed one with its code."""

    at: int
    address: str
    outcome: str
    code: str


class CallGroup(NamedTuple):
    """Calls of one operation with the same result.

    `code` is AWS's error code, or "" for success. `bypass_reasons` say why no grant explains the calls; () if one does.
    """

    name: str
    actions: tuple[str, ...]
    code: str
    bypass_reasons: tuple[str, ...]
    times: int
    first: int
    last: int
    resources: tuple[str, ...]


class ReportedCall(NamedTuple):
    """One call through the gateway. `parameters` are JSON with secrets masked. `masked` are paths in the answer.

    `outcome` is the outcome in the last record. `status` is AWS's HTTP status, or 0. `ticket` is True if the agent sent
    a presigned request itself. `events` counts CloudTrail's events of the call.
    """

    at: int
    call_id: str
    name: str
    region: str
    outcome: str
    code: str
    status: int
    parameters: str
    masked: tuple[str, ...]
    ticket: bool
    events: int


class LeftoverResource(NamedTuple):
    """A resource that the grant created and did not delete: "role reporter"."""

    resource: str
    at: int
    name: str


class RecordSummary(NamedTuple):
    """One record. `known` is False for an event that this version does not know."""

    seq: int
    at: int
    event: str
    outcome: str
    code: str
    known: bool


class ReportedWay(NamedTuple):
    """How the grant is used: a name of `Way`, or "" if the record has none, and whether answers are unmasked."""

    name: str
    reveal: bool

    @property
    def words(self) -> str:
        """The way in words; "" for credentials."""
        return way_in_words(self.name, reveal=self.reveal)


class UsedConfiguration(NamedTuple):
    """A configuration under which Jitney acted on the grant: its digest, and the first event under it."""

    digest: str
    at: int
    event: str


class GrantUsage(NamedTuple):
    """What was done with one grant, as CloudTrail's events show it.

    `calls` counts all calls in the grant's name. They are `uses` (successful and failed calls that the grant explains),
    `denied` (calls that IAM denied), `beyond_grant` (calls that succeeded outside of what was granted) and `bypasses`
    (calls that the grant does not explain). `broker_calls` counts calls that the broker makes to issue credentials and
    to check that access has ended. `sessions_started` counts the sessions that CloudTrail saw start. `explained_calls`
    lists the calls that the grant explains. `unused_permissions` are the granted actions without such a call.
    `unreadable` counts lines that are not calls.
    """

    uses: tuple[CallGroup, ...]
    denied: tuple[CallGroup, ...]
    beyond_grant: tuple[CallGroup, ...]
    bypasses: tuple[CallGroup, ...]
    calls: int
    sessions_started: int
    broker_calls: int
    unused_permissions: tuple[Permission, ...]
    leftover_resources: tuple[LeftoverResource, ...]
    explained_calls: tuple[PublishedCall, ...]
    unreadable: int


@dataclass(frozen=True, slots=True)
class GrantReport:
    """The report of one grant, built from its records and calls.

    `addresses` are the addresses from which the agent sent requests. `requested` are the requested terms. `granted` are
    the terms after the review, or None if nothing was granted. `requested_calls` are the calls from which the request
    was derived. `access_profile` is the requested profile on one line, or "". `way` is the requested way.
    `reviewed_call` is set for the grant of one call.

    `reviews` are the alternative sets of reviewer groups. `earlier_approvals` are the grants whose approvals counted
    for this one, with the groups that approved and the time. `repeated_requests` are the times of equal requests that
    joined this one. `cut_offs` are the times of emergency cut-offs of the role's sessions.

    `usage` is what CloudTrail's events show. `gateway_calls` are the calls through the gateway, in order.

    `trail_gaps` are the times in which CloudTrail was silent while the grant was open. `warnings` are sentences about
    these, and about missing records and contradictions. With `partial`, records or calls are missing, or may be. Then
    the absence of a call proves nothing, so the usage has no `unused_permissions`.
    """

    grant_id: str
    requester: Requester
    addresses: tuple[str, ...]
    reason: str
    ticket: str
    target: str
    account: str
    requested: Terms
    granted: Terms | None
    requested_calls: tuple[str, ...]
    access_profile: str
    way: ReportedWay
    reviewed_call: ReviewedCall | None
    policies: tuple[str, ...]
    policy_version: str
    configurations: tuple[UsedConfiguration, ...]
    risks: tuple[str, ...]
    reviews: tuple[tuple[str, ...], ...]
    earlier_approvals: tuple[tuple[str, tuple[str, ...], int], ...]
    notifications: tuple[SentNotification, ...]
    votes: tuple[ReportedVote, ...]
    break_glass: ReportedBreakGlass | None
    follow_up_reviews: tuple[FollowUpReview, ...]
    refused_attempts: tuple[RefusedAttempt, ...]
    times: Times
    end: ReportedEnd
    issuances: tuple[CredentialIssuance, ...]
    repeated_requests: tuple[int, ...]
    cut_offs: tuple[int, ...]
    usage: GrantUsage
    gateway_calls: tuple[ReportedCall, ...]
    records: tuple[RecordSummary, ...]
    trail_gaps: tuple[TrailGap, ...]
    warnings: tuple[str, ...]
    partial: bool

    @property
    def call_was_sent(self) -> bool:
        """Whether the one call of this grant was sent. The grant in which it was made has the call's records."""
        return any(each.event == AuditEvent.USE for each in self.records)
