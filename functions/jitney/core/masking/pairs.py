"""Pairs of members: the text of one is the name of the other's value, such as `OptionName` and `Value`.

Environment variables, parameters and outputs of stacks, options, headers and tags have this form.
"""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

KINDS = (
    "active", "after", "before", "cancelled", "current", "default", "enforced", "override", "parameter", "pending",
    "resolved", "string",
)  # fmt: skip
"""The first words of value members that match any name beside them: `ResolvedValue` matches `ParameterKey`."""
_NAMES = ("Name", "name", "Key", "key")
_OTHER_NAMES = frozenset(
    form
    for name in (
        "attribute",
        "field",
        "header",
        "id",
        "label",
        "option",
        "parameter",
        "property",
        "setting",
        "variable",
    )
    for form in (name, name.title())
)
_VALUES = ("Value", "value")
_OF_ANY_NAME = frozenset(
    {*_VALUES, *(form for kind in KINDS for form in (f"{kind}Value", f"{kind.title()}Value", f"{kind}_value"))}
)


def is_pair_name(member: str) -> bool:
    """Return whether the text of a member may be the name of a value beside it."""
    return member.endswith(_NAMES) or member in _OTHER_NAMES


def is_pair_value(member: str) -> bool:
    """Return whether a member may be the value of a name beside it."""
    return member.endswith(_VALUES)


def is_named_by(value: str, naming: AbstractSet[str]) -> bool:
    """Return whether one of the members `naming` may hold the name of the member `value`. All pass `is_pair_name`."""
    return bool(naming) if value in _OF_ANY_NAME else not naming.isdisjoint(_names_of(value))


class NamesBeside:
    """What the names in one object say about the values beside them.

    `judge` returns a number for a name, and 0 for most names. An agent may choose the members of a map, so each name of
    an object is judged about once.
    """

    __slots__ = ("_of_all", "holder", "judge")

    def __init__(self, holder: Mapping[Any, Any], judge: Callable[[str], int]) -> None:
        self.holder = holder
        self.judge = judge
        self._of_all: int | None = None

    def highest(self, value: str) -> int:
        """Return the highest number that `judge` gives to a name of the member `value`, or 0."""
        if not is_pair_value(value):
            return 0
        if value not in _OF_ANY_NAME:
            return self._highest(_names_of(value))
        if self._of_all is None:
            self._of_all = self._highest(filter(_is_name, self.holder))
        return self._of_all

    def _highest(self, members: Iterable[str]) -> int:
        found = 0
        for each in members:
            text = _text_of(self.holder.get(each))
            if isinstance(text, str):
                found = max(found, self.judge(text))
        return found


def _text_of(value: Any) -> Any:
    """Return the text of a value in DynamoDB's form: {"S": "password"}."""
    return value.get("S") if isinstance(value, dict) and len(value) == 1 else value


def _is_name(member: Any) -> bool:
    return isinstance(member, str) and is_pair_name(member)


def _names_of(value: str) -> tuple[str, ...]:
    """Return the members that may hold the name of `value`, with the same beginning: `OutputKey` for `OutputValue`."""
    beginning = value[: -len("value")]
    return tuple(beginning + name for name in _NAMES)
