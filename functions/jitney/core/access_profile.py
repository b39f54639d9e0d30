"""Access profiles: managed session policies that a target's stack provisions for deploy tools (row POL 15)."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class AccessProfile(NamedTuple):
    """One access profile of a target.

    `permissions` are written as in a request, with action wildcards expanded. `content` is the SHA-256 of the managed
    policy's text, in hexadecimal. The policy's name contains the beginning of this hash, so a change creates another
    policy.
    """

    permissions: tuple[Mapping[str, Any], ...]
    content: str
    policy_arn: str


class GrantedProfile(NamedTuple):
    """The access profile of a request or a grant, by name and `content` (see `AccessProfile`)."""

    name: str
    content: str
