"""A story as JSON, for machines."""

from collections.abc import Sequence
from typing import Any

from jitney.core.access.grant import permissions_view
from jitney.core.report.grant_report import CallGroup, GrantReport, Terms
from jitney.core.report.snippets import policy_text, request_lines
from jitney.core.report.suggestion import Suggestion
from jitney.core.times import iso


def report_document(story: GrantReport, suggestion: Suggestion) -> dict[str, Any]:
    """The story's members by name; times as ISO 8601, null for what has not happened."""
    times, end = story.times, story.end
    return {
        "grant": story.grant_id,
        "state": str(end.how),
        "warnings": list(story.warnings),
        "partial": story.partial,
        "who": story.who._asdict(),
        "reason": story.reason,
        "ticket": story.ticket,
        "target": story.target,
        "account": story.account,
        "requested_calls": story.using,
        "asked": _terms(story.asked),
        "granted": _terms(story.granted),
        "policies": story.policies,
        "policy_version": story.policy_version,
        "risks": story.risks,
        "reviews": story.reviews,
        "told": [each._asdict() | {"at": _iso(each.at)} for each in story.told],
        "votes": [each._asdict() | {"at": _iso(each.at), "less": _terms(each.less)} for each in story.votes],
        "break_glass": story.break_glass._asdict() | {"at": _iso(story.break_glass.at)} if story.break_glass else None,
        "follow_ups": [each._asdict() | {"at": _iso(each.at)} for each in story.follow_ups],
        "times": {name: _iso(value) for name, value in times._asdict().items()},
        "end": end._asdict() | {"how": str(end.how)},
        "issues": [each._asdict() | {"at": _iso(each.at)} for each in story.issues],
        "repeated_requests": [_iso(each) for each in story.repeats],
        "cut_offs": [_iso(each) for each in story.cut_offs],
        "calls": _uses(story.uses),
        "denied": _uses(story.denied),
        "bypasses": _uses(story.bypasses),
        "sessions_started": story.begun,
        "broker_calls": story.besides,
        "unused_permissions": permissions_view(story.never),
        "leftover_resources": [each._asdict() | {"at": _iso(each.at)} for each in story.left],
        "records": [each._asdict() | {"at": _iso(each.at)} for each in story.moments],
        "suggestion": _suggestion(story, suggestion),
    }


def _suggestion(story: GrantReport, suggestion: Suggestion) -> dict[str, Any]:
    said = {"verdict": str(suggestion.verdict), "because": suggestion.because, "terms": _terms(suggestion.terms)}
    if suggestion.terms is None:
        return said | {"request": None, "policy": None}
    lines = request_lines(story.target, suggestion.terms, story.reason, story.ticket)
    policy = policy_text(story, suggestion.terms)
    return said | {"request": "\n".join(lines), "policy": policy or None}


def _terms(terms: Terms | None) -> dict[str, Any] | None:
    if terms is None:
        return None
    return {"permissions": permissions_view(terms.permissions), "duration_seconds": terms.duration_seconds}


def _uses(uses: Sequence[CallGroup]) -> list[dict[str, Any]]:
    return [each._asdict() | {"first": _iso(each.first), "last": _iso(each.last)} for each in uses]


def _iso(seconds: int) -> str | None:
    return iso(seconds) if seconds else None
