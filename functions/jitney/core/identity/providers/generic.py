"""Any OpenID Connect provider that follows RFC 9068 (access tokens) or OpenID Connect Core (ID tokens).

The kind of a token follows from claims that only access tokens or only ID tokens have. A token without such claims gets
the kind in the issuer's entry. That is safe, because an access token's audience is an API, and an ID token's audience
is a client.

The identity is `sub`, or what `claims.subject` names. A token that a person delegated to an agent has the person in
`sub`. The agent is in `act.sub` (RFC 8693) or in `azp`. For such tokens, write `claims: {subject: [act.sub]}` and
`human_claim: sub`. A token that names a client may be a person's: it has a person's claims, such as `email`, or a `sub`
that is not the client's own. Such a token is refused unless the entry says which claim is the agent and which the
person, or lists its `sub` in `claims.require`. Without a person's claims, it is also accepted if its `sub` is the
agent: a person cannot review the requests of their own subject.

An entry for people refuses a machine's token. Auth0 marks it with `gty` and ends its `sub` with "@clients" (Auth0,
"Access Token Profiles"). Keycloak's service accounts have a reserved user name, and claims with the client's id and
address (Keycloak, "Using a service account").
"""

import re
from collections.abc import Mapping
from typing import Any

from jitney.core.identity.claim_path import claim_at
from jitney.core.identity.claim_rules import texts_of
from jitney.core.identity.claims import CLIENT_CLAIMS
from jitney.core.identity.providers.provider import Provider, claimed_groups, token_kinds, unresolved_human
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.issuer_config import Issuer, PeopleIssuer

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
"""An access token's claims. Its header has `typ` "at+jwt" (RFC 9068 section 2.1)."""


_MACHINE_CLAIMS = frozenset({"clientAddress", "clientHost", "clientId"})
_MACHINE_GRANTS = frozenset({"client-credentials", "client_credentials"})

# OpenID Connect Core sections 2 and 5.1, Front-Channel Logout section 3.
_PERSON_CLAIMS = frozenset(
    {"amr", "auth_time", "email", "family_name", "given_name", "name", "nickname", "preferred_username", "sid"}
)


def _subject(claims: SignedClaims, _: Issuer) -> str:
    return str(claims["sub"])


def _is_clients_own(claims: SignedClaims) -> bool:
    """Return whether a client got the token for itself (RFC 9068 section 2.2, and the marks of Auth0 and Keycloak)."""
    subject = claims["sub"]
    return (
        subject in [claims[name] for name in CLIENT_CLAIMS if name in claims]
        or not _MACHINE_CLAIMS.isdisjoint(claims)
        or not _MACHINE_GRANTS.isdisjoint(texts_of(claims, "gty"))
        or subject.endswith("@clients")
        or str(claims.get("preferred_username")).lower().startswith("service-account-")
    )


def _human(claims: SignedClaims, issuer: Issuer) -> None:
    """Refuse a token that may be a person's, if the entry does not say which claims name the agent and the person.

    The configured `human_claim` names the person. If it is `sub`, a client's own token is refused: the subject of a
    service account of Keycloak has the form of a person's.
    """
    named = bool(issuer.human_claim) and claim_at(claims, issuer.human_claim) is not None
    if issuer.human_claim == "sub" and _is_clients_own(claims):
        raise unresolved_human(
            "The token's sub is a client, but the issuer's entry has human_claim: sub.",
            "Use a token that a person delegated. For tokens of the client itself, add an entry without human_claim.",
        )
    agent = issuer.claims.subject or ("sub",)
    paths = (issuer.human_claim, *agent)
    if "act" in claims and not (named and any(path.partition(".")[0] == "act" for path in paths)):
        raise _undeclared("an actor (act)")
    clients = [name for name in CLIENT_CLAIMS if name in claims]
    persons = not _is_clients_own(claims) and (agent != ("sub",) or not _PERSON_CLAIMS.isdisjoint(claims))
    if clients and persons and not named and "sub" not in issuer.claims.require:
        raise _undeclared(f"a client ({clients[0]}) and a person")


def _undeclared(what: str) -> Refusal:
    return unresolved_human(
        f"The token names {what}, and the issuer's entry does not say which is the agent and which is the person.",
        "Set claims.subject to the agent's claim and human_claim to the person's. For a machine, require its sub.",
    )


def _person(name: str, people: PeopleIssuer) -> str | None:
    pattern = people.subject_pattern
    return name if pattern and re.fullmatch(pattern, name, re.ASCII) else None


PROVIDER = Provider(
    subject=_subject,
    kinds=token_kinds,
    groups=claimed_groups,
    is_machine=_is_clients_own,
    display=("preferred_username", "email", "name"),
    fact_sources=(
        ("Name", "name"),
        ("Username", "preferred_username"),
        ("E-mail", "email"),
        ("Client", "client_id"),
        ("Client", "azp"),
    ),
    human=_human,
    person=_person,
    needs_subject_pattern=True,
)
