"""Which members are masked as a whole: by an operation's shapes, or by name in CloudTrail events."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any

from jitney.core.masking.named_secrets import (
    HINTED,
    PROVEN,
    is_random_secret,
    is_secret,
    judge_secret_name,
)
from jitney.core.masking.pairs import NamesBeside, is_pair_value
from jitney.core.masking.table import ANY, CREDENTIAL_REF, KEYS, LOOK_ALIKE_REF, OperationShapes, Shape, ShapeRef
from jitney.core.masking.word_lists import passwords_in

# DynamoDB writes the value of an attribute with its type: {"password": {"S": "..."}}.
ATTRIBUTE_TYPES = frozenset({"S", "N", "B", "SS", "NS", "BS", "L"})


_MOST_NAMES = 2_000
"""How many members a lookup caches. A limit is needed, because callers choose the names in maps."""
_LONGEST_NAME = 256
"""A longer name is not cached. A lookup is kept from call to call, and names of megabytes would fill the memory."""


class MemberLookup:
    """Looks up members, starting from the shape `start`. `kinds` maps a shape's letter to a kind of mask.

    `judge` returns PROVEN, HINTED or 0 for the name of a member that is not listed.
    """

    def __init__(
        self,
        shapes: Sequence[Shape],
        start: ShapeRef,
        kinds: Mapping[str, str],
        judge: Callable[[str], int] = judge_secret_name,
    ) -> None:
        self.start = start
        self.judge = judge
        self._shapes = shapes
        self._kinds = kinds
        self._known: dict[ShapeRef, dict[Any, ShapeRef]] = {}
        self.masked_keys: set[ShapeRef] = set()
        """The shapes whose keys are masked, of those that `known` was called for."""
        self._count = 0

    def kind(self, ref: ShapeRef) -> str | None:
        """Return the kind of mask for everything below this shape; None to look at its members."""
        return self._kinds.get(ref) if isinstance(ref, str) else None

    def known(self, ref: ShapeRef) -> dict[Any, ShapeRef]:
        """Return the shapes of members in this shape, by name, for names that cannot make them a secret.

        `member` adds to it. All other names need `member`.
        """
        known = self._known.get(ref)
        if known is None:
            known = self._known[ref] = {}
            if self.key_kind(ref):
                self.masked_keys.add(ref)
        return known

    def member(self, ref: ShapeRef, name: Any, beside: NamesBeside) -> ShapeRef:
        """Return the shape of a member. `beside` has the member's object, and judges names by `judge`.

        A member that the table does not list counts as a credential if it is named like a secret.
        """
        known = self.known(ref)
        if name in known:
            return known[name]
        on = self._listed(ref, name)
        short = len(name) <= _LONGEST_NAME if isinstance(name, str) else True
        may_be_named = _may_be_named if short else _may_be_named.__wrapped__
        if isinstance(name, str) and not isinstance(on, str) and may_be_named(name, self.judge):
            return self._secret(beside.holder[name]) if _is_named_secret(name, beside) else on
        if not short:
            return on
        if self._count >= _MOST_NAMES:
            self._count = 0
            for each in self._known.values():
                each.clear()
        self._count += 1
        known[name] = on
        return on

    def key_ref(self, ref: ShapeRef) -> ShapeRef:
        """Return the reference of the keys of a map of this shape."""
        return self._shapes[ref].get(KEYS) if isinstance(ref, int) else None

    def key_kind(self, ref: ShapeRef) -> str | None:
        """Return the kind of mask for the keys of a map of this shape; None to keep them."""
        return self.kind(self.key_ref(ref))

    def elements(self, ref: ShapeRef, values: Sequence[Any]) -> Iterable[ShapeRef]:
        """Return the shapes of a list's elements, in order.

        The argument of an option that is named like a secret counts as one: `["--password", "hunter2000"]`. So does a
        password of a command that has no such option: `["docker", "login", "-p", "hunter2000"]`.
        """
        listed = self._listed(ref, ANY)
        if isinstance(listed, str) or not any(isinstance(each, str) and each[:1] == "-" for each in values):
            return repeat(listed, len(values))
        words = [each if isinstance(each, str) else "" for each in values]
        # With another judge, only AWS's keys are sought, because the answer is revealed.
        passwords = passwords_in(words) if self.judge is judge_secret_name else ()
        return [
            self._secret(value)
            if place in passwords or (isinstance(value, str) and self._is_secret_option(before) and is_secret(value))
            else listed
            for place, (before, value) in enumerate(zip([None, *values], values, strict=False))
        ]

    def _is_secret_option(self, value: Any) -> bool:
        return isinstance(value, str) and value[:1] == "-" and self.judge(value.lstrip("-")) == PROVEN

    def _secret(self, _value: Any) -> ShapeRef:
        """Return the shape of a secret that is not listed."""
        return CREDENTIAL_REF

    def _listed(self, ref: ShapeRef, name: str) -> ShapeRef:
        if not isinstance(ref, int):
            return None
        shape = self._shapes[ref]
        return shape.get(name, shape.get(ANY))


class _NameLookup(MemberLookup):
    """Looks up members by name only. Shape 0 is the event itself: only its parts have masked members.

    A shape with `KEYS` is a map whose names are masked, and `ANY` is the shape of its values. Any other shape is a
    part.
    """

    def _listed(self, ref: ShapeRef, name: str) -> ShapeRef:
        if not isinstance(ref, int):
            return None
        shape = self._shapes[ref]
        if KEYS in shape:
            return shape[ANY]
        return shape.get(name.lower(), ref) if ref else shape.get(name)


def lookup_by_shape(operation: OperationShapes, start: ShapeRef, kinds: Mapping[str, str]) -> MemberLookup:
    """Return a lookup for parameters or answers in botocore's form."""
    return MemberLookup(operation.shapes, start, kinds)


def lookup_by_name(
    parts: Mapping[str, Iterable[tuple[OperationShapes, ShapeRef]]], kinds: Mapping[str, str]
) -> MemberLookup:
    """Return a lookup for a CloudTrail event. `parts` names the operations whose members may be in each part of it.

    CloudTrail changes members' names: a small first letter, and "Set" and "items" around the lists of EC2. Therefore a
    member is masked anywhere in its part of the event, however its name is capitalized.
    """
    found = {part: list(operations) for part, operations in parts.items()}
    roots: dict[str, ShapeRef] = {part: number for number, part in enumerate(found, start=1)}
    roots |= {part: start for part, each in found.items() for _, start in each if isinstance(start, str)}
    shapes: list[Shape] = [roots]
    maps: list[Shape] = []
    for number, each in enumerate(found.values(), start=1):
        names: dict[str, ShapeRef] = {}
        for operation, start in each:
            for name, ref in _listed_members(operation, start):
                known = names.get(name)
                unlisted = known in (None, LOOK_ALIKE_REF)
                if isinstance(ref, str):
                    if ref == CREDENTIAL_REF or unlisted or (isinstance(known, int) and ref != LOOK_ALIKE_REF):
                        names[name] = ref
                elif unlisted:
                    values = operation.shapes[ref].get(ANY)
                    maps.append({KEYS: operation.shapes[ref][KEYS], ANY: values if isinstance(values, str) else number})
                    names[name] = len(found) + len(maps)
        shapes.append(names)
    return _NameLookup([*shapes, *maps], 0, kinds)


def _listed_members(operation: OperationShapes, start: ShapeRef) -> Iterable[tuple[str, str | int]]:
    """Yield the listed members that can be reached from `start`, each as its lower-case name and its reference.

    A reference that is a number is the shape of a map whose keys are listed.
    """
    waiting, seen = [start], set[int]()
    while waiting:
        at = waiting.pop()
        if isinstance(at, int) and at not in seen:
            seen.add(at)
            for name, ref in operation.shapes[at].items():
                waiting.append(ref)
                if (name != KEYS and isinstance(ref, str)) or (
                    name != ANY and isinstance(ref, int) and KEYS in operation.shapes[ref]
                ):
                    yield name.lower(), ref


@lru_cache(maxsize=8192)
def _may_be_named(name: str, judge: Callable[[str], int]) -> bool:
    """Return whether `_is_named_secret` has to look at a member of this name. `judge` is as in `NamesBeside`."""
    return is_pair_value(name) or bool(_judged(name, judge))


def _is_named_secret(name: str, beside: NamesBeside) -> bool:
    """Return whether a member of an object is a secret, by its name or by a name beside it."""
    found = max(_judged(name, beside.judge), beside.highest(name))
    if not found:
        return False
    value = beside.holder[name]
    if isinstance(value, Mapping) and len(value) == 1 and (kind := next(iter(value))) in ATTRIBUTE_TYPES:
        value = value[kind]
    if found == PROVEN:
        return is_secret(value) if isinstance(value, str) else not isinstance(value, bool | Mapping | None)
    return found == HINTED and isinstance(value, str) and is_random_secret(value)


def _judged(name: str, judge: Callable[[str], int]) -> int:
    """Return the judgement of a member's own name.

    A name without `_` or `-` cannot hint at a secret. AWS gives such names to page tokens, which are random, too.
    """
    found = judge(name)
    return found if found != HINTED or "_" in name or "-" in name else 0
