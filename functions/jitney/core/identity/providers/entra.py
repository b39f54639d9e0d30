"""Microsoft Entra ID access tokens, of version 1.0 and 2.0, and ID tokens of people who sign in.

The identity is "oid@tid": `oid` is the person or service principal, `tid` the tenant. `sub` differs between
applications. `upn`, `email` and `preferred_username` can be reassigned to another person. In an entry for agents, a
person's access token counts as delegated to an agent. The agent is the token's application, "app:azp@tid", and the
human is "oid@tid".

Only access tokens have `azpacr` (2.0) or `appidacr` (1.0), which say how the client authenticated. When the groups do
not fit, Entra omits `groups` and names a URL instead (`_claim_names`, `hasgroups`). Such a token is refused, because
Jitney follows no URL that a token names. An ID token is always a person's. It has `oid` if the scope `profile` was
requested. (Microsoft identity platform, "Access token claims reference", "ID token claims reference", and "Configure
optional claims" for idtyp.)
"""

import re
from collections.abc import Mapping
from typing import Any

from jitney.core.identity.claim_rules import missing_claim
from jitney.core.identity.providers.known_claims import ID, UUID, Form, KnownClaims, one_of
from jitney.core.identity.providers.provider import Provider, claimed_groups, object_claim, text_claim, token_kinds
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.issuer_config import Issuer, PeopleIssuer

SAMPLE: Mapping[str, Any] = {
    "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
    "iss": "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
    "iat": 1_700_000_000,
    "nbf": 1_700_000_000,
    "exp": 1_700_003_900,
    "azp": "00001111-aaaa-2222-bbbb-3333cccc4444",
    "azpacr": "1",
    "idtyp": "app",
    "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
    "sub": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
    "tid": "72f988bf-86f1-41af-91ab-2d7cd011db47",
    "groups": ["0760b6cf-170e-4a14-91b3-4b78e0739963"],
    "roles": ["jitney.ask"],
    "uti": "rIZ4YYYYYYYYYYYYYYYYAA",
    "ver": "2.0",
}
"""An application's access token of version 2.0. A person's token has `scp` and no `idtyp` "app"."""

_GUID = re.compile(ID)
KNOWN = KnownClaims(
    forms={
        **dict.fromkeys(("appid", "azp", "oid", "tid"), UUID),
        **dict.fromkeys(("appidacr", "azpacr"), one_of("0", "1", "2")),
        "idtyp": one_of("app", "device", "user"),
        "xms_mirid": Form("/subscriptions/.+|[*?].*", "a resource id, which begins with /subscriptions/"),
    },
    subject=f"(app:)?{ID}@{ID}",
    example="690222be-ff1a-4d56-abd1-7e4f7d38e474@72f988bf-86f1-41af-91ab-2d7cd011db47",
)


def _subject(claims: SignedClaims, issuer: Issuer) -> str:
    bearer = _named(_object(claims), issuer.issuer)
    if bearer is None:
        raise Refusal(
            "token_subject",
            "The claims oid and tid are not ids of the issuer's tenant.",
            "Use a token that the tenant of the issuer's entry issued.",
        )
    if issuer.kind == "human" or _is_machine(claims):
        return bearer
    application = text_claim(claims, "appid" if "appid" in claims else "azp")
    if not _GUID.fullmatch(application):
        raise missing_claim("azp")
    return f"app:{application}@{text_claim(claims, 'tid')}"


def _object(claims: SignedClaims) -> str:
    return f"{text_claim(claims, 'oid')}@{text_claim(claims, 'tid')}"


def _named(name: str, issuer: str) -> str | None:
    """Return `name` as "oid@tid", or None if it has another form, or a tenant that is not the issuer's.

    If the issuer belongs to one tenant, the oid alone is accepted.
    """
    tenants = [part for part in issuer.split("/") if _GUID.fullmatch(part)]
    object_id, at, tenant = name.partition("@")
    if not at and len(tenants) == 1:
        tenant = tenants[0]
    if not _GUID.fullmatch(object_id) or not _GUID.fullmatch(tenant) or (tenants and tenant not in tenants):
        return None
    return f"{object_id}@{tenant}"


def _human(claims: SignedClaims, _: Issuer) -> str | None:
    return None if _is_machine(claims) else _object(claims)


def _person(name: str, people: PeopleIssuer) -> str | None:
    return _named(name, people.issuer)


def _kinds(claims: SignedClaims, typ: str) -> frozenset[str]:
    return token_kinds(claims, typ) | {"access" if _is_access(claims) else "id"}


def _is_access(claims: SignedClaims) -> bool:
    return "azpacr" in claims or "appidacr" in claims


def _groups(claims: SignedClaims, issuer: Issuer) -> frozenset[str]:
    elsewhere = object_claim(claims, "_claim_names") if "_claim_names" in claims else {}
    if issuer.groups_claim in elsewhere or claims.get("hasgroups", False) is not False:
        raise Refusal(
            "token_groups",
            "The subject has too many groups for the token, so Entra omitted them.",
            "Set the application's registration to emit only the groups assigned to it, or use app roles as groups.",
        )
    return claimed_groups(claims, issuer)


def _is_machine(claims: SignedClaims) -> bool:
    """Return whether the token is a machine's. Only access tokens issued for a person have scopes (`scp`)."""
    return claims.get("idtyp") == "app" or (_is_access(claims) and "scp" not in claims)


PROVIDER = Provider(
    subject=_subject,
    kinds=_kinds,
    groups=_groups,
    is_machine=_is_machine,
    display=("preferred_username", "upn", "app_displayname"),
    fact_sources=(
        ("Application", "app_displayname"),
        ("Application id", "azp"),
        ("Application id", "appid"),
        ("Person", "preferred_username"),
        ("Person", "upn"),
        ("Object id", "oid"),
    ),
    known=KNOWN,
    human=_human,
    person=_person,
)
