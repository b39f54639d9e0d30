"""Reads the JSON objects of the API into frozen data classes, by the types of their fields, and writes them."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, Self, TypeAlias, TypeVar, Union, get_args, get_origin

T = TypeVar("T")
_MOST = 2**53 - 1
"""The largest whole number that JSON's readers agree on (RFC 8259 section 6)."""
ApiConditions: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Condition keys with the values that calls may have, sorted by key. In JSON, they are an object."""
ApiTime: TypeAlias = Annotated[str, "ISO 8601"]
"""A time, as text."""


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
    document = {**document}  # raises TypeError for what is no object
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
    if kind == ApiTime:
        return _time
    if kind in (str, int):
        return lambda value: _of_type(kind, value)
    if kind is bool:
        return lambda value: value is True
    if isinstance(kind, type) and issubclass(kind, ApiObject):
        return kind.read
    inner = get_args(kind)
    if get_origin(kind) is tuple:
        read = _reader(inner[0])
        return lambda value: tuple(map(read, _list(value)))
    if get_origin(kind) is Mapping:
        read_value = _reader(inner[1])
        return lambda value: {name: read_value(each) for name, each in {**(value or {})}.items()}
    if get_origin(kind) in (Union, UnionType):  # with None
        read = _reader(inner[0])
        return lambda value: None if value is None else read(value)
    return lambda value: value


def checked_texts(value: Any) -> tuple[str, ...]:
    """Return the values. Raises TypeError unless they are a list of texts."""
    return tuple(map(checked_text, _list(value)))


def checked_text(value: Any) -> str:
    """Return the value. Raises TypeError unless it is a text."""
    return str(_of_type(str, value))


def _of_type(kind: type, value: Any) -> Any:
    """Return the value. Raises TypeError for another type, and ValueError for a number that is too large.

    The text of the error does not quote the value.
    """
    if type(value) is not kind:
        raise TypeError(f"a member is {type(value).__name__} instead of {kind.__name__}")
    if isinstance(value, int) and not -_MOST <= value <= _MOST:
        raise ValueError("a member is a number that is too large")
    return value


def _list(value: Any) -> Any:
    """Return the value. Raises TypeError for a text or an object, which could be read as lists, too."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"a member is {type(value).__name__} instead of a list")
    return value


def _time(value: Any) -> str:
    """Return the time as it is. Raises TypeError or ValueError for another value."""
    try:
        datetime.fromisoformat(value).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a member is a time that no calendar has") from error
    return str(value)


def _conditions(value: Mapping[str, Any]) -> ApiConditions:
    return tuple(sorted((key, checked_texts(values)) for key, values in {**value}.items()))
