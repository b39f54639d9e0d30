"""Which members are masked for what they are: by the shapes of an operation, or by name in CloudTrail's events."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jitney.core.masking.names import is_secret, names_secret
from jitney.core.masking.table import ANY, CREDENTIAL_WAY, LOOK_ALIKE_WAY, Shape, Way, Ways

# A name and a value beside it: environment variables, parameters of stacks, tags.
_NAMES = ("Name", "name", "Key", "key", "ParameterKey", "parameterKey", "ParameterName", "parameterName")
_VALUES = frozenset({"Value", "value", "ParameterValue", "parameterValue", "StringValue", "stringValue"})


class Guide:
    """Leads through a value: `start` is the way of all of it, and `kinds` says of letters how they are masked."""

    def __init__(self, shapes: Sequence[Shape], start: Way, kinds: Mapping[str, str]) -> None:
        self.start = start
        self.harmless: set[str] = set()
        """Names seen so far that make nothing a secret where nothing is listed."""
        self._shapes = shapes
        self._kinds = kinds

    def kind(self, way: Way) -> str | None:
        """How all is masked that this way leads to; None when the way has to be gone on."""
        return self._kinds.get(way) if isinstance(way, str) else None

    def member(self, way: Way, name: Any, holder: Mapping[Any, Any]) -> Way:
        """The way of a member of `holder`: of one that is not listed, that of a credential if it is called like one."""
        on = self._listed(way, name)
        if isinstance(on, str) or not isinstance(name, str):
            return on
        if not names_secret(name) and name not in _VALUES:
            self.harmless.add(name)
            return on
        return CREDENTIAL_WAY if _called_secret(name, holder) else on

    def element(self, way: Way) -> Way:
        """The way of what a list on `way` holds."""
        return self._listed(way, ANY)

    def _listed(self, way: Way, name: str) -> Way:
        if not isinstance(way, int):
            return None
        shape = self._shapes[way]
        return shape.get(name, shape.get(ANY))


class _NameGuide(Guide):
    """Goes by names alone. Way 0 is the event itself, which has no masked members but in its parts."""

    def _listed(self, way: Way, name: str) -> Way:
        if not isinstance(way, int):
            return None
        return self._shapes[way].get(name.lower(), way) if way else self._shapes[0].get(name)


def by_shape(ways: Ways, start: Way, kinds: Mapping[str, str]) -> Guide:
    """A guide through what botocore takes or gives."""
    return Guide(ways.shapes, start, kinds)


def by_name(parts: Mapping[str, Iterable[tuple[Ways, Way]]], kinds: Mapping[str, str]) -> Guide:
    """A guide through a CloudTrail event, in whose `parts` the members of these operations are masked.

    CloudTrail spells members in its own ways (a small first letter, "Set" and "items" around EC2's lists): a member is
    masked wherever in its part of the event its name stands, in any case.
    """
    shapes: list[Shape] = [{part: number for number, part in enumerate(parts, start=1)}]
    for each in parts.values():
        names: dict[str, Way] = {}
        for ways, start in each:
            for name, letter in _letters(ways, start):
                if letter == CREDENTIAL_WAY or names.get(name) in (None, LOOK_ALIKE_WAY):
                    names[name] = letter
        shapes.append(names)
    return _NameGuide(shapes, 0, kinds)


def _letters(ways: Ways, start: Way) -> Iterable[tuple[str, str]]:
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
    if not names_secret(name) and (name not in _VALUES or not _beside_secret(holder)):
        return False
    value = holder[name]
    return is_secret(value) if isinstance(value, str) else not isinstance(value, bool | Mapping | None)


def _beside_secret(holder: Mapping[Any, Any]) -> bool:
    return any(isinstance(said := holder.get(name), str) and names_secret(said) for name in _NAMES)
