"""The targets of access, as the functions read them from the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from jitney.core.access_profile import AccessProfile
from jitney.core.call_limits import DEFAULT_CALL_LIMITS, CallLimits
from jitney.core.target_roles import MOST_ROLES, roles_of


@dataclass(frozen=True, slots=True)
class Target:
    """A role in one account, or several equal roles, under the alias that agents use. Durations in seconds.

    `roles` is their number, and `role_arn` the first (`core.target_roles`). `deny_room` is how many characters of
    inline policy a role has left for the deny document. `boundary_arn` is the roles' permissions boundary. `canary`
    says whether the roles may make the call that shows when a session is denied.
    `core.access.session_policy.options_for` applies `bind_to_caller`, `sealed` and `action_wildcards`. Sessions may use
    resources of `account` and `other_accounts`, by calls in `region` and `other_regions`. `any_account_actions` and
    `any_region_actions` are patterns of exempt actions. A ticket matches one of `ticket_patterns`, if any.
    """

    alias: str
    account: str
    role_arn: str
    external_id: str
    region: str
    max_duration_seconds: int
    tags: Mapping[str, str]
    roles: int = 1
    deny_room: int = 10_240
    boundary_arn: str = ""
    canary: bool = True
    bind_to_caller: bool = False
    sealed: bool = False
    action_wildcards: bool = False
    other_accounts: tuple[str, ...] = ()
    any_account_actions: tuple[str, ...] = ()
    other_regions: tuple[str, ...] = ()
    any_region_actions: tuple[str, ...] = ()
    access_profiles: Mapping[str, AccessProfile] = field(default_factory=lambda: MappingProxyType({}))
    call_limits: CallLimits = DEFAULT_CALL_LIMITS  # of each grant on the target
    ticket_patterns: tuple[str, ...] = ()

    @property
    def role_arns(self) -> tuple[str, ...]:
        """The target's current roles. New grants are issued on these."""
        return roles_of(self.role_arn, self.roles)

    @property
    def all_role_arns(self) -> tuple[str, ...]:
        """The current roles, and all that the target may have had before. Grants may still be open on the latter."""
        return roles_of(self.role_arn, MOST_ROLES)

    @property
    def revoker_arn(self) -> str:
        """The role in the target's account that writes the deny documents of the target's roles, and nothing else."""
        return f"{self.role_arn.rpartition('/')[0]}/jitney-revoker-{self.alias}"


class TargetRole(NamedTuple):
    """One role of a target, by its ARN: a current role, or one that the target had before."""

    target: Target
    arn: str
