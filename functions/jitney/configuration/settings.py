"""The models of `jitney.yaml`: what may be written there, and why the rest is refused.

All values arrive as text (see `configuration.yaml_source`); pydantic turns the ones that are numbers into numbers.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from jitney.configuration.values import (
    Account,
    Address,
    Alias,
    Channel,
    Email,
    OperatorGroups,
    OrganizationalUnits,
    PolicyDocument,
    Region,
    Reviewer,
    ReviewerGroup,
    Reviewers,
    SecretArn,
    Setting,
    Tag,
    TagValue,
    Text,
    Texts,
    matching,
    one_of,
    refused,
    unique,
    within_target_limit,
    without_query,
)
from jitney.core.identity.providers import PROVIDERS

# Row ID 2. HS* would make everybody who can verify a token able to make one; the other sizes are used by nobody.
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")

# What each provider's module reads of `settings`. One that is misspelt would not narrow what it was meant to narrow.
PROVIDER_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "generic": ("subject_claim",),
    "github_actions": (
        "environments",
        "job_workflow_refs",
        "pull_request_events",
        "refs",
        "repository_ids",
        "repository_owner_ids",
    ),
    "google": ("hosted_domains",),
    "kubernetes": ("bound_to", "namespaces"),
}

# A broker in Lambda holds role credentials, so its AssumeRole is role chaining: one hour at most (IAM User Guide,
# "Terms and concepts for roles", role chaining).
LONGEST_REVIEW_SECONDS = 7 * 86400
LONGEST_SESSION_SECONDS = 3600

# AWS WAF inspects at most 64 kB of a body in front of API Gateway (AWS WAF Developer Guide, "Body inspection").
LARGEST_BODY_BYTES = 65536


class SettingsModel(BaseModel):
    """A mapping of the file: frozen, and without keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WebClientSettings(SettingsModel):
    """The client through which an issuer's people sign in to the reviewers' pages, as `jitney.core.config.Web`."""

    client_id: Text
    authorization_url: Address
    token_url: Address
    scopes: Texts = ("openid",)

    @field_validator("scopes")
    @classmethod
    def _is_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes or any(" " in scope for scope in scopes):
            # OpenID Connect Core section 3.1.2.1: without it, the provider need not say who signed in.
            raise refused('the scopes are without "openid", or one holds a space', "write [openid, ...]")
        return scopes


class IssuerSettings(SettingsModel):
    """An OIDC issuer whose tokens are accepted (rows ID 1-10); the fields are those of `jitney.core.config.Issuer`."""

    issuer: Annotated[Address, AfterValidator(without_query)]
    provider: Annotated[str, one_of(PROVIDERS, "a provider")]
    token: Literal["access", "id"]
    jwks_uri: Address
    audiences: Texts = Field(min_length=1)
    clients: Texts = ()
    algorithms: Annotated[
        tuple[Annotated[str, one_of(ALGORITHMS, "an accepted algorithm")], ...], AfterValidator(unique)
    ] = Field(min_length=1)
    kind: Literal["agent", "human"] = "agent"
    replay: Literal["reuse", "single_use"] = "reuse"
    max_age_seconds: int = Field(default=3600, ge=1, le=86400)
    leeway_seconds: int = Field(default=30, ge=0, le=60)
    groups_claim: str = Field(default="groups", max_length=255)
    human_claim: str = Field(default="", max_length=255)
    human_issuer: Alias | Literal[""] = ""
    subject_groups: dict[Text, Texts] = {}
    owners: dict[Text, Annotated[Reviewers, Field(min_length=1)]] = {}
    settings: dict[Text, Setting] = {}
    web: WebClientSettings | None = None

    @field_validator("audiences")
    @classmethod
    def _exact_audiences(cls, audiences: tuple[str, ...]) -> tuple[str, ...]:
        for audience in audiences:
            if "*" in audience:
                raise refused(
                    f'the audience "{audience}" holds a wildcard', "audiences are compared exactly: name each"
                )
        return audiences

    @field_validator("settings")
    @classmethod
    def _known_settings(cls, settings: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        provider = info.data.get("provider")
        known = PROVIDER_SETTINGS.get(provider or "", ())
        unknown = [name for name in settings if name not in known]
        if unknown and provider:
            fix = f"use {' or '.join(known)}" if known else "leave settings out: this provider has none"
            raise refused(f'the provider {provider} has no setting "{unknown[0]}"', fix)
        return settings

    @model_validator(mode="after")
    def _signs_people_in(self) -> Self:
        if self.web and (self.kind, self.token) != ("human", "id"):
            raise refused("the issuer's web client signs people in", "write kind: human and token: id")
        if self.web and self.web.client_id not in self.audiences:
            fix = f"add {self.web.client_id} to audiences: ID tokens are made out to the client"
            raise refused("the issuer's web client is not among its audiences", fix)
        if self.web and self.provider == "entra" and "profile" not in self.web.scopes:
            # Without it, ID tokens have no oid (Microsoft identity platform, "ID token claims reference").
            raise refused('the scopes of the issuer\'s web client are without "profile"', "write [openid, profile]")
        return self


class TargetSettings(SettingsModel):
    """A role in an account, under the alias that agents use, and what the role itself may do (its outer bound)."""

    account: Account
    role_name: Annotated[str, matching(r"[\w+=,.@-]{1,64}", "use up to 64 letters, digits and +=,.@_-")]
    region: Region
    max_duration_seconds: int = Field(default=LONGEST_SESSION_SECONDS, ge=1, le=LONGEST_SESSION_SECONDS)
    tags: dict[Tag, TagValue] = {}
    policy: PolicyDocument | None = None
    managed_policy: Text | None = None
    bind_to_caller: bool = False
    sealed: bool = False
    action_wildcards: bool = False

    @model_validator(mode="after")
    def _has_one_bound(self) -> Self:
        # A role's boundary is one policy. With a second policy in the role it would have to be wider than either, and
        # whoever writes the role's deny document could add to the role up to there.
        if self.policy is None and self.managed_policy is None:
            raise refused("the target's role may do nothing", "give it a policy or a managed_policy")
        if self.policy is not None and self.managed_policy is not None:
            fix = "put all into one: it is the role's boundary too"
            raise refused("the target has both a policy and a managed_policy", fix)
        return self


class ReviewerGroupSettings(SettingsModel):
    """A group of reviewers: who may approve for it, how many it takes, who is told, and whom it escalates to."""

    members: Reviewers = Field(min_length=1)
    approvals: int = Field(default=1, ge=1)
    told: Reviewers = ()
    delegates: Reviewers = ()
    escalates_to: ReviewerGroup | Literal[""] = ""
    escalates_after_seconds: int = Field(default=900, ge=1, le=7 * 86400)
    channel: Channel = ""

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.approvals > len(self.members):
            wrong = f"it asks {self.approvals} approvals of {len(self.members)} people"
            raise refused(wrong, "lower approvals, or add members")
        strangers = [person for person in self.told if person not in self.members]
        if strangers:
            raise refused(f'told names "{strangers[0]}", who is not among the members', "tell members only")
        idle = [person for person in self.delegates if person in self.members]
        if idle:
            wrong = f'delegates names "{idle[0]}", who is a member: nobody counts twice'
            raise refused(wrong, "name people who are no members of the group")
        return self


class LimitSettings(SettingsModel):
    """Bounds that hold for every request; durations in seconds, sizes in bytes."""

    min_duration_seconds: int = Field(default=5, ge=1, le=LONGEST_SESSION_SECONDS)
    max_duration_seconds: int = Field(default=LONGEST_SESSION_SECONDS, ge=1, le=LONGEST_SESSION_SECONDS)
    max_body_bytes: int = Field(default=LARGEST_BODY_BYTES, ge=1024, le=LARGEST_BODY_BYTES)
    max_pairs: int = Field(default=200, ge=1, le=10_000)
    review_seconds: int = Field(default=3600, ge=1, le=LONGEST_REVIEW_SECONDS)
    previews_per_minute: int = Field(default=30, ge=1, le=10_000)
    max_pending: int = Field(default=10, ge=1, le=100)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_duration_seconds > self.max_duration_seconds:
            wrong = f"the shortest duration ({self.min_duration_seconds}) is longer than the longest"
            raise refused(wrong, "lower min_duration_seconds or raise max_duration_seconds")
        return self


class MailSettings(SettingsModel):
    """How reviewers are written to by mail: from the address `sender`, which Amazon SES knows as verified."""

    sender: Email


class BrokerSettings(SettingsModel):
    """Where the broker is deployed; the target roles trust its functions' roles."""

    account: Account
    region: Region


class SlackSettings(SettingsModel):
    """The Slack workspace that reviewers are asked in, as `jitney.core.config.SlackConfig`."""

    bot_token_arn: SecretArn
    signing_secret_arn: SecretArn
    workspace: Annotated[str, matching("T[A-Z0-9]{2,20}", "write the workspace's id, such as T0123ABCD")]
    api_url: Annotated[Address, matching(r".+/", "write SlackSettings's https://slack.com/api/, or GovSlack's")] = (
        "https://slack.com/api/"
    )


class BreakGlassSettings(SettingsModel):
    """Who may take a request without its reviewers, as `jitney.core.config.BreakGlassConfig`."""

    people: Reviewers = ()
    groups: OperatorGroups = ()
    targets: Texts = Field(min_length=1)
    told: Reviewers = ()
    max_duration_seconds: int = Field(default=900, ge=1, le=LONGEST_SESSION_SECONDS)
    follow_up_seconds: int = Field(default=86400, ge=60, le=86400)
    own_requests: bool = False

    @model_validator(mode="after")
    def _is_somebodys(self) -> Self:
        if not self.people and not self.groups:
            raise refused("nobody may break the glass", "name people or groups, or leave break_glass out")
        return self


class StackSetSettings(SettingsModel):
    """The organization's units that have the targets' accounts, where a stack set is to make the targets' roles."""

    organizational_units: OrganizationalUnits
    delegated_admin: bool = True


class Settings(SettingsModel):
    """The whole of `jitney.yaml`."""

    version: Annotated[Literal[1], BeforeValidator(lambda value: 1 if value in ("1", 1) else value)]
    broker: BrokerSettings | None = None
    issuers: dict[Alias, IssuerSettings] = Field(min_length=1)
    targets: Annotated[dict[Alias, TargetSettings], AfterValidator(within_target_limit)] = Field(min_length=1)
    reviewers: dict[ReviewerGroup, ReviewerGroupSettings] = {}
    people: dict[Reviewer, Email] = {}
    mail: MailSettings | None = None
    operators: OperatorGroups = ()
    slack: SlackSettings | None = None
    break_glass: BreakGlassSettings | None = None
    stack_set: StackSetSettings | None = None
    limits: LimitSettings = LimitSettings()
    policies: Text = "policies"
