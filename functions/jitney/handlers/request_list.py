"""The open requests that one person may see, and whether the list is incomplete (row REV 12).

The list is filtered before it is cut. Pending requests are read apart from active requests, because an agent may have
any number of active ones. Targets are read in turn. A section that is too long is cut fairly between accountable units.
"""

from itertools import chain, zip_longest
from typing import NamedTuple, TypeAlias

from jitney.core.access.grant import Grant, State
from jitney.core.access.suspensions import Suspensions
from jitney.core.identity.principal import Principal
from jitney.core.review.content import content_hash
from jitney.core.review.fair_share import fair_share
from jitney.handlers.current_reviewers import current_reviewers
from jitney.handlers.ports import Ports
from jitney.handlers.under_review import all_under_review
from jitney.handlers.viewers import ViewerPermissions, viewer_permissions

MOST_READ, MOST_MILLISECONDS = 2000, 3000
"""Limits of reading, once for pending and once for active grants. A grant may have 60 kB. The function has 15 s."""
MOST_LISTED = 200
"""Limit of one section of the list."""
MOST_UNREVIEWED = 200
"""Limit of break-glass uses without a follow-up review. Each is one read. A person can have only one."""

Shown: TypeAlias = tuple[Grant, ViewerPermissions]


class RequestList(NamedTuple):
    """The sections of a person's list, with the earliest end first, and the names of incomplete sections."""

    follow_ups: list[Shown]
    waiting_for_viewer: list[Shown]
    waiting_for_others: list[Shown]
    active: list[Shown]
    more: list[str]


class _GrantPage(NamedTuple):
    grants: list[Grant]
    cut: bool


def list_requests_for(who: Principal, suspensions: Suspensions, ports: Ports, now: int) -> RequestList:
    """Return the open requests that `who` may see, without those that `suspensions` ended. Raises Problem."""
    groups = current_reviewers(ports, suspensions)
    # Active grants are read last. A grant that becomes active meanwhile is read twice, and the second read counts.
    reads = {
        "break-glass": _unreviewed(ports),
        "pending": _open(State.PENDING, ports, now),
        "active": _open(State.ACTIVE, ports, now),
    }
    found = {grant.id: grant for read in reads.values() for grant in read.grants}
    shown = [
        (review.grant.at(now), viewer)
        for review in sorted(
            all_under_review(found.values(), ports, suspensions), key=lambda each: each.grant.expires_at
        )
        if (viewer := viewer_permissions(who, review, groups, now)).may_see
    ]
    pending = [(each, _waits(*each)) for each in shown if each[0].state is State.PENDING]
    waiting, others = [each for each, mine in pending if mine], [each for each, mine in pending if not mine]
    active = [each for each in shown if each[0].state is State.ACTIVE]
    more = {kind: read.cut for kind, read in reads.items()}
    more["pending"] |= max(len(waiting), len(others)) > MOST_LISTED
    more["active"] |= len(active) > MOST_LISTED
    return RequestList(
        [each for each in shown if each[0].awaits_follow_up],
        _shares(waiting),
        _shares(others),
        _shares(active),
        [kind for kind, is_cut in more.items() if is_cut],
    )


def _unreviewed(ports: Ports) -> _GrantPage:
    """Return the grants whose follow-up review is missing."""
    outstanding = list(dict.fromkeys(ports.follow_ups.outstanding().values()))
    found = ports.store.grants_by_id(outstanding[:MOST_UNREVIEWED])
    shown = [found[grant_id] for grant_id in outstanding if grant_id in found]
    return _GrantPage(shown, len(outstanding) > MOST_UNREVIEWED)


def _open(state: State, ports: Ports, now: int) -> _GrantPage:
    """Return the grants in a state, from each target in turn, within the limits on number and time."""
    began, read = ports.stopwatch(), list[Grant]()
    roles = dict.fromkeys(target.role_arn for target in ports.config.targets.values())
    turns = zip_longest(*(ports.store.grants_in_state(role_arn, state, now) for role_arn in roles))
    for grant in filter(None, chain.from_iterable(turns)):
        if len(read) == MOST_READ or ports.stopwatch() - began > MOST_MILLISECONDS:
            return _GrantPage(read, cut=True)
        read.append(grant)
    return _GrantPage(read, cut=False)


def _shares(section: list[Shown]) -> list[Shown]:
    return fair_share(section, lambda each: each[0].unit_key, MOST_LISTED)


def _waits(grant: Grant, viewer: ViewerPermissions) -> bool:
    """Return whether a pending grant waits for this person's vote."""
    counted = viewer.vote and viewer.vote.content == content_hash(grant)
    return bool(viewer.groups) and not counted
