"""The calls of a grant through the gateway, from their records and from CloudTrail's events."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.records.record_texts import canonical
from jitney.core.report.grant_report import ReportedCall
from jitney.core.report.published_lines import PublishedCall, PublishedRecord

FAILED_STATUS = 400
"""The lowest HTTP status of an error."""


def gateway_calls(records: Iterable[PublishedRecord], calls: Iterable[PublishedCall]) -> tuple[ReportedCall, ...]:
    """Return the calls through the gateway, in order of time. `calls` are CloudTrail's events."""
    seen: dict[str, set[str]] = {}
    for each in calls:
        if each.call_id:
            seen.setdefault(each.call_id, set()).add(each.event_id)
    chains: dict[str, list[PublishedRecord]] = {}
    for record in sorted(set(records), key=lambda record: (record.seq, repr(record))):
        if record.event == AuditEvent.CALL:
            chains.setdefault(record.chain, []).append(record)
    made = (_call(chain, len(seen.get(call_id, ()))) for call_id, chain in chains.items())
    return tuple(sorted(made, key=lambda each: (each.at, each.call_id)))


def unseen_calls(made: Iterable[ReportedCall], records: Iterable[PublishedRecord]) -> Iterator[PublishedCall]:
    """Yield the answered calls that have no event of CloudTrail. Their records show that they were made."""
    answered = {each.call_id: each for each in made if not each.events and each.outcome == Outcome.ANSWERED}
    firsts = {each.chain: each for each in records if each.chain in answered and each.seq == 0}
    for call_id, record in firsts.items():
        call = answered[call_id]
        service, _, operation = call.name.partition(":")
        yield PublishedCall(
            event_id=call_id,
            time=call.at,
            region=call.region,
            service=service,
            operation=operation,
            actions=record.actions,
            resources=record.resources,
            error_code=str(call.status) if call.status >= FAILED_STATUS else "",
            verdict="explained",
            purpose="call",
            call_id=call_id,
        )


def _call(chain: Sequence[PublishedRecord], events: int) -> ReportedCall:
    first, last = chain[0], chain[-1]
    begun, ended = first.members_of("call"), last.members_of("call")
    masked = ended.get("masked")
    return ReportedCall(
        at=first.time,
        call_id=first.chain,
        name=f"{begun['service']}:{begun['operation']}" if {"service", "operation"} <= begun.keys() else "unread call",
        region=str(begun.get("region", "")),
        outcome=last.outcome,
        code=last.code,
        status=_number(ended.get("status")),
        parameters=canonical(begun.get("parameters", {})),
        masked=tuple(map(str, masked)) if isinstance(masked, list) else (),
        ticket=begun.get("ticket") is True,
        events=events,
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
