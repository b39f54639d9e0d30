"""The level of harm of a request, and the changes that are always among its risks (row REV 15). Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from jitney.core.access.decision import HarmLevel, Risk
from jitney.core.access.request import Permission
from jitney.core.actions import READING, AccessLevel, Action, ActionTable
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, PatternTooComplex, has_wildcard
from jitney.core.policy.risks import completed_escalations, describe_risks, risks_of
from jitney.core.review.safe_text import short_resource

LOW = "low"
"""The level of a request without any risk: it only lists, or reads resources that it names."""
MOST_ACTIONS, MOST_RESOURCES = 3, 2
_WORST_FIRST = tuple(HarmLevel)
_DELETING = re.compile(
    r"(?<!un)(?<!firewall)delete|(?:schedule|start|create)\w*deletion|(?<!un)drop|(?<!notify)terminate|purge|destroy|wipe",
    re.IGNORECASE,
)
_KNOWN_DELETION, _KNOWN_CHANGE, _KNOWN_READ = "IrreversibleDeletion", "InfrastructureModification", "DataExfiltration"
_WIDE, _NAMED = True, False


class _Change(NamedTuple):
    """One kind of change or wide read: the name and level of its risk, and its verb in singular and plural."""

    name: str
    level: HarmLevel
    verbs: tuple[str, str]


_DELETES: Mapping[bool, _Change] = {
    _WIDE: _Change("WildcardDeletion", HarmLevel.SEVERE, ("deletes", "delete")),
    _NAMED: _Change("Deletion", HarmLevel.SEVERE, ("deletes", "delete")),
}
_WRITES: Mapping[bool, _Change] = {
    _WIDE: _Change("WildcardWrite", HarmLevel.HIGH, ("changes", "change")),
    _NAMED: _Change("Write", HarmLevel.MODERATE, ("changes", "change")),
}
_WIDE_READ = _Change("WildcardRead", HarmLevel.MODERATE, ("reads", "read"))
_UNKNOWN = _Change("UnknownAction", HarmLevel.UNKNOWN, ("is unknown to Jitney, on", "are unknown to Jitney, on"))
_CHANGING = frozenset({AccessLevel.WRITE, AccessLevel.TAGGING})


class Use(NamedTuple):
    """One requested action with its access level and resources. `severe` says that it is a severe risk by itself."""

    action: str
    level: AccessLevel | None
    resources: tuple[str, ...]
    severe: bool = False


def deletes(action: str, level: AccessLevel | None) -> bool:
    """Return whether an action deletes, according to its name and level, such as `cognito-idp:AdminDeleteUser`."""
    return level not in READING and _DELETING.search(action.partition(":")[2]) is not None


def with_changes(risks: Sequence[Risk], uses: Iterable[Use]) -> tuple[Risk, ...]:
    """Return the risks of a request, the worst first, with each deletion, write, wide read and unknown action.

    Wildcards are named first, because more than one resource is at stake. A change that `risks` name is not repeated.
    """
    found: dict[_Change, dict[str, dict[str, None]]] = {}
    for use in uses:
        for arn in use.resources:
            if change := _change(use, arn, risks):
                found.setdefault(change, {}).setdefault(use.action, {})[arn] = None
    made = [_risk(change, tuple(acts), tuple({arn: None for arns in acts.values() for arn in arns}))
            for change, acts in found.items()]  # fmt: skip
    joined, others = _joined(made, risks)
    return tuple(sorted((*joined, *others), key=lambda each: _WORST_FIRST.index(each.level)))


def _joined(made: Sequence[Risk], risks: Sequence[Risk]) -> tuple[list[Risk], list[Risk]]:
    """Return the changes, and the risks that no change includes.

    An irreversible deletion includes the deletion of the same actions.
    """
    wide = {each.actions: each for each in made if each.name == _DELETES[_WIDE].name}
    final = [each for each in risks if each.name == _KNOWN_DELETION and each.actions in wide]
    said = {each.actions: f"{wide[each.actions].sentence} AWS cannot restore what is deleted." for each in final}
    joined = [
        each._replace(sentence=said[each.actions]) if each in wide.values() and each.actions in said else each
        for each in made
    ]
    return joined, [each for each in risks if each not in final]


def harm_level(risks: Sequence[Risk]) -> str:
    """Return the level of the worst risk, or LOW for none."""
    return str(min((each.level for each in risks), key=_WORST_FIRST.index, default=LOW))


def harm_rank(level: str) -> int:
    """Return the place of a level of harm, or of LOW. The worst is 0."""
    return (*_WORST_FIRST, LOW).index(level)


def takes_second_step(risks: Sequence[Risk]) -> bool:
    """Return whether an approval needs a second step. Lists and reads of named resources need none (row REV 14)."""
    return harm_level(risks) != LOW


def own_risks(permissions: Iterable[Permission], actions: ActionTable) -> tuple[Risk, ...]:
    """Return the risks of permissions alone, without the agent's other grants and the target's exceptions."""
    pairs = [(found, pair) for each in permissions for pair in each.pairs() if (found := actions.get(pair.action))]
    requested = frozenset(action.name for action, _ in pairs)
    escalating = actions.escalations if requested & actions.escalation_actions else ()
    gained, budget = completed_escalations(requested, (), escalating), Budget(MAX_REQUEST_STEPS)
    names: dict[Action, frozenset[str]] = {}
    for action, pair in pairs:
        own = tuple(gain for gain in gained if action.name in gain.requested)
        try:
            known = risks_of(action, pair.resource, wildcard=has_wildcard(pair.resource), gained=own, budget=budget)
        except PatternTooComplex:
            known = frozenset({"NotAssessed"})
        names[action] = names.get(action, frozenset()) | known
    return describe_risks(names, gained) if names else ()


def not_decidable(why: str) -> Risk:
    """Return the risk of a grant about which the present configuration cannot decide. `why` is a sentence.

    The risk also says what the other risks leave out.
    """
    return Risk("NotAssessed", f"{why} The other risks are those of the permissions alone.", ())


def _change(use: Use, arn: str, risks: Sequence[Risk]) -> _Change | None:
    wide = has_wildcard(arn)
    if deletes(use.action, use.level):
        return None if not wide and _names(risks, _KNOWN_DELETION, use.action) else _DELETES[wide]
    if use.level in _CHANGING:
        return None if wide and _names(risks, _KNOWN_CHANGE, use.action) else _WRITES[wide]
    if use.level is AccessLevel.READ and wide:
        return None if _names(risks, _KNOWN_READ, use.action) else _WIDE_READ
    known = use.level is not None or any(use.action in each.actions for each in risks)
    return None if known else _UNKNOWN


def _names(risks: Sequence[Risk], name: str, action: str) -> bool:
    return any(each.name == name and action in each.actions for each in risks)


def _risk(change: _Change, acts: tuple[str, ...], arns: tuple[str, ...]) -> Risk:
    what = _listed([*dict.fromkeys(map(short_resource, arns[:MOST_RESOURCES]))], len(arns[MOST_RESOURCES:]))
    if change in (_DELETES[_WIDE], _WRITES[_WIDE], _WIDE_READ) and "*" not in arns:
        what = f"everything that {what} {'match' if ' and ' in what else 'matches'}"
    sentence = f"{_listed(acts[:MOST_ACTIONS], len(acts[MOST_ACTIONS:]))} {change.verbs[len(acts) > 1]} {what}."
    return Risk(change.name, sentence, acts, level=change.level)


def _listed(names: Sequence[str], more: int) -> str:
    """Return names as a part of a sentence: "a", "a and b", "a, b and 2 more"."""
    *first, last = [*names, *([f"{more} more"] if more else [])]
    return f"{', '.join(first)} and {last}" if first else last
