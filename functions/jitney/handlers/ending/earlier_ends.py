"""Says whether an open grant has ended in a way that another step records, so that no later end hides that one."""

from jitney.core.access.grant import Grant
from jitney.core.access.suspensions import Suspensions
from jitney.core.problems import Problem
from jitney.core.review.grant_under_review import with_first_end
from jitney.handlers.runtime.ports import Ports


def has_earlier_end(grant: Grant, suspensions: Suspensions, ports: Ports) -> bool:
    """Return whether a suspension ended the open grant, or, for a call, the end of the grant that it is made in.

    The reconciler records these ends, perhaps much later. Raises Problem unavailable.
    """
    return with_first_end(grant, suspensions, parent_of(grant, ports)).ending is not grant.ending


def parent_of(grant: Grant, ports: Ports) -> Grant | None:
    """Return the grant that a call is made in; None if it is unreadable or gone, or if the grant is not for a call."""
    if grant.call is None:
        return None
    try:
        return ports.store.grant(grant.call.grant_id)
    except Problem as problem:
        if problem.code != "grant_unreadable":
            raise
    return None
