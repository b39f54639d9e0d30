"""What CloudTrail can show: whether an action without a visible call was really not called.

An action counts as observable if its service is listed here, unless it is a data event, is not logged, or may be needed
by other calls. So an action of an unlisted service does not count as observable.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TypeAlias

from jitney.core.calls.operations import OperationTable
from jitney.core.report.published_lines import PublishedCall

ImplicitActions: TypeAlias = Callable[[str], frozenset[str]]
"""Maps a call ("s3:CopyObject") to the actions that it may need in addition to its own."""

# By service: the actions that are in data events only, or in no event. Its other actions are in management events.
_NOT_IN_MANAGEMENT_EVENTS: Mapping[str, tuple[str, ...]] = {
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
# Global services: their events are in one Region of each partition, for calls from any Region:
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
_GLOBAL = frozenset({"iam"})
_GLOBAL_REGIONS = frozenset({"us-east-1", "us-gov-west-1", "cn-north-1"})
_NEVER_CALLED = frozenset({"iam:passrole"})


class CoverageGap(StrEnum):
    """Why an action may have been called although CloudTrail shows no call."""

    DATA = "CloudTrail logs it only as a data event, and no data event was seen"
    IMPLICIT = "other calls may need it, and CloudTrail does not show that"
    REGION = "its events are in a Region from which no event was seen"
    UNKNOWN = "it is not known whether CloudTrail logs it"


def coverage_gap(
    action: str, resources: Iterable[str], seen: Iterable[PublishedCall], may_need: ImplicitActions
) -> CoverageGap | None:
    """Return why `action` may have been called although no call was seen; None if CloudTrail would show a call."""
    calls = list(seen)
    service, _, name = action.partition(":")
    implicit = {need.lower() for each in {call.name for call in calls} for need in may_need(each)}
    if action.lower() in implicit | _NEVER_CALLED:
        return CoverageGap.IMPLICIT
    if service not in _NOT_IN_MANAGEMENT_EVENTS or "*" in action or "?" in action:
        return CoverageGap.UNKNOWN
    if any(fnmatchcase(name, each) for each in _NOT_IN_MANAGEMENT_EVENTS[service]):
        return CoverageGap.DATA
    regions = {call.region for call in calls if call.region}
    if service in _GLOBAL:
        seen_there = not _GLOBAL_REGIONS.isdisjoint(regions)
        return None if seen_there or any(call.service == service for call in calls) else CoverageGap.REGION
    elsewhere = {arn.split(":")[3] for arn in resources if arn.count(":") >= 5} - {"", "*"} - regions
    return CoverageGap.REGION if elsewhere else None


def implicit_actions(
    operations: OperationTable, called: Callable[[str, str], Iterable[tuple[str, str]]]
) -> ImplicitActions:
    """Return a lookup of the actions that a call may need in addition to its own.

    `called` maps an event's source and name to operations, as `MaskTable.operations_of_event` does.
    """

    def needs(name: str) -> frozenset[str]:
        service, _, operation = name.partition(":")
        found: set[str] = set()
        for each, plain in called(f"{service}.amazonaws.com", operation):
            found |= {need.action for need in operations.needs_of(each, plain) if need.why}
        return frozenset(found)

    return needs
