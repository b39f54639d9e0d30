"""What was done with a grant: the calls of its sessions, grouped, and what of the grant was never used (row AUD 4)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from jitney.core.access.request import Permission
from jitney.core.patterns import wildcard_pattern
from jitney.core.report.grant_report import CallGroup, LeftoverResource, Terms
from jitney.core.report.published_lines import PublishedCall
from jitney.core.trail.event import ASSUME_ROLE_OPERATIONS, SCOPED_CREDENTIALS_OPERATION
from jitney.core.trail.join import KEY_NOT_ISSUED, Purpose

DENIAL_CODES = ("AccessDenied", "UnauthorizedOperation", "NotAuthorized", "AuthorizationError", "Forbidden")
"""What the codes hold by which AWS's services say that IAM does not allow a call; every service has its own."""


class GrantUsage(NamedTuple):
    """See `jitney.core.report.grant_report.GrantReport`; `unreadable` counts lines that are no call."""

    uses: tuple[CallGroup, ...]
    denied: tuple[CallGroup, ...]
    bypasses: tuple[CallGroup, ...]
    total: int
    begun: int
    besides: int
    never: tuple[Permission, ...]
    left: tuple[LeftoverResource, ...]
    seen: tuple[PublishedCall, ...]
    unreadable: int


def usage_of(calls: Iterable[PublishedCall | None], granted: Terms | None) -> GrantUsage:
    """The calls of one grant, each event once."""
    given = list(calls)
    found = deduplicated(each for each in given if each)
    own = [each for each in found if not (each.explained and _is_brokers(each, granted))]
    made = [each for each in own if not _begins(each)]
    explained = [each for each in made if each.explained]
    return GrantUsage(
        uses=_grouped(each for each in explained if not is_denied(each)),
        denied=_grouped(each for each in explained if is_denied(each)),
        bypasses=_grouped(each for each in own if not each.explained),
        total=len(made),
        begun=sum(_begins(each) and each.explained for each in own),
        besides=len(found) - len(own),
        never=tuple(_never(granted.permissions, explained)) if granted else (),
        left=tuple(_leftover_resources(own)),
        seen=tuple(explained),
        unreadable=sum(each is None for each in given),
    )


def deduplicated(calls: Iterable[PublishedCall]) -> list[PublishedCall]:
    """Each event once, the earliest first; what its key's beginning says of it, once that was learned, holds."""
    found: dict[str, PublishedCall] = {}
    for each in sorted(set(calls), key=lambda call: (call.reasons != KEY_NOT_ISSUED, not call.explained, repr(call))):
        found[each.event_id] = each
    return sorted(found.values(), key=lambda call: (call.time, call.event_id))


def is_denied(call: PublishedCall) -> bool:
    """Whether IAM did not allow it, by AWS's code."""
    return any(each in call.error_code for each in DENIAL_CODES)


def is_action(call: PublishedCall, action: str) -> bool:
    """Whether a granted action, which may hold wildcards, is among those that authorize the call."""
    name = action.lower()
    return any(_matches(name, each.lower()) for each in call.actions)


def covers_arn(resource: str, arn: str) -> bool:
    """Whether a granted resource stands for the ARN, in which nothing is a wildcard: keys of S3 may hold `*`."""
    return _matches(resource, arn)


def _matches(pattern: str, name: str) -> bool:
    return wildcard_pattern(pattern).matches(name)


def _is_brokers(call: PublishedCall, granted: Terms | None) -> bool:
    """Whether the broker made it: in a session for seeing that an end holds, or to scope a grant's session down."""
    if call.purpose != Purpose.GRANT:
        return True
    scopes = (call.service, call.operation) == ("sts", SCOPED_CREDENTIALS_OPERATION)
    named = (name for each in (granted.permissions if granted else ()) for name in each.actions)
    return scopes and not any(is_action(call, name) for name in named)


def _begins(call: PublishedCall) -> bool:
    """Whether it is the event by which a session of its role began, and not another role that the session took.

    As `jitney.core.trail.event` reads it: of what takes a target's role, `role_arn` is the one that was asked for.
    """
    takes = call.service == "sts" and call.operation in ASSUME_ROLE_OPERATIONS and not call.error_code
    return takes and call.requested_role != "" and call.requested_role == call.role_arn


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


def _never(permissions: Sequence[Permission], calls: Sequence[PublishedCall]) -> Iterator[Permission]:
    """The granted actions of which no call was seen, with their resources."""
    for each in permissions:
        unused = tuple(name for name in each.actions if not any(is_action(call, name) for call in calls))
        if unused:
            yield Permission(unused, each.resources)


def _leftover_resources(calls: Sequence[PublishedCall]) -> Iterator[LeftoverResource]:
    """What was made, and not taken away by a call of a later second: within one, it is not known what came last."""
    gone: dict[str, int] = {}
    for each in calls:
        gone |= {thing: max(each.time, gone.get(thing, 0)) for thing in each.taken}
    for each in calls:
        for thing in each.made:
            if not 0 < each.time < gone.get(thing, 0):
                yield LeftoverResource(thing, each.time, each.name)
