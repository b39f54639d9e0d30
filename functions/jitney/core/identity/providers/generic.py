"""Any OpenID Connect provider that follows RFC 9068 (access tokens) or OpenID Connect Core (ID tokens).

Claims that only access or only ID tokens have determine the kind. A token without any is taken for the kind in the
issuer's entry, because its audience already distinguishes an API from a client.

The identity is `sub`, or what `claims.subject` names. A token that a person delegated to an agent by RFC 8693 has the
person in `sub` and the agent in `act.sub`: write `claims: {subject: [act.sub]}` and `human_claim: sub`.

An entry for people refuses a machine's token. Auth0 marks it with `gty` and ends its `sub` with "@clients" (Auth0,
"Access Token Profiles"). Keycloak's service accounts have a reserved user name, and claims with the client's id and
address (Keycloak, "Using a service account").
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.config import Issuer
from jitney.core.identity.claim_rules import texts_of
from jitney.core.identity.providers.provider import Provider, claimed_groups, token_kinds
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


_MACHINE_CLAIMS = frozenset({"act", "clientAddress", "clientHost", "clientId"})
_MACHINE_GRANTS = frozenset({"client-credentials", "client_credentials"})


def _subject(claims: SignedClaims, _: Issuer) -> str:
    return str(claims["sub"])


def _is_machine(claims: SignedClaims) -> bool:
    """Return whether an actor uses it (RFC 8693 section 4.1) or the client is the subject (RFC 9068 section 2.2)."""
    subject = claims["sub"]
    return (
        subject in (claims.get("client_id"), claims.get("azp"), claims.get("cid"))
        or not _MACHINE_CLAIMS.isdisjoint(claims)
        or not _MACHINE_GRANTS.isdisjoint(texts_of(claims, "gty"))
        or subject.endswith("@clients")
        or str(claims.get("preferred_username")).lower().startswith("service-account-")
    )


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
