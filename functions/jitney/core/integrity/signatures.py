"""Verifies a seal's signature with the public key."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from jitney.core.integrity.seals import SignedSeal, fingerprint_of


def read_public_key(pem: bytes) -> tuple[str, ec.EllipticCurvePublicKey]:
    """Return the key and its fingerprint. Raises ValueError if it is not a public key on P-256."""
    key = serialization.load_pem_public_key(pem)
    if not (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == ec.SECP256R1.name):
        raise ValueError("it is not a public key on the curve P-256")
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return fingerprint_of(der), key


def is_signed_by(signed: SignedSeal, key: ec.EllipticCurvePublicKey) -> bool:
    """Return whether `key` signed exactly this seal."""
    try:
        key.verify(signed.signature, signed.seal.digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    except InvalidSignature:
        return False
    return True
