"""Measures when AWS denies a grant that was released, revoked or suspended (END 1, END 6, END 8).

The function that ended the grant starts this one and does not wait. The grant is denied even without a measurement.
`core.access.document_times` then shows that IAM denies it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.access.live_credentials import needs_denial
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.core.target_config import Target
from jitney.core.times import iso
from jitney.handlers.ending.denial_times import DenialTime, canaries_of, first_denials
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.runtime.edge import event_handler
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports

PAUSES_SECONDS = (1, 1, 2, 2, 2, 8)
"""The pauses before a canary's calls. The pauses are shortest around 4 to 8 seconds, when IAM usually applies a change.

So a denial within ten seconds is not measured as a later one, which would raise an alarm.
"""
MOST_REGIONS = 2


def measure_denial(event: Mapping[str, Any], ports: Ports) -> dict[str, DenialTime]:
    """Measure when AWS denies a grant, and record the result.

    Return the time in each Region; {} for nothing to measure.

    `event` has the arguments of `adapters.measurement_starts`. Lambda may repeat or delay an event. A measured grant is
    not measured again.
    """
    late = ports.now() > event.get("start_by", ports.now())
    grant = None if late else _ended_grant(event["grant_id"], ports)
    target = ports.config.target_with(grant.role_arn) if grant else None
    if grant is None or target is None or not target.canary or grant.role_arn not in target.role_arns:
        logger.info("nothing to measure", grant_id=event["grant_id"])
        return {}
    canaries = canaries_of(grant, target, measured_regions(target), ports)
    since = event["since_milliseconds"]
    times = first_denials(canaries, PAUSES_SECONDS, lambda: ports.now_milliseconds() - since, ports)
    _record(grant, times, event, ports)
    return times


def measured_regions(target: Target) -> tuple[str, ...]:
    """Return the target's Region, and one of the other Regions in which its sessions may make calls."""
    return (target.region, *target.other_regions)[:MOST_REGIONS]


def _ended_grant(grant_id: str, ports: Ports) -> Grant | None:
    """Return the grant if it was released or revoked, has to be denied and is not measured yet. Raises Problem."""
    try:
        grant = ports.store.grant(grant_id)
    except Problem as problem:
        if problem.code != "grant_unreadable":
            raise
        grant = ports.store.unreadable_grant(grant_id)
    if grant is None or grant.ending is None or grant.ending.denied_after_milliseconds is not None:
        return None
    return grant if needs_denial(grant, ports.now()) else None


def _record(grant: Grant, times: Mapping[str, DenialTime], event: Mapping[str, Any], ports: Ports) -> None:
    """Record when AWS denied the grant in every Region. A failed measurement is recorded too."""
    written_at, suspension = event["written_at"], event.get("suspension")
    denials = [each.denied for each in times.values()]
    known = [each for each in denials if each is not None]
    milliseconds = max(known) if len(known) == len(denials) else None
    detail = {
        "denied_after_milliseconds": milliseconds,
        "denials_milliseconds": {region: each.denied for region, each in times.items()},
        "allowed_milliseconds": {region: each.allowed for region, each in times.items()},
        "written_at": iso(written_at),
    } | ({"suspension": suspension} if suspension else {})
    outcome = Outcome.FAILED if milliseconds is None else Outcome.DENIED

    def change(before: Grant) -> GrantUpdate | None:
        ending = before.ending
        if ending is None or ending.denied_after_milliseconds is not None:
            return None
        written = written_at if ending.written_at is None else ending.written_at
        after = replace(before, ending=replace(ending, denied_after_milliseconds=milliseconds, written_at=written))
        return GrantUpdate(
            after, audit.grant_record(AuditEvent.CANARY, outcome, after, Origin(), ports.now(), detail=detail)
        )

    try:
        update_grant(grant, change, ports)
    except Problem as problem:  # the grant has ended and is denied nevertheless
        logger.warning(
            "time to deny not recorded", grant_id=grant.id, code=problem.code, denied_after_milliseconds=milliseconds
        )


handler = event_handler(measure_denial, ("config", "actions", "store", "sessions", "canary"))
