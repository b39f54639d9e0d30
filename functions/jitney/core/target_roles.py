"""The roles of a target. Each grant is on one of them, and only that role denies it when it ends (row END 6). Pure.

IAM limits the size of a role's deny document. So a target with several roles supports more releases a second. The first
role has the target's role name, and the others add a number to it.
"""

import hashlib
import re
from collections.abc import Collection, Iterable

MOST_ROLES = 10
"""The most roles of one target."""
_SEPARATOR = ".role"
_ADDED = rf"{re.escape(_SEPARATOR)}(?:[2-9]|10)"
_NUMBERED = re.compile(rf"(.+?){_ADDED}", re.ASCII | re.DOTALL)


def role_number(role: str, number: int) -> str:
    """Return the name or ARN of a target's role `number`, 1 for the first.

    `role` is the name or ARN of the first role.
    """
    return role if number == 1 else f"{role}{_SEPARATOR}{number}"


def roles_of(role: str, count: int) -> tuple[str, ...]:
    """Return the names or ARNs of a target's first `count` roles. `role` is that of the first role."""
    return tuple(role_number(role, number) for number in range(1, count + 1))


def earlier_roles(role: str, count: int, seen: Collection[str]) -> tuple[str, ...]:
    """Return the roles that a target had when it had more than `count`.

    `seen` has all roles that any target ever had.
    """
    return tuple(arn for arn in roles_of(role, MOST_ROLES)[count:] if arn in seen)


def first_role(role: str) -> str:
    """Return the name or ARN of the first role of the target that has, or had, this role."""
    numbered = _NUMBERED.fullmatch(role)
    return numbered[1] if numbered else role


def first_roles(roles: Iterable[str], seen: Collection[str]) -> tuple[str, ...]:
    """Return the first roles of the targets with `roles`, then those of removed targets. Grants are indexed by them.

    `seen` has all roles that any target ever had.
    """
    return tuple(dict.fromkeys(first_role(each) for each in (*roles, *sorted(seen))))


def further_roles(role: str) -> str:
    """Return the IAM pattern of a target's roles except the first, including roles that the target had before."""
    return f"{role}{_SEPARATOR}*"


def role_of_grant(grant_id: str, role: str, count: int) -> str:
    """Return the role for a new grant: one of the target's first `count` roles. `role` is the first role.

    Ids are spread evenly over the roles. The grant stores its role, so a change of `count` does not move the grant.
    """
    digest = hashlib.sha256(grant_id.encode()).digest()
    return role_number(role, 1 + int.from_bytes(digest[:8]) % count)
