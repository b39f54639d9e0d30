"""The reasons of a decision, as sentences that an agent can act on.

They name the policies that decided, and disclose nothing else about the policies (row POL 7).
"""

from collections.abc import Iterable

from jitney.core.access.conditions import conditions_in_words
from jitney.core.access.decision import Reason
from jitney.core.identity.principal import Principal
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.evaluation import PairVerdict
from jitney.core.policy.literals import REVEAL, WILDCARD
from jitney.core.policy.pairs import NEEDS_NO_PERMISSION, Pair
from jitney.core.policy.questions import READS_BELOW, Question
from jitney.core.policy.risks import ESCALATIONS, describe_risks
from jitney.core.target_config import Target

# Names of the built-in rules. An @id cannot hold a colon.
NO_PERMIT = "builtin:no-permit"
NO_WILDCARD = "builtin:no-wildcard"
NO_REVEAL = "builtin:no-reveal"
POLICY_ERROR = "builtin:policy-error"
DURATION = "builtin:duration"
NO_PERMISSION_NEEDED = "builtin:no-permission-needed"

MAX_REASONS = 20
_UNMENTIONED = {
    WILDCARD: (NO_WILDCARD, "without wildcards. Name single resources."),
    REVEAL: (NO_REVEAL, "with sensitive values masked. Request it without reveal."),
}
# Stands for the action in a reason's template.
_ACTION = "{action}"
_NO_PERMISSION = f"{_ACTION} needs no permission: the session of every grant may call it."


def why_allowed(verdicts: Iterable[PairVerdict]) -> tuple[Reason, ...]:
    """Return one reason for each policy that permits something."""
    first: dict[str, PairVerdict] = {}
    for verdict in verdicts:
        for policy in verdict.policies:
            first.setdefault(policy, verdict)
    reasons = (_reason(policy, f"{_what(verdict)} is permitted.", verdict) for policy, verdict in first.items())
    return tuple(reasons)[:MAX_REASONS]


def why_unconditional(questions: Iterable[Question]) -> tuple[Reason, ...]:
    """Return one reason for each action for which AWS needs no permission."""
    first = {each.pair.action.name: each.pair for each in reversed(tuple(questions))}
    return tuple(_reason_for(NO_PERMISSION_NEEDED, _NO_PERMISSION, pair) for pair in first.values())


def why_reviewed(waiting: Iterable[tuple[PairVerdict, PairVerdict]], policy_set: PolicySet) -> tuple[Reason, ...]:
    """Return one reason for each policy that needs an approval.

    `waiting` holds each refused verdict with the verdict after all approvals. The reason is the forbid that refuses the
    pair now. If there is none, it is the permit that will allow the pair.
    """
    return _first_of_each(
        _reason(
            policy, _advised(_sentence(before, "needs an approval", policy, policy_set), policy, policy_set), before
        )
        for before, after in waiting
        for policy in before.policies or after.policies
    )


def why_denied(
    verdicts: Iterable[PairVerdict], policy_set: PolicySet, principal: Principal, target: Target
) -> tuple[Reason, ...]:
    """Return one reason for each forbid and for each pair without a permit, at most `MAX_REASONS`."""
    return _first_of_each(reason for verdict in verdicts for reason in _denials(verdict, policy_set, principal, target))


def too_long(seconds: int, longest: int, target: Target) -> Reason:
    """Return the reason for a request that is longer than its target allows."""
    return Reason(DURATION, f"{seconds} s is longer than the {longest} s that target {target.alias} allows.")


def _denials(verdict: PairVerdict, policy_set: PolicySet, principal: Principal, target: Target) -> Iterable[Reason]:
    if verdict.question.pair.action.name in NEEDS_NO_PERMISSION:
        yield _reason(NO_PERMISSION_NEEDED, f"{_NO_PERMISSION} Request it together with other actions.", verdict)
        return
    for policy in verdict.policies:
        sentence = _sentence(verdict, "is forbidden", policy, policy_set)
        yield _reason(policy, _advised(sentence, policy, policy_set), verdict)
    if verdict.policies:
        return
    what = _what(verdict)
    if verdict.failed:
        failed = ", ".join(verdict.failed)
        sentence = f"{what} is denied because {failed} could not be evaluated. Ask an operator to fix the policy."
        yield _reason(POLICY_ERROR, sentence, verdict)
    elif verdict.unmentioned:
        for name in verdict.unmentioned:
            rule, only = _UNMENTIONED[name]
            by_name = READS_BELOW.get(verdict.question.pair.action.name) if name == WILDCARD else None
            only = f"without what is below it. Request {by_name} on each name." if by_name else only
            yield _reason(rule, f"{what} is permitted only {only}", verdict)
    else:
        groups = f"groups {', '.join(sorted(principal.groups))}" if principal.groups else "a principal without groups"
        sentence = f"No policy permits {what} at target {target.alias} for {groups}."
        yield _reason(NO_PERMIT, sentence, verdict)


def _sentence(verdict: PairVerdict, what: str, policy: str, policy_set: PolicySet) -> str:
    """Return what `policy` does to the pair. The sentence mentions the pair's risks that the policy names."""
    asked_for = policy_set.rules[policy].risks & verdict.question.risks
    gained = verdict.question.gains if asked_for & ESCALATIONS else ()
    named = describe_risks({verdict.question.pair.action: asked_for}, gained)
    because = f": {named[0].sentence}" if named else "."
    return f"{_what(verdict)} {what}{because}"


def _what(verdict: PairVerdict) -> str:
    pair = verdict.question.pair
    all_of = "all of " if verdict.question.wildcard else ""
    limits = " and ".join(conditions_in_words(pair.conditions))
    return f"{_ACTION} on {all_of}{pair.resource}{f' if {limits}' if limits else ''}"


def _reason(policy: str, template: str, verdict: PairVerdict) -> Reason:
    """Return the reason. Its sentence names the action and its level where `template` has `_ACTION`."""
    return _reason_for(policy, template, verdict.question.pair)


def _reason_for(policy: str, template: str, pair: Pair) -> Reason:
    sentence = template.replace(_ACTION, f"{pair.action.name} ({pair.action.level})", 1)
    return Reason(policy, sentence, pair.action.name, pair.resource, template)


def _advised(sentence: str, policy: str, policy_set: PolicySet) -> str:
    return f"{sentence} {policy_set.rules[policy].advice}".rstrip()


def _first_of_each(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return one reason for each policy, and one for each pair that a built-in rule decides."""
    found: dict[tuple[str, ...], Reason] = {}
    for reason in reasons:
        builtin = reason.policy.startswith("builtin:")
        found.setdefault((reason.policy, reason.action, reason.resource) if builtin else (reason.policy,), reason)
    return tuple(found.values())[:MAX_REASONS]
