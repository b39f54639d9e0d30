"""Tokens that are bound to a private key of this client, and proofs that the client has the key (RFC 9449)."""

import base64
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from jitney.client.inputs.setting_files import read_setting_file
from jitney.client.inputs.setting_names import bad_setting
from jitney.client.tokens import Token, TokenSource

_FIX = "Name a file with an unencrypted private key in PEM, such as one of `openssl ecparam -name prime256v1 -genkey`."
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_MIN_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class DpopKey:
    """A private key with the algorithm of its proofs, and its public part as a JWK."""

    private: Any = field(repr=False)
    algorithm: str
    public: Mapping[str, Any]

    def proof(self, method: str, url: str, now: float, *, token: str = "", nonce: str = "") -> str:
        """Return a proof for one request at `now` (epoch seconds): a request with `token`, or one for a token.

        `nonce` is the one that the server demanded, if any.
        """
        claims: dict[str, Any] = {
            "jti": uuid.uuid4().hex,
            "htm": method,
            "htu": url.partition("#")[0].partition("?")[0],
            "iat": int(now),
        }
        if token:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if nonce:
            claims["nonce"] = nonce
        return jwt.encode(claims, self.private, self.algorithm, {"typ": "dpop+jwt", "jwk": dict(self.public)})


@dataclass(frozen=True, slots=True)
class BoundToken:
    """The tokens of another source, which the issuer bound to `key`."""

    source: TokenSource
    key: DpopKey

    def fetch(self) -> Token:
        """Return a token of the source, with the key. Raises what the source raises."""
        return replace(self.source.fetch(), key=self.key)


def read_key(path: Path) -> DpopKey:
    """Return the key in the file. Raises Invalid when it holds none that can sign proofs."""
    try:
        private = load_pem_private_key(read_setting_file(path).encode(), None)
    except OSError as error:
        raise bad_setting("dpop_key_file", f"cannot be read: {error.strerror}", _FIX) from error
    except (ValueError, TypeError, UnsupportedAlgorithm):  # their texts may quote the file
        raise bad_setting("dpop_key_file", f"({path}) holds no private key in PEM without a password", _FIX) from None
    match private:
        case ec.EllipticCurvePrivateKey() if algorithm := _CURVES.get(private.curve.name, ""):
            pass
        case rsa.RSAPrivateKey() if private.key_size >= _MIN_RSA_BITS:
            algorithm = "RS256"
        case ed25519.Ed25519PrivateKey():
            algorithm = "EdDSA"
        case _:
            raise bad_setting("dpop_key_file", f"({path}) holds a key of a kind that is not accepted", _FIX)
    public = jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
    return DpopKey(private, algorithm, {name: value for name, value in public.items() if name != "key_ops"})
