"""The literals with which a policy compares resources, durations and approvals, read from Cedar's JSON form.

A request with wildcards is decided by evaluating one ARN for each way in which the requested ARNs can match the
policies' literals (row POL 3). That is exact only if policies compare resources with literals and use them in no other
way. A policy with another use is refused when it is loaded. https://docs.cedarpolicy.com/policies/json-format.html
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from jitney.core.patterns import Pattern, Wildcard, compile_pattern
from jitney.core.policy.condition_witnesses import NUMBER, TEXT, CallLiterals
from jitney.core.policy.expressions import CALL, CONTEXT, RESOURCE, Expression

Operands: TypeAlias = Mapping[str, Any]

# Attributes of the context whose values are names.
_NAMING = frozenset({"action", "service", "target", "accessProfile", "way"})

WILDCARD, REVEAL = "resource.wildcard", "context.reveal"
"""A permit must mention the first to permit a request with wildcards, and the second for unmasked answers."""

DURATION = "durationSeconds"
"""The attribute of the context with how long access is requested."""
EARLIER_APPROVALS = "earlierApprovals"
"""The attribute of the context with the groups that approved the same access before (row REV 11)."""
TIME_WINDOWS = "timeWindows"
"""The attribute of the context with the time windows that are open."""

LEVEL = "level"
"""The key in `Literals.by_value` for Cedar's action, which is the level of the AWS action."""
ACTION_ATTRIBUTES = frozenset({LEVEL, "action", "service", "risks"})
"""The attributes of an AWS action that policies can see."""

# The parts of an ARN before and after each attribute of Jitney::Resource.
_PLACES: Mapping[str, tuple[Sequence[str | Wildcard], Sequence[str | Wildcard]]] = {
    "arn": ((), ()),
    "service": (("arn:", Wildcard.SEGMENT, ":"), (":", Wildcard.RUN)),
    "region": (("arn:", Wildcard.SEGMENT, ":", Wildcard.SEGMENT, ":"), (":", Wildcard.RUN)),
    "account": (("arn:", Wildcard.SEGMENT, ":", Wildcard.SEGMENT, ":", Wildcard.SEGMENT, ":"), (":", Wildcard.RUN)),
}
_ONLY_WITH: Mapping[str, str] = {
    "call": ".hasTag() of a literal, or with .getTag() of a literal whose .string or .long is compared with literals "
    "by ==, !=, like, <, <=, >, >= or [...].contains()",
    **dict.fromkeys(
        ("approvals", EARLIER_APPROVALS, "risks", TIME_WINDOWS),
        ".contains(), .containsAll() or .containsAny() of literals",
    ),
    "way": "==, != or [...].contains() and literals",
}
"""The only uses of some attributes of the context that can be decided for all requests."""


@dataclass(slots=True)
class Literals:
    """The literals of one policy.

    `resources` are the patterns with which resources are compared. `durations` are seconds, `groups` approvals,
    `earlier_groups` earlier approvals, `risks` and `time_windows` their names. `names` maps the attributes _NAMING of
    the context to their literals. `actions` are the ids of Cedar's actions in the policy's scope.

    `call` are the literals of condition keys. `by_value` are the attributes of the context that the policy does not
    only compare with literals. "level" is among them if the policy uses Cedar's action in such a way. `mentions` are
    WILDCARD and REVEAL, if the policy mentions them, and DURATION, if it does not only compare it with literals.
    `faults` are sentences about uses of the resource or the context that Jitney cannot decide.
    """

    resources: list[Pattern] = field(default_factory=list)
    durations: set[int] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    earlier_groups: set[str] = field(default_factory=set)
    risks: set[str] = field(default_factory=set)
    time_windows: set[str] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=dict)
    actions: set[str] = field(default_factory=set)
    by_value: set[str] = field(default_factory=set)
    mentions: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    call: CallLiterals = field(default_factory=CallLiterals)

    @property
    def sets(self) -> Mapping[str, set[str]]:
        """The literals with which sets in the context are compared, by attribute."""
        sets = {"approvals": self.groups, EARLIER_APPROVALS: self.earlier_groups}
        return {**sets, "risks": self.risks, TIME_WINDOWS: self.time_windows}

    def add_entity(self, uid: Mapping[str, str]) -> None:
        """Add an entity with which resources are compared."""
        if uid["type"] == "Jitney::Resource":
            self.resources.append(compile_pattern([uid["id"]]))

    def add_name(self, compared: Expression, literals: Sequence[Any]) -> bool:
        """Add the literals with which a name in the context is compared. Return whether there were any."""
        attribute = _attribute_of(compared, "context")
        if attribute not in _NAMING or not literals:
            return False
        self.names.setdefault(attribute, set()).update(literals)
        return True

    def add_durations(self, compared: Expression, literals: Sequence[Any]) -> bool:
        """Add the literals with which the duration is compared. Return whether there were any."""
        if _attribute_of(compared, "context") != DURATION or not literals:
            return False
        self.durations.update(literals)
        return True

    def add_attribute(self, name: str, tokens: Sequence[str | Wildcard]) -> None:
        """Add a text or pattern with which the attribute `name` of resources is compared."""
        before, after = _PLACES[name]
        self.resources.append(compile_pattern([*before, *tokens, *after]))


def read_policy(policy: Mapping[str, Any]) -> Literals:
    """Return the literals in the scope and the conditions of one policy in JSON form."""
    found = Literals()
    scope = policy["resource"]
    for part in (scope, scope.get("in", {})):
        if "entity" in part:
            found.add_entity(part["entity"])
    levels = policy["action"]
    found.actions.update(each["id"] for each in (*levels.get("entities", ()), levels.get("entity")) if each)
    for condition in policy["conditions"]:
        _read(found, condition["body"])
    return found


def _read(found: Literals, expression: Any) -> None:
    if not isinstance(expression, dict):
        return
    for operator, operands in expression.items():
        reader = _READERS.get(operator)
        if reader and reader(found, operands):
            continue
        inner = operands.values() if isinstance(operands, dict) else operands if isinstance(operands, list) else ()
        for operand in inner:
            _read(found, operand)


def _read_variable(found: Literals, name: str) -> bool:
    if name == "resource":
        found.faults.append("uses `resource` itself, which cannot be decided for requests with wildcards")
    if name == "context":
        found.faults.append("uses `context` itself, which cannot be decided for all calls of a permission")
    if name == "action":
        found.by_value.add(LEVEL)
    return True


def _read_access(found: Literals, operands: Operands) -> bool:
    """Read an attribute that no other reader handles."""
    name = operands["attr"]
    if operands["left"] == CONTEXT:
        if name in _ONLY_WITH:
            found.faults.append(f"uses context.{name} other than with {_ONLY_WITH[name]}")
        found.by_value.add(name)
        found.mentions |= {REVEAL, DURATION} & {f"context.{name}", name}
        return True
    if operands["left"] != RESOURCE:
        return False
    found.mentions |= {WILDCARD} & {f"resource.{name}"}
    if name in _PLACES:
        found.faults.append(
            f"uses resource.{name} other than with ==, !=, like or [...].contains() and literals, "
            "which cannot be decided for requests with wildcards"
        )
    return True


def _read_order(found: Literals, operands: Operands) -> bool:
    for subject, literal in _both_ways(operands):
        if found.add_durations(subject, [literal]) or _add_call_value(found, subject, [literal]):
            return True
    return False


def _add_call_value(found: Literals, subject: Expression, literals: Sequence[Any]) -> bool:
    """Add the literals with which `subject` is compared if it is a value of a call's condition key.

    Return False for another value, or if there are no literals.
    """
    access = subject.get(".", {})
    name = _tag_name(access.get("left", {}).get("getTag", {}))
    if name is None or access["attr"] not in (TEXT, NUMBER) or not literals:
        return False
    for literal in literals:
        found.call.add(name, access["attr"], literal)
    return True


def _tag_name(operands: Operands) -> str | None:
    """Return the condition key that `.hasTag()` or `.getTag()` of context.call names; None for other operands."""
    name = operands.get("right", {}).get("Value")
    return name if operands.get("left") == CALL and isinstance(name, str) else None


def _read_tag_test(found: Literals, operands: Operands) -> bool:
    name = _tag_name(operands)
    if name is not None:
        found.call.names.add(name)
    return name is not None


def _read_equality(found: Literals, operands: Operands) -> bool:
    for subject, literal in _both_ways(operands):
        name = _attribute_of(subject, "resource")
        if name in _PLACES:
            found.add_attribute(name, [literal])
            return True
        if subject == RESOURCE:
            found.add_entity(literal)
            return True
        if found.add_name(subject, [literal]):
            return True
    return _read_order(found, operands)


def _read_like(found: Literals, operands: Operands) -> bool:
    parts = [Wildcard.RUN if part == "Wildcard" else part["Literal"] for part in operands["pattern"]]
    if _add_call_value(found, operands["left"], [parts]):
        return True
    name = _attribute_of(operands["left"], "resource")
    if name not in _PLACES:
        return False
    run = Wildcard.RUN if name == "arn" else Wildcard.SEGMENT
    found.add_attribute(name, [run if part == "Wildcard" else part["Literal"] for part in operands["pattern"]])
    return True


def _read_in(found: Literals, operands: Operands) -> bool:
    entities = literals_in(operands["right"])
    if operands["left"] != RESOURCE or not entities:
        return False
    for uid in entities:
        found.add_entity(uid)
    return True


def _read_membership(found: Literals, operands: Operands) -> bool:
    literals = literals_in(operands["right"])
    named = found.sets.get(_attribute_of(operands["left"], "context"))
    if named is not None and literals:
        named.update(literals)
        return True
    one, members = operands["right"], literals_in(operands["left"])
    if found.add_name(one, members) or found.add_durations(one, members) or _add_call_value(found, one, members):
        return True
    name = _attribute_of(one, "resource")
    for member in members if name in _PLACES else ():
        found.add_attribute(name, [member])
    return name in _PLACES and bool(members)


def _read_constant(_: Literals, operands: Operands) -> bool:
    """Accept `resource is T`, `resource has a` and `context has a`, whose results are always the same."""
    return operands["left"] in (RESOURCE, CONTEXT) and "in" not in operands


_READERS: Mapping[str, Callable[[Literals, Any], bool]] = {
    "Var": _read_variable,
    "Value": lambda _found, _literal: True,
    ".": _read_access,
    "==": _read_equality,
    "!=": _read_equality,
    "<": _read_order,
    "<=": _read_order,
    ">": _read_order,
    ">=": _read_order,
    "like": _read_like,
    "in": _read_in,
    "contains": _read_membership,
    "containsAll": _read_membership,
    "containsAny": _read_membership,
    "is": _read_constant,
    "has": _read_constant,
    "hasTag": _read_tag_test,
}


def _attribute_of(expression: Expression, variable: str) -> str:
    """Return the attribute's name in `variable.attribute`; "" for anything else."""
    access = expression.get(".", {})
    return str(access["attr"]) if access.get("left") == {"Var": variable} else ""


def literals_in(expression: Expression) -> list[Any]:
    """Return the literal in `expression`, or all literals of a set; [] for other expressions."""
    items = expression.get("Set", [expression])
    if not all("Value" in item for item in items):
        return []
    return [item["Value"]["__entity"] if isinstance(item["Value"], dict) else item["Value"] for item in items]


def _both_ways(operands: Operands) -> Iterator[tuple[Expression, Any]]:
    """If one side of a comparison is a literal, yield the other side and the literal."""
    for subject, other in ((operands["left"], operands["right"]), (operands["right"], operands["left"])):
        if "Value" in other:
            yield subject, literals_in(other)[0]
