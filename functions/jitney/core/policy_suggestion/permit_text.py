"""Writes a suggested permit as Cedar text, with its evidence as comments."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from jitney.core.policy.cedar_text import call_condition, entity, like_pattern, literal, one_of
from jitney.core.policy_suggestion.cedar_comments import comment, quoted
from jitney.core.policy_suggestion.remembered_decisions import Alternatives, Reviews
from jitney.core.policy_suggestion.suggested_permits import PermitHolder, ResourceShape, SuggestedPermit
from jitney.core.quantities import format_list, quantity
from jitney.core.times import iso

MOST_EXAMPLES = 3


def permit_text(permit: SuggestedPermit, name: str) -> str:
    """Return the text of a permit whose @id is `name`. Raises ValueError for a name that is not Unicode."""
    approvers = sorted({group for each in permit.reviews for groups in each for group in groups})
    limits = ", ".join(f"{each}={most}" for each, most in permit.place.call_limits._asdict().items() if most)
    annotations = [
        f"@id({literal(name)})",
        *([f"@approval({literal(','.join(approvers))})"] if approvers else []),
        *([f"@call_limits({literal(limits)})"] if limits else []),
    ]
    scope = [f"    {_who(permit.holders)},", f"    {_levels(permit)},", f"    {_target(permit)}"]
    clauses = [f"when {{ {each} }}" for each in _clauses(permit)]
    return "\n".join(
        [*map(comment, evidence(permit)), *annotations, "permit (", *scope, ")", *clauses[:-1], f"{clauses[-1]};"]
    )


def evidence(permit: SuggestedPermit) -> Iterator[str]:
    """Yield sentences on why the permit is suggested, and on where it permits more than was used."""
    grants = {each for use in permit.uses for each in use.grants}
    seconds = sorted({each for use in permit.uses for each in use.seconds})
    when, grant_id, reason = max(use.last for use in permit.uses)
    spread = f"{seconds[0]} s" if len(seconds) == 1 else f"{seconds[0]} to {seconds[-1]} s"
    yield f"{quantity(len(grants), 'grant')} for {spread}, the last one {grant_id} on {iso(when)[:10]}."
    if reason:
        yield f"The agent's reason, unverified: {quoted(reason)}"
    if len(permit.holders) > 1:
        yield f"Used in the same way by {len(permit.holders)} {permit.place.holder.kind}s."
    for prefix in permit.prefixes:
        used = sorted({use.pair.resource for use in permit.uses if use.pair.resource.startswith(prefix)})
        shown = ", ".join(used[:MOST_EXAMPLES])
        yield f"Generalized: {quantity(len(used), 'resource')} below {prefix} were used, such as {shown}."
    if permit.shape in (ResourceShape.PATTERNS, ResourceShape.ANY) and any(use.called for use in permit.uses):
        yield "The requested wildcard is kept, because its calls do not name all resources that they used."
    unseen = sorted((gap, use.pair.action) for use in permit.uses if not use.called for gap in use.gaps)
    for gap, actions in groupby(unseen, key=lambda each: each[0]):
        names = sorted({action for _, action in actions})
        yield f"Kept without a call: {format_list(names, MOST_EXAMPLES)}, because {gap}."


def _who(holders: tuple[PermitHolder, ...]) -> str:
    first = holders[0]
    kind = first.kind.capitalize()
    if first.group:
        return f"principal is Jitney::{kind} in {entity('Group', first.group)}"
    return f"principal is Jitney::{kind}" if len(holders) > 1 else f"principal == {entity(kind, first.name)}"


def _levels(permit: SuggestedPermit) -> str:
    names = [entity("Action", each) for each in permit.levels]
    return f"action == {names[0]}" if len(names) == 1 else f"action in [{', '.join(names)}]"


def _target(permit: SuggestedPermit) -> str:
    return f"resource in {entity('Target', permit.place.target)}"


def _clauses(permit: SuggestedPermit) -> Iterator[str]:
    place = permit.place
    if len(permit.holders) > 1:
        kind = place.holder.kind.capitalize()
        yield " || ".join(f"principal == {entity(kind, each.name)}" for each in permit.holders)
    yield one_of("context.action", permit.actions)
    yield from _resources(permit)
    yield from map(call_condition, permit.conditions)
    if place.profile:
        yield f"context.accessProfile == {literal(place.profile.name)}"
    yield f"context.way == {literal(place.way)}{' && context.reveal' if place.reveal else ''}"
    yield "context.onBehalfOfHuman" if place.human else "!context.onBehalfOfHuman"
    if place.person:
        yield f"principal has human && principal.human == {literal(place.person)}"
    yield f"context.durationSeconds <= {permit.seconds}"
    yield from _approvals(permit.reviews)


def _resources(permit: SuggestedPermit) -> Iterator[str]:
    match permit.shape:
        case ResourceShape.NONE:
            yield f"resource.arn == {literal('*')}"
        case ResourceShape.ANY:
            yield "[true, false].contains(resource.wildcard)"
        case ResourceShape.PATTERNS:
            yield f"({_either(permit.arns)}) && [true, false].contains(resource.wildcard)"
        case ResourceShape.NAMED:
            named = [one_of("resource.arn", permit.arns)] if permit.arns else []
            yield " || ".join([*named, *([_either(f"{each}*" for each in permit.prefixes)] if permit.prefixes else [])])


def _either(patterns: Iterable[str]) -> str:
    return " || ".join(f"resource.arn like {like_pattern(each)}" for each in patterns)


def _approvals(reviews: Reviews) -> Iterator[str]:
    for alternatives in sorted(reviews, key=repr):
        yield _approved(alternatives)


def _approved(alternatives: Alternatives) -> str:
    ways = sorted(map(sorted, alternatives))
    return " || ".join(
        " && ".join(f"context.approvals.contains({literal(group)})" for group in groups) for groups in ways
    )
