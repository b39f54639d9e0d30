"""The types of stored values are those that their classes declare (row OPS 2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, NewType

import pytest

from jitney.core.stored_types import listed, with_types

Comment = NewType("Comment", str)


class Place(NamedTuple):
    """A named tuple with members of each kind of type."""

    number: int
    kind: Literal["near", "far"] = "near"
    pair: tuple[str, int] = ("a", 1)
    names: frozenset[str] = frozenset()
    amounts: Mapping[str, int] = MappingProxyType({})
    comment: Comment | None = None


@dataclass(frozen=True, slots=True)
class Trip:
    """A data class with others."""

    places: tuple[Place, ...]
    open: bool = True


TRIP = Trip((Place(1), Place(2, "far", ("b", 2), frozenset({"c"}), {"d": 4}, Comment("e"))))


def test_ops_02_a_value_with_its_types_is_returned():
    assert with_types(TRIP) is TRIP


@pytest.mark.parametrize(
    "place",
    [
        {"number": "1"},
        {"number": True},
        {"number": None},
        {"kind": "other"},
        {"kind": []},
        {"pair": ("a", 1, 1)},
        {"pair": ("a",)},
        {"pair": ("a", "1")},
        {"pair": ["a", 1]},
        {"names": {"a"}},
        {"names": frozenset({1})},
        {"amounts": [("a", 1)]},
        {"amounts": {"a": "1"}},
        {"amounts": {1: 1}},
        {"comment": 1},
    ],
    ids=str,
)
def test_ops_02_a_value_with_another_type_is_refused_at_each_depth(place: dict[str, Any]):
    other = Place(1)._replace(**place)
    for value in (other, Trip((Place(1), other))):
        with pytest.raises(TypeError):
            with_types(value)


@pytest.mark.parametrize("places", [[Place(1)], ((1, "near"),), (None,), None, "near"], ids=str)
def test_ops_02_a_value_with_others_of_another_class_is_refused(places: Any):
    with pytest.raises(TypeError):
        with_types(Trip(places))


@pytest.mark.parametrize("value", ["text", {"a": 1}, None, ("a",)], ids=str)
def test_ops_02_only_a_list_has_members(value: Any):
    assert listed(["a"]) == ("a",)
    with pytest.raises(TypeError):
        listed(value)
