"""Suggests the least-privilege request, from the calls that used a grant (row AUD 4).

The suggestion is a part of the grant and allows every call that the grant explains. A permission is kept, with a
reason, if CloudTrail may not show its calls.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from jitney.core.access.conditions import Conditions
from jitney.core.access.permission_fields import is_arn
from jitney.core.access.request import GrantedPair, Permission, shared_permissions
from jitney.core.actions import Action, ActionTable, ResourceType
from jitney.core.bounded_comparisons import when_too_complex
from jitney.core.masking.mask_tags import MASK
from jitney.core.patterns import MAX_STEPS, Budget, PatternTooComplex, has_wildcard
from jitney.core.report.cloudtrail_coverage import CoverageGap, ImplicitActions, coverage_gap
from jitney.core.report.grant_report import GrantReport, ReportedState, Terms
from jitney.core.report.published_lines import PublishedCall
from jitney.core.report.usage import covers_arn, is_action
from jitney.core.trail.call import MOST_RESOURCES
from jitney.core.trail.join import MAX_EVENT_DELAY_SECONDS

MOST_NAMED = 10
"""How many resources may replace one wildcard. A longer list is impractical."""
LEAST_SECONDS = 60
SPARE = 1.25
"""The suggested duration is this many times the time until the last call, which varies from run to run."""
_STAYS: Mapping[ReportedState, str] = {
    ReportedState.ACTIVE: "the grant has not ended",
    ReportedState.EXPIRED: "calls that CloudTrail does not show may have been made until the end",
    ReportedState.REVOKED: "the grant was revoked and may have been needed for longer",
}
"""The reasons to suggest the granted duration again."""


class SuggestionOutcome(StrEnum):
    """Whether there is a narrower request, no narrower request, or too little data."""

    NARROWER = "narrower"
    NOTHING = "nothing"
    UNKNOWN = "unknown"


class Suggestion(NamedTuple):
    """The narrower request: `terms` is None unless the verdict is NARROWER.

    `reasons` are sentences that follow "because" or "but". They say why nothing is suggested, or why permissions or the
    duration are kept.
    """

    verdict: SuggestionOutcome
    terms: Terms | None
    reasons: tuple[str, ...]


class KeptPair(NamedTuple):
    """A pair that is kept: it was used, or `gap` is the reason why it may have been used although no call shows it."""

    pair: GrantedPair
    gap: str = ""


CoverageLookup: TypeAlias = Callable[[str, Sequence[str]], CoverageGap | None]
"""Returns why an action on these resources may have been called although no call shows it; None if it was not."""


def suggest(report: GrantReport, actions: ActionTable, may_need: ImplicitActions, now: int) -> Suggestion:
    """Return the narrower request that would have been enough, as far as is known at `now`."""
    if report.granted is None:
        return Suggestion(SuggestionOutcome.UNKNOWN, None, ("nothing was granted.",))
    if report.partial:
        cause = (
            "CloudTrail was silent while the grant was open"
            if report.trail_gaps
            else "not all records and calls were read here"
        )
        reason = f"{cause}, so it is not known what was needed."
        return Suggestion(SuggestionOutcome.UNKNOWN, None, (reason,))
    unexplained = tuple(_unexplained(report))
    if not (report.usage.explained_calls or report.usage.sessions_started):
        reason = "no session of this grant was seen in CloudTrail, so it is not known what was used."
        return Suggestion(SuggestionOutcome.UNKNOWN, None, (reason, *unexplained))
    seen = report.usage.explained_calls
    kept = list(
        kept_pairs(
            report.granted.permissions, seen, actions, lambda name, arns: coverage_gap(name, arns, seen, may_need)
        )
    )
    gap = tuple(dict.fromkeys(f"{each.pair.action} stays: {each.gap}." for each in kept if each.gap))
    late = (*unexplained, *_late(report, now))
    if not kept:
        return Suggestion(SuggestionOutcome.UNKNOWN, None, ("no permission was used: the grant was not needed.", *late))
    seconds, stays = _seconds(report, bool(gap))
    terms = Terms(together(each.pair for each in kept), seconds)
    reasons = (*gap, *((f"the duration stays: {stays}.",) if stays else ()), *late)
    narrower = _pairs(terms.permissions) != _pairs(report.granted.permissions)
    if not narrower and terms.duration_seconds == report.granted.duration_seconds:
        return Suggestion(SuggestionOutcome.NOTHING, None, reasons)
    return Suggestion(SuggestionOutcome.NARROWER, terms, reasons)


def together(pairs: Iterable[GrantedPair]) -> tuple[Permission, ...]:
    """Return permissions with exactly these pairs, grouped by resources and conditions."""
    by_action: dict[tuple[str, Conditions], set[str]] = {}
    for action, resource, conditions in pairs:
        by_action.setdefault((action, conditions), set()).add(resource)
    return shared_permissions(
        (action, tuple(sorted(arns)), conditions) for (action, conditions), arns in by_action.items()
    )


def kept_pairs(
    granted: Sequence[Permission],
    seen: Sequence[PublishedCall],
    actions: ActionTable,
    gap_of: CoverageLookup,
    most_named: int = MOST_NAMED,
) -> Iterator[KeptPair]:
    """Yield the granted pairs that are kept, narrowed to the ARNs that the calls `seen` name.

    Up to `most_named` ARNs replace one wildcard. Conditions stay as they are, because CloudTrail does not show the
    values of all keys.
    """
    by_action: dict[tuple[str, Conditions], list[str]] = {}
    for action, resource, conditions in _pairs(granted):
        by_action.setdefault((action, conditions), []).append(resource)
    for (action, conditions), resources in sorted(by_action.items()):
        calls = [each for each in seen if is_action(each, action)]
        gap = gap_of(action, resources)
        if not calls:
            yield from (KeptPair(GrantedPair(action, each, conditions), gap) for each in resources if gap)
            continue
        reached = _reached(actions.get(action), resources, calls, gap, most_named)
        arns = (arn for each in resources for arn in reached.get(each, (each,)))
        yield from (KeptPair(GrantedPair(action, arn, conditions)) for arn in arns)


def _reached(
    action: Action | None,
    resources: Sequence[str],
    calls: Sequence[PublishedCall],
    gap: CoverageGap | None,
    most_named: int,
) -> dict[str, tuple[str, ...]]:
    """Return the ARNs that were used, by granted resource; {} if the calls do not show them.

    The calls show the ARNs if each call names all resources that it used. They never do so for an action that needs
    several types of resources at once, because events name only some of these. A trail that shows one data event of an
    action on a granted resource is assumed to show all such events.
    """
    if action is None or gap not in (None, CoverageGap.DATA):
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
    if gap and not all(found.values()):
        return {}
    return {each: used for each, used in found.items() if len(used) <= most_named}


def _named(action: Action, resources: Sequence[str], call: PublishedCall) -> list[str]:
    """Return the resources that the call names, that were granted, and that the action can act on.

    Returns none for names that take too long to compare, such as an object's key with many wildcards.
    """
    budget = Budget(MAX_STEPS)
    reached = (arn for arn in call.resources if any(covers_arn(each, arn) for each in resources))
    try:
        return [arn for arn in reached if action.acts_on(arn, budget)]
    except PatternTooComplex:
        return []


@when_too_complex(answer=True)
def _is_of(kind: ResourceType, resources: Sequence[str]) -> bool:
    budget = Budget(MAX_STEPS)
    return any(each == "*" or kind.may_match(each, budget) for each in resources)


def _is_whole(arn: str) -> bool:
    """Return whether a permission can name exactly this ARN: not masked or cut, and without wildcards and variables."""
    return is_arn(arn) and not has_wildcard(arn) and "${" not in arn and not MASK.search(arn)


def _pairs(permissions: Iterable[Permission]) -> dict[GrantedPair, None]:
    return dict.fromkeys(pair for each in permissions for pair in each.pairs())


def _seconds(report: GrantReport, gap: bool) -> tuple[int, str]:  # noqa: FBT001 - a private call with a name
    """Return the duration until the release or last call, and "".

    If that is unknown, return the granted duration, and why it is kept.
    """
    granted = report.granted.duration_seconds if report.granted else 0
    began = min((each for each in (report.times.decided, report.times.issued) if each), default=0)
    if report.end.state is ReportedState.RELEASED:
        last = report.times.ended
    elif report.end.state is ReportedState.EXPIRED and not gap:
        last = max((each.time for each in report.usage.explained_calls), default=began)
    else:
        return granted, _STAYS.get(report.end.state, "it is not known how the grant ended")
    if not began or last < began:
        return granted, "it is not known when the grant began"
    spare = int((last - began) * SPARE)
    return min(granted, max(LEAST_SECONDS, -(-spare // 60) * 60)), ""


def _unexplained(report: GrantReport) -> Iterator[str]:
    if report.usage.bypasses:
        yield "calls that no grant explains are not counted here. Check them first."
    if report.usage.beyond_grant:
        yield "calls beyond the grant are not counted here. Check them first."


def _late(report: GrantReport, now: int) -> Iterator[str]:
    if not report.times.ended or now < report.times.ended + MAX_EVENT_DELAY_SECONDS:
        yield "more calls may follow: CloudTrail delivers events up to half an hour late."
