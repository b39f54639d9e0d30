"""The suggestion to paste: a `jitney request` command and Cedar policies. Neither allows more than the suggestion.

The policies apply to later requests, too. So they are bound to this principal and human, and require the same reviews.
"""

import json
import re
import shlex
from collections.abc import Iterator, Sequence

from jitney.core.access.request import Permission, Way, permissions_view
from jitney.core.patterns import has_wildcard
from jitney.core.policy.cedar_text import call_condition, entity, like_pattern, literal, one_of
from jitney.core.report.grant_report import GrantReport, ReportedWay, Terms

_NAME = re.compile(r"[^A-Za-z0-9]+")
_GROUP = re.compile(r"[A-Za-z0-9._/-]+")


def request_lines(target: str, terms: Terms, reason: str, ticket: str, way: ReportedWay) -> tuple[str, ...]:
    """Return the shell lines that request `terms`."""
    words = ["jitney", "request", target]
    one = terms.permissions[0] if len(terms.permissions) == 1 else None
    if one:
        words += [word for action in one.actions for word in ("--action", action)]
        words += [word for resource in one.resources for word in ("--resource", resource)]
        words += [
            word for each in one.conditions for value in each.values for word in ("--condition", f"{each.key}={value}")
        ]
    else:
        words += ["--permissions", "-"]
    words += ["--way", way.name] if way.name == Way.GATEWAY else []
    words += ["--reveal"] if way.reveal else []
    words += ["--for", f"{terms.duration_seconds}s", "--reason", reason]
    line = shlex.join(words + (["--ticket", ticket] if ticket else []))
    return (line,) if one else (f"{line} <<'JSON'", json.dumps(permissions_view(terms.permissions)), "JSON")


def policy_text(report: GrantReport, terms: Terms) -> str:
    """Return one Cedar policy for each permission, bound to the same principal, human and reviews.

    Returns "" if no policy would be safe: after break-glass, after an earlier approval instead of a review, or if
    records or reviews are missing. Also returns "" for text that Cedar cannot express: text that is not Unicode, and a
    `?` in a resource or a condition's value, which Cedar's patterns do not have.
    """
    named = all(each and all(map(_GROUP.fullmatch, each)) for each in report.reviews)
    unsafe = report.warnings or report.partial or not named or (report.votes and not report.reviews)
    unreviewed = report.break_glass or report.earlier_approvals
    if unsafe or unreviewed or any("?" in text for each in terms.permissions for text in _patterns(each)):
        return ""
    name = _NAME.sub("-", f"{report.requester.principal} {report.target}").strip("-").lower()[:50]
    permits = (_permit(f"{name}-{number}", report, each, terms) for number, each in enumerate(terms.permissions, 1))
    try:
        return "\n\n".join(permits)
    except ValueError:
        return ""


def _permit(name: str, report: GrantReport, permission: Permission, terms: Terms) -> str:
    actions = one_of("context.action", permission.actions)
    groups = ", ".join(dict.fromkeys(group for each in report.reviews for group in each))
    lines = [
        f"@id({literal(name)})",
        *([f"@approval({literal(groups)})"] if groups else []),
        "permit (",
        f"    principal == {entity('Agent', report.requester.principal)},",
        "    action,",
        f"    resource in {entity('Target', report.target)}",
        ")",
        *_bound(report),
        f"when {{ {actions} && context.durationSeconds <= {terms.duration_seconds} }}",
        f"when {{ {' || '.join(_compared(permission.resources))} }}",
        *(f"when {{ {call_condition(each)} }}" for each in permission.conditions),
    ]
    return "\n".join(lines) + ";"


def _patterns(permission: Permission) -> Iterator[str]:
    """Yield the texts of a permission in which IAM interprets wildcards."""
    yield from permission.resources
    yield from (value for each in permission.conditions if each.operator.has_patterns for value in each.values)


def _bound(report: GrantReport) -> Iterator[str]:
    """Yield the conditions on the way, on approvals and on the human."""
    if report.way.name == Way.GATEWAY:
        yield f"when {{ context.way == {literal(report.way.name)} }}"
    if report.way.reveal:
        yield "when { [true, false].contains(context.reveal) }"
    ways = [[f"context.approvals.contains({literal(group)})" for group in each] for each in report.reviews]
    if ways:
        yield f"when {{ {' || '.join(' && '.join(each) for each in ways)} }}"
    if report.requester.human:
        yield f"when {{ principal has human && principal.human == {literal(report.requester.human)} }}"


def _compared(resources: Sequence[str]) -> Iterator[str]:
    """Yield the conditions on the resource. A permit allows wildcards only if it mentions resource.wildcard."""
    exact = [each for each in resources if not has_wildcard(each)]
    if exact:
        yield f"{one_of('resource.arn', exact)} && !resource.wildcard"
    for each in resources:
        if each not in exact:
            yield f"resource.arn like {like_pattern(each)} && [true, false].contains(resource.wildcard)"
