"""Groups the calls of a grant, and finds the permissions that were not used (row AUD 4)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from jitney.core.access.grant_effects import answers_masked, effects_of
from jitney.core.access.request import Permission
from jitney.core.actions import ActionTable
from jitney.core.outliving import GrantEffect, with_use
from jitney.core.patterns import wildcard_pattern
from jitney.core.report.grant_report import (
    NOT_SENT,
    CallGroup,
    GrantReport,
    GrantUsage,
    LeftoverResource,
    Terms,
)
from jitney.core.report.published_lines import PublishedCall
from jitney.core.trail.event import ASSUME_ROLE_OPERATIONS, SCOPED_CREDENTIALS_OPERATION
from jitney.core.trail.join import AGENTS_PURPOSES, verdict_precedence

DENIAL_CODES = ("AccessDenied", "Unauthorized", "NotAuthorized", "AuthorizationError", "Forbidden")
"""Parts of the error codes with which AWS services report an IAM denial. The codes differ by service."""


def usage_of(calls: Iterable[PublishedCall | None], granted: Terms | None) -> GrantUsage:
    """Return the usage of one grant. Each event counts once."""
    given = list(calls)
    found = deduplicated(each for each in given if each)
    own = [each for each in found if not (each.explained and _is_brokers(each, granted))]
    called = [each for each in own if not _begins(each)]
    explained = [each for each in called if each.explained]
    return GrantUsage(
        uses=_grouped(each for each in explained if not is_denied(each)),
        denied=_grouped(each for each in explained if is_denied(each)),
        beyond_grant=_grouped(each for each in own if each.beyond_grant),
        bypasses=_grouped(each for each in own if not (each.explained or each.beyond_grant)),
        calls=len(called),
        sessions_started=sum(_begins(each) and each.explained for each in own),
        broker_calls=len(found) - len(own),
        unused_permissions=tuple(_unused(granted.permissions, explained)) if granted else (),
        leftover_resources=tuple(_leftover_resources(own)),
        explained_calls=tuple(explained),
        unreadable=sum(each is None for each in given),
    )


def deduplicated(calls: Iterable[PublishedCall]) -> list[PublishedCall]:
    """Return each event once, in order of time, with the verdict that replaces its other ones."""
    found: dict[str, PublishedCall] = {}
    for each in sorted(set(calls), key=lambda call: (verdict_precedence(call.reasons), repr(call))):
        found[each.event_id] = each
    return sorted(found.values(), key=lambda call: (call.time, call.event_id))


def used_actions(calls: Iterable[PublishedCall]) -> frozenset[str]:
    """Return the actions that authorized the successful calls, in lower case."""
    return frozenset(name.lower() for call in calls if not call.error_code for name in call.actions)


def outliving_effects(report: GrantReport, actions: ActionTable) -> tuple[GrantEffect, ...]:
    """Return what outlives the grant of a report, and whether it was used; () until access could be used."""
    called = any(each.outcome not in NOT_SENT for each in report.gateway_calls)
    granted = report.granted if report.times.issued or called or report.call_was_sent else None
    masked = answers_masked(report.way.name, reveal=report.way.reveal)
    effects = effects_of(granted.permissions, actions, masked=masked) if granted else ()
    used = {name.lower() for each in report.usage.uses if not each.code for name in each.actions}
    return with_use(effects, used)


def is_denied(call: PublishedCall) -> bool:
    """Return whether IAM denied the call, judged by AWS's error code."""
    return any(each in call.error_code for each in DENIAL_CODES)


def is_action(call: PublishedCall, action: str) -> bool:
    """Return whether a granted action, which may have wildcards, authorizes the call."""
    name = action.lower()
    return any(_matches(name, each.lower()) for each in call.actions)


def covers_arn(resource: str, arn: str) -> bool:
    """Return whether a granted resource covers the ARN. A `*` in the ARN is literal, because S3 keys may contain it."""
    return _matches(resource, arn)


def _matches(pattern: str, name: str) -> bool:
    return wildcard_pattern(pattern).matches(name)


def _is_brokers(call: PublishedCall, granted: Terms | None) -> bool:
    """Return whether the broker made the call, to check that access has ended or to scope a session down."""
    if call.purpose not in AGENTS_PURPOSES:
        return True
    scopes = (call.service, call.operation) == ("sts", SCOPED_CREDENTIALS_OPERATION)
    named = (name for each in (granted.permissions if granted else ()) for name in each.actions)
    return scopes and not any(is_action(call, name) for name in named)


def _begins(call: PublishedCall) -> bool:
    """Return whether the event started the session. Assuming another role within the session does not count.

    If an event starts a session, its `role_arn` is the requested role (jitney.core.trail.event).
    """
    assumes = call.service == "sts" and call.operation in ASSUME_ROLE_OPERATIONS and not call.error_code
    return assumes and call.requested_role != "" and call.requested_role == call.role_arn


def _grouped(calls: Iterable[PublishedCall]) -> tuple[CallGroup, ...]:
    groups: dict[tuple[str, tuple[str, ...], str, tuple[str, ...]], list[PublishedCall]] = {}
    for each in calls:
        groups.setdefault((each.name, each.actions, each.error_code, each.reasons), []).append(each)
    return tuple(
        CallGroup(*key, len(group), group[0].time, group[-1].time, _arns(group))
        for key, group in sorted(groups.items(), key=lambda item: (item[1][0].time, item[0]))
    )


def _arns(calls: Sequence[PublishedCall]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(arn for each in calls for arn in each.resources))


def _unused(permissions: Sequence[Permission], calls: Sequence[PublishedCall]) -> Iterator[Permission]:
    """Yield the granted actions without a call, with their resources and conditions."""
    for each in permissions:
        unused = tuple(name for name in each.actions if not any(is_action(call, name) for call in calls))
        if unused:
            yield replace(each, actions=unused)


def _leftover_resources(calls: Sequence[PublishedCall]) -> Iterator[LeftoverResource]:
    """Yield resources that were created and not deleted in a later second. CloudTrail's times are whole seconds."""
    deleted: dict[str, int] = {}
    for each in calls:
        deleted |= {resource: max(each.time, deleted.get(resource, 0)) for resource in each.deleted}
    for each in calls:
        for resource in each.created:
            if not 0 < each.time < deleted.get(resource, 0):
                yield LeftoverResource(resource, each.time, each.name)
