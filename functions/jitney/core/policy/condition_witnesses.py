"""The kinds of calls that a permission allows, as far as policies can distinguish them by condition keys (row POL 12).

Policies compare the values of `context.call` with literals. A permission is decided by evaluating one call for each way
in which its calls can match these literals. So an agent cannot avoid a forbid by a wider pattern, or by leaving the
condition out. Without a condition, calls with each kind of value and calls without the key are evaluated.

S3 lists every key that begins with the prefix of a call. So forbids are also evaluated for each kind of longer prefix.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple, TypeAlias

from jitney.core.access.conditions import Condition, ConditionKey, Operator, closest_keys, key_of
from jitney.core.patterns import (
    Budget,
    Pattern,
    PatternTooComplex,
    Wildcard,
    compile_pattern,
    match_classes,
    wildcard_pattern,
)
from jitney.core.policy.pairs import Pair

Call: TypeAlias = tuple[tuple[str, str], ...]
"""The values of a call's condition keys. Names are in lower case, because IAM ignores their case."""

MAX_CALLS = 500
PREFIX = "s3:prefix"
OPERATION = "operation"
"""The tag of a call that policies decide individually. The tag names the call's service and operation."""
NUMBER, TEXT = "long", "string"
"""The members of the schema's type ConditionValue."""


class PairCalls(NamedTuple):
    """A call of each kind that a pair allows.

    `longer` are further kinds of calls, with longer prefixes: no forbid may apply to them, and no permit has to.
    """

    allowed: tuple[Call, ...]
    longer: tuple[Call, ...] = ()


class KeyReads(NamedTuple):
    """The literals with which policies compare a condition key.

    `spellings` are the policies' names of the key, and `family` is its name in `core.access.conditions.KEYS`.
    `texts` are patterns, and `numbers` the literals of a numeric key.
    """

    family: str
    operator: Operator
    spellings: frozenset[str]
    texts: tuple[Pattern, ...]
    numbers: tuple[int, ...]

    def witnesses(self, condition: Condition | None, budget: Budget) -> tuple[str, ...]:
        """Return one value of each kind that satisfies `condition`; of every kind if there is no condition.

        Raises PatternTooComplex.
        """
        if self.operator is Operator.AT_MOST:
            most = int(condition.values[0]) if condition else max(self.numbers, default=0) + 1
            near = {number + step for number in self.numbers for step in (-1, 0, 1)}
            return tuple(str(number) for number in sorted({most, *(each for each in near if 0 <= each <= most)}))
        if condition and not self.operator.has_patterns:
            found: dict[tuple[bool, ...], str] = {}
            for value in condition.values:
                found.setdefault(tuple(pattern.matches(value, budget) for pattern in self.texts), value)
        else:
            found = self._kinds(condition.values if condition else ("*",), budget)
        return tuple(sorted(found.values()))

    def longer(self, condition: Condition, budget: Budget) -> tuple[str, ...]:
        """Return a text of each kind that begins with a value of `condition`, but does not satisfy it.

        Raises PatternTooComplex.
        """
        own = self._kinds(condition.values, budget)
        found = self._kinds((f"{value}*" for value in condition.values), budget)
        return tuple(sorted(text for kind, text in found.items() if kind not in own))

    def _kinds(self, patterns: Iterable[str], budget: Budget) -> dict[tuple[bool, ...], str]:
        found: dict[tuple[bool, ...], str] = {}
        for each in patterns:
            found = {**match_classes(wildcard_pattern(each), self.texts, budget), **found}
        return found

    def tag(self, value: str) -> dict[str, Any]:
        """Return the value in the form of the schema's type ConditionValue."""
        return {TEXT: "", NUMBER: int(value)} if self.operator is Operator.AT_MOST else {TEXT: value, NUMBER: 0}


class ConditionReads(NamedTuple):
    """What policies read of a call's condition keys, by the key's name in lower case."""

    keys: Mapping[str, KeyReads]

    def calls(self, pair: Pair, operation: str, budget: Budget) -> PairCalls:
        """Return a call of each kind that `pair` allows, and the longer prefixes. Raises PatternTooComplex.

        `operation` is the operation of a call that is decided individually, or "" for all calls of a permission. With
        an operation, the pair's conditions have the values of that call.
        """
        possible = pair.action.possible_keys
        own: Call = ((OPERATION, operation),) if operation and OPERATION in self.keys else ()
        if not any(reads.family in possible for reads in self.keys.values()):
            return PairCalls((own,))
        carried = pair.action.keys_on(pair.resource, budget)
        limits = {each.key.lower(): each for each in pair.conditions}
        choices: dict[str, list[Call]] = {OPERATION: [own]}
        for name, reads in self.keys.items():
            if reads.family in carried:
                limit = limits.get(name)
                exact = limit.values if limit and operation else reads.witnesses(limit, budget)
                held: list[Call] = [((name, value),) for value in exact]
                choices[name] = held if name in limits else [(), *held]
        allowed = _combined(choices.values())
        if PREFIX not in choices or PREFIX not in limits:
            return PairCalls(allowed)
        choices[PREFIX] = [((PREFIX, text),) for text in self.keys[PREFIX].longer(limits[PREFIX], budget)]
        return PairCalls(allowed, _combined(choices.values()))

    def tags(self, call: Call) -> dict[str, Any]:
        """Return the call's values as entity tags, under each name by which policies call a key."""
        return {spelling: self.keys[name].tag(value) for name, value in call for spelling in self.keys[name].spellings}


def _combined(choices: Iterable[list[Call]]) -> tuple[Call, ...]:
    """Return a call for each combination of one choice for each key. Raises PatternTooComplex."""
    found = []
    for parts in product(*choices):
        found.append(tuple(value for part in parts for value in part))
        if len(found) > MAX_CALLS:
            raise PatternTooComplex("too many kinds of calls")
    return tuple(found)


_OPERATION_KEY = ConditionKey(OPERATION, Operator.EQUALS)


@dataclass(slots=True)
class CallLiterals:
    """The literals with which one policy compares a call's condition keys, by the names it uses.

    `operations` are those of the tag OPERATION, with `*` as the wildcard.
    """

    texts: dict[str, list[Pattern]] = field(default_factory=dict)
    numbers: dict[str, set[int]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    operations: set[str] = field(default_factory=set)

    def add(self, name: str, member: str, literal: Any) -> None:
        """Add a literal with which `member` of the key's value is compared: a number, a text or parts of a pattern."""
        self.names.add(name)
        if member == NUMBER:
            self.numbers.setdefault(name, set()).add(literal)
        else:
            tokens = [literal] if isinstance(literal, str) else literal
            if name == OPERATION:
                self.operations.add("".join("*" if token is Wildcard.RUN else token for token in tokens))
            self.texts.setdefault(name, []).append(compile_pattern(tokens))

    def faults(self) -> Iterator[str]:
        """Yield what is wrong with the names, as sentences.

        Without this check, a forbid with a misspelt key would forbid nothing.
        """
        for name in sorted(self.names):
            kind = _tag_of(name)
            if kind is None:
                near = closest_keys(name)
                yield (
                    f"the condition key {name!r} is not supported; did you mean {' or '.join(near)}?"
                    if near
                    else (f"the condition key {name!r} is not supported")
                )
                continue
            wrong = self.texts if kind.operator is Operator.AT_MOST else self.numbers
            if name in wrong:
                member = NUMBER if wrong is self.texts else TEXT
                yield f"the value of {name} is in .{member}; compare that member"


def _tag_of(name: str) -> ConditionKey | None:
    """Return the condition key of a tag, or None for an unsupported name."""
    return _OPERATION_KEY if name == OPERATION else key_of(name)


def condition_reads(policies: Iterable[CallLiterals]) -> ConditionReads:
    """Return what all policies read of condition keys. Raises ValueError for a key that is not supported."""
    found = tuple(policies)
    spellings: dict[str, set[str]] = {}
    for name in (name for each in found for name in each.names):
        spellings.setdefault(name.lower(), set()).add(name)
    return ConditionReads({lower: _reads(names, found) for lower, names in sorted(spellings.items())})


def _reads(names: set[str], policies: Iterable[CallLiterals]) -> KeyReads:
    kind = _tag_of(min(names))
    if kind is None:
        raise ValueError(f"condition key {min(names)!a} is not supported")
    found = tuple(policies)
    texts = (pattern for each in found for name in names for pattern in each.texts.get(name, ()))
    numbers = {number for each in found for name in names for number in each.numbers.get(name, ())}
    return KeyReads(kind.name, kind.operator, frozenset(names), tuple(texts), tuple(sorted(numbers)))
