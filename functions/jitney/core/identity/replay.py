"""Using a token once: what to remember of it, and until when. Remembering is the store's."""

import hashlib
from typing import NamedTuple

from jitney.core.config import Issuer
from jitney.core.identity.claims import leeway
from jitney.core.identity.signature import SignedClaims
from jitney.core.identity.token import UnverifiedToken


class SingleUseToken(NamedTuple):
    """A token that may be used once: `key` is 64 hexadecimal characters, remembered until `expires_at`.

    `expires_at` is in epoch seconds, the moment from which the token is refused as expired.
    """

    key: str
    expires_at: int


def single_use_token(token: UnverifiedToken, claims: SignedClaims, issuer: Issuer) -> SingleUseToken | None:
    """What to remember of `token`; None when its issuer's tokens may be used again.

    The key is made of the issuer and `jti`; without one, of the bytes that were signed rather than of the whole token,
    since an ECDSA signature has a second form that verifies as well.
    """
    if issuer.replay != "single_use":
        return None
    jti = claims.get("jti")
    about = b"jti:" + jti.encode() if jti else b"token:" + token.signing_input
    key = hashlib.sha256(f"{len(issuer.issuer)}:{issuer.issuer}".encode() + about).hexdigest()
    return SingleUseToken(key, int(claims["exp"]) + leeway(issuer))
