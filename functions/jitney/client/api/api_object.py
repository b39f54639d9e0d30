"""Reads the JSON objects of the API into frozen data classes, by the types of their fields."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from types import UnionType
from typing import Any, Self, TypeAlias, TypeVar, get_args, get_origin

T = TypeVar("T")
ApiConditions: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Condition keys with the values that calls may have, sorted by key. In JSON, they are an object."""


class ApiObject:
    """The base of a data class whose fields are members of a JSON object of the API."""

    __slots__ = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the object from the API's JSON. Members that this client does not know are left out.

        Raises KeyError, TypeError or ValueError if the JSON is no such object.
        """
        return read_object(cls, document)


def read_object(kind: type[T], document: Mapping[str, Any]) -> T:
    """Return a data class with the members of a JSON object. Raises as `ApiObject.read`."""
    readers = _readers(kind)  # type: ignore[arg-type]  # a class is hashable
    return kind(**{name: read(document[name]) for name, read in readers.items() if name in document})


def conditions_document(conditions: ApiConditions) -> dict[str, list[str]]:
    """Return the conditions as the API's JSON."""
    return {key: list(values) for key, values in conditions}


@cache
def _readers(kind: Any) -> dict[str, Callable[[Any], Any]]:
    return {each.name: _reader(each.type) for each in fields(kind)}


def _reader(kind: Any) -> Callable[[Any], Any]:
    """Return the function that reads a member of this type. Texts and numbers stay as they are."""
    if kind == ApiConditions:
        return _conditions
    if kind is bool:
        return lambda value: value is True
    if isinstance(kind, type) and issubclass(kind, ApiObject):
        return kind.read
    inner = get_args(kind)
    if get_origin(kind) is tuple:
        read = _reader(inner[0])
        return lambda value: tuple(map(read, value))
    if get_origin(kind) is Mapping:
        return lambda value: {**(value or {})}
    if isinstance(kind, UnionType):  # with None
        read = _reader(inner[0])
        return lambda value: None if value is None else read(value)
    return lambda value: value


def _conditions(value: Mapping[str, Any]) -> ApiConditions:
    return tuple(sorted((key, tuple(values)) for key, values in {**value}.items()))
