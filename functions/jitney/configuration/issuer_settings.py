"""The issuers in `jitney.yaml`: whose tokens are accepted, and how people sign in."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from jitney.configuration.claim_settings import (
    ClaimSettings,
    client_fault,
    contradictions,
    is_open_to_tenant,
    names_clients,
    rule_faults,
    subject_fault,
)
from jitney.configuration.issuer_entries import check_agents, check_claims
from jitney.configuration.known_issuers import DELEGATION_CLAIMS, dpop_faults, issuer_faults, keys_faults
from jitney.configuration.names import did_you_mean
from jitney.configuration.people_names import (
    check_human_issuer,
    check_only_people,
    check_subject_pattern,
    is_for_machines,
)
from jitney.configuration.references import Audiences, Owners, ValidationContext
from jitney.configuration.values import (
    Address,
    Alias,
    OptionalAddress,
    SettingsModel,
    Text,
    Texts,
    one_of,
    refuse_first,
    refused,
    unique,
    without_query,
)
from jitney.configuration.web_client_settings import WebClientSettings
from jitney.core.identity.keys import ALGORITHMS
from jitney.core.identity.providers import PROVIDERS
from jitney.core.patterns import has_wildcard
from jitney.core.quotas import MOST_REVIEW_TOKEN_SECONDS


class IssuerSettings(SettingsModel):
    """An OIDC issuer whose tokens are accepted (rows ID 1-10), with the fields of `issuer_config.Issuer`."""

    issuer: Annotated[Address, AfterValidator(without_query)]
    provider: Annotated[str, one_of(PROVIDERS, "a provider")]
    token: Literal["access", "id"]
    jwks_uri: OptionalAddress = ""
    jwks_file: str = Field(default="", max_length=255)
    audiences: Audiences = Field(min_length=1)
    audience_claim: Literal["aud", "client_id"] = "aud"
    clients: Texts = ()
    algorithms: Annotated[
        tuple[Annotated[str, one_of(ALGORITHMS, "an accepted algorithm")], ...], AfterValidator(unique)
    ] = Field(min_length=1)
    kind: Literal["agent", "human"] = "agent"
    replay: Literal["reuse", "single_use"] = "reuse"
    grants_end_with_token: bool = False
    max_age_seconds: int = Field(default=3600, ge=1, le=86400)
    require_iat: bool = True
    leeway_seconds: int = Field(default=30, ge=0, le=60)
    claims: ClaimSettings = ClaimSettings()
    groups_claim: str = Field(default="groups", max_length=255)
    human_claim: str = Field(default="", max_length=255)
    human_issuer: Alias | Literal[""] = ""
    subject_groups: dict[Text, Texts] = Field(default_factory=dict)
    owners: dict[Text, Owners] = Field(default_factory=dict)
    subject_pattern: str = Field(default="", max_length=255)
    web: WebClientSettings | None = None
    for_reviews: bool = False
    dpop: bool = False

    @field_validator("dpop")
    @classmethod
    def _has_bound_tokens(cls, value: Any, info: ValidationInfo) -> Any:
        refuse_first(dpop_faults(info.data) if value else ())
        return value

    @field_validator("jwks_file")
    @classmethod
    def _has_one_source_of_keys(cls, file: str, info: ValidationInfo) -> str:
        if "jwks_uri" in info.data and bool(file) == bool(info.data["jwks_uri"]):
            wrong = "jwks_uri is there, too" if file else "it is missing, and so is jwks_uri"
            raise refused(wrong, "name the address of the issuer's keys in jwks_uri, or else a file with them here")
        return file

    @field_validator("token")
    @classmethod
    def _is_issued(cls, kind: str, info: ValidationInfo) -> str:
        provider = info.data.get("provider")
        if provider and kind == "access" and PROVIDERS[provider].only_id_tokens:
            raise refused(f"every token of {provider} is an ID token", "write token: id")
        return kind

    @field_validator("groups_claim")
    @classmethod
    def _is_read(cls, claim: str, info: ValidationInfo) -> str:
        provider = info.data.get("provider")
        groups = PROVIDERS[provider].group_claims if provider else None
        if groups is not None and claim != "groups":
            fix = f"use claims.groups, or the groups {', '.join(f'{each}:VALUE' for each in groups)}"
            raise refused(f"the groups of {provider} come from no claim with a list of groups", fix)
        return claim

    @field_validator("issuer")
    @classmethod
    def _can_be_a_tokens(cls, issuer: str, info: ValidationInfo) -> str:
        refuse_first(issuer_faults(issuer))
        # Entries whose issuers only look the same would give one person two identities.
        alias, first = ValidationContext.of(info).first_with("issuer", issuer.casefold().rstrip("/"), value=issuer)
        if first != issuer:
            wrong = f'"{issuer}" and {first} of issuers.{alias} differ only in letters\' case or the / at the end'
            raise refused(wrong, "write the issuer exactly as its tokens' iss claim has it, in both entries")
        return issuer

    @field_validator("jwks_uri")
    @classmethod
    def _has_the_issuers_keys(cls, address: str, info: ValidationInfo) -> str:
        refuse_first(keys_faults(info.data.get("issuer", ""), address) if address else ())
        return address

    @field_validator("jwks_uri", "jwks_file", "provider")
    @classmethod
    def _is_the_issuers(cls, value: Any, info: ValidationInfo) -> Any:
        """Entries of one issuer differ in their audiences, but have the same keys and provider."""
        issuer, name = info.data.get("issuer"), str(info.field_name)
        alias, first = ValidationContext.of(info).first_with(name, issuer or "", value=value)
        if issuer and first != value:
            wrong = f"issuers.{alias} has the same issuer and another {name}"
            raise refused(wrong, "write the same in both: it is one issuer")
        return value

    @field_validator("kind")
    @classmethod
    def _has_people(cls, kind: str, info: ValidationInfo) -> str:
        provider = info.data.get("provider")
        if kind == "human" and provider and is_for_machines(PROVIDERS[provider]):
            raise refused(f"no person has a token of the provider {provider}", "write kind: agent")
        return kind

    @field_validator("human_claim", "owners")
    @classmethod
    def _is_an_agents(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("kind") == "human":
            raise refused("the issuer's subjects are people", "leave it out, or write an entry of kind: agent")
        return value

    @field_validator("human_issuer")
    @classmethod
    def _signs_in_people(cls, value: str, info: ValidationInfo) -> str:
        """An agent's human must have the name with which that person signs in.

        Otherwise the person could approve the agent's request.
        """
        people = ValidationContext.of(info).names.human_issuers
        if info.data.get("human_claim") and not value:
            fix = f"name the issuer with which people sign in: {' or '.join(people) or 'an issuer of kind: human'}"
            raise refused("it is missing, but human_claim is set", fix)
        if value and value not in people:
            entered = value in ValidationContext.of(info).names.issuers
            add = f"write kind: human in issuers.{value}" if entered else "add one"
            fix = did_you_mean(value, people) if people else add
            raise refused(f'there is no issuer "{value}" of kind: human', fix)
        if value:
            check_human_issuer(value, ValidationContext.of(info).names)
        elif info.data.get("kind") == "human" and "issuer" in info.data:
            check_only_people(info.data["issuer"], ValidationContext.of(info).names)
        return value

    @field_validator("clients")
    @classmethod
    def _are_in_tokens(cls, clients: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        provider = info.data.get("provider")
        if clients and provider and not names_clients(provider):
            raise refused(f"the tokens of {provider} name no client", "leave clients out, and use claims.require")
        refuse_first(filter(None, (client_fault(provider, each) for each in clients if provider)))
        return clients

    @field_validator("audience_claim")
    @classmethod
    def _has_an_audience(cls, value: str, info: ValidationInfo) -> str:
        if value != "aud" and info.data.get("token") == "id":
            raise refused("every ID token has its audience in aud", "leave audience_claim out")
        return value

    @field_validator("require_iat")
    @classmethod
    def _bounds_a_lifetime(cls, value: Any, info: ValidationInfo) -> Any:
        if not value and info.data.get("provider") not in (None, "generic"):
            raise refused(f"every token of {info.data['provider']} has an iat", "leave require_iat out")
        return value

    @field_validator("claims")
    @classmethod
    def _can_match(cls, rules: ClaimSettings, info: ValidationInfo) -> ClaimSettings:
        issuer, provider = info.data.get("issuer"), info.data.get("provider")
        faults = rule_faults(provider, issuer, rules) if issuer and provider else ()
        refuse_first((*faults, *contradictions(rules, info.data)))
        check_claims(rules, issuer or "", str(info.data.get("kind")), ValidationContext.of(info))
        return rules

    @field_validator("subject_groups", "owners")
    @classmethod
    def _name_subjects(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        entry: Any = info.data  # without what is invalid
        for subject in value if {"provider", "claims", "kind"} <= entry.keys() else ():
            if info.field_name == "subject_groups" and has_wildcard(subject):
                raise refused(f'the subject "{subject}" holds a wildcard', "name each subject, or use claims.groups")
            if fault := subject_fault(entry["provider"], entry["claims"], subject, entry["kind"]):
                raise refused(*fault)
        return value

    @field_validator("subject_pattern")
    @classmethod
    def _is_the_form_of_people(cls, pattern: str, info: ValidationInfo) -> str:
        provider = info.data.get("provider")
        if pattern and info.data.get("kind") != "human":
            raise refused("the issuer's subjects are agents", "write subject_pattern in the entry of the people")
        if pattern and provider and not PROVIDERS[provider].needs_subject_pattern:
            raise refused(f"the form of {provider}'s subjects is known", "leave subject_pattern out")
        if pattern:
            check_subject_pattern(pattern, str(info.data.get("issuer")), ValidationContext.of(info).names)
        return pattern

    @field_validator("web")
    @classmethod
    def _is_the_only_one(cls, web: WebClientSettings | None, info: ValidationInfo) -> WebClientSettings | None:
        context = ValidationContext.of(info)
        if web and (alias := context.first_with("web")[0]) != context.entry:
            raise refused(f"issuers.{alias} has web, too", "keep web in one issuer only: people sign in at one place")
        return web

    @model_validator(mode="after")
    def _distinguishes_agent_and_human(self) -> Self:
        agent = self.claims.subject or ("sub",)
        if self.provider == "generic" and (self.human_claim,) == agent:
            fix = "set claims.subject to the agent's claim, such as [azp] or [act.sub]"
            raise refused(f"the claim {self.human_claim} names both the agent and its human", fix)
        if self.human_claim and self.human_claim in DELEGATION_CLAIMS.get(self.provider, ()):
            raise refused(
                f"the claim {self.human_claim} names the agent in the agent's own tokens",
                "leave human_claim out: Jitney finds the person of a delegated token without it",
            )
        named = self.human_claim or self.kind == "human" or self.provider in DELEGATION_CLAIMS
        if self.human_issuer and not named:
            raise refused("human_issuer is set, but human_claim is missing", "name the claim, or leave both out")
        return self

    @model_validator(mode="after")
    def _has_the_issuers_agents(self, info: ValidationInfo) -> Self:
        check_agents(self, ValidationContext.of(info))
        return self

    @model_validator(mode="after")
    def _names_its_applications(self) -> Self:
        if self.kind == "agent" and is_open_to_tenant(self.provider, self.clients, self.claims):
            fix = "list their client ids in clients, or require an app role that you assign: roles"
            raise refused("any application of the tenant can get a token that this entry admits", fix)
        return self

    @model_validator(mode="after")
    def _signs_people_in(self) -> Self:
        if self.web and (self.kind, self.token) != ("human", "id"):
            raise refused("web is only for people's ID tokens", "write kind: human and token: id, or leave web out")
        if self.web and self.web.client_id not in self.audiences:
            fix = f"add {self.web.client_id} to audiences: the client is the audience of its ID tokens"
            raise refused("the issuer's web client is not among its audiences", fix)
        if self.web and self.provider == "entra" and "profile" not in self.web.scopes:
            # Without it, ID tokens have no oid (Microsoft identity platform, "ID token claims reference").
            raise refused('the scopes of the issuer\'s web client are without "profile"', "write [openid, profile]")
        return self

    @model_validator(mode="after")
    def _reviews_with_own_tokens(self) -> Self:
        """A token that votes is a person's own, from one client, and short-lived (row REV 17)."""
        if not self.for_reviews:
            return self
        if self.kind != "human" or self.web or self.human_issuer:
            fix = "write kind: human, without web and human_issuer, in an entry of its own"
            raise refused("for_reviews is set, and the entry is not only for tokens with which people review", fix)
        if (self.token, self.clients) == ("access", ()):
            fix = "name the clients with which people review, or write token: id"
            raise refused("the entry's tokens are for reviews, and any client could get them", fix)
        if self.max_age_seconds > MOST_REVIEW_TOKEN_SECONDS or not self.require_iat:
            fix = f"write max_age_seconds: {MOST_REVIEW_TOKEN_SECONDS} or less, and leave require_iat out"
            raise refused("the entry's tokens are for reviews, and would be accepted for too long", fix)
        return self
