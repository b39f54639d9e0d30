"""What concerns one person of all that is open, and whether there may be more of it than is read or shown.

Whom a grant concerns is asked before anything is cut. An agent may have any number of active grants: what waits is read
apart from them, from every target in turn, and of what is cut each agent keeps its share (row REV 12).
"""

from itertools import chain, zip_longest
from typing import NamedTuple, TypeAlias

from jitney.core.access.grant import Grant, State
from jitney.core.identity.principal import Principal
from jitney.core.review.content import content_hash
from jitney.core.review.fair_share import fair_share
from jitney.handlers.current_reviewers import current_reviewers
from jitney.handlers.ports import Ports
from jitney.handlers.viewers import ViewerPermissions, viewer_permissions

MOST_READ, MOST_MILLISECONDS = 2000, 3000
"""Of what waits, and as much of what is active. A grant may have 60 kB: the function has 15 seconds."""
MOST_LISTED = 200
"""In one section of the list."""
MOST_UNREVIEWED = 200
"""Each is a read of its own. Only people break the glass, and none a second time before somebody has looked."""

Shown: TypeAlias = tuple[Grant, ViewerPermissions]


class RequestList(NamedTuple):
    """The sections of somebody's list, the earliest to end first, and in words of which there may be more."""

    looking: list[Shown]
    waiting: list[Shown]
    others: list[Shown]
    active: list[Shown]
    more: list[str]


class _GrantPage(NamedTuple):
    grants: list[Grant]
    cut: bool


def list_requests_for(who: Principal, ports: Ports, now: int) -> RequestList:
    """What concerns `who` at `now`. Raises Problem."""
    groups = current_reviewers(ports)
    # In this order: a grant that is activated meanwhile is read as it waits, then as it is active, which counts.
    reads = {
        "was taken without review": _unreviewed(ports),
        "waits": _open(State.PENDING, ports, now),
        "is active": _open(State.ACTIVE, ports, now),
    }
    found = {grant.id: grant.at(now) for read in reads.values() for grant in read.grants}
    shown = [
        (grant, standing)
        for grant in sorted(found.values(), key=lambda grant: grant.expires_at)
        if (standing := viewer_permissions(who, grant, groups, ports, now)).concerned
    ]
    pending = [(each, _waits(*each)) for each in shown if each[0].state is State.PENDING]
    waiting, others = [each for each, mine in pending if mine], [each for each, mine in pending if not mine]
    active = [each for each in shown if each[0].state is State.ACTIVE]
    more = {kind: read.cut for kind, read in reads.items()}
    more["waits"] |= max(len(waiting), len(others)) > MOST_LISTED
    more["is active"] |= len(active) > MOST_LISTED
    return RequestList(
        [each for each in shown if each[0].awaits_follow_up],
        _shares(waiting),
        _shares(others),
        _shares(active),
        [kind for kind, there_is in more.items() if there_is],
    )


def _unreviewed(ports: Ports) -> _GrantPage:
    """The grants that were taken without review, and nobody has looked at since."""
    owed = list(dict.fromkeys(ports.follow_ups.outstanding().values()))
    found = [grant for grant_id in owed[:MOST_UNREVIEWED] if (grant := ports.store.grant(grant_id))]
    return _GrantPage(found, len(owed) > MOST_UNREVIEWED)


def _open(state: State, ports: Ports, now: int) -> _GrantPage:
    """The grants in a state: the first of each target, then the second of each, as far as numbers and time go."""
    began, read = ports.stopwatch(), list[Grant]()
    roles = dict.fromkeys(target.role_arn for target in ports.config.targets.values())
    turns = zip_longest(*(ports.store.grants_in_state(role_arn, state, now) for role_arn in roles))
    for grant in filter(None, chain.from_iterable(turns)):
        if len(read) == MOST_READ or ports.stopwatch() - began > MOST_MILLISECONDS:
            return _GrantPage(read, cut=True)
        read.append(grant)
    return _GrantPage(read, cut=False)


def _shares(section: list[Shown]) -> list[Shown]:
    return fair_share(section, lambda each: each[0].principal, MOST_LISTED)


def _waits(grant: Grant, standing: ViewerPermissions) -> bool:
    """Whether a pending grant waits for a vote of this person."""
    counted = standing.vote and standing.vote.content == content_hash(grant)
    return bool(standing.groups) and not counted
