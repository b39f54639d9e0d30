"""The configuration as the functions read it: frozen, already validated when the stack was built.

`jitney.yaml` is validated by `configuration.load` and written into the bundle as `configuration.json`; `load` only
rebuilds the values, so that a cold start pays for no validation library.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from jitney.core.access.delegation import Delegation


class Web(NamedTuple):
    """The client of an issuer through which people sign in to the reviewers' pages: a public one, with PKCE."""

    client_id: str
    authorization_url: str
    token_url: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Issuer:
    """One OIDC issuer whose tokens are accepted, and everything a token of its must hold (rows ID 1-10).

    An issuer may have several entries, for different audiences; `name` is the entry's alias, and `identity_name` the
    one by which source identities call the issuer: a subject of it is one principal, whatever entry proves it.
    `provider` names a module of `core.identity.providers`; `token` is the kind of token that is expected ("access" or
    "id"); `replay` is "single_use" or "reuse"; `max_age_seconds` bounds a token's age since `iat`.
    `groups_claim` is read where the provider hands out groups; `subject_groups` maps a subject to groups where it does
    not. `human_claim` names the claim that says on whose behalf an agent acts, "" for none: it holds a subject of the
    issuer with the identity name `human_issuer` and the issuer string `human_issuer_url`. `settings` are the provider
    module's own (strings or tuples of strings). `web` is how its people sign in, None where they do not. `owners` maps
    a subject to the source identities of the people who run that agent, whatever entry of the issuer named them.
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
    human_issuer: str
    human_issuer_url: str
    subject_groups: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, Any]
    web: Web | None = None
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Target:
    """One role in one account, under the alias that agents use. Durations in seconds.

    `deny_room` is how many characters of its inline policies the role has left for the deny document; `boundary_arn` is
    the permissions boundary that it has; `canary`, whether it may make the call that shows when it is denied.
    `bind_to_caller`, `sealed` and `action_wildcards` are what `core.access.session_policy.options_for` makes of them.
    """

    alias: str
    account: str
    role_arn: str
    external_id: str
    region: str
    max_duration_seconds: int
    tags: Mapping[str, str]
    deny_room: int = 10_240
    boundary_arn: str = ""
    canary: bool = True
    bind_to_caller: bool = False
    sealed: bool = False
    action_wildcards: bool = False

    @property
    def revoker_arn(self) -> str:
        """The role in the target's account that writes the deny document of the target's role, and nothing else."""
        return f"{self.role_arn.rpartition('/')[0]}/jitney-revoker-{self.alias}"


BREAK_GLASS_APPROVAL = "break-glass"
"""What policies see among the approvals when somebody breaks the glass; no group has this name."""


class BreakGlassConfig(NamedTuple):
    """Who may take a request without its reviewers, for which targets, and for how long at most (seconds).

    `people` are source identities, `groups` are token groups ("issuer alias/group"), `notify` are people to notify in
    addition to all reviewers. Another person must review the use within `follow_up_seconds`. `own_requests` says
    whether people may use it for requests on their own behalf.
    """

    people: tuple[str, ...]
    groups: tuple[str, ...]
    targets: tuple[str, ...]
    notify: tuple[str, ...]
    max_duration_seconds: int
    follow_up_seconds: int
    own_requests: bool


class ReviewerGroup(NamedTuple):
    """Who may approve for a group, as source identities, and how many different people it takes.

    `notify` are the members to notify first, () for all. After `escalates_after_seconds` a request also goes to the group
    `escalates_to`, whose members may then approve for this one; "" for none. `channel` is a Slack channel. `delegates`
    are people whom members may choose as delegates; `active_delegations` are the delegates in effect, each with its
    delegation, as `jitney.core.review.out_of_office.with_delegates` adds them.
    """

    members: tuple[str, ...]
    approvals: int = 1
    notify: tuple[str, ...] = ()
    escalates_to: str = ""
    escalates_after_seconds: int = 0
    channel: str = ""
    delegates: tuple[str, ...] = ()
    active_delegations: tuple[tuple[str, Delegation], ...] = ()


class SlackConfig(NamedTuple):
    """The workspace that reviewers are asked in: the ARNs of the app's two secrets, its id, its Web API."""

    bot_token_arn: str
    signing_secret_arn: str
    workspace: str
    api_url: str


class MailConfig(NamedTuple):
    """How reviewers are written to by mail: the address that it comes from, which Amazon SES knows as verified."""

    sender: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper and lower bounds that hold for every request; durations in seconds, sizes in bytes.

    `max_pending` is how many requests of one agent, for one human, may be under review at the same time.
    """

    min_duration_seconds: int
    max_duration_seconds: int
    max_body_bytes: int
    max_pairs: int
    review_seconds: int
    previews_per_minute: int
    max_pending: int = 10


@dataclass(frozen=True, slots=True)
class Policies:
    """The Cedar policies and their schema as text, and a version that changes with any of them."""

    text: str
    schema: str
    version: str


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a deployment is configured with.

    `issuers` and `targets` are keyed by alias, `reviewers` by group. `emails` maps the source identities of people to
    their addresses, `subjects` to the alias of their issuer's entry and their subject there. `slack` is None where
    nobody is asked in Slack, `mail` where nobody gets mail. `operators` are the groups ("issuer alias/group") whose
    members may revoke any grant, none if it is empty. `local` is true only in the configuration built for one's own
    machine.
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

    def entries(self, issuer: str) -> tuple[Issuer, ...]:
        """The entries of the issuer with exactly this issuer string."""
        return tuple(entry for entry in self.issuers.values() if entry.issuer == issuer)

    def target_with(self, role_arn: str) -> Target | None:
        """The target that has this role, whatever its alias; None if there is none."""
        return next((target for target in self.targets.values() if target.role_arn == role_arn), None)

    @property
    def people(self) -> Issuer | None:
        """The issuer through which people sign in to the reviewers' pages, None if there is none."""
        return next((issuer for issuer in self.issuers.values() if issuer.web), None)


def _frozen(value: Any) -> Any:
    """Lists become tuples and objects read-only mappings, at every depth."""
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


def _issuer(item: Mapping[str, Any]) -> Issuer:
    web = item.get("web")
    return Issuer(**{**item, "web": Web(**web) if web else None})


def load(text: str) -> Config:
    """The configuration in `configuration.json`. Raises TypeError when a member is missing or unknown."""
    raw = _frozen(json.loads(text))
    return Config(
        issuers=MappingProxyType({item["name"]: _issuer(item) for item in raw["issuers"]}),
        targets=MappingProxyType({item["alias"]: Target(**item) for item in raw["targets"]}),
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
    )
