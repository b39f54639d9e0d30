"""Any OpenID Connect provider that follows RFC 9068 (access tokens) or OpenID Connect Core (ID tokens).

Access and ID tokens are told apart by what either alone has; a token that shows nothing telling is taken for what the
issuer's entry expects, since its audience already separates an API from a client.

Settings: `subject_claim`, the claim that is the identity, "sub" unless set. A token that a person delegated to an agent
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
    """Acting for somebody (RFC 8693 section 4.1), or a client that is its own subject (RFC 9068 section 2.2)."""
    return "act" in claims or claims["sub"] in (claims.get("client_id"), claims.get("azp"), claims.get("cid"))


PROVIDER = Provider(
    subject=_subject,
    kinds=token_kinds,
    groups=claimed_groups,
    is_machine=_is_machine,
    display=("preferred_username", "email", "name"),
)
