"""Any OpenID Connect provider that follows RFC 9068 (access tokens) or OpenID Connect Core (ID tokens).

Claims that only access or only ID tokens have determine the kind. A token without any is taken for the kind in the
issuer's entry, because its audience already distinguishes an API from a client.

Settings: `subject_claim` is the claim with the identity, "sub" by default. A token that a person delegated to an agent
by RFC 8693 has the person in `sub` and the agent in `act.sub`: set `subject_claim: act.sub` and `human_claim: sub`.
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.config import Issuer
from jitney.core.identity.claim_path import claim_at
from jitney.core.identity.providers.provider import Provider, claimed_groups, missing_claim, token_kinds
from jitney.core.identity.signature import SignedClaims

SAMPLE: Mapping[str, Any] = {
    "iss": "https://idp.example.com",
    "sub": "reader-agent",
    "aud": "jitney",
    "exp": 1_700_000_300,
    "iat": 1_700_000_000,
    "jti": "9f0c6a0e",
    "client_id": "reader-agent",
    "scope": "jitney",
    "groups": ["data-readers"],
}
"""An access token's claims; its header has typ "at+jwt" (RFC 9068 section 2.1)."""


def _subject(claims: SignedClaims, issuer: Issuer) -> str:
    name = str(issuer.settings.get("subject_claim", "sub"))
    value = claim_at(claims, name)
    if not isinstance(value, str):
        raise missing_claim(name)
    return value


def _is_machine(claims: SignedClaims) -> bool:
    """Return whether an actor uses it (RFC 8693 section 4.1) or the client is the subject (RFC 9068 section 2.2)."""
    return "act" in claims or claims["sub"] in (claims.get("client_id"), claims.get("azp"), claims.get("cid"))


PROVIDER = Provider(
    subject=_subject,
    kinds=token_kinds,
    groups=claimed_groups,
    is_machine=_is_machine,
    display=("preferred_username", "email", "name"),
    fact_sources=(
        ("Name", "name"),
        ("Username", "preferred_username"),
        ("E-mail", "email"),
        ("Client", "client_id"),
        ("Client", "azp"),
    ),
)
