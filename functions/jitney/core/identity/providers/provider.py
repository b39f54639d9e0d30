"""The interface of a provider module, and the readers that most of them share."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from jitney.core.identity.claim_path import claim_at
from jitney.core.identity.claim_rules import missing_claim
from jitney.core.identity.providers.known_claims import KnownClaims
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.identity.source_identity import is_nameable
from jitney.core.issuer_config import Issuer, PeopleIssuer

FactSources: TypeAlias = tuple[tuple[str, str], ...]
"""Labels for reviewers, each with the path of its claim."""


class Provider(NamedTuple):
    """How to read one provider's signed claims. Each function may raise Refusal.

    `subject` returns the identity. `kinds` returns every kind of token that the claims and the header's `typ` indicate:
    "access", "id", or another word. A valid token indicates exactly one kind. `groups` have no issuer alias.
    `is_machine` distinguishes a workload from a person. `display` lists the claims to show to people. The first claim
    that is present is used. `fact_sources` are the claims that identify the requester to reviewers. `unit` returns the
    accountable unit's name within the issuer, or "" for the subject itself. `known` are the provider's claims.

    `human` returns the person who delegated the token to an agent, or None for an agent's own token. `person` returns
    the subject with which a named person signs in at the issuer. It returns None for a name that is not a subject
    there. With `needs_subject_pattern`, `person` knows the form of subjects only from the issuer's `subject_pattern`.
    `group_claims` maps the names of groups "name:value" to the claim with the value, if `groups` returns no others.
    """

    subject: Callable[[SignedClaims, Issuer], str]
    kinds: Callable[[SignedClaims, str], frozenset[str]]
    groups: Callable[[SignedClaims, Issuer], frozenset[str]]
    is_machine: Callable[[SignedClaims], bool]
    display: tuple[str, ...]
    fact_sources: FactSources
    unit: Callable[[SignedClaims, Issuer], str] = lambda _claims, _issuer: ""
    known: KnownClaims = KnownClaims()
    human: Callable[[SignedClaims, Issuer], str | None] = lambda _claims, _issuer: None
    person: Callable[[str, PeopleIssuer], str | None] = lambda _name, _people: None
    needs_subject_pattern: bool = False
    group_claims: Mapping[str, str] | None = None

    @property
    def only_id_tokens(self) -> bool:
        """Whether the provider issues no access tokens to Jitney's callers."""
        return self.kinds is id_token_kinds

    def resolves_people(self, subject_pattern: str) -> bool:
        """Return whether `person` can distinguish a person's subject from another name."""
        return self.is_machine is not always_machine and bool(subject_pattern or not self.needs_subject_pattern)


def facts_of(claims: SignedClaims, sources: FactSources) -> Iterator[tuple[str, str]]:
    """Yield the label and text of each fact. A claim that is neither text nor a number is left out."""
    for label, path in sources:
        value = claim_at(claims, path)
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield label, str(value)


def text_claim(claims: Mapping[str, Any], name: str) -> str:
    """Return the string claim `name`. Raises Refusal token_claims when it is missing, empty or not a string."""
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise missing_claim(name)
    return value


def object_claim(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object claim `name`. Raises Refusal token_claims when it is missing or not an object."""
    value = claims.get(name)
    if not isinstance(value, dict):
        raise missing_claim(name)
    return value


def unresolved_human(detail: str, fix: str) -> Refusal:
    """Return the refusal of a token whose person has no known identity at sign-in."""
    return Refusal("token_human", detail, fix)


def claimed_groups(claims: SignedClaims, issuer: Issuer) -> frozenset[str]:
    """Return the groups in the issuer's `groups_claim`, none when it is absent. Raises Refusal token_groups."""
    value = claim_at(claims, issuer.groups_claim)
    value = [] if value is None and issuer.groups_claim not in claims else value
    if not isinstance(value, list) or not all(isinstance(item, str) and is_nameable(item) for item in value):
        raise Refusal(
            "token_groups",
            "The token's groups claim is not a list of printable names.",
            "Configure the issuer to put group names or ids into the claim as a JSON array of strings.",
        )
    return frozenset(value)


# Claims that only one kind of token has. ID: OpenID Connect Core sections 2 and 3.3.2.11. Logout and other security
# events: Back-Channel Logout section 2.4, RFC 8417 section 2.2. Access: RFC 9068 section 2.2, "scp" at Okta and Entra.
KIND_CLAIMS = {
    **dict.fromkeys(("nonce", "at_hash", "c_hash", "s_hash"), "id"),
    "events": "logout",
    **dict.fromkeys(("scope", "scp", "client_id"), "access"),
}
# RFC 9068 section 2.1, RFC 7519 section 5.1, RFC 7515 section 4.1.9 (SPIFFE may write JOSE)
_TYPES = {"at+jwt": "access", "jwt": "", "jose": "", "": ""}
# Cognito's token_use, Keycloak's typ (DPoP: an access token that is bound to a key)
_NAMED = {"access": "access", "bearer": "access", "dpop": "access", "id": "id"}


def token_kinds(claims: SignedClaims, typ: str) -> frozenset[str]:
    """Return every kind of token that `typ` and the claims indicate. The result may be empty."""
    kinds = {kind for name, kind in KIND_CLAIMS.items() if name in claims}
    kinds.add(_TYPES.get(typ, typ))
    for name in ("token_use", "typ"):
        if name in claims:
            kinds.add(_NAMED.get(str(claims[name]).lower(), "another"))
    return frozenset(kinds - {""})


def id_token_kinds(claims: SignedClaims, typ: str) -> frozenset[str]:
    """Return the kinds as `token_kinds`, for a provider that issues only ID tokens."""
    return token_kinds(claims, typ) | {"id"}


def always_machine(_: SignedClaims) -> bool:
    """Return True: this provider's tokens belong to workloads only."""
    return True


workload_provider = partial(Provider, kinds=id_token_kinds, is_machine=always_machine, display=("sub",))
"""Makes a `Provider` that issues ID tokens to workloads only."""
