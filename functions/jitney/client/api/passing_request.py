"""The request that policy would pass instead of a denied one."""

from collections.abc import Mapping
from dataclasses import replace

from jitney.client.api.grant_request import ApiPermission, GrantRequest
from jitney.client.problems import ClientProblem


def passing_instead(problem: ClientProblem) -> GrantRequest | None:
    """Return the request that would pass instead of the one that failed, or None (`passing_request`)."""
    if problem.request is None:
        return None
    members = problem.members
    return passing_request(problem.request, members.allowed_subset, members.longest_seconds, members.ways)


def passing_request(
    request: GrantRequest, subset: tuple[ApiPermission, ...], longest_seconds: int, ways: Mapping[str, str]
) -> GrantRequest | None:
    """Return the request that policy would pass instead: in the other way, or for less time, a part, or both.

    `ways` are the effects of the request in each way. Returns None if no such request is known.
    """
    passing = (way for way, effect in ways.items() if effect in ("allow", "review") and way != request.way)
    if not request.reveal and ways.get(request.way) == "deny" and (other := next(passing, "")):
        return replace(request, way=other)
    less = replace(request, permissions=subset, calls=(), operations=()) if subset else request
    if longest_seconds:
        less = replace(less, duration_seconds=min(longest_seconds, request.duration_seconds))
    return less if less != request else None
