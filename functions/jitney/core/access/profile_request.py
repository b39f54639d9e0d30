"""A request for an access profile, or for a part of it (row POL 15).

The permissions of such a request are limits: access is granted only if both the permissions and the profile allow it. A
resource that the profile covers only in part is refused, because no single ARN pattern matches what both allow.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from jitney.core.access.conditions import Conditions
from jitney.core.access.fields import FieldErrors
from jitney.core.access.profile_policy import ActionScopes, permissions_in, scopes_of
from jitney.core.access.request import AccessRequest, Permission, shared_permissions
from jitney.core.access.requested_scope import covers_segments
from jitney.core.access_profile import AccessProfile, GrantedProfile
from jitney.core.patterns import (
    MAX_REQUEST_STEPS,
    Budget,
    PatternTooComplex,
    patterns_intersect,
    wildcard_pattern,
)
from jitney.core.problems import Problem
from jitney.core.target_config import Target


class ProfileMismatch(Problem):
    """Raised for a request that does not fit the access profile `name`, or if there is no such profile.

    The problem itself reveals nothing about profiles. `disclosure` quotes the profile, or is None if it does not exist.
    A caller may see it only if policies permit the caller some of the profile
    (`handlers.caller.profile_disclosure`). `asked` is the request.
    """

    def __init__(self, access_request: AccessRequest, name: str, disclosure: Problem | None) -> None:
        hidden = hidden_profile()
        super().__init__(hidden.code, hidden.detail, hidden.fix, hidden.extras)
        self.asked, self.name, self.disclosure = access_request, name, disclosure


def hidden_profile(alternatives: Sequence[str] = ()) -> Problem:
    """Return the same problem for a profile that the caller must not see and for one that does not exist.

    `alternatives` are profiles that the caller may see.
    """
    detail = "The request does not fit the access profile, or there is no such profile."
    fix = "Ask your platform engineer for an access profile that you may use."
    if alternatives:
        fix = f"Did you mean {' or '.join(alternatives)}?"
    return Problem("access_profile_unknown", detail, fix, {"alternatives": list(alternatives)})


def with_profile(request: AccessRequest, name: str, target: Target) -> AccessRequest:
    """Return `request` with the access profile `name` of `target`, and with the permissions that both allow.

    Without permissions, the request is for the whole profile. Raises ProfileMismatch for permissions outside of it, and
    for an unknown profile.
    """
    profile = target.access_profiles.get(name)
    if profile is None:
        raise ProfileMismatch(request, name, None)
    permissions, faults = permissions_in(profile), FieldErrors()
    if request.permissions:
        pointer = "/calls" if request.explanation else ""
        permissions = _Narrowing(profile, faults, pointer).of(request.permissions)
    try:
        faults.refuse()
    except Problem as problem:
        raise ProfileMismatch(request, name, problem) from problem
    return replace(request, permissions=permissions, access_profile=GrantedProfile(name, profile.content))


class _Narrowing:
    """Narrows a profile. `pointer` is the member that errors point to. If it is "", each points to its permission."""

    def __init__(self, profile: AccessProfile, faults: FieldErrors, pointer: str) -> None:
        self._scopes = scopes_of(permissions_in(profile))
        self._faults = faults
        self._pointer = pointer
        self._budget = Budget(MAX_REQUEST_STEPS)

    def of(self, wanted: Sequence[Permission]) -> tuple[Permission, ...]:
        """Return the profile's permissions that `wanted` also allow."""
        kept: ActionScopes = {}
        for index, permission in enumerate(wanted):
            pointer = self._pointer or f"/permissions/{index}"
            try:
                self._add(permission, kept, pointer)
            except PatternTooComplex:
                self._faults.add(pointer, "The permission has too many wildcards to compare.", "Use fewer wildcards.")
        return _grouped(kept, self._scopes)

    def _add(self, permission: Permission, kept: ActionScopes, pointer: str) -> None:
        if permission.conditions:
            fix = "Leave the conditions out, or request the permission without the access profile."
            self._faults.add(pointer, "Conditions cannot narrow an access profile.", fix)
            return
        used: set[str] = set()
        for pattern in permission.actions:
            found = self._within(pattern, permission.resources, pointer)
            if not found:
                self._outside(f"{pattern} on these resources is", pointer)
            for name, conditions, wanted, resources in found:
                by_conditions = kept.setdefault(name, {})
                by_conditions[conditions] = by_conditions.get(conditions, frozenset()) | resources
                used.add(wanted)
        for idle in [arn for arn in permission.resources if arn not in used]:
            self._outside(f"Resource {idle[:200]!a} with these actions is", pointer)

    def _within(
        self, pattern: str, wanted: Sequence[str], pointer: str
    ) -> list[tuple[str, Conditions, str, frozenset[str]]]:
        """Return what both the profile and an action pattern on the `wanted` resources allow."""
        matches = wildcard_pattern(pattern.lower()).matches
        found = [
            (name, conditions, arn, self._common(resources, arn, pointer))
            for name, by_conditions in self._scopes.items()
            if matches(name.lower(), self._budget)
            for conditions, resources in by_conditions.items()
            for arn in wanted
        ]
        return [each for each in found if each[-1]]

    def _common(self, resources: frozenset[str], wanted: str, pointer: str) -> frozenset[str]:
        """Return the resources that both the profile's `resources` and `wanted` match."""
        if any(self._covers(resource, wanted) for resource in resources):
            return frozenset({wanted})
        found: set[str] = set()
        for resource in sorted(resources):
            if self._covers(wanted, resource):
                found.add(resource)
            elif patterns_intersect(wildcard_pattern(wanted), wildcard_pattern(resource), self._budget):
                detail = f"Only a part of {wanted[:200]!a} is in the access profile, which has {resource[:200]!a}."
                self._faults.add(pointer, detail, "Name this resource of the profile, or one that it covers.")
        return frozenset(found)

    def _covers(self, outer: str, inner: str) -> bool:
        """Return whether `outer` covers `inner`. "*" is every resource, and only "*" covers it.

        Raises PatternTooComplex.
        """
        if "*" in (outer, inner) or outer == inner:
            return outer in ("*", inner)
        return covers_segments(outer, inner, self._budget)

    def _outside(self, what: str, pointer: str) -> None:
        self._faults.add(pointer, f"{what} not in the access profile.", "Remove it, or request it without the profile.")


def _grouped(kept: ActionScopes, whole: Iterable[str]) -> tuple[Permission, ...]:
    """Return the permissions, in the profile's order."""
    return shared_permissions(
        (name, tuple(sorted(resources)), conditions)
        for name in whole
        for conditions, resources in kept.get(name, {}).items()
    )
