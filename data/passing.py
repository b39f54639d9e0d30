"""The roles that an operation passes to a service, for which the caller needs iam:PassRole.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

import re
from collections.abc import Iterator, Mapping

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from jitney.core.calls.roles import ROLE

PASSING = "iam:PassRole"
WITHIN = "roles_within"
"""The reading that finds roles inside a value."""

_BY_NAME = re.compile(r"(role|.*role_?arn|.*servicerole)", re.IGNORECASE)
_TAKES_AWAY = ("Remove", "Disassociate")


def passed(operation: OperationModel, members: Mapping[str, Shape], more: list[str]) -> Iterator[tuple[str, str]]:
    """The parameters that hold roles to hand on, each with how it is read ("" for a role itself).

    `more` are those whose names do not say so.
    """
    if operation.name.startswith(_TAKES_AWAY):
        return
    for name, shape in members.items():
        if shape.type_name == "string" and _BY_NAME.fullmatch(name):
            yield name, ""
        elif name in more or holds_roles(name, shape):
            yield name, WITHIN


def holds_roles(name: str, shape: Shape, above: tuple[str, ...] = ()) -> bool:
    """Whether a member holds a role, at any depth: one that is called after a role, and is text or a list of it."""
    if isinstance(shape, StructureShape):
        deeper = (*above, shape.name)
        return shape.name not in above and any(holds_roles(each, deep, deeper) for each, deep in shape.members.items())
    if isinstance(shape, ListShape | MapShape):
        return holds_roles(name, shape.member if isinstance(shape, ListShape) else shape.value, above)
    return shape.type_name == "string" and bool(ROLE.fullmatch(name))
