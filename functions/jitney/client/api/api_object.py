"""Reads the JSON objects of the API into frozen data classes, by the types of their fields, and writes them."""

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

    def document(self) -> dict[str, Any]:
        """Return the object as the API's JSON, without members that its repr leaves out, such as keys."""
        shown = [each for each in fields(self) if each.repr]  # type: ignore[arg-type]  # a data class
        return {each.name: _written(each.type, getattr(self, each.name)) for each in shown}


def read_object(kind: type[T], document: Mapping[str, Any]) -> T:
    """Return a data class with the members of a JSON object. Raises as `ApiObject.read`."""
    readers = _readers(kind)  # type: ignore[arg-type]  # a class is hashable
    return kind(**{name: read(document[name]) for name, read in readers.items() if name in document})


def without_empty_conditions(document: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON without its member `conditions` if that is empty."""
    return {name: value for name, value in document.items() if value or name != "conditions"}


def _written(kind: Any, value: Any) -> Any:
    if kind == ApiConditions:
        return {key: list(values) for key, values in value}
    if isinstance(value, ApiObject):
        return value.document()
    return [_written(None, each) for each in value] if isinstance(value, tuple) else value


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
