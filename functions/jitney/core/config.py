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
from jitney.core.call_limits import CallLimits
from jitney.core.channel_config import MailConfig, SlackConfig
from jitney.core.configuration_digest import digest_of
from jitney.core.delegation import Delegation
from jitney.core.issuer_config import ClaimRules, Issuer, PeopleIssuer
from jitney.core.stored_identity import Identity, identity_of
from jitney.core.target_config import Target
from jitney.core.target_roles import first_role
from jitney.core.time_window_config import TimeWindow, WeeklyHours
from jitney.core.web_client import Web


class ReviewerGroup(NamedTuple):
    """The reviewers of one group, as source identities, and how many of them must approve.

    `notify` are the members that are notified at once, () for all. After `escalates_after_seconds`, a waiting request
    also goes to the group `escalates_to` ("" for none). The members of that group may then approve for this group.
    `channel` is the group's channel in Slack. Members who are out of office choose a delegate from `delegates`.
    `active_delegations` are those in force, by delegate. `unknown_delegators` are members whose out-of-office entry
    cannot be read: each of the `delegates` may be theirs.
    """

    members: tuple[str, ...]
    approvals: int = 1
    notify: tuple[str, ...] = ()
    escalates_to: str = ""
    escalates_after_seconds: int = 0
    channel: str = ""
    delegates: tuple[str, ...] = ()
    active_delegations: tuple[tuple[str, Delegation], ...] = ()
    unknown_delegators: tuple[Identity, ...] = ()


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
    Policies may name the `time_windows`. `digest` is the `digest_of` the file, which records name.
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
    time_windows: Mapping[str, TimeWindow] = field(default_factory=lambda: MappingProxyType({}))
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


def _window(item: Mapping[str, Any]) -> TimeWindow:
    return TimeWindow(**{**item, "weekly": tuple(WeeklyHours(**each) for each in item["weekly"])})


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
        time_windows=MappingProxyType({name: _window(item) for name, item in raw.get("time_windows", {}).items()}),
        digest=digest_of(text),
    )
