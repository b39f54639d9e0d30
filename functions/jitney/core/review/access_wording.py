"""The requested access in words: kinds of access, each with its resources and conditions. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from jitney.core.access.conditions import Conditions, conditions_in_words
from jitney.core.access.profile_wording import LEVEL_NAMES
from jitney.core.actions import AccessLevel
from jitney.core.patterns import has_wildcard
from jitney.core.quantities import format_list, quantity
from jitney.core.review.harm import deletes, harm_rank
from jitney.core.review.safe_text import cut, middle_cut
from jitney.core.review.sheet import RequestedAction, Sheet

MOST_ACCESSES, MOST_ACTIONS, MOST_RESOURCES = 4, 6, 4
MOST_ARN, MOST_NAME, MOST_CONDITION = 150, 80, 240

_VERBS: Mapping[AccessLevel | None, str] = {
    AccessLevel.PERMISSIONS_MANAGEMENT: "changes permissions",
    AccessLevel.READ_SECRET: "reads secrets",
    AccessLevel.WRITE: "writes",
    AccessLevel.TAGGING: "tags",
    AccessLevel.READ: "reads",
    AccessLevel.LIST: "lists",
}
UNKNOWN = "unknown"


class Access(NamedTuple):
    """One kind of access. `title` names its level and actions. New `resources` are marked unless all are new.

    `conditions` are words that follow "only if".
    """

    title: str
    resources: tuple[str, ...]
    conditions: tuple[str, ...] = ()


def action_verb(requested: RequestedAction) -> str:
    """Return what an action does, as a verb with its object if it has one: "writes", "reads secrets"."""
    if deletes(requested.action, requested.level):
        return "deletes"
    return _VERBS.get(requested.level, "is unknown to Jitney")


def accesses(sheet: Sheet) -> tuple[Access, ...]:
    """Return the exact access, grouped by level, resources and conditions, the most severe first."""
    grouped, found = together(sheet), []
    all_new = all(each.new == each.resources for each in sheet.actions)
    for (words, resources, new, limits), actions in list(grouped.items())[:MOST_ACCESSES]:
        shown = [
            middle_cut(arn, MOST_ARN) + (" (new)" if arn in new and not all_new else "")
            for arn in resources[:MOST_RESOURCES]
        ]
        if len(resources) > MOST_RESOURCES:
            unseen = set(resources[MOST_RESOURCES:]) & set(new)
            fresh = f", {len(unseen)} of them new" if unseen else ""
            shown.append(f"and {len(resources) - MOST_RESOURCES} more{fresh}: see the page")
        title = f"{words}: {format_list(actions, MOST_ACTIONS)}"
        found.append(Access(title, tuple(shown), conditions_shown(limits)))
    if len(grouped) > MOST_ACCESSES:
        left = [name for names in list(grouped.values())[MOST_ACCESSES:] for name in names]
        more = f"and {quantity(len(left), 'more action')}: see the page"
        found.append(Access(more, ()))
    return tuple(found)


def conditions_shown(conditions: Conditions) -> tuple[str, ...]:
    """Return each condition in exact words that follow "only if". A condition that is too long is cut."""
    return tuple(middle_cut(each, MOST_CONDITION) for each in conditions_in_words(conditions))


class _Kind(NamedTuple):
    """What actions of one `Access` share."""

    words: str
    resources: tuple[str, ...]
    new: tuple[str, ...]
    conditions: Conditions


def together(sheet: Sheet) -> dict[_Kind, list[str]]:
    """Return the actions grouped by level, resources and conditions. Deleting actions form their own groups."""
    grouped: dict[_Kind, list[str]] = {}
    for each in worst_first(sheet.actions):
        level = LEVEL_NAMES[each.level] if each.level else UNKNOWN
        words = "delete" if deletes(each.action, each.level) else level
        kind = _Kind(words, each.unusual_first, each.new, each.conditions)
        grouped.setdefault(kind, []).append(cut(each.action, MOST_NAME))
    return grouped


def on_same_resources(actions: Iterable[RequestedAction]) -> list[list[RequestedAction]]:
    """Return the actions in groups that share resources and conditions, the most severe first."""
    grouped: dict[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], Conditions], list[RequestedAction]] = {}
    for each in worst_first(actions):
        grouped.setdefault((each.resources, each.new, each.revoked, each.conditions), []).append(each)
    return list(grouped.values())


def worst_first(actions: Iterable[RequestedAction]) -> list[RequestedAction]:
    """Return the actions, the most severe first."""
    return sorted(actions, key=_severity)


def _severity(requested: RequestedAction) -> tuple[int | bool, ...]:
    """Return the sort key by harm, then by access level. Unknown actions come first in their harm.

    In their level, deleting actions come first, then those with access that was revoked, is new, or has wildcards.
    """
    level = list(LEVEL_NAMES).index(requested.level) if requested.level else -1
    delete, wide = deletes(requested.action, requested.level), any(map(has_wildcard, requested.resources))
    marks = (delete, requested.revoked, requested.new, wide)
    return harm_rank(requested.harm), level, *(not each for each in marks)
