"""What CloudTrail's events use, from an account's event bus to the published line. A meter counts."""

import importlib

from benchmarks.counted_system import CountedSystem, counted_with_trail
from benchmarks.metering import Usage
from benchmarks.synthesized import Template

_module = importlib.import_module


def session_start(template: Template) -> Usage:
    """The CloudTrail event of a grant's AssumeRole, from both accounts to the published line."""
    with counted_with_trail(template) as counted:
        for number in (11, 12):
            opened = counted.open_grant()
            counted.publish()
            counted.start()
            _join_start(counted, opened, number)
        return counted.finish()


def joined_call(template: Template) -> Usage:
    """A CloudTrail event of a call that a grant explains, from the target's account to the published line."""
    events = _module("tests.cloudtrail_events")
    with counted_with_trail(template) as counted:
        opened = counted.open_grant()
        _join_start(counted, opened, 11)
        grant = counted.ports.store.grant(opened)
        who = events.identity(session=opened, key=_key_id(11), source_identity=grant.principal)
        for number in (12, 13):
            counted.start()
            _receive(counted, events.forwarded_event(events.call_event(number, at=counted.system.now, who=who)))
            counted.meter.add({"event_forwarded": 1})
            counted.publish()
        return counted.finish()


def heartbeats(template: Template) -> Usage:
    """Return what CloudTrail's two events of one heartbeat use: of the broker's account and of one target's."""
    sent = _module("tests.core.trail.test_heartbeat")
    events = _module("tests.cloudtrail_events")
    with counted_with_trail(template) as counted:
        counted.ports.__dict__["revokers"] = sent.REVOKERS
        for number in range(2):  # the first one creates the items
            counted.system.now = sent.NOW + number
            counted.start()
            _receive(counted, events.forwarded_event(sent.revoker_assumed(at=sent.NOW + number), account=events.BROKER))
            _receive(counted, events.forwarded_event(sent.revoker_called(at=sent.NOW + number)))
            counted.meter.add({"event_forwarded": 1})
        return counted.finish()


def _join_start(counted: CountedSystem, grant_id: str, number: int) -> None:
    """Join the start of a grant's session. The accounts of the role and of the broker both report it."""
    events = _module("tests.cloudtrail_events")
    grant = counted.ports.store.grant(grant_id)
    given = {"at": counted.system.now, "key": _key_id(number), "session": grant_id, "source_identity": grant.principal}
    event = events.assume_role_event(number, **given)
    _receive(counted, events.forwarded_event(event))
    _receive(counted, events.forwarded_event(event, account=events.BROKER))
    counted.meter.add({"event_forwarded": 1})
    counted.publish()


def _receive(counted: CountedSystem, message: str) -> None:
    """Count one message of the trail's queue, which has a group: sent, received and deleted."""
    events = _module("tests.cloudtrail_events")
    answer = counted.run("correlator", _module("jitney.handlers.correlator").receive, events.delivered([message]))
    if answer["batchItemFailures"]:
        raise SystemExit("the correlator did not process an event")
    counted.meter.add({"sqs_group_request": 3})


def _key_id(number: int) -> str:
    return f"ASIAAAAAAAAAAAAAAA{number:02d}".translate(str.maketrans("0189", "WXYZ"))
