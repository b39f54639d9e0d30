"""Every alarm: its metric, its limit, its row of the dashboard and its runbook.

The stack creates the alarms and the dashboard from `ALARMS` (`infra.monitoring`). docs/runbooks/README.md lists them.
"""

from infra.alarm_model import Alarm, Row
from infra.signals import (
    TARGET,
    of_all_functions,
    of_api,
    of_function,
    of_queue,
    of_replica,
    of_stream,
    of_workflow,
    own,
)
from jitney.core.integrity.seals import SEAL_INTERVAL_SECONDS
from jitney.core.records import audit, gauges, record_metrics

RECONCILER_SECONDS = 300
LATE_SECONDS = 1800
"""The age of a late message. `adapters.trail.TrailQueue` delays some messages for 15 minutes on purpose."""
SILENT_SECONDS = 1800
"""This time without a heartbeat is silence. CloudTrail needs 5 minutes on average, rarely over 15.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""
SLOWEST_DENIAL_MILLISECONDS = 10_000
"""IAM's changes take 4 to 8 seconds. After 16 seconds without a denial, the value is the time of the last call."""
WAITING_SECONDS = 1800
"""Half of a review with the usual `limits.review_seconds`: the time of its second and last reminder."""
DEPTH = "ApproximateNumberOfMessagesVisible"

ALARMS = (
    Alarm(
        "RolesNotDenying",
        Row.REVOCATION,
        own(gauges.ROLES_NOT_DENYING, "Maximum"),
        "Roles of targets do not deny all ended credentials. When this alarm returns to OK, all roles deny them.",
        period_seconds=RECONCILER_SECONDS,
        keeps_state=True,
        clear_periods=2,  # a run does not see failures that happen during it
    ),
    Alarm(
        "RevocationIncomplete",
        Row.REVOCATION,
        own(audit.UNDENIED_REVOCATIONS),
        "A person revoked a grant, and AWS does not deny its credentials yet.",
    ),  # Releases do not count, so that no agent can raise it.
    Alarm(
        "SuspensionIncomplete",
        Row.REVOCATION,
        own(record_metrics.INCOMPLETE_SUSPENSIONS),
        "A suspension is incomplete: something that it covers is not ended or not denied yet.",
    ),
    Alarm(
        "RevocationSlow",
        Row.REVOCATION,
        own(record_metrics.TIME_TO_DENY, "p90"),
        "AWS took over ten seconds to deny ended credentials.",
        above=SLOWEST_DENIAL_MILLISECONDS,
        period_seconds=900,
    ),
    Alarm(
        "RevocationsThrottled",
        Row.REVOCATION,
        of_function("revocations", "Throttles"),
        "Lambda refused to run a revocation.",
    ),
    Alarm(
        "SuspensionsThrottled",
        Row.REVOCATION,
        of_function("suspensions", "Throttles"),
        "Lambda refused to run a suspension.",
    ),
    Alarm(
        "ReconcilerFailed",
        Row.REVOCATION,
        own(audit.RECONCILED),
        "The reconciler had no complete run for 15 minutes, so deny documents are not repaired.",
        periods=3 * RECONCILER_SECONDS // 60,
        when_missing=True,
    ),
    Alarm(
        "GrantsUnreadable",
        Row.REVOCATION,
        own(audit.UNREADABLE_GRANTS),
        "Grants cannot be read, such as those of a newer version after a rollback. Nothing is issued for them.",
        period_seconds=RECONCILER_SECONDS,
        clear_periods=2,
    ),  # The reconciler reads every open grant, and so counts unreadable ones every five minutes.
    Alarm(
        "ApiErrors",
        Row.REQUESTS,
        of_api("5XXError"),
        "The API answered more than five requests in five minutes with 5xx.",
        above=5,
        period_seconds=300,
    ),
    Alarm(
        "AnswersFailed",
        Row.REQUESTS,
        own(audit.FAILED_ANSWERS),
        "Jitney failed to answer more than five requests in five minutes, or an AWS service did not answer Jitney.",
        above=5,
        period_seconds=300,
    ),  # ApiErrors also counts what agents cause, such as calls whose answer is too large to mask.
    Alarm(
        "IssuerKeysUnfetched",
        Row.REQUESTS,
        own(audit.UNFETCHED_KEYS),
        "The keys of an issuer could not be fetched for five minutes. Keys fetched before are used for 12 hours.",
        period_seconds=300,
        clear_periods=2,
    ),
    Alarm(
        "FunctionErrors",
        Row.REQUESTS,
        of_all_functions("Errors"),
        "More than ten invocations of functions failed in five minutes.",
        above=10,
        period_seconds=300,
    ),  # Functions do not raise what a workflow or a caller expects.
    Alarm(
        "FunctionsThrottled",
        Row.REQUESTS,
        of_all_functions("Throttles"),
        "Lambda refused more than ten invocations in five minutes.",
        above=10,
        period_seconds=300,
    ),
    Alarm(
        "ReviewsWaiting",
        Row.REVIEWS,
        own(gauges.OLDEST_PENDING, "Maximum"),
        "A request has waited for its reviewers for more than 30 minutes.",
        above=WAITING_SECONDS,
        period_seconds=RECONCILER_SECONDS,
        keeps_state=True,
    ),
    Alarm(
        "FollowUpsOverdue",
        Row.REVIEWS,
        own(gauges.OVERDUE_FOLLOW_UPS, "Maximum"),
        "The follow-up review of a use of break-glass is overdue.",
        period_seconds=RECONCILER_SECONDS,
        keeps_state=True,
    ),
    Alarm(
        "ReviewsFailed",
        Row.REVIEWS,
        own(record_metrics.FAILED_REVIEWS),
        "A request failed because its review could not continue.",
        period_seconds=300,
    ),
    Alarm(
        "WorkflowFailed",
        Row.REVIEWS,
        of_workflow("ExecutionsFailed"),
        "An execution of the approval workflow failed.",
        period_seconds=300,
    ),
    Alarm(
        "MessagesFailed",
        Row.REVIEWS,
        own(record_metrics.FAILED_MESSAGES),
        "More than two messages to reviewers were not accepted by Slack or mail in 15 minutes.",
        above=2,
        period_seconds=900,
    ),
    Alarm(
        "TrailSilent",
        Row.TRAIL,
        own(audit.HEARTBEATS),
        "No CloudTrail event of the broker's account arrived for 30 minutes, so bypasses are not seen.",
        periods=SILENT_SECONDS // 60,
        when_missing=True,
    ),
    Alarm(
        "TargetTrailSilent",
        Row.TRAIL,
        own(audit.TARGET_HEARTBEATS, target=TARGET),
        "No CloudTrail event of target {target} arrived for 30 minutes, so bypasses there are not seen.",
        periods=SILENT_SECONDS // 60,
        when_missing=True,
    ),
    Alarm(
        "EventsStuck",
        Row.TRAIL,
        of_queue("{trail_dead_letters}", DEPTH),
        "CloudTrail events were not processed, after ten attempts.",
    ),
    Alarm(
        "EventsLate",
        Row.TRAIL,
        of_queue("{trail_queue}", "ApproximateAgeOfOldestMessage"),
        "A CloudTrail event has waited in the correlator's queue for 30 minutes.",
        above=LATE_SECONDS,
    ),
    Alarm(
        "EventsRefused",
        Row.TRAIL,
        own(audit.REFUSED_EVENTS),
        "CloudTrail events could not be read, or are not genuine.",
    ),
    Alarm("Bypassed", Row.TRAIL, own(audit.BYPASSES), "A target's role was used without a grant."),
    Alarm(
        "BeyondGrant",
        Row.TRAIL,
        own(audit.BEYOND_GRANT_CALLS),
        "A call succeeded outside of its grant's actions or resources.",
    ),
    Alarm(
        "Unrecorded",
        Row.TRAIL,
        own(audit.UNRECORDED_CALLS),
        "A session of the gateway made a call that no record names.",
    ),
    Alarm("Tampered", Row.RECORDS, own(audit.TAMPERED), "Audit records were changed, deleted, misplaced or backdated."),
    Alarm(
        "Unsealed",
        Row.RECORDS,
        own(audit.SEALED),
        "No audit records were sealed for two hours.",
        periods=2 * SEAL_INTERVAL_SECONDS // 60,
        when_missing=True,
    ),
    Alarm(
        "Undelivered",
        Row.RECORDS,
        of_queue("{record_dead_letters}", DEPTH),
        "Audit records could not be published in 50 attempts or 20 hours.",
    ),
    Alarm(
        "RecordsLate",
        Row.RECORDS,
        of_function("publisher", "IteratorAge", "Maximum"),
        "Audit records are published more than ten minutes late.",
        above=10 * 60 * 1000,
    ),
    Alarm(
        "UnwrittenRecords",
        Row.RECORDS,
        of_stream("jitney-records"),
        "Firehose did not write audit records to S3 for 15 minutes.",
        above=15 * 60,
    ),
    Alarm(
        "UnwrittenCalls",
        Row.RECORDS,
        of_stream("jitney-calls"),
        "Firehose did not write calls to S3 for 15 minutes.",
        above=15 * 60,
    ),
    Alarm(
        "ReplicationFailed",
        Row.RECORDS,
        of_replica(),
        "S3 did not replicate audit records or seals to the operator's bucket.",
    ),
)
"""The alarms, in the order of the dashboard.

An alarm whose signal is of each target or replica exists once for each of them.
"""
