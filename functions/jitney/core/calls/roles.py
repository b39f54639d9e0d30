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
    """Yield the ARNs of the roles in a value: the value itself, or members whose names match `ROLE`."""
    left = [(value, True)]
    while left:
        each, named = left.pop()
        if isinstance(each, str) and named and _ARN.fullmatch(each):
            yield each
        elif isinstance(each, list):
            left += [(inner, named) for inner in reversed(each)]
        elif isinstance(each, dict):
            left += [(inner, bool(ROLE.fullmatch(name))) for name, inner in reversed(each.items())]
