"""An access profile in words: its name, the numbers of requested actions and resources, and the hash of its content.

Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from jitney.core.access.request import AccessRequest
from jitney.core.access_profile import GrantedProfile
from jitney.core.actions import AccessLevel, ActionTable
from jitney.core.quantities import format_list, quantity

MOST_SERVICES = 6

# The most severe first.
LEVEL_NAMES: Mapping[AccessLevel, str] = {
    AccessLevel.PERMISSIONS_MANAGEMENT: "permissions management",
    AccessLevel.READ_SECRET: "secrets",
    AccessLevel.WRITE: "write",
    AccessLevel.TAGGING: "tagging",
    AccessLevel.READ: "read",
    AccessLevel.LIST: "list",
}


def profile_line(profile: GrantedProfile, levels: Mapping[str, AccessLevel | None], resources: Iterable[str]) -> str:
    """Return the profile in one line: "orders-migration, 2 actions of s3 (1 write, 1 read) on 1 resource, content 9f…".

    `levels` are those of the granted actions.
    """
    return f"{profile.name}, {summary(levels, resources)}, content {profile.content}"


def summary(levels: Mapping[str, AccessLevel | None], resources: Iterable[str]) -> str:
    """Return how many actions of how many services these are, by access level, and on how many resources."""
    services = sorted({name.partition(":")[0] for name in levels})
    shown = format_list(services, MOST_SERVICES)
    counts = Counter(LEVEL_NAMES[level] if level else "unknown" for level in levels.values())
    order = ["unknown", *LEVEL_NAMES.values()]
    by_level = ", ".join(f"{counts[name]} {name}" for name in order if counts[name])
    named = len(set(resources))
    return f"{quantity(len(levels), 'action')} of {shown} ({by_level}) on {quantity(named, 'resource')}"


def profile_detail(access_request: AccessRequest, actions: ActionTable) -> dict[str, Any]:
    """Return the access profile of a request as records show it; {} for none."""
    if access_request.access_profile is None:
        return {}
    names = dict.fromkeys(name for each in access_request.permissions for name in each.actions)
    levels = {name: found.level if (found := actions.get(name)) else None for name in names}
    resources = (arn for each in access_request.permissions for arn in each.resources)
    return {"access_profile": {**access_request.access_profile._asdict(), "summary": summary(levels, resources)}}
