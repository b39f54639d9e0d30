"""The open requests that one person may see, and whether the list is incomplete (row REV 12).

The list is filtered before it is cut. Pending and active requests are read separately, because an agent may have any
number of active ones. The grants of all targets are read in turns. A section that is too long is cut so that each
accountable unit keeps a share.
"""

from collections.abc import Callable
from itertools import chain, zip_longest
from typing import NamedTuple, TypeAlias

from jitney.core.access.grant import Grant, State
from jitney.core.access.suspensions import Suspensions
from jitney.core.identity.principal import Principal
from jitney.core.review.fair_cut import cut_fairly
from jitney.core.review.harm import harm_level, harm_rank, own_risks, with_changes
from jitney.core.review.headlines import headline_of_grant, uses_of
from jitney.core.target_roles import first_roles
from jitney.handlers.pages.viewers import ViewerPermissions, viewer_permissions
from jitney.handlers.review.current_reviewers import current_reviewers
from jitney.handlers.review.under_review import all_under_review
from jitney.handlers.runtime.ports import Ports

MOST_READ, MOST_MILLISECONDS = 2000, 3000
"""Limits of reading, for pending and for active grants separately. A grant may have 60 kB. The function has 15 s."""
MOST_LISTED = 200
"""Limit of one section of the list."""
MOST_UNREVIEWED = 200
"""Limit of the grants by break-glass whose follow-up review is missing. Each needs one read.

A person can have only one such grant.
"""
URGENCY = ((15 * 60, "Decide within 15 minutes"), (3600, "Decide within 1 hour"), (10**10, "Decide later"))
"""The groups of requests that wait for a person: the most seconds left, and the title."""

Shown: TypeAlias = tuple[Grant, ViewerPermissions]


class RequestList(NamedTuple):
    """The sections of a person's list, with the earliest end first, and the names of incomplete sections."""

    follow_ups: list[Shown]
    waiting_for_viewer: list[Shown]
    waiting_for_others: list[Shown]
    active: list[Shown]
    more: list[str]


class GrantsRead(NamedTuple):
    """Grants that were read. `cut` says whether there are more."""

    grants: list[Grant]
    cut: bool


def list_requests_for(who: Principal, suspensions: Suspensions, ports: Ports, now: int) -> RequestList:
    """Return the open requests that `who` may see, without those that `suspensions` ended. Raises Problem."""
    groups = current_reviewers(ports, suspensions)
    # Active grants are read last. A grant that becomes active meanwhile is read twice, and the second read counts.
    reads = {
        "break-glass": _unreviewed(ports),
        "pending": read_in_state(State.PENDING, ports, now),
        "active": read_in_state(State.ACTIVE, ports, now),
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


def level_of_grant(grant: Grant, ports: Ports) -> str:
    """Return the level of harm of a grant alone.

    Its page may show a worse level, because of the agent's other grants.
    """
    actions = ports.actions
    return harm_level(with_changes(own_risks(grant.permissions, actions), uses_of(grant, actions)))


def title_of_grant(grant: Grant, ports: Ports) -> str:
    """Return the request in one line, without the person it is for."""
    return headline_of_grant(grant, "", uses_of(grant, ports.actions)).title


def by_urgency(waiting: list[Shown], level_of: Callable[[Grant], str], now: int) -> list[tuple[str, list[Shown]]]:
    """Return the requests that wait for a person, grouped by urgency. In a group, the worst harm comes first."""
    worst_first = sorted(waiting, key=lambda each: harm_rank(level_of(each[0])))
    groups: dict[str, list[Shown]] = {title: [] for _, title in URGENCY}
    for each in worst_first:
        left = each[0].expires_at - now
        groups[next(title for within, title in URGENCY if left <= within)].append(each)
    return [(title, items) for title, items in groups.items() if items]


def _unreviewed(ports: Ports) -> GrantsRead:
    """Return the grants whose follow-up review is missing."""
    outstanding = list(dict.fromkeys(ports.follow_ups.outstanding().values()))
    found = ports.store.readable_grants(outstanding[:MOST_UNREVIEWED])
    shown = [found[grant_id] for grant_id in outstanding if grant_id in found]
    return GrantsRead(shown, len(outstanding) > MOST_UNREVIEWED)


def read_in_state(state: State, ports: Ports, now: int) -> GrantsRead:
    """Return the grants in `state`, from each role in turn, and whether a limit of number or time ended the read.

    They include the grants of removed targets, whose credentials work until the grants end.
    """
    began, read = ports.stopwatch(), list[Grant]()
    roles = first_roles((each.role_arn for each in ports.config.targets.values()), ports.deny_list.seen_roles())
    turns = zip_longest(*(ports.store.grants_in_state(role_arn, state, now) for role_arn in roles))
    for grant in filter(None, chain.from_iterable(turns)):
        if len(read) == MOST_READ or ports.stopwatch() - began > MOST_MILLISECONDS:
            return GrantsRead(read, cut=True)
        read.append(grant)
    return GrantsRead(read, cut=False)


def _shares(section: list[Shown]) -> list[Shown]:
    return cut_fairly(section, lambda each: each[0].unit_key, MOST_LISTED)


def _waits(grant: Grant, viewer: ViewerPermissions) -> bool:
    """Return whether a pending grant waits for this person's vote."""
    return bool(viewer.groups) and not viewer.present_vote(grant)
