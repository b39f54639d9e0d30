"""An issuer's signing keys, parsed from a JWK set (RFC 7517). Only keys that can verify a signature are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import jwt
from jwt.algorithms import Algorithm

from jitney.core import strict_json

MIN_RSA_BITS = 2048  # NIST SP 800-131A; RFC 7518 section 3.3

# The configurable algorithms, and the (kty, crv) that each needs: RFC 7518 section 3.1, RFC 8037 section 3.1.
# HS* and none are missing: a shared secret proves nothing to a third party, and neither does a missing signature.
ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
_VERIFIERS: Mapping[str, Algorithm] = {name: jwt.get_algorithm_by_name(name) for name in ALGORITHMS}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, and the names of the algorithms that it may be used with."""

    algorithms: frozenset[str]
    material: Any

    def verifies(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        """Return whether `signature` over `signing_input` is this key's; false for an unsuitable algorithm."""
        return algorithm in self.algorithms and _VERIFIERS[algorithm].verify(signing_input, self.material, signature)


class KeySet(NamedTuple):
    """The usable keys of one issuer. `only` is the key of a set that was published with a single key, else None."""

    by_kid: Mapping[str, Key]
    only: Key | None

    def find(self, kid: str | None) -> Key | None:
        """Return the key that a token with `kid` must be signed by. Without a `kid`, the set must have one key only."""
        return self.only if kid is None else self.by_kid.get(kid)


def parse_key_set(raw: bytes) -> KeySet:
    """Return the key set in `raw`, the JSON text of a JWK set.

    Skips keys that are for encryption, of unknown kinds, weak or broken (RFC 7517 section 5). Raises ValueError for
    anything other than a JWK set, two keys with one `kid`, a `kid` that is not a string, and a set without a usable
    key.
    """
    document = strict_json.loads(raw)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("not a JWK set")
    kids = [entry["kid"] for entry in entries if "kid" in entry]
    if not all(isinstance(kid, str) for kid in kids):
        raise ValueError("a kid is not a string")
    if len(set(kids)) != len(kids):
        raise ValueError("two keys have the same kid")
    keys = [(entry.get("kid"), key) for entry in entries if (key := _usable(entry)) is not None]
    if not keys:
        raise ValueError("no key of the set can verify a signature")
    return KeySet(
        by_kid=MappingProxyType({kid: key for kid, key in keys if kid is not None}),
        only=keys[0][1] if len(entries) == 1 else None,
    )


def _usable(jwk: Mapping[str, Any]) -> Key | None:
    """Return the key in `jwk` if it may and can verify signatures, else None."""
    names = [
        name
        for name, (kty, curve) in ALGORITHMS.items()
        if jwk.get("kty") == kty and curve in (None, jwk.get("crv")) and jwk.get("alg", name) == name
    ]
    if not names or not _for_verifying(jwk) or not _PRIVATE_MEMBERS.isdisjoint(jwk):
        return None
    try:
        material: Any = _VERIFIERS[names[0]].from_jwk(dict(jwk))
    except (jwt.PyJWTError, ValueError, TypeError):  # cryptography's own reasons are ValueErrors
        return None
    if jwk["kty"] == "RSA" and material.key_size < MIN_RSA_BITS:
        return None
    return Key(frozenset(names), material)


def _for_verifying(jwk: Mapping[str, Any]) -> bool:
    """Return whether the key's own `use` and `key_ops` permit verifying (RFC 7517 sections 4.2 and 4.3)."""
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
