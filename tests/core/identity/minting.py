"""Issuers, keys and tokens for the tests: everything is really signed, and each part can be made wrong."""

import base64
import json
from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from jitney.core.config import Config, Limits, Policies
from jitney.core.identity.keys import KeySet, parse_key_set
from jitney.core.identity.providers import aws, entra, github_actions, google, kubernetes, okta
from jitney.core.issuer_config import ClaimRules, Issuer, PeopleIssuer

NOW = 1_700_000_100  # a hundred seconds after the samples were issued
CORP = "https://idp.corp.example.com"
OTHER = "https://idp.other.example.com"
LONE = "https://lone.example.com"
PEOPLE = "https://people.example.com"
SPENT = "https://once.example.com"

_GENERATORS = {
    "rsa": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "rsa-other": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "rsa-weak": lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505
    "ec256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@cache
def private_key(name: str) -> Any:
    return _GENERATORS[name]()


def algorithm_of(name: str) -> str:
    return {"ec256": "ES256", "ec384": "ES384", "ed25519": "EdDSA"}.get(name, "RS256")


def jwk(name: str, **members: Any) -> dict[str, Any]:
    """Return the public JWK of key `name` with `members`; a member that is None is removed."""
    public = jwt.get_algorithm_by_name(algorithm_of(name)).to_jwk(private_key(name).public_key(), as_dict=True)
    public.pop("key_ops", None)
    return {key: value for key, value in {**public, "kid": name, **members}.items() if value is not None}


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def encode(part: Any) -> str:
    """Return bytes, or other values as JSON, in unpadded base64url."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def sign(header: Any, claims: Any, key: str = "rsa", algorithm: str | None = None) -> str:
    """Return a compact JWS over exactly this header and payload, signed with `key` regardless of the header."""
    signing_input = f"{encode(header)}.{encode(claims)}"
    return f"{signing_input}.{_signature(signing_input, key, algorithm or algorithm_of(key))}"


@lru_cache(4096)
def _signature(signing_input: str, key: str, algorithm: str) -> str:
    """Return the signature of an input. Most tests sign the same tokens, and RSA is slow."""
    method = jwt.get_algorithm_by_name(algorithm)
    return encode(method.sign(signing_input.encode(), private_key(key)))


CLAIMS: dict[str, Any] = {
    "iss": CORP,
    "sub": "reader-agent",
    "aud": "jitney",
    "iat": NOW - 100,
    "exp": NOW + 200,
    "jti": "9f0c6a0e",
    "azp": "portal",
    "groups": ["data-readers"],
}


def header_with(**members: Any) -> dict[str, Any]:
    whole = {"alg": "RS256", "kid": "rsa", "typ": "at+jwt", **members}
    return {name: value for name, value in whole.items() if value is not None}


def claims_with(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in {**CLAIMS, **members}.items() if value is not None}


def token(key: str = "rsa", head: dict[str, Any] | None = None, **members: Any) -> str:
    """Return a token of the corporate issuer, valid but for `head` and the claims in `members` (None removes one)."""
    whole = {"alg": algorithm_of(key), "kid": key, **(head or {})}
    return sign(header_with(**whole), claims_with(**members), key)


def agent_token(name: str, now: int) -> str:
    """Return a token of an agent for five minutes from `now` on."""
    return token(sub=name, iat=now, exp=now + 300)


def operator_token(now: int, name: str = "olga") -> str:
    """Return a token of an operator for five minutes from `now` on."""
    return token(sub=name, groups=["security"], iss=OTHER, key="rsa-other", iat=now, exp=now + 300)


def issuer(name: str, url: str, **changes: Any) -> Issuer:
    values: dict[str, Any] = {
        "provider": "generic",
        "token": "access",
        "jwks_uri": f"{url}/jwks",
        "audiences": ("jitney",),
        "clients": (),
        "algorithms": ("RS256", "PS256", "ES256", "EdDSA"),
        "kind": "agent",
        "replay": "reuse",
        "max_age_seconds": 3600,
        "leeway_seconds": 30,
        "groups_claim": "groups",
        "human_claim": "",
        "human_issuer": None,
        "subject_groups": MappingProxyType({}),
    }
    if claims := changes.get("claims"):
        changes["claims"] = claims if isinstance(claims, ClaimRules) else ClaimRules(**claims)
    return Issuer(**{"name": name, "identity_name": name, "issuer": url, **values, **changes})


def people_of(provider: str, sample: Mapping[str, Any]) -> PeopleIssuer:
    """Return the people who sign in with the same issuer as agents."""
    return PeopleIssuer(provider, sample["iss"], provider)


HUMANS = PeopleIssuer("people", PEOPLE, "generic", "[a-z]+")
ISSUERS = (
    issuer("corp", CORP, clients=("portal",), human_claim="act.sub", human_issuer=HUMANS),
    issuer("other", OTHER),
    issuer("lone", LONE, token="id"),
    issuer("people", PEOPLE, kind="human"),
    issuer("once", SPENT, replay="single_use"),
    issuer("okta", okta.SAMPLE["iss"], provider="okta", human_issuer=people_of("okta", okta.SAMPLE)),
    issuer(
        "entra",
        entra.SAMPLE["iss"],
        provider="entra",
        audiences=(entra.SAMPLE["aud"],),
        human_issuer=people_of("entra", entra.SAMPLE),
    ),
    issuer(
        "google",
        google.SAMPLE["iss"],
        provider="google",
        token="id",
        audiences=(google.SAMPLE["aud"],),
        claims={"require": {"hd": ("example.com",)}},
        subject_groups={google.SAMPLE["azp"]: ("data-readers",)},
        human_issuer=people_of("google", google.SAMPLE),
    ),
    issuer(
        "google-robots",
        google.SAMPLE["iss"],
        identity_name="google",
        provider="google",
        token="id",
        claims={"require": {"sub": ("117",)}},
        subject_groups={"117": ("robots",)},
    ),
    issuer(
        "github",
        github_actions.SAMPLE["iss"],
        provider="github_actions",
        token="id",
        replay="single_use",
        claims={"require": {"repository_owner_id": ("583231",), "environment": ("production",)}},
    ),
    issuer(
        "eks",
        kubernetes.SAMPLE["iss"],
        provider="kubernetes",
        token="id",
        claims={"require": {"kubernetes.io.namespace": ("agents",)}},
    ),
    issuer("account", aws.SAMPLE["iss"], provider="aws", token="id", algorithms=("RS256", "ES384")),
)

CORP_KEYS = jwks(
    jwk("rsa"),
    jwk("ec256"),
    jwk("ed25519"),
    jwk("rsa-weak"),
    jwk("rsa", kid="for-encryption", use="enc"),
    jwk("rsa", kid="for-signing", key_ops=["sign"]),
    jwk("rsa", kid="for-ps256", alg="PS256"),
    jwk("rsa", kid=None),
    {"kty": "oct", "kid": "shared", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw"},
)


def config(*issuers: Issuer) -> Config:
    """Return a configuration of `issuers`, or of all issuers when none is given."""
    return Config(
        issuers=MappingProxyType({item.name: item for item in issuers or ISSUERS}),
        targets={},
        reviewers={},
        limits=Limits(300, 3600, 65_536, 200, 3600, 30),
        policies=Policies("", "", ""),
        local=False,
    )


class KnownKeys:
    """A KeySource in memory. `refreshed` returns the keys in `rotated` once they are set."""

    def __init__(self, sets: dict[str, bytes]) -> None:
        self.sets = {url: _parsed(raw) for url, raw in sets.items()}
        self.rotated: dict[str, KeySet] = {}
        self.refreshes = 0

    def keys(self, asked: Issuer) -> KeySet:
        return self.sets[asked.issuer]

    def refreshed(self, asked: Issuer) -> KeySet:
        self.refreshes += 1
        return self.rotated.get(asked.issuer, self.sets[asked.issuer])


_parsed = cache(parse_key_set)


@cache
def key_sets() -> dict[str, bytes]:
    """Return every issuer's key set: the corporate issuer has one key of each kind, the others a single key."""
    return {
        **{item.issuer: jwks(jwk("rsa"), jwk("ec384")) for item in ISSUERS},
        CORP: CORP_KEYS,
        OTHER: jwks(jwk("rsa-other"), jwk("ec256", kid="other-ec")),
        LONE: jwks(jwk("rsa")),
    }
