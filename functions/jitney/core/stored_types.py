"""The types of stored values, which may be of another version, or written by a compromised function. Pure.

A name of another type is equal to no name, so the rule that it stands in would cover no one.
"""

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import cache
from operator import attrgetter, call
from typing import Any, Literal, TypeAlias, TypeVar, get_args, get_origin

T = TypeVar("T")
_Check: TypeAlias = Callable[[Any], bool]
"""Returns whether a value has a type."""


def with_types(value: T) -> T:
    """Return `value`, a data class or a named tuple whose members have the types that it declares, at every depth.

    Raises TypeError for a member of another type. A bool is no int, and a list is no tuple.
    """
    kind: Any = type(value)
    if not _check(kind)(value):
        raise TypeError(f"a member of {kind.__name__} has another type")
    return value


def listed(value: Any) -> tuple[Any, ...]:
    """Return the members of a list in JSON. Raises TypeError for another type. A text would give its characters."""
    if not isinstance(value, list):
        raise TypeError("not a list")
    return tuple(value)


@cache
def _check(annotation: Any) -> _Check:
    """Return the check for the type of an annotation. It is composed once, because a grant has a hundred members."""
    kind = getattr(annotation, "__supertype__", annotation)  # the type behind a NewType, such as `MaskedComment`
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return frozenset(parts).__contains__
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return _of_class(kind)
    checks = tuple(_check(each) for each in parts if each is not ...)
    if origin is tuple and ... not in parts:
        return lambda value: type(value) is tuple and len(value) == len(checks) and all(map(call, checks, value))
    if origin in (tuple, frozenset):
        (has_type,) = checks
        return lambda value: type(value) is origin and all(map(has_type, value))
    if origin is Mapping:
        return lambda value: isinstance(value, Mapping) and all(all(map(call, checks, each)) for each in value.items())
    if parts:  # a union
        return lambda value: any(has_type(value) for has_type in checks)
    return lambda value: type(value) is kind


def _of_class(kind: Any) -> _Check:
    """Return the check for a data class or a named tuple of several members."""
    hints: Mapping[str, Any] = kind.__annotations__
    members, checks = attrgetter(*hints), tuple(map(_check, hints.values()))
    return lambda value: type(value) is kind and all(map(call, checks, members(value)))
