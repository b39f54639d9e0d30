"""Single-use tokens: the key that the store keeps, and its expiry."""

import hashlib
from typing import NamedTuple

from jitney.core.config import Issuer
from jitney.core.identity.claims import refused_from
from jitney.core.identity.signature import SignedClaims
from jitney.core.identity.token import UnverifiedToken


class SingleUseToken(NamedTuple):
    """A token that may be used once: `key` is 64 hexadecimal characters, stored until `expires_at`.

    From `expires_at` (epoch seconds) the token is refused as expired or too old.
    """

    key: str
    expires_at: int


def single_use_token(token: UnverifiedToken, claims: SignedClaims, issuer: Issuer) -> SingleUseToken | None:
    """Return what to store about `token`, or None when its issuer's tokens may be reused.

    A token for reviews can be used for any number of reads and for one vote.

    The key covers the issuer and `jti`. Without a `jti`, the key covers the signed bytes only. The signature is left
    out, because an ECDSA signature has a second valid form.
    """
    if issuer.replay != "single_use" and not issuer.for_reviews:
        return None
    jti = claims.get("jti")
    about = b"jti:" + jti.encode() if jti else b"token:" + token.signing_input
    key = hashlib.sha256(f"{len(issuer.issuer)}:{issuer.issuer}".encode() + about).hexdigest()
    return SingleUseToken(key, refused_from(claims, issuer))
