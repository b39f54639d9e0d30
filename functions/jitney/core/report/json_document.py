"""The report as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from jitney.core.access.request import permissions_view
from jitney.core.outliving import GrantEffect
from jitney.core.report.grant_report import GrantReport, Terms
from jitney.core.report.snippets import policy_text, request_lines
from jitney.core.report.suggestion import Suggestion
from jitney.core.times import iso

_TIMES = frozenset({"at", "first", "last"})


def report_document(report: GrantReport, suggestion: Suggestion, outliving: Sequence[GrantEffect]) -> dict[str, Any]:
    """Return the report's members by name. `outliving` is what outlives the grant.

    Times are ISO 8601, or null for what has not happened.
    """
    times, end, break_glass = report.times, report.end, report.break_glass
    return {
        "grant": report.grant_id,
        "state": str(end.state),
        "warnings": list(report.warnings),
        "partial": report.partial,
        "trail_gaps": [
            {"target": each.target, "since": _iso(each.since), "until": _iso(each.until or 0)}
            for each in report.trail_gaps
        ],
        "requester": _requester(report),
        "reason": report.reason,
        "ticket": report.ticket,
        "target": report.target,
        "account": report.account,
        "requested_calls": report.requested_calls,
        "access_profile": report.access_profile,
        "way": report.way.name,
        "reveal": report.way.reveal,
        "reviewed_call": report.reviewed_call.view() if report.reviewed_call else None,
        "requested": _terms(report.requested),
        "granted": _terms(report.granted),
        "policies": report.policies,
        "policy_version": report.policy_version,
        "configurations": _listed(report.configurations),
        "risks": report.risks,
        "reviews": report.reviews,
        "earlier_approvals": [
            {"grant": grant, "groups": groups, "at": _iso(at)} for grant, groups, at in report.earlier_approvals
        ],
        "notifications": _listed(report.notifications),
        "votes": [_members(each) | {"narrowed_terms": _terms(each.narrowed_terms)} for each in report.votes],
        "break_glass": _members(break_glass) if break_glass else None,
        "follow_up_reviews": _listed(report.follow_up_reviews),
        "refused_attempts": _listed(report.refused_attempts),
        "times": {name: _iso(value) for name, value in times._asdict().items()},
        "end": end._asdict() | {"state": str(end.state), "deny_entry_at": _iso(end.deny_entry_at)},
        "issuances": _listed(report.issuances),
        "repeated_requests": [_iso(each) for each in report.repeated_requests],
        "cut_offs": [_iso(each) for each in report.cut_offs],
        "calls": _listed(report.usage.uses),
        "denied": _listed(report.usage.denied),
        "beyond_grant": _listed(report.usage.beyond_grant),
        "bypasses": _listed(report.usage.bypasses),
        "gateway_calls": [
            _members(each) | {"parameters": json.loads(each.parameters)} for each in report.gateway_calls
        ],
        "sessions_started": report.usage.sessions_started,
        "broker_calls": report.usage.broker_calls,
        "unused_permissions": permissions_view(report.usage.unused_permissions),
        "leftover_resources": _listed(report.usage.leftover_resources),
        "outlives": [each.view() for each in outliving],
        "records": _listed(report.records),
        "suggestion": _suggestion(report, suggestion),
    }


def _requester(report: GrantReport) -> dict[str, Any]:
    facts = [fact._asdict() for fact in report.requester.facts]
    return report.requester._asdict() | {"facts": facts, "addresses": report.addresses}


def _suggestion(report: GrantReport, suggestion: Suggestion) -> dict[str, Any]:
    members = {"verdict": str(suggestion.verdict), "reasons": suggestion.reasons, "terms": _terms(suggestion.terms)}
    if suggestion.terms is None:
        return members | {"request": None, "policy": None}
    lines = request_lines(report.target, suggestion.terms, report.reason, report.ticket, report.way)
    policy = policy_text(report, suggestion.terms)
    return members | {"request": "\n".join(lines), "policy": policy or None}


def _terms(terms: Terms | None) -> dict[str, Any] | None:
    if terms is None:
        return None
    return {"permissions": permissions_view(terms.permissions), "duration_seconds": terms.duration_seconds}


def _listed(entries: Sequence[Any]) -> list[dict[str, Any]]:
    return [_members(each) for each in entries]


def _members(entry: Any) -> dict[str, Any]:
    """Return the members of a named tuple, with its times as ISO 8601."""
    return {name: _iso(value) if name in _TIMES else value for name, value in entry._asdict().items()}


def _iso(seconds: int) -> str | None:
    return iso(seconds) if seconds else None
