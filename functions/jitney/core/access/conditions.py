"""The condition keys that a permission can limit calls by, and IAM's condition blocks for them.

A condition holds for a call when the call has the key and one of the values matches. A call without the key never
satisfies a condition (row POL 10). IAM ignores the case of key names, tag keys included:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from jitney.core.bounded_comparisons import when_too_complex
from jitney.core.patterns import Budget, covers

MAX_VALUE = 512
MAX_WILDCARDS = 4
"""Wildcards in one value, because each can double the number of states that a comparison visits."""


class Operator(StrEnum):
    """The IAM operators that conditions use.

    ALL_LIKE is for keys with several values: all of them must match.
    """

    EQUALS = "StringEquals"
    LIKE = "StringLike"
    ALL_LIKE = "ForAllValues:StringLike"
    AT_MOST = "NumericLessThanEquals"

    @property
    def has_patterns(self) -> bool:
        """Whether `*` and `?` in values are wildcards."""
        return self in (Operator.LIKE, Operator.ALL_LIKE)


_NEGATIONS: Mapping[Operator, str] = {
    # Each is also true for a call without the key, except ForAnyValue. `negated_blocks` adds a Null block for that.
    Operator.EQUALS: "StringNotEquals",
    Operator.LIKE: "StringNotLike",
    Operator.ALL_LIKE: "ForAnyValue:StringNotLike",
    Operator.AT_MOST: "NumericGreaterThanIfExists",
}

_VERBS: Mapping[Operator, str] = {
    Operator.EQUALS: "is",
    Operator.LIKE: "matches",
    Operator.ALL_LIKE: "matches",
    Operator.AT_MOST: "is at most",
}


class ConditionKey(NamedTuple):
    """A supported key and its operator. A name that ends with "/" or ":" has another after it, such as a tag key."""

    name: str
    operator: Operator

    @property
    def is_family(self) -> bool:
        """Whether the name is followed by another name."""
        return self.name[-1] in "/:"


KEYS: Mapping[str, ConditionKey] = {
    name: ConditionKey(name, operator)
    for name, operator in (
        ("s3:prefix", Operator.LIKE),
        ("s3:delimiter", Operator.EQUALS),
        ("s3:max-keys", Operator.AT_MOST),
        ("dynamodb:LeadingKeys", Operator.ALL_LIKE),
        ("aws:ResourceTag/", Operator.EQUALS),
        ("aws:RequestTag/", Operator.EQUALS),
        ("kms:ViaService", Operator.EQUALS),
        ("kms:EncryptionContext:", Operator.EQUALS),
        ("ec2:InstanceType", Operator.LIKE),
        ("ec2:VolumeSize", Operator.AT_MOST),
        ("ec2:VolumeIops", Operator.AT_MOST),
        ("rds:DatabaseClass", Operator.LIKE),
        ("rds:StorageSize", Operator.AT_MOST),
    )
}
"""The supported keys. The action table says which actions carry each (`Action.condition_keys`)."""

_SUFFIX = re.compile(r"[A-Za-z0-9 _.:/=+@-]{1,128}", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
# Only ASCII, as in ARNs: Unicode has several spellings of one character, and IAM compares code points.
_TEXT = re.compile(rf"[\x20-\x7e]{{0,{MAX_VALUE}}}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Condition:
    """A limit on calls: the value of `key` must match one of `values`, which are sorted.

    Raises ValueError for an unsupported key or value, so that no condition exists that IAM would read differently.
    """

    key: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        kind = key_of(self.key)
        if kind is None or not self.values:
            raise ValueError(f"condition {self.key[:80]!a} is not supported")
        capped = kind.operator is Operator.AT_MOST and len(self.values) > 1
        if capped or any(value_fault(kind, value) for value in self.values):
            raise ValueError(f"a value of condition {self.key[:80]!a} is not supported")
        if self.values != tuple(sorted(set(self.values))):
            raise ValueError(f"the values of condition {self.key[:80]!a} are not sorted")

    @property
    def operator(self) -> Operator:
        """The operator that the key implies."""
        return _known(self.key).operator

    @property
    def family(self) -> str:
        """The key's name in `KEYS`."""
        return _known(self.key).name

    def covers(self, inner: "Condition", budget: Budget) -> bool:
        """Return whether each call that satisfies `inner` satisfies this condition, given the same key.

        Raises PatternTooComplex.
        """
        return all(any(self._covers(outer, value, budget) for outer in self.values) for value in inner.values)

    def _covers(self, outer: str, inner: str, budget: Budget) -> bool:
        budget.spend(1)
        if self.operator is Operator.AT_MOST:
            return int(inner) <= int(outer)
        if not self.operator.has_patterns or outer == inner:
            return outer == inner
        return covers(outer, inner, budget)


Conditions: TypeAlias = tuple[Condition, ...]
"""Conditions that must all hold, sorted by key. () holds for every call."""


def conditions_of(values: Mapping[str, Iterable[str]]) -> Conditions:
    """Return the conditions with these values by key. Raises ValueError for keys and values that are not supported."""
    if len({key.lower() for key in values}) != len(values):
        raise ValueError("a condition key is repeated in another case")
    return tuple(sorted(Condition(key, tuple(sorted(set(each)))) for key, each in values.items()))


def conditions_view(conditions: Conditions) -> dict[str, list[str]]:
    """Return the conditions as the API shows them, in the form of a request."""
    return {each.key: list(each.values) for each in conditions}


def conditions_in_words(conditions: Conditions) -> tuple[str, ...]:
    """Return each condition as words that follow "if": `s3:prefix matches "a/*" or "b/*"`.

    The agent chooses the name of a tag, so it is quoted as values are: `aws:RequestTag "team" is "ops"`. A condition
    that any value satisfies says so, because it limits nothing.
    """
    return tuple(f"{_quoted_key(each)} {_in_words(each)}" for each in conditions)


def _in_words(condition: Condition) -> str:
    if condition.operator.has_patterns and any(value and not value.strip("*") for value in condition.values):
        return "has any value"
    shown = condition.values if condition.operator is Operator.AT_MOST else map(json.dumps, condition.values)
    return f"{_VERBS[condition.operator]} {' or '.join(shown)}"


def _quoted_key(condition: Condition) -> str:
    family = condition.family
    name = condition.key.removeprefix(family)
    return f"{family[:-1]} {json.dumps(name)}" if name else family


def key_of(name: str) -> ConditionKey | None:
    """Return the supported key with this name, or None. The name must be in AWS's case, except for a tag key."""
    if name in KEYS:
        found = KEYS[name]
        return None if found.is_family else found
    families = (each for each in KEYS.values() if each.is_family and name.startswith(each.name))
    return next((each for each in families if _SUFFIX.fullmatch(name.removeprefix(each.name))), None)


def closest_keys(name: str) -> tuple[str, ...]:
    """Return up to three supported keys that are similar to `name`, the most similar first."""
    folded = {each.lower(): each for each in KEYS}
    family = next((each for each in folded if each[-1] in "/:" and name.lower().startswith(each)), "")
    if family and _SUFFIX.fullmatch(name[len(family) :]):
        return (folded[family] + name[len(family) :],)
    return tuple(folded[near] for near in difflib.get_close_matches(name[:100].lower(), folded, n=3))


def value_fault(key: ConditionKey, value: str) -> str:
    """Return what is wrong with a value of `key`, as a sentence; "" for a value that a session policy can hold."""
    if key.operator is Operator.AT_MOST:
        return "" if _NUMBER.fullmatch(value) else "The value is not a whole number of at most ten digits."
    if not _TEXT.fullmatch(value):
        return f"The value is not a text of at most {MAX_VALUE} printable ASCII characters."
    if key.operator.has_patterns and value.count("*") + value.count("?") > MAX_WILDCARDS:
        return f"The value has more than {MAX_WILDCARDS} wildcards."
    # IAM expands policy variables, so that the decision would be about one value, and the session policy about another.
    return "The value holds ${, which IAM reads as a policy variable." if "${" in value else ""


@when_too_complex(answer=False)
def covers_conditions(outer: Conditions, inner: Conditions, budget: Budget) -> bool:
    """Return whether each call that satisfies `inner` surely satisfies `outer`; False when `budget` runs out."""
    by_key = {each.key.lower(): each for each in inner}
    return all(each.key.lower() in by_key and each.covers(by_key[each.key.lower()], budget) for each in outer)


def condition_block(conditions: Conditions) -> dict[str, dict[str, Any]]:
    """Return IAM's Condition element that holds exactly if all of `conditions` hold."""
    block: dict[str, dict[str, Any]] = {}
    for each in conditions:
        block.setdefault(each.operator, {})[each.key] = _one_or_many(each.values)
        if each.operator is Operator.ALL_LIKE:
            # ForAllValues is true for a call without the key, such as a Scan.
            block.setdefault("Null", {})[each.key] = "false"
    return block


def negated_blocks(conditions: Conditions) -> tuple[dict[str, dict[str, Any]], ...]:
    """Return Condition elements for the opposite: at least one holds exactly when `conditions` do not all hold."""
    blocks: list[dict[str, dict[str, Any]]] = []
    for each in conditions:
        blocks.append({_NEGATIONS[each.operator]: {each.key: _one_or_many(each.values)}})
        if each.operator is Operator.ALL_LIKE:
            blocks.append({"Null": {each.key: "true"}})
    return tuple(blocks)


def _known(key: str) -> ConditionKey:
    found = key_of(key)
    if found is None:
        raise ValueError(f"condition {key[:80]!a} is not supported")
    return found


def _one_or_many(values: tuple[str, ...]) -> str | tuple[str, ...]:
    return values[0] if len(values) == 1 else values
