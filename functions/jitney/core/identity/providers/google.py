"""Google ID tokens, of people in a Workspace domain and of service accounts.

Anyone can get a token for any audience. So `claims.require` must list a Workspace domain (`hd`), an account (`sub`), or
the project of a virtual machine (`google.compute_engine.project_number`). Google never reassigns a `sub`, but may
reassign an `email`. Google names no groups. They come from `subject_groups`, and "hd:DOMAIN" comes from the token. A
service account has no `hd`. In an entry for agents, the token of a person in a domain counts as delegated to an agent.
The agent is the token's client `azp`. (Google, "OpenID Connect", ID token claims; Compute Engine, "Verify the identity
of instances".)
"""

import re
from collections.abc import Mapping
from typing import Any

from jitney.core.identity.providers.known_claims import BOOLEAN, DIGITS, KnownClaims, like
from jitney.core.identity.providers.provider import Provider, id_token_kinds, text_claim
from jitney.core.identity.signature import SignedClaims
from jitney.core.issuer_config import Issuer, PeopleIssuer

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
"""A person's ID token. A service account's has no `hd` and no `at_hash`."""


_COMPUTE = "google.compute_engine"
_TENANTS = ("hd", "sub", f"{_COMPUTE}.project_number", f"{_COMPUTE}.project_id")
KNOWN = KnownClaims(
    names=(
        "at_hash", "azp", "email", "email_verified", "family_name", "given_name", "hd", "locale", "name", "nonce",
        "picture", "profile", "sub", f"{_COMPUTE}.*",
    ),
    forms={
        "email": like("robot@project.iam.gserviceaccount.com", "[^@]+@.+"),
        "email_verified": BOOLEAN,
        "hd": like("example.com", r"[^@]*\.[^@]*"),
        "sub": DIGITS,
        f"{_COMPUTE}.project_number": DIGITS,
    },
    subject=r"[0-9]+(-[a-z0-9]+)?(\.apps\.googleusercontent\.com)?",
    example="10769150350006150715113082367",
    tenants=_TENANTS,
    units=_TENANTS,
)  # fmt: skip


_PERSON = re.compile(r"[0-9]{1,255}", re.ASCII)


def _subject(claims: SignedClaims, issuer: Issuer) -> str:
    delegated = issuer.kind != "human" and not _is_machine(claims) and "azp" in claims
    return text_claim(claims, "azp" if delegated else "sub")


def _human(claims: SignedClaims, _: Issuer) -> str | None:
    if _is_machine(claims):
        return None
    text_claim(claims, "azp")  # the agent
    return text_claim(claims, "sub")


def _person(name: str, _: PeopleIssuer) -> str | None:
    return name if _PERSON.fullmatch(name) else None


def _groups(claims: SignedClaims, _: Issuer) -> frozenset[str]:
    return frozenset({f"hd:{text_claim(claims, 'hd')}"} if "hd" in claims else ())


def _is_machine(claims: SignedClaims) -> bool:
    return "hd" not in claims


PROVIDER = Provider(
    subject=_subject,
    kinds=id_token_kinds,
    groups=_groups,
    is_machine=_is_machine,
    display=("email",),
    fact_sources=(("E-mail", "email"), ("Workspace domain", "hd"), ("Client id", "azp")),
    known=KNOWN,
    group_claims={"hd": "hd"},
    human=_human,
    person=_person,
)
