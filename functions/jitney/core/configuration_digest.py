"""The digest of a configuration, which records of acts have. It is also how an auditor finds the configuration."""

import hashlib

DIGEST_LENGTH = 32
"""How many hexadecimal digits of the SHA-256 are in a digest: 128 bits."""


def digest_of(text: str) -> str:
    """Return the digest of a `configuration.json`. It changes with any setting, policy, key set or schema in it."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
