"""Tokens that are bound to a key, and DPoP proofs (RFC 9449). Tests make each part wrong."""

import base64
import hashlib
from typing import Any

from cryptography.hazmat.primitives import serialization

from tests.core.identity.minting import NOW, algorithm_of, jwk, sign, token

URL = "https://jitney.example.com/live/v1/grants"

NOT_ENCRYPTED = serialization.NoEncryption()


def public(name: str, **members: Any) -> dict[str, Any]:
    """Return the public key as a proof's header has it."""
    return jwk(name, kid=None, **members)


def thumbprint(name: str) -> str:
    """Return the thumbprint by another implementation than the product's: members in the order of RFC 7638."""
    key = public(name)
    members = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}[key["kty"]]
    text = "{" + ",".join(f'"{each}":"{key[each]}"' for each in members) + "}"
    return encoded(text)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def bound_token(key: str = "ec256", **claims: Any) -> str:
    return token(**{"cnf": {"jkt": thumbprint(key)}, **claims})


def proof_of(text: str, key: str = "ec256", head: dict[str, Any] | None = None, **claims: Any) -> str:
    """Return a proof for `text`, right but for `head` and `claims` (None removes one)."""
    header = {"typ": "dpop+jwt", "alg": algorithm_of(key), "jwk": public(key), **(head or {})}
    whole = {"jti": "7f0c", "htm": "POST", "htu": URL, "iat": NOW, "ath": encoded(text), **claims}
    return sign(
        {name: value for name, value in header.items() if value is not None},
        {name: value for name, value in whole.items() if value is not None},
        key,
    )


def pem(key: Any, encryption: serialization.KeySerializationEncryption = NOT_ENCRYPTED) -> bytes:
    written: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return written
