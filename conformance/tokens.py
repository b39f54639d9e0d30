"""The run's own issuer: a key, the key set that the broker reads, and the tokens of agents and people."""

import json
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

AGENT_AUDIENCE, REVIEW_AUDIENCE, WEB_AUDIENCE = "jitney", "jitney-review", "jitney-web"
READERS, WRITERS, OPERATORS = "readers", "writers", "operators"
REVIEWER = "alice"
_KEY_ID = "conformance"
_SECONDS = 600


class SigningKey:
    """The private key of the issuer. It stays in its file, which only its owner can read."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    @classmethod
    def in_file(cls, path: Path) -> "SigningKey":
        """Return the key in the file, or a new one that is written there."""
        if path.exists():
            key = serialization.load_pem_private_key(path.read_bytes(), None)
            if not isinstance(key, rsa.RSAPrivateKey):
                raise ValueError(f"{path} holds no RSA key: delete it, and run the command again")
            return cls(key)
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
        return cls(made)

    def key_set(self) -> str:
        """Return the public key as a JWK set."""
        public = jwt.get_algorithm_by_name("RS256").to_jwk(self._key.public_key(), as_dict=True)
        return json.dumps({"keys": [{**public, "kid": _KEY_ID, "use": "sig", "alg": "RS256"}]})

    def signed(self, claims: dict[str, Any], kind: str) -> str:
        """Return the claims as a token. `kind` is the header's `typ`."""
        now = int(time.time())
        stamped = {"iat": now, "exp": now + _SECONDS, "jti": uuid.uuid4().hex, **claims}
        return jwt.encode(stamped, self._key, "RS256", {"kid": _KEY_ID, "typ": kind})


class Identities:
    """Tokens of the issuer."""

    def __init__(self, key: SigningKey, issuer: str) -> None:
        self._key = key
        self._issuer = issuer

    def agent(self, name: str, groups: Sequence[str] = (READERS,)) -> str:
        """Return an access token of an agent."""
        claims = {"iss": self._issuer, "aud": AGENT_AUDIENCE, "sub": name, "groups": list(groups)}
        return self._key.signed(claims, "at+jwt")

    def operator(self) -> str:
        """Return an access token of an operator."""
        return self.agent("operator", (OPERATORS,))

    def reviewer(self) -> str:
        """Return an ID token with which the reviewer can vote once."""
        claims = {"iss": self._issuer, "aud": REVIEW_AUDIENCE, "sub": REVIEWER, "groups": [], "name": "Alice"}
        return self._key.signed(claims, "JWT")
