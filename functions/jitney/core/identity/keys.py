"""An issuer's signing keys, parsed from a JWK set (RFC 7517). Only keys that can verify a signature are kept."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import jwt
from jwt.algorithms import Algorithm

from jitney.core import strict_json

MIN_RSA_BITS = 2048  # NIST SP 800-131A; RFC 7518 section 3.3

# The configurable algorithms, and the (kty, crv) that each needs: RFC 7518 section 3.1, RFC 8037 section 3.1. HS* and
# none are left out. Neither a shared secret nor a missing signature proves anything to a third party.
ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
_OTHER_NAMES = {"ES521": "ES512"}  # in a key's `alg`, as in Wycheproof's RFC 7520 keys; tokens cannot use it
_VERIFIERS: Mapping[str, Algorithm] = {name: jwt.get_algorithm_by_name(name) for name in ALGORITHMS}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


MOST_REMEMBERED = 1000
"""How many verified signatures a key remembers."""


@dataclass(frozen=True, slots=True)
class Key:
    """One public key, and the names of the algorithms that it may be used with.

    It remembers the signatures that it verified, because an agent sends the same token with each request until the
    token expires. They are forgotten with the key: each fetch of an issuer's keys makes new ones.
    """

    algorithms: frozenset[str]
    material: Any
    _verified: dict[bytes, None] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The SHA-256 hashes of verified tokens, the oldest first. The tokens themselves are not kept."""

    def verifies(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        """Return whether this key made `signature` over `signing_input`. An unsuitable algorithm returns False."""
        if algorithm not in self.algorithms:
            return False
        signed = hashlib.sha256(b"%b %d %b%b" % (algorithm.encode(), len(signing_input), signing_input, signature))
        digest = signed.digest()
        if digest in self._verified:
            return True
        if not _VERIFIERS[algorithm].verify(signing_input, self.material, signature):
            return False
        if len(self._verified) >= MOST_REMEMBERED:
            self._verified.pop(next(iter(self._verified)), None)
        self._verified[digest] = None
        return True

    def rivals(self, other: "Key") -> bool:
        """Return whether the other is a different key that could verify the same token."""
        return self.material != other.material and not self.algorithms.isdisjoint(other.algorithms)


class DroppedKey(NamedTuple):
    """An unused entry of a key set: its `kid` ("" without one) and the reason."""

    kid: str
    reason: str


class KeySet(NamedTuple):
    """The usable keys of one issuer.

    Keys with the same `kid` are for different algorithms (RFC 7517 section 4.5). `only` is the key of a set with one
    entry, apart from dropped ones, else None. `dropped` are the entries that the issuer should correct.
    """

    by_kid: Mapping[str, tuple[Key, ...]]
    only: Key | None
    dropped: tuple[DroppedKey, ...] = ()

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """Return the keys that may have signed a token with `kid`. Without a `kid`, the set must have one key only."""
        if kid is None:
            return (self.only,) if self.only else ()
        return self.by_kid.get(kid, ())


class _Entry(NamedTuple):
    """One entry of a key set: its usable key or None, and why it is dropped ("" if it is kept)."""

    kid: str | None
    key: Key | None
    reason: str = ""


def parse_key_set(raw: bytes) -> KeySet:
    """Return the key set in `raw`, the JSON text of a JWK set.

    Ignores keys that are for encryption or of unknown kinds (RFC 7517 section 5). Drops each entry that is malformed,
    broken or weak. Also drops keys with the same `kid` that could verify the same token. The other keys stay usable.
    Raises ValueError when no key is left, or when `raw` is not a JWK set.
    """
    document = strict_json.loads_marking(raw)
    members = document.get("keys") if isinstance(document, dict) else None
    entries = _without_ambiguous([_entry(member) for member in members] if isinstance(members, list) else [])
    by_kid: dict[str, tuple[Key, ...]] = {}
    for kid, key, _ in entries:
        if kid is not None and key is not None:
            by_kid[kid] = (*by_kid.get(kid, ()), key)
    kept = [entry for entry in entries if not entry.reason]
    keys = [entry.key for entry in kept if entry.key]
    if not keys:
        raise ValueError("no key of the set can verify a signature")
    return KeySet(
        by_kid=MappingProxyType(by_kid),
        only=keys[0] if len(kept) == 1 else None,
        dropped=tuple(DroppedKey(entry.kid or "", entry.reason) for entry in entries if entry.reason),
    )


def public_key(jwk: Any) -> Key | None:
    """Return the key in one JWK, or None unless it can verify a signature and is public, well-formed and strong."""
    return _entry(jwk).key


def is_private(jwk: Mapping[str, Any]) -> bool:
    """Return whether the key has private members, or is symmetric (RFC 7518 section 6)."""
    return not _PRIVATE_MEMBERS.isdisjoint(jwk)


def _entry(member: Any) -> _Entry:
    if not isinstance(member, dict):
        return _Entry(None, None, "malformed")
    kid = member.get("kid")
    if not isinstance(kid, str | None):
        return _Entry(None, None, "malformed")
    names = _algorithms(member)
    if not names or not _for_verifying(member):
        return _Entry(kid, None)
    if is_private(member):
        return _Entry(kid, None, "private")
    try:
        material: Any = _VERIFIERS[names[0]].from_jwk(dict(member))
    except (jwt.PyJWTError, ValueError, TypeError):  # cryptography's own reasons are ValueErrors
        return _Entry(kid, None, "malformed")
    if member["kty"] == "RSA" and material.key_size < MIN_RSA_BITS:
        return _Entry(kid, None, "weak")
    return _Entry(kid, Key(frozenset(names), material))


def _algorithms(jwk: Mapping[str, Any]) -> list[str]:
    """Return the algorithms that match the key's kind, curve and own `alg`."""
    stated = jwk.get("alg")
    if isinstance(stated, str):
        stated = _OTHER_NAMES.get(stated, stated)
    return [
        name
        for name, (kty, curve) in ALGORITHMS.items()
        if jwk.get("kty") == kty and curve in (None, jwk.get("crv")) and stated in (None, name)
    ]


def _without_ambiguous(entries: list[_Entry]) -> list[_Entry]:
    """Return the entries, without the keys that share their `kid` and an algorithm with a different key."""
    named: dict[str, list[Key]] = {}
    for entry in entries:
        if entry.kid is not None and entry.key:
            named.setdefault(entry.kid, []).append(entry.key)
    return [
        _Entry(entry.kid, None, "ambiguous")
        if entry.kid is not None and entry.key and any(map(entry.key.rivals, named[entry.kid]))
        else entry
        for entry in entries
    ]


def _for_verifying(jwk: Mapping[str, Any]) -> bool:
    """Return whether the key's own `use` and `key_ops` permit verifying (RFC 7517 sections 4.2 and 4.3)."""
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
