"""Seals are verified with a public key on P-256, and with no other."""

from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from jitney.core.integrity.signatures import read_public_key

OTHERS = {
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


def pem_of(private: Any) -> bytes:
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize("kind", OTHERS)
def test_aud_02_another_kind_of_key_verifies_no_seal(kind: str):
    assert read_public_key(pem_of(ec.generate_private_key(ec.SECP256R1())))[0]
    with pytest.raises(ValueError, match="P-256"):
        read_public_key(pem_of(OTHERS[kind]()))
