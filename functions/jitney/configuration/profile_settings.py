"""The access profiles in `jitney.yaml`: what each allows, and its managed session policy.

A profile is checked like a request, so that no request for the whole profile is malformed.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, ValidationInfo

from jitney.configuration.action_table import action_table
from jitney.configuration.values import SettingsModel, matching, refused
from jitney.core.access.conditions import conditions_of
from jitney.core.access.permission_fields import is_arn
from jitney.core.access.profile_policy import PROFILE_POLICY_LIMIT, content_of, profile_document
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.access.session_policy import SessionPolicyOptions
from jitney.core.patterns import Budget, PatternTooComplex, has_wildcard
from jitney.core.policy.decide import PROFILE_BOUNDS
from jitney.core.policy.pairs import Pair, pairs_of, permissions_of
from jitney.core.problems import Problem

ASSUME_ROLE = "sts:AssumeRole"
_FIX = 'write an ARN of the target\'s account, or "*"'


def _resource(arn: str) -> str:
    if arn != "*" and (not is_arn(arn) or "${" in arn):
        raise refused(f'"{arn}" is not an ARN that a session policy can name', _FIX)
    return arn


Action = Annotated[
    str, matching(r"[A-Za-z0-9-]{1,64}:[A-Za-z0-9*?]{1,128}", "write service:Name, such as s3:GetObject")
]
Resource = Annotated[str, AfterValidator(_resource)]
ProfileName = Annotated[str, matching("[a-z][a-z0-9-]{0,39}", "use up to 40 lower-case letters, digits and hyphens")]


class ProfilePermissionSettings(SettingsModel):
    """All `actions` on all `resources`, as in a request, for calls that satisfy all `conditions`."""

    actions: tuple[Action, ...] = Field(min_length=1)
    resources: tuple[Resource, ...] = Field(min_length=1)
    conditions: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def _decidable(permission: ProfilePermissionSettings) -> ProfilePermissionSettings:
    """Refuse what no request may contain: unknown actions, and actions on resources of other types."""
    pairs_in([permission])
    return permission


class AccessProfileSettings(SettingsModel):
    """What an access profile allows."""

    permissions: tuple[Annotated[ProfilePermissionSettings, AfterValidator(_decidable)], ...] = Field(min_length=1)


def pairs_in(permissions: Iterable[ProfilePermissionSettings]) -> tuple[Pair, ...]:
    """Return the pairs of action and resource. Refuses permissions that no request may contain."""
    try:
        asked = tuple(Permission(each.actions, each.resources, conditions_of(each.conditions)) for each in permissions)
    except ValueError as error:
        raise refused(str(error), "use a condition key and values that a request can have") from error
    request = AccessRequest("", asked, 0, "", "")
    try:
        return pairs_of(request, action_table(), PROFILE_BOUNDS.pairs, Budget(PROFILE_BOUNDS.steps))
    except Problem as problem:
        # The settings' own path takes the place of the pointer into a request's body.
        errors = problem.extras.get("errors")
        detail = errors[0]["detail"] if errors else problem.detail
        raise refused(detail.rstrip("."), problem.fix.rstrip(".")) from problem
    except PatternTooComplex as error:
        raise refused("the resources have too many wildcards", "use fewer wildcards in each") from error


class ProfilePolicy(NamedTuple):
    """The managed session policy of an access profile: what it allows, and its text."""

    permissions: tuple[Permission, ...]
    document: str

    @property
    def content(self) -> str:
        """The hash of the policy's text."""
        return content_of(self.document)


def profile_policy(profile: AccessProfileSettings, *, sealed: bool, wildcards: bool) -> ProfilePolicy:
    """Return the policy of a checked profile."""
    permissions = permissions_of(pairs_in(profile.permissions))
    options = SessionPolicyOptions(sealed=sealed, wildcards=wildcards)
    return ProfilePolicy(permissions, profile_document(permissions, action_table(), options))


def assumed_roles(profiles: Iterable[AccessProfileSettings]) -> list[str]:
    """Return the roles that sessions with these profiles may assume."""
    pairs = (pair for profile in profiles for pair in pairs_in(profile.permissions))
    return sorted({pair.resource for pair in pairs if pair.action.name == ASSUME_ROLE})


def _of_target(profile: AccessProfileSettings, info: ValidationInfo) -> AccessProfileSettings:
    """Refuse a profile for other accounts, roles that are not named, and more than a managed policy can hold."""
    account = str(info.data.get("account", ""))
    for problem in _problems(profile, account):
        raise problem
    sealed, wildcards = bool(info.data.get("sealed")), bool(info.data.get("action_wildcards"))
    try:
        policy = profile_policy(profile, sealed=sealed, wildcards=wildcards)
    except Problem as problem:  # a sealed policy cannot express the conditions
        raise refused(problem.detail, "make one profile for each set of conditions") from problem
    if len(policy.document) > PROFILE_POLICY_LIMIT:
        fix = (
            f"shorten it to {PROFILE_POLICY_LIMIT}: name patterns that cover several resources, set action_wildcards, "
            "or make two profiles"
        )
        raise refused(f"the managed policy of the profile has {len(policy.document)} characters", fix)
    return profile


def _problems(profile: AccessProfileSettings, account: str) -> Iterator[Any]:
    for arn in (arn for each in profile.permissions for arn in each.resources if arn != "*"):
        if account and arn.split(":", 5)[4] not in ("", "aws", account):
            yield refused(f'"{arn}" is not in the target\'s account {account}', _FIX)
    for arn in assumed_roles([profile]):
        # The target's boundary permits no other role to be assumed.
        if has_wildcard(arn) or ":role/jitney/" in arn:
            yield refused(f'the profile may assume "{arn}"', "name each role by its ARN, and no role of Jitney")


AccessProfiles = dict[ProfileName, Annotated[AccessProfileSettings, AfterValidator(_of_target)]]
