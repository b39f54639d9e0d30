"""The session policies of a grant on an access profile: the profile's managed policy, and an inline one that denies.

AWS allows a session what any of its session policies allows and none of them denies. So an inline policy that only
denies leaves the rest of the profile. An inline Allow would add permissions instead.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from jitney.core.access.conditions import Conditions, conditions_of
from jitney.core.access.request import Permission, Way
from jitney.core.access.session_policy import (
    SESSION_POLICY_LIMIT,
    SessionPolicy,
    SessionPolicyOptions,
    compile_policy,
    end_denials,
    fitted_policy,
    options_for,
)
from jitney.core.access.statements import compact, compact_request, one_or_many
from jitney.core.access_profile import AccessProfile, GrantedProfile
from jitney.core.actions import ActionTable
from jitney.core.bounded_comparisons import may_meet
from jitney.core.problems import Problem
from jitney.core.target_config import Target

PROFILE_POLICY_LIMIT = 6144
"""Characters of a managed policy, without white space (IAM quotas)."""
NAME_CHARACTERS = 16
"""How many characters of a profile's hash (`content`) are in its policy's name: 64 bits."""


def profile_document(permissions: tuple[Permission, ...], actions: ActionTable, options: SessionPolicyOptions) -> str:
    """Return the text of the managed policy that allows exactly `permissions`. It may be longer than IAM accepts.

    Action wildcards must be expanded already. Raises ValueError for no permissions and for an unknown action.
    """
    whole = compact_request(permissions, actions)
    if not whole.statements:
        raise ValueError("an access profile without permissions allows nothing")
    return fitted_policy(whole, (), actions, options, PROFILE_POLICY_LIMIT).text


def content_of(document: str) -> str:
    """Return the hash of a managed policy's text, as in `AccessProfile.content`."""
    return hashlib.sha256(document.encode()).hexdigest()


def access_policy(
    permissions: tuple[Permission, ...],
    profile: GrantedProfile | None,
    target: Target,
    ends_at: int,
    actions: ActionTable,
    way: Way,
    source_ip: str,
) -> SessionPolicy:
    """Return the session policy of a grant of `permissions`, within an access profile if it has one.

    `source_ip` is the agent's address. Calls through the gateway come from the broker's address, so their session is
    not bound to the agent's. Raises the problems of `options_for`, `compile_policy`, `compile_profile` and
    `granted_profile`.
    """
    options = options_for(target, source_ip)
    if way is Way.GATEWAY:
        options = options._replace(source_ip="")
    if profile:
        return compile_profile(granted_profile(profile, target), permissions, ends_at, options)
    return compile_policy(permissions, ends_at, actions, options)


def granted_profile(granted: GrantedProfile, target: Target) -> AccessProfile:
    """Return the target's access profile. Raises Problem access_profile_changed when it has another content now."""
    profile = target.access_profiles.get(granted.name)
    if profile is None or profile.content != granted.content:
        happened = "no longer exists" if profile is None else "changed after this was requested"
        raise Problem(
            "access_profile_changed",
            f"Access profile {granted.name!a} of target {target.alias} {happened}.",
            "Make a new request. It is decided and reviewed with the target's current access profiles.",
            {"access_profile": {**granted._asdict(), "present_content": profile.content if profile else None}},
        )
    return profile


def permissions_in(profile: AccessProfile) -> tuple[Permission, ...]:
    """Return what a profile allows."""
    return tuple(
        Permission(tuple(each["actions"]), tuple(each["resources"]), conditions_of(each.get("conditions", {})))
        for each in profile.permissions
    )


ActionScopes: TypeAlias = dict[str, dict[Conditions, frozenset[str]]]
"""The resources of each action, under each set of conditions."""


def scopes_of(permissions: Sequence[Permission]) -> ActionScopes:
    """Return the resources of each action, under each set of conditions."""
    found: ActionScopes = {}
    for each in permissions:
        for name in each.actions:
            by_conditions = found.setdefault(name, {})
            by_conditions[each.conditions] = by_conditions.get(each.conditions, frozenset()).union(each.resources)
    return found


def compile_profile(
    profile: AccessProfile, permissions: tuple[Permission, ...], ends_at: int, options: SessionPolicyOptions
) -> SessionPolicy:
    """Return the session policies that allow `permissions`, which lie within `profile`, until `ends_at`.

    Raises Problem policy_too_large when the denials of what was removed do not fit. Raises ValueError for an action
    that the profile does not have.
    """
    denials = [*end_denials(ends_at, options), *removals(permissions_in(profile), permissions)]
    policy = SessionPolicy(compact({"Version": "2012-10-17", "Statement": denials}), (profile.policy_arn,))
    if policy.size <= SESSION_POLICY_LIMIT:
        return policy
    raise Problem(
        "policy_too_large",
        f"The session policy that narrows the access profile has {policy.size} characters, with the ARN of the "
        f"profile's policy; AWS accepts {SESSION_POLICY_LIMIT}.",
        "Remove whole actions or services of the profile instead of single resources.",
        {"session_policy_size": {"characters": policy.size, "limit": SESSION_POLICY_LIMIT}, "largest": [], "split": []},
    )


def removals(whole: Sequence[Permission], kept: Sequence[Permission]) -> Iterator[dict[str, Any]]:
    """Yield the Deny statements that reduce a session from `whole` to `kept`, which lies within it.

    An action that is kept on fewer resources is denied on all others. Raises Problem policy_too_large when no Deny
    statement can express what was removed. Raises ValueError for an action that `whole` does not have.
    """
    before, after = scopes_of(whole), scopes_of(kept)
    if added := after.keys() - before.keys():
        raise ValueError(f"the access profile does not allow {min(added)}")
    if before.keys() - after.keys():
        yield _denial(before, after)
    fewer: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(after):
        if after[name] != before[name]:
            fewer.setdefault(_kept_resources(name, before[name], after[name]), []).append(name)
    for resources, names in fewer.items():
        yield {"Effect": "Deny", "Action": one_or_many(tuple(names)), "NotResource": one_or_many(resources)}


def _kept_resources(
    name: str, before: Mapping[Conditions, frozenset[str]], after: Mapping[Conditions, frozenset[str]]
) -> tuple[str, ...]:
    """Return the resources on which an action stays allowed.

    All others are denied. So a resource stays allowed under all conditions that it has in the profile, or not at all.
    Raises Problem policy_too_large when only some of the conditions are kept. Raises ValueError for conditions that the
    profile does not have.
    """
    if added := after.keys() - before.keys():
        raise ValueError(f"the access profile does not allow {name} under {min(added)}")
    kept = frozenset[str]().union(*after.values())
    for conditions, resources in before.items():
        removed = kept - after.get(conditions, frozenset())
        if any(may_meet(each, other) for each in removed for other in resources):
            detail = f"{name} has several conditions in the access profile, and only some of them were kept."
            fix = "Keep or remove all of them together, for each resource."
            raise Problem("policy_too_large", detail, fix, {"largest": [], "split": []})
    return tuple(sorted(kept))


def _denial(before: Collection[str], after: Collection[str]) -> dict[str, Any]:
    """Return the shorter of two statements that deny the removed actions: those actions, or all but the kept ones."""
    removed = [name for name in before if name not in after]
    forms = ({"Action": _named(removed, after)}, {"NotAction": _named(after, removed)})
    kinds: Iterator[Mapping[str, Any]] = ({"Effect": "Deny", **form, "Resource": "*"} for form in forms)
    return dict(min(kinds, key=lambda each: len(compact(each))))


def _named(names: Collection[str], others: Collection[str]) -> Any:
    """Return `names` for a statement, with `service:*` for each service that has no action among `others`.

    The session allows no actions but these two sets. So the wildcard stays exact when AWS adds actions.
    """
    mixed = {name.partition(":")[0] for name in others}
    services = {name: name.partition(":")[0] for name in names}
    return one_or_many(
        tuple(sorted({name if service in mixed else f"{service}:*" for name, service in services.items()}))
    )
