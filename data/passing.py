"""Finds the roles that an operation passes to a service. The caller needs iam:PassRole for them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

import re
from collections.abc import Iterator, Mapping

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from jitney.core.calls.roles import ROLE

PASSING = "iam:PassRole"
WITHIN = "roles_within"
"""The transform that finds roles inside a value."""

_BY_NAME = re.compile(r"(role|.*role_?arn|.*servicerole)", re.IGNORECASE)
_TAKES_AWAY = ("Remove", "Disassociate")


def passed(operation: OperationModel, members: Mapping[str, Shape], more: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the parameters that hold roles to pass, each with its transform ("" if the value is a role).

    `more` are parameters whose names do not show that they hold roles.
    """
    if operation.name.startswith(_TAKES_AWAY):
        return
    for name, shape in members.items():
        if shape.type_name == "string" and _BY_NAME.fullmatch(name):
            yield name, ""
        elif name in more or holds_roles(name, shape):
            yield name, WITHIN


def holds_roles(name: str, shape: Shape, above: tuple[str, ...] = ()) -> bool:
    """Return whether a member holds a role at any depth: its name is a role's, and it is text or a list of texts."""
    if isinstance(shape, StructureShape):
        deeper = (*above, shape.name)
        return shape.name not in above and any(holds_roles(each, deep, deeper) for each, deep in shape.members.items())
    if isinstance(shape, ListShape | MapShape):
        return holds_roles(name, shape.member if isinstance(shape, ListShape) else shape.value, above)
    return shape.type_name == "string" and bool(ROLE.fullmatch(name))
