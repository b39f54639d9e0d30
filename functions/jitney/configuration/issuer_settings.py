"""The issuers in `jitney.yaml`: whose tokens are accepted, and how people sign in."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from jitney.configuration.names import did_you_mean
from jitney.configuration.references import Audiences, Owners, ValidationContext
from jitney.configuration.values import (
    Address,
    Alias,
    Setting,
    SettingsModel,
    Text,
    Texts,
    one_of,
    refused,
    unique,
    without_query,
)
from jitney.core.identity.keys import ALGORITHMS
from jitney.core.identity.providers import PROVIDERS

# The `settings` that each provider's module reads. A misspelt setting would restrict nothing.
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


class WebClientSettings(SettingsModel):
    """The client with which an issuer's people sign in to the reviewers' pages, as `jitney.core.config.Web`."""

    client_id: Text
    authorization_url: Address
    token_url: Address
    scopes: Texts = ("openid",)

    @field_validator("scopes")
    @classmethod
    def _is_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes or any(" " in scope for scope in scopes):
            # Without it the provider may leave out who signed in (OpenID Connect Core section 3.1.2.1).
            raise refused('the scopes are without "openid", or one has a space in it', "write [openid, ...]")
        return scopes


class IssuerSettings(SettingsModel):
    """An OIDC issuer whose tokens are accepted (rows ID 1-10), with the fields of `jitney.core.config.Issuer`."""

    issuer: Annotated[Address, AfterValidator(without_query)]
    provider: Annotated[str, one_of(PROVIDERS, "a provider")]
    token: Literal["access", "id"]
    jwks_uri: Address
    audiences: Audiences = Field(min_length=1)
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
    subject_groups: dict[Text, Texts] = Field(default_factory=dict)
    owners: dict[Text, Owners] = Field(default_factory=dict)
    settings: dict[Text, Setting] = Field(default_factory=dict)
    web: WebClientSettings | None = None

    @field_validator("jwks_uri", "provider", "settings")
    @classmethod
    def _is_the_issuers(cls, value: Any, info: ValidationInfo) -> Any:
        """Entries of one issuer differ in their audiences: its keys and its provider are the same."""
        issuer, name = info.data.get("issuer"), str(info.field_name)
        alias, first = ValidationContext.of(info).first_with(name, issuer or "", value=value)
        if issuer and first != value:
            wrong = f"issuers.{alias} has the same issuer and another {name}"
            raise refused(wrong, "write the same in both: it is one issuer")
        return value

    @field_validator("audiences")
    @classmethod
    def _are_exact(cls, audiences: tuple[str, ...]) -> tuple[str, ...]:
        for audience in audiences:
            if "*" in audience:
                wrong = f'the audience "{audience}" holds a wildcard'
                raise refused(wrong, "audiences are compared exactly: name each")
        return audiences

    @field_validator("human_claim", "owners")
    @classmethod
    def _is_an_agents(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("kind") == "human":
            raise refused("the issuer's subjects are people", "leave it out, or write an entry of kind: agent")
        return value

    @field_validator("human_issuer")
    @classmethod
    def _signs_in_people(cls, value: str, info: ValidationInfo) -> str:
        """An agent's human has the name with which that person signs in, or could approve the agent's request."""
        people = ValidationContext.of(info).names.human_issuers
        if info.data.get("human_claim") and not value:
            fix = f"name the issuer with which people sign in: {' or '.join(people) or 'an issuer of kind: human'}"
            raise refused("it is missing, and human_claim is there", fix)
        if value and value not in people:
            fix = did_you_mean(value, people) if people else "add one"
            raise refused(f'there is no issuer "{value}" of kind: human', fix)
        return value

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

    @field_validator("web")
    @classmethod
    def _is_the_only_one(cls, web: WebClientSettings | None, info: ValidationInfo) -> WebClientSettings | None:
        context = ValidationContext.of(info)
        if web and (alias := context.first_with("web")[0]) != context.entry:
            raise refused(f"issuers.{alias} has a web too", "keep the web of one issuer: people sign in at one place")
        return web

    @model_validator(mode="after")
    def _signs_people_in(self) -> Self:
        if self.web and (self.kind, self.token) != ("human", "id"):
            raise refused("the issuer's web client signs people in", "write kind: human and token: id")
        if self.web and self.web.client_id not in self.audiences:
            fix = f"add {self.web.client_id} to audiences: the client is the audience of its ID tokens"
            raise refused("the issuer's web client is not among its audiences", fix)
        if self.web and self.provider == "entra" and "profile" not in self.web.scopes:
            # Without it, ID tokens have no oid (Microsoft identity platform, "ID token claims reference").
            raise refused('the scopes of the issuer\'s web client are without "profile"', "write [openid, profile]")
        return self
