"""Writes a suggestion as a file of policies, and as the table of cases that tests it."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from jitney.core.access.conditions import conditions_in_words, conditions_view
from jitney.core.access.decision import Effect
from jitney.core.access.request import GrantedPair
from jitney.core.policy.policy_tests import Case, CaseContext, CaseFault, decide_case
from jitney.core.policy_suggestion.cedar_comments import comment
from jitney.core.policy_suggestion.policy_suggestion import NamedPermit, PolicySuggestion
from jitney.core.policy_suggestion.remembered_decisions import approval_sets
from jitney.core.policy_suggestion.suggested_permits import PairUse
from jitney.core.policy_suggestion.used_grants import SuggestionScope

MOST_LISTED = 50
"""The limit of pairs in one list of comments."""


class SuggestionPeriod(NamedTuple):
    """The first and the last day of the records, as text."""

    since: str
    until: str


def file_text(found: PolicySuggestion, scope: SuggestionScope, period: SuggestionPeriod) -> str:
    """Return the suggested policies as the text of a file."""
    parts = ["\n".join(map(comment, _heading(found, scope, period))), *(each.text for each in found.permits)]
    uncovered = [f"{pair_words(each.pair)} at {each.target}: {each.reason}." for each in found.uncovered]
    unused = [f"{pair_words(each.pair)} at {each.target}, grants: {each.grants:,}" for each in found.unused]
    lists = [
        ("Used, but not permitted here:", uncovered),
        ("Granted, but never used, and not permitted here:", unused),
    ]
    for title, items in lists:
        if items:
            more = [f"and {len(items) - MOST_LISTED:,} more; --json lists all"] if len(items) > MOST_LISTED else []
            parts.append("\n".join(map(comment, [title, *(f"- {each}" for each in (*items[:MOST_LISTED], *more))])))
    return "\n\n".join(parts) + "\n"


def cases_text(found: PolicySuggestion) -> str:
    """Return the table of cases that tests each permit alone and with the present forbids, as YAML.

    Its lines after the first can be appended to another table.
    """
    return "cases:\n" + "\n".join(map(_case_text, _cases(found)))


def _case_text(case: dict[str, Any]) -> str:
    # Cases are read without types, so these need no quotation marks.
    values = {name: value if name in ("seconds", "reveal") else _yaml(value) for name, value in case.items()}
    lines = [f"{name}: {value}" for name, value in values.items()]
    return "\n    ".join(["  - " + lines[0], *lines[1:]]) + "\n"


def _yaml(value: Any) -> str:
    """Return the value as JSON that is also YAML, which has no control characters and folds separators of lines."""
    written = json.dumps(value, ensure_ascii=False)
    return "".join(sign if sign.isprintable() or sign > "\uffff" else json.dumps(sign)[1:-1] for sign in written)


def pair_words(pair: GrantedPair) -> str:
    """Return a pair in words: `s3:GetObject on arn:aws:s3:::reports/a`."""
    limits = " and ".join(conditions_in_words(pair.conditions))
    return f"{pair.action} on {pair.resource}{f' if {limits}' if limits else ''}"


def _heading(found: PolicySuggestion, scope: SuggestionScope, period: SuggestionPeriod) -> Iterator[str]:
    checked = found.checked
    yield f"Suggested for {scope.kind} {scope.name}, from {found.grants:,} grants of {period.since} to {period.until}."
    yield (
        f"{found.used:,} of them were used. Decided again: {checked.allowed:,} allowed, "
        f"{checked.reviewed:,} reviewed, {len(checked.denied):,} denied."
    )
    yield "These are permits only. Keep all of your forbids."
    if found.replaced:
        yield f"Then take the requester out of the permits that these replace: {', '.join(found.replaced)}."


def _cases(found: PolicySuggestion) -> Iterator[dict[str, Any]]:
    for each in found.permits:
        use = each.permit.uses[0]
        members = _members(each, use)
        for given in approval_sets(each.permit.reviews):
            case = members | {"approvals": sorted(given)}
            policies = _allowing(case, found.rules)
            if each.name in policies:
                yield case | {"effect": str(Effect.ALLOW), "policies": list(policies)}
                break


def _members(each: NamedPermit, use: PairUse) -> dict[str, Any]:
    """Return the members of a case that describe its request."""
    who, place, pair = use.who, use.place, use.pair
    members: dict[str, Any] = {
        "name": f"{each.name}: {pair.action}",
        "target": place.target,
        "groups": [group for group in sorted(who.groups) if _is_plain(group)],
        "kind": who.kind,
        "actions": [pair.action],
        "resources": [pair.resource],
        "seconds": str(each.permit.seconds),
        "way": str(place.way),
        "reveal": "true" if place.reveal else "false",
    }
    optional: dict[str, Any] = {
        "source_identity": place.holder.name,
        "human": who.human.name if who.human else "",
        "access_profile": place.profile.name if place.profile else "",
        "conditions": conditions_view(pair.conditions),
        "claims": {name: _claim(value) for name, value in who.tags if _is_plain(str(value))},
    }
    return members | {name: value for name, value in optional.items() if value}


def _claim(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return list(value)
    return str(value)


def _is_plain(text: str) -> bool:
    """Return whether a reader of the table gets the text unchanged. The reader replaces `${NAME}`."""
    return text.isprintable() and "${" not in text


def _allowing(members: dict[str, Any], rules: CaseContext | None) -> tuple[str, ...]:
    """Return the policies that allow a case; () if it is not allowed."""
    case = Case.read({**members, "seconds": int(members["seconds"]), "effect": ""})
    if rules is None:
        return ()
    try:
        decision = decide_case(case, rules)
    except CaseFault:
        return ()
    if decision.effect is not Effect.ALLOW:
        return ()
    return tuple(sorted({reason.policy for reason in decision.reasons}))
