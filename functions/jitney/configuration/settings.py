"""The models of `jitney.yaml`: every key with its type and checks, including references between sections.

All values arrive as text (see `configuration.yaml_source`), and pydantic parses the numbers. Each check is a validator
of the field that it can refuse. So one validation reports every problem in the file with its line.
"""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from jitney.configuration.broker_settings import BrokerSettings
from jitney.configuration.channel_settings import ChannelSettings
from jitney.configuration.issuer_settings import IssuerSettings
from jitney.configuration.partitions import partition_of
from jitney.configuration.profile_settings import AccessProfiles
from jitney.configuration.references import (
    ENTRY,
    LONGEST_ROLE_NAME,
    Channel,
    OperatorGroups,
    OwnEmail,
    Person,
    ReviewerGroup,
    Reviewers,
    RoleName,
    SignInGroups,
    reference,
)
from jitney.configuration.role_policy import RolePolicy, check_managed_policy, check_profile
from jitney.configuration.section_checks import (
    are_reached_by_a_channel,
    are_used_on_pages,
    bound_to_public_addresses,
    has_secrets_here,
    have_a_way_to_decide,
    in_an_organization,
    in_brokers_partition,
    leave_room_for_canaries,
    leave_time,
    mails_from_its_region,
    outside_of_brokers_account,
    reached_by_channels,
)
from jitney.configuration.target_boundary import BOUNDARY_LIMIT, excess_characters
from jitney.configuration.time_window_settings import TimeWindows
from jitney.configuration.values import (
    Account,
    Accounts,
    ActionPatterns,
    Alias,
    InstanceType,
    IssuerAlias,
    Microdollars,
    OrganizationalUnits,
    Region,
    Regions,
    SettingsModel,
    Tag,
    TagValue,
    Text,
    TicketPatterns,
    refused,
    unique,
)
from jitney.core.quantities import quantity
from jitney.core.target_roles import MOST_ROLES, role_number

LONGEST_REVIEW_SECONDS = 7 * 86400

# This many roles with the longest names stay within AWS's limits. The limits are for the functions' policies, the
# bus's policy, the rules' patterns, and the template of all targets with its 500 resources.
# tests/infra/test_many_targets.py measures all of them.
MOST_TARGET_ROLES = 100

# The broker in Lambda holds role credentials, so its AssumeRole is role chaining: one hour at most (IAM User Guide,
# "Terms and concepts for roles", role chaining).
LONGEST_SESSION_SECONDS = 3600

# AWS WAF inspects at most 64 kB of a body in front of API Gateway (AWS WAF Developer Guide, "Body inspection").
LARGEST_BODY_BYTES = 65536


class CallLimitSettings(SettingsModel):
    """The limits of the calls of one grant, as `jitney.core.call_limits.CallLimits`. 0 means unlimited."""

    calls: int = Field(default=0, ge=0, le=10**9)
    bytes_out: int = Field(default=0, ge=0, le=10**15)
    items_deleted: int = Field(default=0, ge=0, le=10**9)
    calls_per_minute: int = Field(default=1000, ge=0, le=100_000)
    writes_in_flight: int = Field(default=10, ge=0, le=100)
    cents_per_hour: int = Field(default=0, ge=0, le=10**7)


class TargetSettings(SettingsModel):
    """A role in an account, or several equal roles, under the alias that agents use. Its policy limits every grant."""

    account: Account
    role_name: RoleName
    roles: int = Field(default=1, ge=1, le=MOST_ROLES)
    region: Region
    max_duration_seconds: int = Field(default=LONGEST_SESSION_SECONDS, ge=1, le=LONGEST_SESSION_SECONDS)
    tags: dict[Tag, TagValue] = Field(default_factory=dict)
    bind_to_caller: bool = False
    sealed: bool = False
    action_wildcards: bool = False
    in_broker_account: bool = False
    other_accounts: Accounts = ()
    any_account_actions: ActionPatterns = ()
    other_regions: Regions = ()
    any_region_actions: ActionPatterns = ()
    policy: RolePolicy | None = None
    managed_policy: Text | None = None
    access_profiles: AccessProfiles = Field(default_factory=dict)
    call_limits: CallLimitSettings = Field(default_factory=CallLimitSettings)
    ticket_patterns: TicketPatterns = ()

    @field_validator("managed_policy")
    @classmethod
    def _is_in_reach(cls, policy: str | None, info: ValidationInfo) -> str | None:
        account, region = info.data.get("account"), info.data.get("region")
        if policy and account and region:
            check_managed_policy(policy, account, region)
        return policy

    @field_validator("access_profiles")
    @classmethod
    def _are_allowed(cls, profiles: AccessProfiles, info: ValidationInfo) -> AccessProfiles:
        for name, profile in profiles.items():
            check_profile(name, profile, info.data.get("policy"))
        return profiles

    @model_validator(mode="after")
    def _guards_others_only(self) -> Self:
        if self.account in self.other_accounts:
            raise refused("other_accounts names the target's own account", "name other accounts only")
        if self.region in self.other_regions:
            raise refused("other_regions names the target's own Region", "name other Regions only")
        foreign = [each for each in self.other_regions if partition_of(each) != partition_of(self.region)]
        if foreign:
            wrong = f"{foreign[0]} is in another partition than {self.region}, and a role is in one partition only"
            raise refused(wrong, f"name Regions of {partition_of(self.region)} only")
        return self

    @model_validator(mode="after")
    def _names_its_roles(self) -> Self:
        excess = len(role_number(self.role_name, self.roles)) - LONGEST_ROLE_NAME
        if excess > 0:
            wrong = f"the name of its last role would have {LONGEST_ROLE_NAME + excess} characters"
            raise refused(wrong, f"shorten role_name by {quantity(excess, 'character')}")
        return self

    @model_validator(mode="after")
    def _fits_its_boundary(self) -> Self:
        excess = excess_characters(self)
        if excess:
            shorter = "the policy" if self.policy else "other_accounts and any_account_actions"
            otherwise = ", or name a managed_policy" if self.policy else ""
            fix = f"shorten {shorter} by {quantity(excess, 'character')}{otherwise}"
            raise refused(f"the role's permissions boundary would have {BOUNDARY_LIMIT + excess} characters", fix)
        return self

    @model_validator(mode="after")
    def _has_one_bound(self) -> Self:
        # A role's boundary is one policy. A boundary for two policies would be wider than either of them. The function
        # that writes the role's deny document could then add permissions up to that boundary.
        if self.policy is None and self.managed_policy is None:
            raise refused("the target's role may do nothing", "give it a policy or a managed_policy")
        if self.policy is not None and self.managed_policy is not None:
            fix = "merge them into one, which is the role's boundary too"
            raise refused("the target has both a policy and a managed_policy", fix)
        return self


def _within_role_limit(targets: dict[str, TargetSettings]) -> dict[str, TargetSettings]:
    """Refuse more targets and roles than AWS's limits allow."""
    roles = sum(each.roles for each in targets.values())
    if roles > MOST_TARGET_ROLES:
        fix = f"have at most {MOST_TARGET_ROLES}, and deploy another broker in its own account for the other targets"
        raise refused(f"the targets have {roles} roles; their policies would exceed AWS's limits", fix)
    return targets


class ReviewerGroupSettings(SettingsModel):
    """A group of reviewers: its members, the approvals needed, the people to notify, and the group for escalation."""

    members: Reviewers = Field(min_length=1)
    approvals: int = Field(default=1, ge=1)
    notify: Reviewers = ()
    delegates: Reviewers = ()
    escalates_to: Annotated[str, reference("reviewers", "group")] = ""
    escalates_after_seconds: int = Field(default=900, ge=1, le=7 * 86400)
    channel: Channel = ""

    @model_validator(mode="after")
    def _names_its_members(self) -> Self:
        if self.approvals > len(self.members):
            needed, members = quantity(self.approvals, "approval"), quantity(len(self.members), "member")
            raise refused(f"the group needs {needed} and has {members}", "lower approvals, or add members")
        strangers = [person for person in self.notify if person not in self.members]
        if strangers:
            raise refused(f'notify names "{strangers[0]}", who is not among the members', "name members only")
        idle = [person for person in self.delegates if person in self.members]
        if idle:
            wrong = f'delegates names "{idle[0]}", who is a member and has a vote already'
            raise refused(wrong, "name people who are not members of the group")
        return self


class LimitSettings(SettingsModel):
    """Limits for every request. Durations are in seconds, sizes in bytes."""

    min_duration_seconds: int = Field(default=5, ge=1, le=LONGEST_SESSION_SECONDS)
    max_duration_seconds: int = Field(default=LONGEST_SESSION_SECONDS, ge=1, le=LONGEST_SESSION_SECONDS)
    max_body_bytes: int = Field(default=LARGEST_BODY_BYTES, ge=1024, le=LARGEST_BODY_BYTES)
    max_pairs: int = Field(default=200, ge=1, le=10_000)
    review_seconds: int = Field(default=3600, ge=1, le=LONGEST_REVIEW_SECONDS)
    ungranted_requests_per_minute: int = Field(default=30, ge=1, le=10_000)
    max_pending: int = Field(default=10, ge=1, le=100)
    reviews_per_hour: int = Field(default=30, ge=1, le=10_000)
    grants_per_hour: int = Field(default=2000, ge=1, le=100_000)
    measured_releases_per_minute: int = Field(default=10, ge=1, le=10_000)
    renewals_per_minute: int = Field(default=60, ge=1, le=10_000)
    hourly_prices: dict[InstanceType, Microdollars] = Field(default_factory=dict, max_length=1000)
    call_limits: CallLimitSettings = Field(default_factory=CallLimitSettings)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_duration_seconds > self.max_duration_seconds:
            wrong = f"the shortest duration ({self.min_duration_seconds}) is longer than the longest"
            raise refused(wrong, "lower min_duration_seconds or raise max_duration_seconds")
        return self


class BreakGlassSettings(SettingsModel):
    """Who may get emergency access, as `jitney.core.break_glass_config.BreakGlassConfig`."""

    people: Reviewers = ()
    groups: SignInGroups = ()
    targets: Annotated[tuple[Annotated[Text, reference("targets", "target")], ...], AfterValidator(unique)] = Field(
        min_length=1
    )
    notify: Reviewers = ()
    max_duration_seconds: int = Field(default=900, ge=1, le=LONGEST_SESSION_SECONDS)
    follow_up_seconds: int = Field(default=86400, ge=60, le=86400)
    own_requests: bool = False

    @model_validator(mode="after")
    def _names_people(self) -> Self:
        if not self.people and not self.groups:
            raise refused("it names no people and no groups", "name people or groups, or leave break_glass out")
        return self


class StackSetSettings(SettingsModel):
    """The organizational units that contain the targets' accounts. A stack set creates the targets' roles there."""

    organizational_units: OrganizationalUnits
    delegated_admin: bool = True


class Settings(ChannelSettings):
    """The whole of `jitney.yaml`."""

    version: Annotated[Literal[1], BeforeValidator(lambda value: 1 if value in ("1", 1) else value)]
    broker: Annotated[
        BrokerSettings | None,
        AfterValidator(reached_by_channels),
        AfterValidator(has_secrets_here),
        AfterValidator(mails_from_its_region),
    ] = None
    issuers: dict[Annotated[IssuerAlias, ENTRY], IssuerSettings] = Field(min_length=1)
    targets: Annotated[
        dict[Annotated[Alias, ENTRY], TargetSettings],
        Field(min_length=1),
        AfterValidator(_within_role_limit),
        AfterValidator(in_brokers_partition),
        AfterValidator(outside_of_brokers_account),
        AfterValidator(bound_to_public_addresses),
        AfterValidator(leave_room_for_canaries),
    ]
    reviewers: Annotated[
        dict[Annotated[ReviewerGroup, ENTRY], ReviewerGroupSettings], AfterValidator(have_a_way_to_decide)
    ] = Field(default_factory=dict)
    people: Annotated[dict[Annotated[Person, ENTRY], OwnEmail], AfterValidator(are_reached_by_a_channel)] = Field(
        default_factory=dict
    )
    operators: OperatorGroups = ()
    break_glass: Annotated[BreakGlassSettings | None, AfterValidator(are_used_on_pages)] = None
    stack_set: Annotated[StackSetSettings | None, AfterValidator(in_an_organization)] = None
    limits: Annotated[LimitSettings, AfterValidator(leave_time)] = LimitSettings()
    time_windows: TimeWindows = Field(default_factory=dict)
    policies: Text = "policies"
    shadow_policies: Text | None = None
