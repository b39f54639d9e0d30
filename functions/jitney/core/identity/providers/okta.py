"""Okta access tokens, of a custom authorization server, and ID tokens of people who sign in.

Okta sets no `typ`. `jti` shows the token's kind ("AT.", "ID."), and so does `cid`, which only access tokens have. In an
access token, `sub` is a person's login name, which can be reassigned. So the identity is `uid`, the person's permanent
id. A service app has no `uid`, and its `sub` is its client id. An ID token is always a person's, and its `sub` is the
permanent id. In an entry for agents, a person's access token counts as delegated to an agent. The agent is the token's
client `cid`. (Okta, OpenID Connect & OAuth 2.0 API, "Access token claims" and "ID token claims".)
"""

import re
from collections.abc import Mapping
from typing import Any

from jitney.core.identity.providers.provider import Provider, claimed_groups, text_claim, token_kinds
from jitney.core.identity.signature import SignedClaims
from jitney.core.issuer_config import Issuer, PeopleIssuer

SAMPLE: Mapping[str, Any] = {
    "ver": 1,
    "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
    "iss": "https://corp.okta.com/oauth2/aus9o8wzkhckw9TLa0h7",
    "aud": "jitney",
    "iat": 1_700_000_000,
    "exp": 1_700_003_600,
    "cid": "0oabskvc6442nkvQO0h7",
    "uid": "00u5t60iloOHN9pBi0h7",
    "scp": ["jitney"],
    "sub": "ada@corp.example.com",
    "groups": ["data-readers"],
}
"""A person's access token. A service app's has neither `uid` nor a person's `sub`."""

_PERSON = re.compile(r"00u[A-Za-z0-9]{17}", re.ASCII)  # never a login, which can be reassigned
_KINDS = {"AT": "access", "ID": "id"}


def _subject(claims: SignedClaims, issuer: Issuer) -> str:
    if issuer.kind != "human" and "cid" in claims:
        return text_claim(claims, "sub" if _is_machine(claims) else "cid")
    return text_claim(claims, "uid" if "uid" in claims else "sub")


def _human(claims: SignedClaims, _: Issuer) -> str | None:
    if _is_machine(claims):
        return None
    text_claim(claims, "cid")  # the agent
    return text_claim(claims, "uid")


def _person(name: str, _: PeopleIssuer) -> str | None:
    return name if _PERSON.fullmatch(name) else None


def _kinds(claims: SignedClaims, typ: str) -> frozenset[str]:
    stated = _KINDS.get(text_claim(claims, "jti").partition(".")[0], "another")
    shown = "access" if "cid" in claims else "id"
    return token_kinds(claims, typ) | {stated, shown}


def _is_machine(claims: SignedClaims) -> bool:
    return "cid" in claims and "uid" not in claims


PROVIDER = Provider(
    subject=_subject,
    kinds=_kinds,
    groups=claimed_groups,
    is_machine=_is_machine,
    display=("sub",),
    fact_sources=(("Login or client", "sub"), ("Client id", "cid"), ("User id", "uid")),
    human=_human,
    person=_person,
)
