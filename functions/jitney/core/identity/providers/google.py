"""Google ID tokens, of people in a Workspace domain and of service accounts.

Anyone can get one for any audience, so a bearer must be listed: the Workspace domain `hd` in the setting
`hosted_domains`, or `sub` in `subject_groups` (service accounts have no hd). Google never reassigns a `sub`, but may
reassign an `email`. Google names no groups: they come from `subject_groups`, and "hd:DOMAIN" from the token. (Google,
"OpenID Connect", ID token claims.)
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.config import Issuer
from jitney.core.identity.providers.provider import Provider, id_token_kinds, listed, not_admitted, text_claim
from jitney.core.identity.signature import SignedClaims

SAMPLE: Mapping[str, Any] = {
    "iss": "https://accounts.google.com",
    "azp": "1234987819200.apps.googleusercontent.com",
    "aud": "1234987819200.apps.googleusercontent.com",
    "sub": "10769150350006150715113082367",
    "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
    "hd": "example.com",
    "email": "jsmith@example.com",
    "email_verified": True,
    "iat": 1_700_000_000,
    "exp": 1_700_003_600,
}
"""A person's ID token; a service account's has no hd and no at_hash."""


def _subject(claims: SignedClaims, issuer: Issuer) -> str:
    subject = text_claim(claims, "sub")
    if claims.get("hd") not in listed(issuer, "hosted_domains") and subject not in issuer.subject_groups:
        raise not_admitted(
            "The token's Google account is neither in a configured domain nor listed.",
            "Add the domain to hosted_domains, or the account's sub to subject_groups, in the configuration.",
        )
    return subject


def _groups(claims: SignedClaims, issuer: Issuer) -> frozenset[str]:
    domain = claims.get("hd")
    return frozenset({f"hd:{domain}"} if domain in listed(issuer, "hosted_domains") else ())


def _is_machine(claims: SignedClaims) -> bool:
    return "hd" not in claims


PROVIDER = Provider(
    subject=_subject,
    kinds=id_token_kinds,
    groups=_groups,
    is_machine=_is_machine,
    display=("email",),
    fact_sources=(("E-mail", "email"), ("Workspace domain", "hd"), ("Client", "azp")),
)
