"""Finds roles in a parameter's value, such as the RoleArn of each target of a rule."""

import re
from collections.abc import Iterator
from typing import Any

ROLE = re.compile(
    r"(?!Remove|remove|MasterBackend)(\w*Role|\w*[rR]ole_?(Arn|ARN|arn)s?|\w*IamRoles|SnsCallerArn)", re.ASCII
)
"""Names of members that hold one or more roles.

OpenSearch's MasterBackendRole is not among them, because it is not passed to a service.
"""

_ARN = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[^\s,\]}\"']+", re.ASCII)


def roles_within(value: Any, _place: Any = None) -> Iterator[str]:
    """Yield the ARNs of the roles in a value: the value itself, or members whose names say that they are roles."""
    return _roles(value, named=True)


def _roles(value: Any, *, named: bool) -> Iterator[str]:
    if isinstance(value, str):
        if named and _ARN.fullmatch(value):
            yield value
    elif isinstance(value, list):
        for each in value:
            yield from _roles(each, named=named)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _roles(each, named=bool(ROLE.fullmatch(name)))
