"""Whether a grant covers a call, and what a session of this call alone may do (rows GW 1 and GW 3)."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from jitney.core.access.conditions import conditions_in_words, covers_conditions
from jitney.core.access.grant import Grant
from jitney.core.access.request import ExplainedAction, Permission, permissions_of, permissions_view
from jitney.core.actions import READING, ActionTable
from jitney.core.bounded_comparisons import when_too_complex
from jitney.core.masking.mask_tags import NO_TAGS
from jitney.core.masking.text import mask_text
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, covers
from jitney.core.policy.pairs import NEEDS_NO_PERMISSION
from jitney.core.problems import Problem

MOST_RESOURCE_BYTES = 80_000
"""The size of the ARNs that a call needs, in JSON. They are in its record, and an item of DynamoDB holds 400 KB."""


class CallNeeds(NamedTuple):
    """The permissions that a call needs, and those of the grant that it may need in addition.

    `reads` is True if each needed action only lists or reads. `shares` is False for a read that must not use the
    session of all reads of its grant.
    """

    permissions: tuple[Permission, ...]
    further: tuple[Permission, ...]
    reads: bool
    shares: bool = True

    @property
    def of_session(self) -> tuple[Permission, ...]:
        """The permissions of a session for this call alone, or for reads that need the same."""
        return (*self.permissions, *self.further)


def require_inside(
    explained: Sequence[ExplainedAction], grant: Grant, actions: ActionTable, *, reveal: bool = False
) -> CallNeeds:
    """Return what a call needs, as `explained`, if the grant covers all of it.

    Raises Problem call_outside_grant with what is missing, and with the smallest request that would be enough. With
    `reveal`, the call has an answer only in a grant that reveals.
    Raises call_too_large or call_invalid for resources that cannot be in a record.
    """
    _require_recordable(explained)
    budget = Budget(MAX_REQUEST_STEPS)
    missing = tuple(_missing(explained, grant.permissions, budget))
    if missing:
        raise _outside(missing, explained, grant, reveal=reveal)
    return CallNeeds(
        permissions_of(explained),
        tuple(_held_further(explained, grant.permissions)),
        all(_reads(each.action, actions) for each in explained),
    )


def reading_part(permissions: Iterable[Permission], actions: ActionTable) -> tuple[Permission, ...]:
    """Return the permissions with only the actions that list or read."""
    reading = ((each, tuple(name for name in each.actions if _reads(name, actions))) for each in permissions)
    return tuple(replace(each, actions=names) for each, names in reading if names)


def _require_recordable(explained: Iterable[ExplainedAction]) -> None:
    """Raise Problem unless records can hold what the call needs: it is short, and holds no secret."""
    arns = [arn for each in explained for arn in each.resources]
    size = sum(len(json.dumps(arn, ensure_ascii=False).encode()) for arn in arns)
    if size > MOST_RESOURCE_BYTES:
        detail = f"The ARNs that the call needs have {size} bytes; the limit is {MOST_RESOURCE_BYTES}."
        fix = "Name fewer resources in one call."
        raise Problem("call_too_large", detail, fix, {"limit_bytes": MOST_RESOURCE_BYTES})
    values = [value for each in explained for condition in each.conditions for value in condition.values]
    if any(mask_text(text, NO_TAGS) != text for text in (*arns, *values)):
        detail = "The name of a resource or a condition's value appears to hold a secret, which records would store."
        raise Problem("call_invalid", detail, "Name the resource in another way.")


def _missing(
    explained: Iterable[ExplainedAction], held: Sequence[Permission], budget: Budget
) -> Iterator[ExplainedAction]:
    """Yield each needed action that the grant lacks, with the resources on which it lacks it."""
    for needed in explained:
        if needed.action in NEEDS_NO_PERMISSION:
            continue
        holders = [
            each
            for each in held
            if needed.action in each.actions and covers_conditions(each.conditions, needed.conditions, budget)
        ]
        if missing := tuple(arn for arn in needed.resources if not _covered(arn, holders, budget)):
            yield needed._replace(resources=missing)


@when_too_complex(answer=False)
def _covered(arn: str, holders: Iterable[Permission], budget: Budget) -> bool:
    return any(outer == arn or covers(outer, arn, budget) for each in holders for outer in each.resources)


def _held_further(explained: Sequence[ExplainedAction], held: Iterable[Permission]) -> Iterator[Permission]:
    """Yield the granted part of the actions that the call may need, such as using the key of an encrypted object."""
    possible = {each.action for one in explained for each in one.may_need} - {each.action for each in explained}
    for each in held:
        if shared := tuple(name for name in each.actions if name in possible):
            yield Permission(shared, each.resources, each.conditions)


def _reads(action: str, actions: ActionTable) -> bool:
    known = actions.get(action)
    return known is not None and known.level in READING


def _outside(
    missing: Sequence[ExplainedAction], explained: Sequence[ExplainedAction], grant: Grant, *, reveal: bool
) -> Problem:
    first = missing[0]
    under = " under these conditions" if first.conditions else ""
    limits = [each.conditions for each in grant.permissions if first.action in each.actions and each.conditions]
    limited = f"It has {first.action} only if {' and '.join(conditions_in_words(limits[0]))}. " if limits else ""
    return Problem(
        "call_outside_grant",
        f"The grant does not cover {first.action} on {first.resources[0][:200]}{under}, which the call needs. "
        f"{limited}Nothing was sent to AWS.",
        "Request a grant with the permissions in smallest_request, and make the call in it.",
        {
            "missing": permissions_view(permissions_of(missing)),
            "smallest_request": {
                "target": grant.target,
                "way": "gateway",
                **({"reveal": True} if reveal else {}),
                "permissions": permissions_view(permissions_of(explained)),
            },
        },
    )
