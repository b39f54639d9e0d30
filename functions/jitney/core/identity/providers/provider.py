"""What a provider knows about its own tokens, and the readers that most of them share."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jitney.core.config import Issuer
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.identity.source_identity import is_nameable


class Provider(NamedTuple):
    """How to read one provider's signed claims; each function may raise Refusal.

    `subject` is who the token stands for, and refuses who is not admitted; `kinds` is every kind of token that the
    claims and the header's `typ` point to ("access", "id", or another word), a sound token pointing to one;
    `groups` are without the issuer's alias; `is_machine` tells a workload from a person; `display` lists the claims
    to show to people, the first present one first.
    """

    subject: Callable[[SignedClaims, Issuer], str]
    kinds: Callable[[SignedClaims, str], frozenset[str]]
    groups: Callable[[SignedClaims, Issuer], frozenset[str]]
    is_machine: Callable[[SignedClaims], bool]
    display: tuple[str, ...]


def text_claim(claims: Mapping[str, Any], name: str) -> str:
    """The string claim `name`. Raises Refusal token_claims when it is missing, empty or something else."""
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise missing_claim(name)
    return value


def object_claim(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object claim `name`. Raises Refusal token_claims when it is missing or something else."""
    value = claims.get(name)
    if not isinstance(value, dict):
        raise missing_claim(name)
    return value


def missing_claim(name: str) -> Refusal:
    """The refusal of a token without the claim `name`, which the provider's tokens have."""
    return Refusal(
        "token_claims",
        f"The claim {name}, which this provider's tokens have, is missing or of the wrong type.",
        "Use a token of the kind and provider that the issuer's entry names.",
    )


def not_admitted(detail: str, fix: str) -> Refusal:
    """The refusal of a well-signed token whose bearer the issuer's entry does not list."""
    return Refusal("token_not_admitted", detail, fix)


def listed(issuer: Issuer, setting: str) -> tuple[str, ...]:
    """The strings of the issuer's `setting`, which may be one string or several; () when it is not set."""
    value = issuer.settings.get(setting, ())
    return (value,) if isinstance(value, str) else tuple(value)


def claimed_groups(claims: SignedClaims, issuer: Issuer) -> frozenset[str]:
    """The groups in the issuer's `groups_claim`, none when it is absent. Raises Refusal token_groups otherwise."""
    value = claims.get(issuer.groups_claim, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and is_nameable(item) for item in value):
        raise Refusal(
            "token_groups",
            "The token's groups claim is not a list of printable names.",
            "Have the issuer put group names or ids into the claim as a JSON array of strings.",
        )
    return frozenset(value)


# What only one kind of token has. ID: OpenID Connect Core sections 2 and 3.3.2.11; logout and other security events:
# Back-Channel Logout section 2.4, RFC 8417 section 2.2; access: RFC 9068 section 2.2, "scp" at Okta and Entra;
# bound to a key that the sender would have to prove (RFC 7800): accepting it from any bearer would undo that.
_KIND_CLAIMS = {
    **dict.fromkeys(("nonce", "at_hash", "c_hash", "s_hash"), "id"),
    "events": "logout",
    **dict.fromkeys(("scope", "scp", "client_id"), "access"),
    "cnf": "key-bound",
}
_TYPES = {"at+jwt": "access", "jwt": "", "": ""}  # RFC 9068 section 2.1, RFC 7519 section 5.1
_NAMED = {"access": "access", "bearer": "access", "id": "id"}  # Cognito's token_use, Keycloak's typ


def token_kinds(claims: SignedClaims, typ: str) -> frozenset[str]:
    """Every kind of token that `typ` and the claims point to; empty when nothing tells."""
    kinds = {kind for name, kind in _KIND_CLAIMS.items() if name in claims}
    kinds.add(_TYPES.get(typ, typ))
    for name in ("token_use", "typ"):
        if name in claims:
            kinds.add(_NAMED.get(str(claims[name]).lower(), "another"))
    return frozenset(kinds - {""})


def id_token_kinds(claims: SignedClaims, typ: str) -> frozenset[str]:
    """As `telling_kinds`, for a provider that hands out nothing but ID tokens, with or without a telling claim."""
    return token_kinds(claims, typ) | {"id"}


def always_machine(_: SignedClaims) -> bool:
    """True: this provider's tokens stand for workloads only."""
    return True
