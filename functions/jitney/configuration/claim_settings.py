"""The claim rules of an issuer's entry in `jitney.yaml`, and the rules that could never match."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator

from jitney.configuration.names import did_you_mean
from jitney.configuration.values import SettingsModel, Text, Texts, refused
from jitney.core.identity.claim_rules import escaped
from jitney.core.identity.claims import CLIENT_CLAIMS
from jitney.core.identity.providers import PROVIDERS
from jitney.core.identity.providers.known_claims import KnownClaims
from jitney.core.identity.providers.provider import KIND_CLAIMS
from jitney.core.issuer_config import PeopleIssuer
from jitney.core.patterns import has_wildcard, patterns_intersect, wildcard_pattern

# Claims that other keys of the entry check, on every token.
_CHECKED_BY: Mapping[str, str] = {
    "iss": "issuer",
    "aud": "audiences",
    "exp": "max_age_seconds",
    "iat": "max_age_seconds",
    "nbf": "leeway_seconds",
}

_CLAIM = re.compile(r"\{([^}]+)\}")

AllowedValues = Annotated[Texts, Field(min_length=1)]


class SharedIssuer(NamedTuple):
    """An issuer that serves all customers of a provider: the claims that name the customer, and the provider."""

    tenants: tuple[str, ...]
    provider: str = ""


# The keys are beginnings of issuers. GitLab, "OpenID Connect (OIDC) Authentication Using ID Tokens"; Buildkite, "OIDC
# with Buildkite"; HCP Terraform, "Workload identity"; Bitbucket, "Integrate Pipelines with resource servers using
# OIDC", whose issuer has the workspace's name only; GitHub and Google: the modules of these providers.
SHARED_ISSUERS: Mapping[str, SharedIssuer] = {
    "https://gitlab.com/": SharedIssuer(("namespace_id", "project_id")),
    "https://agent.buildkite.com/": SharedIssuer(("organization_id", "pipeline_id")),
    "https://app.terraform.io/": SharedIssuer(("terraform_organization_id", "terraform_workspace_id")),
    "https://api.bitbucket.org/2.0/workspaces/": SharedIssuer(("workspaceUuid", "repositoryUuid")),
    "https://token.actions.githubusercontent.com/": SharedIssuer((), "github_actions"),
    "https://accounts.google.com/": SharedIssuer((), "google"),
}


class ClaimSettings(SettingsModel):
    """The rules about claims, as `jitney.core.issuer_config.ClaimRules`."""

    require: dict[Text, AllowedValues] = Field(default_factory=dict)
    subject: Texts = ()
    unit: Texts = ()
    groups: Texts = ()
    facts: dict[Text, Text] = Field(default_factory=dict)
    tags: dict[Text, Literal["string", "long", "bool", "strings"]] = Field(default_factory=dict)

    @field_validator("require")
    @classmethod
    def _is_not_checked_elsewhere(cls, require: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for path in require:
            if path in _CHECKED_BY:
                key = _CHECKED_BY[path]
                raise refused(f"every token's {path} is checked by {key}", f"leave it out, and set {key} of the issuer")
        return require


class RuleFault(NamedTuple):
    """A rule that could never match, or that would admit anyone: what is wrong, and the fix."""

    wrong: str
    fix: str


def rule_faults(provider: str, issuer: str, rules: ClaimSettings) -> Iterator[RuleFault]:
    """Yield what is wrong with the `rules` of an entry for this provider and issuer."""
    known = PROVIDERS[provider].known
    for path in _paths(rules):
        if not known.has(path):
            yield RuleFault(
                f"{provider} tokens have no claim {path} that a rule can use", did_you_mean(path, known.names)
            )
    yield from _unfit_values(provider, rules.require)
    for path in rules.unit:
        if known.units and path not in known.units:
            wrong = f"the holder of a token may choose {path}, and quotas count by it"
            yield RuleFault(wrong, f"use {' or '.join(known.units)} in claims.unit")
    if rules.subject and provider != "generic":
        yield RuleFault(
            f"{provider} sets the subject of its tokens itself: {known.example or 'sub'}",
            "leave claims.subject out; use claims.groups or claims.tags for other claims",
        )
    for path, kind in rules.tags.items():
        if kind != known.tags.get(path, kind):
            yield RuleFault(f"{path} of {provider} is no {kind}", f"write {known.tags[path]}")
    yield from _open_to_anyone(provider, issuer, rules.require)


def contradictions(rules: ClaimSettings, entry: Mapping[str, Any]) -> Iterator[RuleFault]:
    """Yield what is wrong with rules that contradict other keys of their `entry`, in which invalid keys are missing."""
    token = entry.get("token")
    if rules.unit and entry.get("kind") == "human":
        wrong = "each person is a unit, by which limits and rejections count"
        yield RuleFault(wrong, "leave claims.unit out, or write it in an entry of kind: agent")
    if len(rules.subject) > 1 and not rules.unit and entry.get("kind") != "human":
        wrong = "claims.subject names several claims, and claims.unit is missing"
        fix = f"write claims.unit, such as [{rules.subject[0]}]: claims that a token's holder cannot choose, for quotas"
        yield RuleFault(wrong, fix)
    for path in (*_paths(rules), *rules.subject):
        if token and KIND_CLAIMS.get(path, token) != token:
            fix = f"leave {path} out, or set token to the kind that has it"
            yield RuleFault(f"no token is admitted with the claim {path}, because token is {token}", fix)
    for key, claims in (("clients", CLIENT_CLAIMS), ("audiences", (str(entry.get("audience_claim")),))):
        for path in claims:
            values, ids = rules.require.get(path), entry.get(key)
            if values and ids and not any(map(_matching(values), ids)):
                wrong = f"no token is admitted: {key} lists no {path} of claims.require"
                yield RuleFault(wrong, f"list the ids in {key} only")


def client_fault(provider: str, client: str) -> RuleFault | None:
    """Return what is wrong with a client id, or None when the provider's tokens can name it."""
    known = PROVIDERS[provider].known
    forms = [path for path in CLIENT_CLAIMS if path in known.forms]
    if not forms or any(known.can_match(path, client) for path in forms):
        return None
    return RuleFault(f'no client of {provider} can be "{client}"', f"write {known.forms[forms[0]].write}")


def _unfit_values(provider: str, require: Mapping[str, Collection[str]]) -> Iterator[RuleFault]:
    known = PROVIDERS[provider].known
    for path, values in require.items():
        for value in values:
            if not known.can_match(path, value):
                yield RuleFault(f'no {path} of {provider} can be "{value}"', f"write {known.forms[path].write}")


def _paths(rules: ClaimSettings) -> Iterator[str]:
    yield from (*rules.require, *rules.unit, *rules.groups, *rules.facts.values(), *rules.tags)


def _open_to_anyone(provider: str, issuer: str, require: Mapping[str, Collection[str]]) -> Iterator[RuleFault]:
    shared = next(
        (found for start, found in SHARED_ISSUERS.items() if f"{issuer}/".startswith(start)), SharedIssuer(())
    )
    if shared.provider not in ("", provider):
        wrong = f"the tokens of {issuer} are not those of provider {provider}"
        yield RuleFault(wrong, f"write provider: {shared.provider}")
        return
    tenants = shared.tenants or PROVIDERS[provider].known.tenants
    if tenants and not any(path in require and not any(map(has_wildcard, require[path])) for path in tenants):
        yield RuleFault(
            f"anyone can get a token of {issuer}, and claims.require names no customer",
            f"require {' or '.join(tenants)}, with your own values and without wildcards",
        )


def subject_fault(provider: str, rules: ClaimSettings, subject: str, kind: str) -> RuleFault | None:
    """Return what is wrong with a subject in an entry of this `kind`, or None when a token can have it.

    `*` and `?` are wildcards.
    """
    module = PROVIDERS[provider]
    has_form = kind == "human" and module.resolves_people("") and not has_wildcard(subject)
    if has_form and module.person(subject, PeopleIssuer("", "", provider, "")) != subject:
        return RuleFault(f'no person has the subject "{subject}"', "write the subject with which the person signs in")
    known = _composed(rules.subject or ("sub",)) if provider == "generic" else module.known
    if not known.can_name(subject):
        return RuleFault(f'no subject of this entry can be "{subject}"', f"write it as in {known.example}")
    asked, required = wildcard_pattern(subject), {**known.required, **rules.require}
    encoded = escaped if provider == "generic" and len(rules.subject) > 1 else str
    claims = ((part, claim) for part in known.parts for claim in _CLAIM.findall(part))
    missing = (
        claim
        for part, claim in claims
        if not any(
            patterns_intersect(wildcard_pattern(_filled(part, claim, encoded(value))), asked)
            for value in required.get(claim, ("*",))
        )
    )
    if claim := next(missing, ""):
        return RuleFault(f'claims.require admits no token of "{subject}"', f"add it to claims.require.{claim}")
    return None


def _filled(part: str, claim: str, value: str) -> str:
    """Return a pattern of subjects with `value` for this claim, and `*` for the others."""
    return _CLAIM.sub(lambda found: value if found[1] == claim else "*", part)


def _composed(claims: Sequence[str]) -> KnownClaims:
    """Return what is known about the subjects of an entry of the provider generic."""
    if len(claims) == 1:
        return KnownClaims(parts=(f"{{{claims[0]}}}",))
    return KnownClaims(
        subject=r"\+".join(f"{re.escape(path)}=[^+=]+" for path in claims),
        example="+".join(f"{path}=1" for path in claims),
        parts=("+".join(f"{path}={{{path}}}" for path in claims),),
    )


def _matching(values: Collection[str]) -> Callable[[str], bool]:
    """Return whether a text matches one of the values, in which `*` and `?` are wildcards."""
    patterns = tuple(map(wildcard_pattern, values))
    return lambda text: any(pattern.matches(text) for pattern in patterns)


def is_open_to_tenant(provider: str, clients: Collection[str], rules: ClaimSettings) -> bool:
    """Return whether any application of the customer can get a token that the entry admits.

    Entra issues a token for an API to every application of the tenant, unless the API requires an assignment.
    """
    return provider == "entra" and not clients and not _NAMING.intersection(rules.require)


# The claims that say which application has a token, or that an administrator assigns to it.
_NAMING = frozenset({"appid", "azp", "groups", "oid", "roles", "scp", "sub", "wids", "xms_mirid"})


def names_clients(provider: str) -> bool:
    """Return whether the provider's tokens always name the client that they were issued to."""
    return any(map(PROVIDERS[provider].known.has, CLIENT_CLAIMS))
