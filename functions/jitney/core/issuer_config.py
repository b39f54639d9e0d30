"""The issuers of tokens, as the functions read them from the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from jitney.core.patterns import wildcard_pattern
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
