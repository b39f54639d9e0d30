"""Builds a `GrantReport` from the records and calls of one grant.

The order of the input lines does not matter, and neither do repeated lines.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jitney.core.access.request import Permission, Way
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.quantities import quantity
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.records.record_texts import canonical
from jitney.core.report.chain import chain_of
from jitney.core.report.gateway_calls import gateway_calls, unseen_calls
from jitney.core.report.grant_report import (
    NOT_SENT,
    CredentialIssuance,
    GrantReport,
    GrantUsage,
    RecordSummary,
    ReportedCall,
    ReportedWay,
    Terms,
    UsedConfiguration,
)
from jitney.core.report.lifecycle import end_of, times_of
from jitney.core.report.published_gaps import gap_warnings, gaps_of_grant
from jitney.core.report.published_lines import Line, PublishedRecord, parse_call, parse_record, texts
from jitney.core.report.review_history import (
    break_glass_of,
    earlier_approvals_of,
    follow_up_of,
    notification_of,
    refused_attempts,
    state_after_vote,
    votes_of,
)
from jitney.core.report.usage import usage_of
from jitney.core.trail.gaps import TrailGap

_GRANTING = frozenset({(AuditEvent.REQUEST, Outcome.ALLOWED), (AuditEvent.BREAK_GLASS, Outcome.APPROVED)})

_CUT = "Incomplete: only part of the records and calls was read here. Use `jitney audit show` for all of them."
_DAMAGED = "Some permissions could not be read."


def build_report(
    grant_id: str,
    records: Iterable[Line],
    calls: Iterable[Line],
    now: int,
    *,
    gaps: Iterable[TrailGap] = (),
    cut: bool = False,
) -> GrantReport | None:
    """Return the report of `grant_id` at `now`, or None without a record of the grant.

    Lines of other grants are ignored. The report warns of faulty lines. `gaps` are all known gaps.
    With `cut`, lines may be missing, and the report says so.
    """
    parsed = [parse_record(each) for each in records]
    chain = chain_of(grant_id, (each for each in parsed if each))
    if not (own := chain.records):
        return None
    first, requested, times = own[0], _terms(own[0]), times_of(own, now)
    granted, way = _granted(own, requested), _way(first)
    made, used = _activity(grant_id, calls, chain.others, granted)
    silent = gaps_of_grant(gaps, first.target, times, now) if granted else ()
    damaged = any(each.has_damaged_permissions for each in own)
    partial = cut or damaged or used.unreadable > 0 or (bool(silent) and way.name != Way.GATEWAY)
    missing = [sentence for sentence, is_true in ((_CUT, cut), (_DAMAGED, damaged)) if is_true]
    undecided = () if cut else _undecided([*own, *chain.others], granted)
    doubts = (*chain.warnings, *_damage(parsed, used, first), *undecided)
    return GrantReport(
        **_request_members(first),
        grant_id=grant_id,
        addresses=_addresses(own),
        requested=requested,
        granted=granted,
        way=way,
        **_rules(own),
        notifications=tuple(notification_of(each) for each in own if each.event == AuditEvent.NOTICE),
        votes=votes_of(own, requested),
        break_glass=next((break_glass_of(each) for each in own if each.event == AuditEvent.BREAK_GLASS), None),
        follow_up_reviews=tuple(follow_up_of(each) for each in own if each.event == AuditEvent.FOLLOW_UP),
        refused_attempts=refused_attempts(grant_id, filter(None, parsed)),
        times=times,
        end=end_of(own, times, now),
        issuances=tuple(_issuances(own, way)),
        repeated_requests=tuple(each.time for each in chain.others if each.event == AuditEvent.REQUEST),
        cut_offs=tuple(each.time for each in own if each.event == AuditEvent.CUT_OFF),
        usage=used._replace(unused_permissions=()) if partial or _reviewed_call(first) else used,
        gateway_calls=made,
        records=tuple(_record_summary(each) for each in (*own, *chain.others) if each.event != AuditEvent.CALL),
        trail_gaps=silent,
        warnings=(*missing, *gap_warnings(silent, way), *doubts),
        partial=partial,
    )


def _request_members(first: PublishedRecord) -> dict[str, Any]:
    """Return the members of the report that only the record of the request has."""
    return {
        "requester": first.requester,
        "reason": first.reason,
        "ticket": first.ticket,
        "target": first.target,
        "account": first.account,
        "requested_calls": first.words("calls"),
        "access_profile": _access_profile(first),
        "reviewed_call": _reviewed_call(first),
        "risks": first.words("risks"),
        "reviews": _reviews(first),
        "earlier_approvals": earlier_approvals_of(first),
    }


def _activity(
    grant_id: str, lines: Iterable[Line], others: Sequence[PublishedRecord], granted: Terms | None
) -> tuple[tuple[ReportedCall, ...], GrantUsage]:
    """Return the calls through the gateway, and the usage of the grant by CloudTrail's lines and by these calls."""
    seen = [parse_call(each) for each in lines if not each or each.get("grant_id") == grant_id]
    made = gateway_calls(others, filter(None, seen))
    return made, usage_of([*seen, *unseen_calls(made, others)], granted)


def _terms(record: PublishedRecord) -> Terms:
    return Terms(record.permissions, record.duration_seconds)


def _granted(own: Sequence[PublishedRecord], requested: Terms) -> Terms | None:
    """Return the terms of the last grant or narrowing, by policy or reviewers."""
    found: Terms | None = None
    for each in own:
        if (each.event, each.outcome) in _GRANTING or state_after_vote(each) == "active":
            found = Terms(each.permissions or requested.permissions, each.duration_seconds)
    return found


def _undecided(records: Sequence[PublishedRecord], granted: Terms | None) -> Iterator[str]:
    """Yield a warning if access was used that no record allows, as after a change of the state table by hand."""
    issued = [each for each in records if (each.event, each.outcome) == (AuditEvent.ISSUE, Outcome.ALLOWED)]
    called = any(each.event == AuditEvent.CALL and each.outcome not in NOT_SENT for each in records)
    if granted is None and (issued or called):
        yield "Access was used, but no record says who allowed it."
    elif granted and any(_named(each) != _named(*granted.permissions) for each in issued):
        yield "Credentials were issued for other actions or resources than those on record as granted."


def _named(*permissions: Permission | PublishedRecord) -> tuple[set[str], set[str]]:
    actions = {name for each in permissions for name in each.actions}
    return actions, {arn for each in permissions for arn in each.resources}


def _addresses(own: Sequence[PublishedRecord]) -> tuple[str, ...]:
    # Votes, notifications and ends come from other people's addresses.
    own_records = (each for each in own if each.event in (AuditEvent.REQUEST, AuditEvent.ISSUE))
    return tuple(dict.fromkeys(each.source_ip for each in own_records if each.source_ip))


def _rules(own: Sequence[PublishedRecord]) -> dict[str, Any]:
    """Return the members of the report about the policies and the configurations under which Jitney acted."""
    return {
        "policies": _policies(own),
        "policy_version": next((each.policy_version for each in reversed(own) if each.policy_version), ""),
        "configurations": tuple(_configurations(own)),
    }


def _configurations(own: Sequence[PublishedRecord]) -> Iterator[UsedConfiguration]:
    """Yield each configuration in the records, in order, with the first event under it."""
    known: set[str] = set()
    for each in own:
        if each.configuration and each.configuration not in known:
            known.add(each.configuration)
            yield UsedConfiguration(each.configuration, each.time, each.event)


def _policies(own: Sequence[PublishedRecord]) -> tuple[str, ...]:
    """Return the policies of the last decision."""
    return next((each.policies for each in reversed(own) if each.policies), ())


def _reviews(first: PublishedRecord) -> tuple[tuple[str, ...], ...]:
    listed = first.detail_members.get("reviews")
    return tuple(texts(each) for each in listed if isinstance(each, list)) if isinstance(listed, list) else ()


def _access_profile(first: PublishedRecord) -> str:
    """Return the access profile of a request on one line, as reviewers see it; "" for none."""
    profile = first.members_of("access_profile")
    name, summary, content = (str(profile.get(each, "")) for each in ("name", "summary", "content"))
    return f"{name}, {summary}, content {content}" if name else ""


def _way(first: PublishedRecord) -> ReportedWay:
    return ReportedWay(str(first.detail_members.get("way", "")), first.detail_members.get("reveal") is True)


def _reviewed_call(first: PublishedRecord) -> ReviewedCall | None:
    """Return the one call that the request is for, or None."""
    call = first.members_of("call")
    if not isinstance(call.get("parameters"), dict):
        return None
    names = ("grant", "service", "operation", "region", "parameters_mac", "mac_key_id")
    grant, service, operation, region, mac, key = (str(call.get(each, "")) for each in names)
    return ReviewedCall(grant, service, operation, region, canonical(call["parameters"]), mac, key)


def _issuances(own: Sequence[PublishedRecord], way: ReportedWay) -> Iterator[CredentialIssuance]:
    """Yield each issuance. A request that policy allowed issues the first credentials, unless it is for the gateway.

    The record of a failure replaces that of its attempt.
    """
    found: list[CredentialIssuance] = []
    for each in own:
        allowed = (each.event, each.outcome) == (AuditEvent.REQUEST, Outcome.ALLOWED)
        if (allowed and way.name != Way.GATEWAY) or (
            each.event == AuditEvent.ISSUE and each.outcome == Outcome.ALLOWED
        ):
            found.append(CredentialIssuance(each.time, each.source_ip, str(Outcome.ALLOWED), ""))
        elif each.event == AuditEvent.ISSUE:
            if found and each.outcome == Outcome.FAILED and found[-1].outcome == Outcome.ALLOWED:
                found.pop()
            found.append(CredentialIssuance(each.time, each.source_ip, each.outcome, each.code))
    yield from found


def _record_summary(record: PublishedRecord) -> RecordSummary:
    known = record.event in set(AuditEvent)
    return RecordSummary(record.seq, record.time, record.event, record.outcome, record.code, known)


def _damage(parsed: Iterable[PublishedRecord | None], used: GrantUsage, first: PublishedRecord) -> Iterator[str]:
    count = sum(each is None for each in parsed) + used.unreadable
    if count:
        yield f"{quantity(count, 'line')} could not be read."
    if first.event != AuditEvent.REQUEST:
        yield "The record of the request is missing. The requested terms are taken from a later record."
