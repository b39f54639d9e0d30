"""Records and calls of one grant, as they are published."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jitney import resources
from jitney.core.access.grant import Grant, State
from jitney.core.access.request import Permission
from jitney.core.actions import Actions
from jitney.core.audit import Event, Link, Origin, Outcome, next_link, of_grant
from jitney.core.calls.table import Operations
from jitney.core.masking.table import Masks
from jitney.core.story.sight import may_need
from jitney.core.story.story import Story
from jitney.core.story.telling import tell
from jitney.core.trail.call import Call
from jitney.core.trail.join import Purpose, Verdict
from jitney.core.trail.line import line_of
from tests.fakes import GRANT, NOW

ACTIONS = Actions.load(resources.ACTIONS.read_bytes())
MAY_NEED = may_need(
    Operations.load(resources.OPERATIONS.read_bytes()),
    Masks.load(resources.MASKS.read_bytes()).named_by_event,
)
EXPLAINED = Verdict(Purpose.GRANT, GRANT.id, ())
LATER = NOW + 7200
CALL = Call(
    **dict.fromkeys(Call.__slots__, "")
    | {"event_id": "e-0", "time": NOW + 10, "account": GRANT.account, "region": "eu-west-1", "session": GRANT.id}
    | {"role_arn": GRANT.role_arn}
    | {"service": "s3", "operation": "GetObject", "actions": ("s3:GetObject",), "read_only": True}
    | {"resources": ("arn:aws:s3:::reports/2026/q3.csv",), "bytes_in": 0, "bytes_out": 0, "made": (), "taken": ()}
)
BEGINNING: dict[str, Any] = {
    "service": "sts", "operation": "AssumeRole", "actions": ("sts:AssumeRole",), "resources": (),
    "request": json.dumps({"roleArn": GRANT.role_arn, "roleSessionName": GRANT.id}),
}  # fmt: skip
"""What the event by which a grant's session begins has of its own."""


class Told:
    """A chain that grows: each record is the next of `grant`."""

    def __init__(self, grant: Grant = GRANT) -> None:
        self.grant = replace(grant, records=0, head="")
        self.links: list[Link] = []

    def say(self, event: Event, outcome: Outcome, at: int = NOW, address: str = "198.51.100.7", **more: Any) -> "Told":
        record = of_grant(event, outcome, self.grant, Origin(address), at, **more)
        link = next_link(record, self.grant)
        self.links.append(link)
        self.grant = replace(self.grant, records=link.seq + 1, head=link.hash)
        return self

    def becomes(self, **members: Any) -> "Told":
        self.grant = replace(self.grant, **members)
        return self

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(link.text) for link in self.links]


def asked(grant: Grant = GRANT, outcome: Outcome = Outcome.ALLOWED, **detail: Any) -> Told:
    said = {"permissions": grant.view()["permissions"], "reviews": grant.reviews, "action_table": "aws 1"} | detail
    return Told(grant).say(Event.REQUEST, outcome, policies=("data-readers-read",), detail=said)


def call(number: int, verdict: Verdict = EXPLAINED, **members: Any) -> dict[str, Any]:
    made = replace(CALL, **{"event_id": f"e-{number}"} | members)
    return dict(json.loads(line_of(made, verdict, GRANT, "analytics-prod", NOW)))


def story_of(told: Told, calls: Sequence[dict[str, Any]] = (), now: int = LATER) -> Story:
    found = tell(told.grant.id, told.lines, calls, now)
    assert found is not None
    return found


def holding(*permissions: tuple[str, str]) -> Grant:
    """GRANT with these actions on these resources, each some words."""
    held = tuple(Permission(tuple(names.split()), tuple(arns.split())) for names, arns in permissions)
    return replace(GRANT, permissions=held)


ACTIVE, PENDING = State.ACTIVE, State.PENDING
