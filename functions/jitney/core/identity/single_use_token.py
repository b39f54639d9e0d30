"""Single-use tokens: the key that the store keeps."""

import hashlib

from jitney.core.identity.claims import refused_from
from jitney.core.identity.signature import SignedClaims
from jitney.core.identity.token import UnverifiedToken
from jitney.core.issuer_config import Issuer
from jitney.core.quotas import SingleUseKey


def single_use_token(token: UnverifiedToken, claims: SignedClaims, issuer: Issuer) -> SingleUseKey | None:
    """Return the key of `token`, or None when its issuer's tokens may be reused.

    The key is stored until the token is refused as expired or too old.

    A token for reviews can be used for any number of reads and for one vote.

    The key covers the issuer and `jti`. Without a `jti`, the key covers the signed bytes only. The signature is left
    out, because an ECDSA signature has a second valid form.
    """
    if issuer.replay != "single_use" and not issuer.for_reviews:
        return None
    jti = claims.get("jti")
    about = b"jti:" + jti.encode() if jti else b"token:" + token.signing_input
    key = hashlib.sha256(f"{len(issuer.issuer)}:{issuer.issuer}".encode() + about).hexdigest()
    return SingleUseKey(f"REPLAY#{key}", refused_from(claims, issuer))
