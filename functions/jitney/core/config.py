"""The configuration that the functions read: frozen, and validated when the stack was built.

`jitney.configuration` validates `jitney.yaml` and writes it into the bundle as `configuration.json`. `load` only
rebuilds the values, so a cold start imports no validation library.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from jitney.core.access_profile import AccessProfile
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.call_limits import DEFAULT_CALL_LIMITS, CallLimits
from jitney.core.channel_config import MailConfig, SlackConfig
from jitney.core.configuration_digest import digest_of
from jitney.core.delegation import Delegation
from jitney.core.patterns import wildcard_pattern
from jitney.core.stored_identity import Identity, identity_of
from jitney.core.target_roles import MOST_ROLES, first_role, roles_of
from jitney.core.web_client import Web


class ClaimRules(NamedTuple):
    """The rules of an issuer's entry about claims. Each claim is named by its path (`core.identity.claim_rules`).

    `require` maps claims to their allowed values, with the wildcards `*` and `?`. `subject` and `unit` are the claims
    that make up the identity and the accountable unit, () for the provider's own. Each text in the claims `groups` is a
    group. `facts` maps labels for reviewers to claims. `tags` maps the claims that policies see to their types.
    """

    require: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    subject: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    facts: Mapping[str, str] = MappingProxyType({})
    tags: Mapping[str, str] = MappingProxyType({})


class PeopleIssuer(NamedTuple):
    """The issuer with which agents' humans sign in. Its fields mean the same as in `Issuer`."""

    identity_name: str
    issuer: str
    provider: str
    subject_pattern: str = ""


@dataclass(frozen=True, slots=True)
class Issuer:
    """One OIDC issuer whose tokens are accepted, and what a token must hold (rows ID 1-10).

    An issuer may have several entries, one for each audience. `name` is the alias of the entry; `identity_name` is the
    issuer's name in source identities, so one subject is one principal in all entries. `provider` names a module of
    `core.identity.providers`; `token` is the expected kind of token ("access" or "id"). Its keys are at `jwks_uri`, or
    in `key_set`, the JSON text of a JWK set. `audience_claim` is the claim with the audience. If `clients` are listed,
    a token must come from one of them. `replay` is "single_use" or "reuse". With `dpop`, tokens must be bound to a key
    (RFC 9449). With `grants_end_with_token`, a grant ends when the token that requested it expires. `max_age_seconds`
    limits a token's age since `iat`, or without an `iat` the time until `exp`. `groups_claim` is the provider's claim
    with groups. `subject_groups` maps subjects to further groups. `human_claim` names the claim with the person on
    whose behalf an agent acts, "" for none. The provider of `human_issuer` resolves that person, and the person of a
    delegated token, to the identity with which they sign in; None refuses such tokens. `subject_pattern` is the form of
    people's subjects, "" for the provider's. `claims` are the entry's rules. `web` is the sign-in client. With
    `for_reviews`, only reviews in a terminal accept these tokens. `owners` maps agents' subjects, with wildcards, to
    owners.
    """

    name: str
    identity_name: str
    issuer: str
    provider: str
    token: str
    jwks_uri: str
    audiences: tuple[str, ...]
    clients: tuple[str, ...]
    algorithms: tuple[str, ...]
    kind: str
    replay: str
    max_age_seconds: int
    leeway_seconds: int
    groups_claim: str
    human_claim: str
    human_issuer: PeopleIssuer | None
    subject_groups: Mapping[str, tuple[str, ...]]
    audience_claim: str = "aud"
    require_iat: bool = True
    key_set: str = ""
    claims: ClaimRules = field(default_factory=ClaimRules)
    subject_pattern: str = ""
    grants_end_with_token: bool = False
    web: Web | None = None
    for_reviews: bool = False
    dpop: bool = False
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def owners_of(self, subject: str) -> tuple[str, ...]:
        """Return the source identities of the owners of the agent `subject`, sorted."""
        found = (people for pattern, people in self.owners.items() if wildcard_pattern(pattern).matches(subject))
        return tuple(sorted({person for people in found for person in people}))


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


class ReviewerGroup(NamedTuple):
    """The reviewers of one group, as source identities, and how many of them must approve.

    `notify` are the members that are notified at once, () for all. After `escalates_after_seconds`, a waiting request
    also goes to the group `escalates_to` ("" for none). The members of that group may then approve for this group.
    `channel` is the group's channel in Slack. Members who are out of office choose a delegate from `delegates`.
    `active_delegations` are those in force, by delegate.
    """

    members: tuple[str, ...]
    approvals: int = 1
    notify: tuple[str, ...] = ()
    escalates_to: str = ""
    escalates_after_seconds: int = 0
    channel: str = ""
    delegates: tuple[str, ...] = ()
    active_delegations: tuple[tuple[str, Delegation], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for every request. Durations in seconds, sizes in bytes, prices of instances in microdollars an hour.

    Per accountable unit and human: `max_pending`, `ungranted_requests_per_minute`. Per unit: `reviews_per_hour`,
    `grants_per_hour` without a review, `measured_releases_per_minute` with a canary. Per grant: `renewals_per_minute`.
    """

    min_duration_seconds: int
    max_duration_seconds: int
    max_body_bytes: int
    max_pairs: int
    review_seconds: int
    ungranted_requests_per_minute: int
    max_pending: int = 10
    reviews_per_hour: int = 30
    grants_per_hour: int = 2000
    measured_releases_per_minute: int = 10
    renewals_per_minute: int = 60
    hourly_prices: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}), hash=False)


@dataclass(frozen=True, slots=True)
class Policies:
    """The Cedar policies and their schema as text, and a version that changes with any of them."""

    text: str
    schema: str
    version: str


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration of a deployment.

    `issuers` and `targets` are keyed by alias, `reviewers` by group. `emails` maps people's source identities to their
    addresses; `subjects` maps them to the alias of their issuer's entry and their subject there. `slack` and `mail` are
    None where that channel is not used. Members of the groups `operators` ("issuer alias/group") may revoke any grant.
    `local` is true only on a developer's machine. `shadow_policies` decide for records only, and change no answer.
    `digest` is the `digest_of` the file, which records name.
    """

    issuers: Mapping[str, Issuer]
    targets: Mapping[str, Target]
    reviewers: Mapping[str, ReviewerGroup]
    limits: Limits
    policies: Policies
    local: bool
    operators: tuple[str, ...] = ()
    emails: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    subjects: Mapping[str, tuple[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    slack: SlackConfig | None = None
    mail: MailConfig | None = None
    break_glass: BreakGlassConfig | None = None
    shadow_policies: Policies | None = None
    digest: str = ""

    def entries(self, issuer: str) -> tuple[Issuer, ...]:
        """Return the entries whose issuer string is exactly `issuer`."""
        return tuple(entry for entry in self.issuers.values() if entry.issuer == issuer)

    def identity_of(self, name: str) -> Identity:
        """Return the identity that has the source identity `name` under this configuration."""
        alias = name.partition(".")[0]
        issuers = (each.issuer for each in self.issuers.values() if each.identity_name == alias)
        return identity_of(name, next(issuers, alias))  # no `iss` equals an alias

    def owners_of(self, issuer_name: str, subject: str) -> tuple[Identity, ...]:
        """Return the current owners of an agent."""
        names = self.issuers[issuer_name].owners_of(subject) if issuer_name in self.issuers else ()
        return tuple(map(self.identity_of, names))

    def target_with(self, role_arn: str) -> Target | None:
        """Return the target that has this role, or may have had it before; None for no target."""
        return next((each for each in self.targets.values() if each.role_arn == first_role(role_arn)), None)

    @property
    def people(self) -> Issuer | None:
        """The issuer through which people sign in to the reviewers' pages; None if there is none."""
        return next((issuer for issuer in self.issuers.values() if issuer.web), None)


def _frozen(value: Any) -> Any:
    """Return `value` with tuples for lists and read-only mappings for objects, at every depth."""
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


def _issuer(item: Mapping[str, Any]) -> Issuer:
    web, people = item.get("web"), item.get("human_issuer")
    nested = {"web": Web(**web) if web else None, "human_issuer": PeopleIssuer(**people) if people else None}
    return Issuer(**{**item, **nested, "claims": ClaimRules(**item["claims"])})


def _target(item: Mapping[str, Any]) -> Target:
    profiles = {name: AccessProfile(**each) for name, each in item.get("access_profiles", {}).items()}
    nested = {"access_profiles": MappingProxyType(profiles), "call_limits": CallLimits(**item["call_limits"])}
    return Target(**{**item, **nested})


def load(text: str) -> Config:
    """Return the configuration in `configuration.json`. Raises TypeError when a member is missing or unknown."""
    raw = _frozen(json.loads(text))
    return Config(
        issuers=MappingProxyType({item["name"]: _issuer(item) for item in raw["issuers"]}),
        targets=MappingProxyType({item["alias"]: _target(item) for item in raw["targets"]}),
        reviewers=MappingProxyType({name: ReviewerGroup(**item) for name, item in raw["reviewers"].items()}),
        limits=Limits(**raw["limits"]),
        policies=Policies(**raw["policies"]),
        local=raw["local"],
        operators=raw["operators"],
        emails=raw["emails"],
        subjects=raw["subjects"],
        slack=SlackConfig(**raw["slack"]) if raw["slack"] else None,
        mail=MailConfig(**raw["mail"]) if raw["mail"] else None,
        break_glass=BreakGlassConfig(**raw["break_glass"]) if raw["break_glass"] else None,
        shadow_policies=Policies(**raw["shadow_policies"]) if raw.get("shadow_policies") else None,
        digest=digest_of(text),
    )
