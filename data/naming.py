"""Finds the parameters that name a resource, by comparing their names with AWS's ARN formats.

A parameter with a matching name may still hold something else, such as an id where the ARN has a name. Then it fills
nothing.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from botocore.model import ListShape, OperationModel, Shape

from jitney.core.actions import ResourceType

Members = Mapping[str, Shape]

_KIND_OF_NAME = re.compile(r"(.*?)(name|id|identifier|arn|arnlist)?s?", re.DOTALL)
ANY_ARN = frozenset(
    {"arn", "resource", "resourcearn", "resourcearns", "resourcearnlist", "resourcename", "resourceid"}
    | {"resourceidentifier", "resourceidlist"}
)
"""Parameters that hold an ARN of any type of resource. Other values, and ARNs of another type, fill nothing."""
_GENERIC = frozenset({"id", "identifier", "name", "resourceid"})
"""Variables whose names do not show the type of the resource."""
_SUFFIXES = frozenset({"", "s", "config", "state", "status"})


class _Name(NamedTuple):
    """The parts of a name: the thing, and what of the thing it is (name, id, identifier, arn, or "")."""

    thing: str
    part: str

    @classmethod
    def of(cls, name: str) -> "_Name":
        found = _KIND_OF_NAME.fullmatch(name.lower())
        return cls(found[1], (found[2] or "").replace("arnlist", "arn")) if found else cls(name, "")


def kind_of(shape: Shape) -> str:
    """Return the kind, as in `jitney.core.calls.operations.Parameter`."""
    if isinstance(shape, ListShape):
        return "l" if shape.member.type_name == "string" else "m"
    return {"string": "s", "boolean": "b"}.get(shape.type_name, "x")


def _plain(kind: ResourceType) -> str:
    """Return a type's name as parameters write it: "listener-rule/app" becomes "listenerrule"."""
    return re.sub(r"\W", "", kind.name.split("/")[0]).lower()


def by_name(variable: str, members: Members) -> Iterator[str]:
    """Yield the parameters with the variable's name."""
    for name, shape in members.items():
        if (name.lower(), kind_of(shape)) in {(variable.lower(), "s"), (f"{variable.lower()}s", "l")}:
            yield name


def by_thing(variable: str, kind: ResourceType, members: Members) -> Iterator[str]:
    """Yield the parameters that name the variable's thing in other words: FlowIdentifier for FlowId."""
    wanted = _wanted(variable, kind)
    for name, shape in members.items():
        given = _Name.of(name)
        if given.thing == wanted.thing and kind_of(shape) in "sl" and _same_part(wanted.part, given.part, shape):
            yield name


def by_operation(
    variable: str, kind: ResourceType, operation: OperationModel | None, members: Members
) -> Iterator[str]:
    """Yield Id, Name or Identifier if the operation is named after the type: Id of GetDistribution."""
    after_verb = re.sub(r"^(Batch)?[A-Z][a-z]+", "", operation.name if operation else "").lower()
    wanted = _wanted(variable, kind)
    if not after_verb.startswith(wanted.thing) or after_verb.removeprefix(wanted.thing) not in _SUFFIXES:
        return
    for name, shape in members.items():
        given = _Name.of(name)
        if not given.thing and kind_of(shape) in "sl" and _same_part(wanted.part, given.part, shape):
            yield name


def holding_arns(kind: ResourceType, members: Members) -> Iterator[str]:
    """Yield the parameters that may hold a whole ARN of the type: stateMachineArn, ResourceArn, JobIdentifier.

    Only the value in a call shows whether a parameter holds a whole ARN. An ARN of another form fills nothing.
    """
    for name, shape in members.items():
        given = _Name.of(name)
        of_type = len(given.thing) > 2 and _plain(kind).endswith(given.thing) and given.part in {"arn", "identifier"}
        if kind_of(shape) in "sl" and (of_type or name.lower() in ANY_ARN):
            yield name


def may_hold_name(name: str) -> bool:
    """Return whether a parameter of `holding_arns` may hold a name instead of an ARN, such as ClusterName."""
    return name.lower() not in ANY_ARN and _Name.of(name).part != "arn"


def _wanted(variable: str, kind: ResourceType) -> _Name:
    wanted = _Name.of(variable)
    return _Name(_plain(kind), wanted.part) if variable.lower() in _GENERIC else wanted


def _same_part(wanted: str, given: str, shape: Shape) -> bool:
    """Return whether a parameter holds the part of a name that the ARN needs.

    An identifier may be a name if its documentation says so.
    """
    if wanted == "name":
        return given in {"name", "identifier", ""}
    said = re.sub("amazon resource name", "ARN", shape.documentation or "", flags=re.IGNORECASE)
    may_be_a_name = re.search(r"\bname\b", said, re.IGNORECASE)
    return wanted in {"id", "identifier"} and given in {"id", "identifier", ""} and not may_be_a_name
