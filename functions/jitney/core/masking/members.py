"""Which members are masked for what they are: by the shapes of an operation, or by name in CloudTrail's events."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jitney.core.masking.named_secrets import is_secret, names_secret
from jitney.core.masking.table import ANY, CREDENTIAL_REF, LOOK_ALIKE_REF, OperationShapes, Shape, ShapeRef

# A name and a value beside it: environment variables, parameters of stacks, tags.
_NAMES = ("Name", "name", "Key", "key", "ParameterKey", "parameterKey", "ParameterName", "parameterName")
_VALUES = frozenset({"Value", "value", "ParameterValue", "parameterValue", "StringValue", "stringValue"})


class MemberLookup:
    """Leads through a value: `start` is the way of all of it, and `kinds` says of letters how they are masked."""

    def __init__(self, shapes: Sequence[Shape], start: ShapeRef, kinds: Mapping[str, str]) -> None:
        self.start = start
        self.harmless: set[str] = set()
        """Names seen so far that make nothing a secret where nothing is listed."""
        self._shapes = shapes
        self._kinds = kinds

    def kind(self, way: ShapeRef) -> str | None:
        """How all is masked that this way leads to; None when the way has to be gone on."""
        return self._kinds.get(way) if isinstance(way, str) else None

    def member(self, way: ShapeRef, name: Any, holder: Mapping[Any, Any]) -> ShapeRef:
        """The way of a member of `holder`: of one that is not listed, that of a credential if it is called like one."""
        on = self._listed(way, name)
        if isinstance(on, str) or not isinstance(name, str):
            return on
        if not names_secret(name) and name not in _VALUES:
            self.harmless.add(name)
            return on
        return CREDENTIAL_REF if _called_secret(name, holder) else on

    def element(self, way: ShapeRef) -> ShapeRef:
        """The way of what a list on `way` holds."""
        return self._listed(way, ANY)

    def _listed(self, way: ShapeRef, name: str) -> ShapeRef:
        if not isinstance(way, int):
            return None
        shape = self._shapes[way]
        return shape.get(name, shape.get(ANY))


class _NameLookup(MemberLookup):
    """Goes by names alone. Way 0 is the event itself, which has no masked members but in its parts."""

    def _listed(self, way: ShapeRef, name: str) -> ShapeRef:
        if not isinstance(way, int):
            return None
        return self._shapes[way].get(name.lower(), way) if way else self._shapes[0].get(name)


def lookup_by_shape(ways: OperationShapes, start: ShapeRef, kinds: Mapping[str, str]) -> MemberLookup:
    """A guide through what botocore takes or gives."""
    return MemberLookup(ways.shapes, start, kinds)


def lookup_by_name(
    parts: Mapping[str, Iterable[tuple[OperationShapes, ShapeRef]]], kinds: Mapping[str, str]
) -> MemberLookup:
    """A guide through a CloudTrail event, in whose `parts` the members of these operations are masked.

    CloudTrail spells members in its own ways (a small first letter, "Set" and "items" around EC2's lists): a member is
    masked wherever in its part of the event its name stands, in any case.
    """
    shapes: list[Shape] = [{part: number for number, part in enumerate(parts, start=1)}]
    for each in parts.values():
        names: dict[str, ShapeRef] = {}
        for ways, start in each:
            for name, letter in _letters(ways, start):
                if letter == CREDENTIAL_REF or names.get(name) in (None, LOOK_ALIKE_REF):
                    names[name] = letter
        shapes.append(names)
    return _NameLookup(shapes, 0, kinds)


def _letters(ways: OperationShapes, start: ShapeRef) -> Iterable[tuple[str, str]]:
    """The listed members that can be reached from `start`, by lower-case name."""
    waiting, seen = [start], set[int]()
    while waiting:
        at = waiting.pop()
        if isinstance(at, int) and at not in seen:
            seen.add(at)
            for name, way in ways.shapes[at].items():
                waiting.append(way)
                if isinstance(way, str):
                    yield name.lower(), way


def _called_secret(name: str, holder: Mapping[Any, Any]) -> bool:
    if not names_secret(name) and (name not in _VALUES or not _is_secret_pair(holder)):
        return False
    value = holder[name]
    return is_secret(value) if isinstance(value, str) else not isinstance(value, bool | Mapping | None)


def _is_secret_pair(holder: Mapping[Any, Any]) -> bool:
    return any(isinstance(said := holder.get(name), str) and names_secret(said) for name in _NAMES)
