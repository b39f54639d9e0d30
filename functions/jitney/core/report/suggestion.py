"""The narrower request that would have done, from what was used (row AUD 4).

What is suggested is a part of what was granted, and allows every call that the grant explains. Nothing is taken away of
which no call could have been seen: of such the reasons are told.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from jitney.core.access.request import Permission
from jitney.core.access.request_body import is_arn
from jitney.core.actions import Action, ActionTable, ResourceType
from jitney.core.masking.mask_tags import MASK
from jitney.core.patterns import MAX_STEPS, Budget, PatternTooComplex, has_wildcard
from jitney.core.report.cloudtrail_coverage import CoverageGap, ImplicitActions, coverage_gap
from jitney.core.report.grant_report import GrantReport, ReportedState, Terms
from jitney.core.report.published_lines import PublishedCall
from jitney.core.report.usage import covers_arn, is_action
from jitney.core.trail.call import MOST_RESOURCES
from jitney.core.trail.join import MAX_EVENT_DELAY_SECONDS

MOST_NAMED = 10
"""Resources that are put in the place of one wildcard: a list that is longer nobody would ask for."""
LEAST_SECONDS = 60
SPARE = 1.25
"""Of the time until the last call: it was as long as it was by chance."""
_STAYS: Mapping[ReportedState, str] = {
    ReportedState.ACTIVE: "it has not ended",
    ReportedState.EXPIRED: "what could not be seen may have been used until its end",
    ReportedState.REVOKED: "it was taken back, and may have been needed for longer",
}
"""Why nothing is said of how long would have done."""


class SuggestionOutcome(StrEnum):
    """What there is to suggest."""

    NARROWER = "narrower"
    NOTHING = "nothing"
    UNKNOWN = "unknown"


class Suggestion(NamedTuple):
    """What would have done: `terms`, which are None unless the verdict is NARROWER; and what has to be said to that.

    `because` are sentences, to follow "because" or "but": why nothing is suggested, and what stays in it, or its time
    does, because nothing can be said of it.
    """

    verdict: SuggestionOutcome
    terms: Terms | None
    because: tuple[str, ...]


class _Pair(NamedTuple):
    action: str
    resource: str
    blind: str = ""


def suggest(story: GrantReport, actions: ActionTable, may_need: ImplicitActions, now: int) -> Suggestion:
    """What would have done instead of what was granted, as far as that can be said at `now`."""
    if story.granted is None:
        return Suggestion(SuggestionOutcome.UNKNOWN, None, ("nothing was granted.",))
    if story.partial:
        reason = "not all of its records and calls were read here: what was needed is not known."
        return Suggestion(SuggestionOutcome.UNKNOWN, None, (reason,))
    strange = tuple(_strange(story))
    if not (story.seen or story.begun):
        reason = "CloudTrail told of no session of this grant: whether anything was used is not known."
        return Suggestion(SuggestionOutcome.UNKNOWN, None, (reason, *strange))
    kept = list(_kept(story.granted.permissions, story.seen, actions, may_need))
    blind = tuple(dict.fromkeys(f"{each.action} stays in it: {each.blind}." for each in kept if each.blind))
    late = (*strange, *_late(story, now))
    if not kept:
        return Suggestion(SuggestionOutcome.UNKNOWN, None, ("nothing of it was used: it was not needed.", *late))
    seconds, stays = _seconds(story, bool(blind))
    terms = Terms(together(kept), seconds)
    because = (*blind, *((f"the time stays: {stays}.",) if stays else ()), *late)
    narrower = _pairs(terms.permissions) != _pairs(story.granted.permissions)
    if not narrower and terms.duration_seconds == story.granted.duration_seconds:
        return Suggestion(SuggestionOutcome.NOTHING, None, because)
    return Suggestion(SuggestionOutcome.NARROWER, terms, because)


def together(pairs: Iterable[tuple[str, ...]]) -> tuple[Permission, ...]:
    """Permissions that hold exactly these pairs of an action and a resource, actions on the same resources together."""
    by_action: dict[str, dict[str, None]] = {}
    for action, resource, *_ in pairs:
        by_action.setdefault(action, {})[resource] = None
    by_resources: dict[frozenset[str], list[str]] = {}
    for action, resources in by_action.items():
        by_resources.setdefault(frozenset(resources), []).append(action)
    return tuple(Permission(tuple(names), tuple(sorted(resources))) for resources, names in by_resources.items())


def _kept(
    granted: Sequence[Permission], seen: Sequence[PublishedCall], actions: ActionTable, may_need: ImplicitActions
) -> Iterator[_Pair]:
    by_action: dict[str, list[str]] = {}
    for action, resource in _pairs(granted):
        by_action.setdefault(action, []).append(resource)
    for action, resources in sorted(by_action.items()):
        calls = [each for each in seen if is_action(each, action)]
        blind = coverage_gap(action, resources, seen, may_need)
        if not calls:
            yield from (_Pair(action, each, blind) for each in resources if blind)
            continue
        reached = _reached(actions.get(action), resources, calls, blind)
        yield from (_Pair(action, arn) for each in resources for arn in reached.get(each, (each,)))


def _reached(
    action: Action | None, resources: Sequence[str], calls: Sequence[PublishedCall], blind: CoverageGap | None
) -> dict[str, tuple[str, ...]]:
    """By granted resource, the ARNs that were used of it, where the calls tell that; none where they do not.

    They do where each call names what it used, whole. An action on several types of resources needs one of each, of
    which events name some. Of data events it is taken that a trail that shows a call on a granted resource shows all
    calls of the action there; nothing is said where it shows none.
    """
    if action is None or blind not in (None, CoverageGap.DATA):
        return {}
    if sum(_is_of(each, resources) for each in action.resource_types) > 1:
        return {}
    named = [_named(action, resources, each) for each in calls]
    if not all(named) or any(len(each.resources) >= MOST_RESOURCES for each in calls):
        return {}
    arns = sorted({arn for each in named for arn in each})
    if not all(map(_is_whole, arns)):
        return {}
    found = {each: tuple(arn for arn in arns if covers_arn(each, arn)) for each in resources}
    if blind and not all(found.values()):
        return {}
    return {each: used for each, used in found.items() if len(used) <= MOST_NAMED}


def _named(action: Action, resources: Sequence[str], call: PublishedCall) -> list[str]:
    """What the call names of what was granted, and the action can act on."""
    budget = Budget(MAX_STEPS)
    reached = (arn for arn in call.resources if any(covers_arn(each, arn) for each in resources))
    return [arn for arn in reached if action.acts_on(arn, budget)]


def _is_of(kind: ResourceType, resources: Sequence[str]) -> bool:
    budget = Budget(MAX_STEPS)
    try:
        return any(each == "*" or kind.may_match(each, budget) for each in resources)
    except PatternTooComplex:
        return True


def _is_whole(arn: str) -> bool:
    """Whether a permission can name it and means it alone: nothing masked, cut, or read as a wildcard or variable."""
    return is_arn(arn) and not has_wildcard(arn) and "${" not in arn and not MASK.search(arn)


def _pairs(permissions: Iterable[Permission]) -> dict[tuple[str, str], None]:
    return dict.fromkeys(pair for each in permissions for pair in each.pairs())


def _seconds(story: GrantReport, blind: bool) -> tuple[int, str]:  # noqa: FBT001 - what follows is about it
    """How long would have done, until it was given back or the last call was seen; or what was granted, and why."""
    granted = story.granted.duration_seconds if story.granted else 0
    began = min((each for each in (story.times.decided, story.times.issued) if each), default=0)
    if story.end.how is ReportedState.RELEASED:
        last = story.times.ended
    elif story.end.how is ReportedState.EXPIRED and not blind:
        last = max((each.time for each in story.seen), default=began)
    else:
        return granted, _STAYS.get(story.end.how, "how it ended is not known")
    if not began or last < began:
        return granted, "when it began is not known"
    spare = int((last - began) * SPARE)
    return min(granted, max(LEAST_SECONDS, -(-spare // 60) * 60)), ""


def _strange(story: GrantReport) -> Iterator[str]:
    if story.bypasses:
        yield "what nothing explains counts for nothing here: look at those calls first."


def _late(story: GrantReport, now: int) -> Iterator[str]:
    if not story.times.ended or now < story.times.ended + MAX_EVENT_DELAY_SECONDS:
        yield "calls may still come: CloudTrail tells of them up to half an hour later."
