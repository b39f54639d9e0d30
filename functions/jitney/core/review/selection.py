"""A reviewer's selection: the actions, resources and duration that a form approves (rows REV 7, 11). Pure."""

from collections.abc import Collection
from typing import NamedTuple

from jitney.core.access.conditions import Conditions
from jitney.core.access.grant import Grant
from jitney.core.access.request import Permission
from jitney.core.review.covered_access import resources_by_action

MOST_DIGITS = 10


class NarrowedApproval(NamedTuple):
    """What a reviewer approves instead of the whole request.

    If it is for `this_time_only`, the approval does not count for the same request again.
    """

    permissions: tuple[Permission, ...]
    duration_seconds: int
    this_time_only: bool = False


def narrowed_approval(
    grant: Grant, permissions: tuple[Permission, ...], seconds: str, *, this_time_only: bool
) -> NarrowedApproval | None:
    """Return what the reviewer approves, or None for the whole request.

    Text that is not a number counts as 0. `this_time_only` matters only if the approval would count again.
    """
    duration = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < MOST_DIGITS else 0
    chosen = NarrowedApproval(permissions, duration, this_time_only and grant.counts_again)
    return None if chosen == (grant.permissions, grant.duration_seconds, False) else chosen


def selected_permissions(grant: Grant, actions: Collection[str], resources: Collection[str]) -> tuple[Permission, ...]:
    """Return the permissions whose boxes are checked.

    These are the grant's own permissions when all boxes are checked, and () when no box is.

    Conditions stay as they are.

    Boxes are named by their position on the sheet: "2" is an action, "2.0" its first resource. So no text from a
    browser is used as an action or a resource.
    """
    reach = resources_by_action(grant)
    kept = {
        limited: tuple(arn for place, arn in enumerate(arns) if f"{line}.{place}" in resources)
        for line, (limited, arns) in enumerate(reach.items())
        if str(line) in actions
    }
    if kept == reach:
        return grant.permissions
    together: dict[tuple[tuple[str, ...], Conditions], list[str]] = {}
    for limited, arns in kept.items():
        if arns:
            together.setdefault((arns, limited.conditions), []).append(limited.action)
    return tuple(Permission(tuple(names), *limits) for limits, names in together.items())
