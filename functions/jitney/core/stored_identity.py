"""An agent, a person or a unit, as stored items name it: equal in any configuration. Pure.

A source identity begins with the alias of its issuer. In another configuration, the issuer may have another alias, or
the alias another issuer. So two source identities can be compared only under one configuration. This type compares the
issuer's `iss` and the subject instead. mypy refuses a comparison with a text.
"""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache

DIGEST_CHARACTERS = 26
_HASHED = re.compile(rf".*=([a-z2-7]{{{DIGEST_CHARACTERS}}})")


@dataclass(frozen=True, slots=True)
class Identity:
    """An agent, a person or a unit of `issuer` (an `iss`). `digest` is the digest of the issuer and the subject.

    `name` is its source identity when the value was made, for people to read. It is not compared.
    """

    issuer: str
    digest: str
    name: str = field(compare=False)

    def __str__(self) -> str:
        return self.name

    def stored(self) -> dict[str, str]:
        """Return the identity as it is stored: the arguments of `identity_of`."""
        return {"name": self.name, "issuer": self.issuer}


def name_of(identity: Identity | None) -> str:
    """Return the name of an identity; "" for None."""
    return identity.name if identity else ""


@lru_cache(maxsize=4096)  # one decision about a person compares with each member of the groups
def identity_of(name: str, issuer: str) -> Identity:
    """Return the identity with the source identity `name` at `issuer`."""
    hashed = _HASHED.fullmatch(name)
    return Identity(issuer, hashed[1] if hashed else digest_of(issuer, name.partition(".")[2]), name)


def is_hashed(name: str) -> bool:
    """Return whether a source identity has a digest in place of its subject (`core.identity.source_identity`)."""
    return _HASHED.fullmatch(name) is not None


def digest_of(issuer: str, subject: str) -> str:
    """Return 128 bits of the SHA-256 of an issuer and a subject, in base32."""
    pair = f"{len(issuer)}:{issuer}{subject}".encode()
    return base64.b32encode(hashlib.sha256(pair).digest()[:16]).decode("ascii").rstrip("=").lower()
