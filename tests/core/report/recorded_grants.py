"""Records and calls of a grant as they are published."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jitney import resources
from jitney.core.access.grant import Grant, State
from jitney.core.access.request import Permission
from jitney.core.actions import ActionTable
from jitney.core.calls.operations import OperationTable
from jitney.core.masking.table import MaskTable
from jitney.core.records.audit import AuditEvent, ChainedRecord, Origin, Outcome, grant_record, next_chained_record
from jitney.core.report.builder import build_report
from jitney.core.report.cloudtrail_coverage import implicit_actions
from jitney.core.report.grant_report import GrantReport
from jitney.core.trail.call import CloudTrailCall
from jitney.core.trail.call_line import line_of
from jitney.core.trail.join import CallVerdict, Purpose
from tests.core.review.samples import under_review
from tests.fakes import GRANT, NOW

ACTIONS = ActionTable.load(resources.ACTIONS.read_bytes())
MAY_NEED = implicit_actions(
    OperationTable.load(resources.OPERATIONS.read_bytes()),
    MaskTable.load(resources.MASKS.read_bytes()).operations_of_event,
)
EXPLAINED = CallVerdict(Purpose.GRANT, GRANT.id, ())
LATER = NOW + 7200
CALL = CloudTrailCall(
    **dict.fromkeys(CloudTrailCall.__slots__, "")
    | {"event_id": "e-0", "time": NOW + 10, "account": GRANT.account, "region": "eu-west-1", "session": GRANT.id}
    | {"role_arn": GRANT.role_arn}
    | {"service": "s3", "operation": "GetObject", "actions": ("s3:GetObject",), "read_only": True}
    | {"resources": ("arn:aws:s3:::reports/2026/q3.csv",), "bytes_in": 0, "bytes_out": 0, "created": (), "deleted": ()}
)
BEGINNING: dict[str, Any] = {
    "service": "sts", "operation": "AssumeRole", "actions": ("sts:AssumeRole",), "resources": (),
    "request": json.dumps({"roleArn": GRANT.role_arn, "roleSessionName": GRANT.id}),
}  # fmt: skip
"""The members of the event that starts a grant's session."""


class RecordedGrant:
    """A chain of records. `write` adds one."""

    def __init__(self, grant: Grant = GRANT) -> None:
        self.grant = replace(grant, records=0, chain_head="")
        self.links: list[ChainedRecord] = []

    def write(
        self, event: AuditEvent, outcome: Outcome, at: int = NOW, address: str = "198.51.100.7", **more: Any
    ) -> "RecordedGrant":
        record = grant_record(event, outcome, self.grant, Origin(address), at, **more)
        link = next_chained_record(record, self.grant)
        self.links.append(link)
        self.grant = replace(self.grant, records=link.seq + 1, chain_head=link.hash)
        return self

    def becomes(self, **members: Any) -> "RecordedGrant":
        self.grant = replace(self.grant, **members)
        return self

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(link.text) for link in self.links]


def requested(grant: Grant = GRANT, outcome: Outcome = Outcome.ALLOWED, **detail: Any) -> RecordedGrant:
    members = {"permissions": grant.view()["permissions"], "reviews": grant.reviews, "action_table": "aws 1"}
    members |= under_review(grant).requester.record_detail() | detail
    return RecordedGrant(grant).write(AuditEvent.REQUEST, outcome, policies=("data-readers-read",), detail=members)


def call(number: int, verdict: CallVerdict = EXPLAINED, **members: Any) -> dict[str, Any]:
    made = replace(CALL, **{"event_id": f"e-{number}"} | members)
    return dict(json.loads(line_of(made, verdict, GRANT, "analytics-prod", NOW)))


def report_of(recorded: RecordedGrant, calls: Sequence[dict[str, Any]] = (), now: int = LATER) -> GrantReport:
    found = build_report(recorded.grant.id, recorded.lines, calls, now)
    assert found is not None
    return found


def grant_of(*permissions: tuple[str, str]) -> Grant:
    """Return GRANT with pairs of actions and resources, which are separated by spaces."""
    held = tuple(Permission(tuple(names.split()), tuple(arns.split())) for names, arns in permissions)
    return replace(GRANT, permissions=held)


ACTIVE, PENDING = State.ACTIVE, State.PENDING
