"""What CloudTrail lets see: whether no call of an action says that there was none.

It fails closed: an action counts as seen only where its service is listed here and it is not among what the service
shows in data events, shows nobody, or asks for on the way of another call.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TypeAlias

from jitney.core.calls.operations import OperationTable
from jitney.core.report.published_lines import PublishedCall

ImplicitActions: TypeAlias = Callable[[str], frozenset[str]]
"""From what was called ("s3:CopyObject") to the actions that it may need besides its own."""

# By service: the actions of which CloudTrail tells in data events alone, or not at all; all others are management's.
_SHOWN: Mapping[str, tuple[str, ...]] = {
    "acm": (),
    "autoscaling": (),
    "cloudformation": (),
    "dynamodb": ("*Item*", "Query", "Scan", "PartiQL*", "GetRecords", "GetShardIterator", "DescribeStream"),
    "ec2": (),
    "ecr": (),
    "ecs": ("Poll", "Discover*", "Submit*", "Start*Session"),
    "eks": ("AccessKubernetesApi",),
    "events": ("PutEvents", "PutPartnerEvents"),
    "iam": (),
    "lambda": ("Invoke*",),
    "rds": ("Download*", "connect"),
    "s3": ("*Object*", "ListBucket", "ListBucketVersions", "*Multipart*"),
    "secretsmanager": (),
    "sns": ("Publish*",),
    "sqs": ("SendMessage*", "ReceiveMessage*", "DeleteMessage*", "ChangeMessageVisibility*"),
    "ssm": ("Put*Inventory*", "Update*Instance*", "*Channel*"),
    "states": ("GetActivityTask", "SendTask*", "Invoke*"),
}
# Their events are in one Region, wherever they are called from:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
_GLOBAL = frozenset({"iam"})
_GLOBAL_REGION = "us-east-1"
_NEVER_CALLED = frozenset({"iam:passrole"})


class CoverageGap(StrEnum):
    """Why no call of an action says nothing."""

    DATA = "CloudTrail shows calls of it only where a trail logs data events, and none was seen"
    IMPLICIT = "other calls need it besides their own action, and CloudTrail does not say so"
    REGION = "its calls are seen in another Region only"
    UNKNOWN = "it is not known whether CloudTrail shows calls of it"


def coverage_gap(
    action: str, resources: Iterable[str], seen: Iterable[PublishedCall], may_need: ImplicitActions
) -> CoverageGap | None:
    """Why nothing can be said of `action` where no call of it was seen; None where that says that there was none."""
    calls = list(seen)
    service, _, name = action.partition(":")
    besides = {need.lower() for each in {call.name for call in calls} for need in may_need(each)}
    if action.lower() in besides | _NEVER_CALLED:
        return CoverageGap.IMPLICIT
    if service not in _SHOWN or "*" in action or "?" in action:
        return CoverageGap.UNKNOWN
    if any(fnmatchcase(name, each) for each in _SHOWN[service]):
        return CoverageGap.DATA
    regions = {call.region for call in calls if call.region}
    if service in _GLOBAL:
        return (
            None if _GLOBAL_REGION in regions or any(call.service == service for call in calls) else CoverageGap.REGION
        )
    elsewhere = {arn.split(":")[3] for arn in resources if arn.count(":") >= 5} - {"", "*"} - regions
    return CoverageGap.REGION if elsewhere else None


def implicit_actions(
    operations: OperationTable, called: Callable[[str, str], Iterable[tuple[str, str]]]
) -> ImplicitActions:
    """Looks up what a call may need besides its own action; `called` are the operations that an event's name may mean.

    As `jitney.core.masking.table.MaskTable.named_by_event`.
    """

    def needs(name: str) -> frozenset[str]:
        service, _, operation = name.partition(":")
        found: set[str] = set()
        for each, plain in called(f"{service}.amazonaws.com", operation):
            found |= {need.action for need in operations.needs_of(each, plain) if need.why}
        return frozenset(found)

    return needs
