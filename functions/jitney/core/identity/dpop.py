"""DPoP: proof that the sender of a token has the key to which the issuer bound the token (RFC 9449)."""

import hashlib
import json
import re
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any, NamedTuple

from jitney.core.identity.claims import is_date
from jitney.core.identity.keys import public_key
from jitney.core.identity.principal import Principal
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.identity.token import base64url, parse_proof
from jitney.core.issuer_config import Issuer
from jitney.core.quotas import SingleUseKey

PROOF_SECONDS = 60
"""How far the `iat` of a proof may be from Jitney's time, in both directions.

A proof is remembered for twice that time, because a function may read the clock some time before it stores the proof.
"""
_MOST_ID_CHARACTERS = 255
_URL = re.compile(r"(?P<scheme>https?)://(?P<host>[^/?#]+)(?P<path>/[^?#]*)?", re.ASCII | re.IGNORECASE)
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}
# The members of a thumbprint, by kty: RFC 7638 section 3.2, RFC 8037 section 2.
_THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}


class SentProof(NamedTuple):
    """The DPoP header of a request (None if it has none), and the method and address of the request."""

    header: str | None = None
    method: str = ""
    url: str = ""


NO_PROOF = SentProof()


def check_binding(claims: SignedClaims, issuer: Issuer) -> None:
    """Raise Refusal token_kind unless the token is bound to a key, with `dpop`, or not bound, without `dpop`.

    A bound token must not pass as a bearer token (RFC 7800). Tokens that are bound by mutual TLS are refused.
    """
    if not issuer.dpop and "cnf" in claims:
        raise Refusal(
            "token_kind",
            "The token is bound to a key of its client (claim cnf). The issuer's entry accepts only bearer tokens.",
            "Configure the client to get tokens without DPoP and mutual TLS, or set dpop: true in the issuer's entry.",
        )
    if issuer.dpop and not _bound_key(claims):
        raise Refusal(
            "token_kind",
            "The token is not bound to a key by DPoP (claim cnf, member jkt). The issuer's entry requires that.",
            "Configure the client to get DPoP tokens (RFC 9449). For `jitney`, set JITNEY_DPOP_KEY_FILE.",
        )


def check_scheme(scheme: str, issuer: Issuer, who: Principal) -> None:
    """Raise Refusal token_kind unless the header's scheme is that of the issuer's tokens (RFC 9449 section 7.1).

    A thief of a bound token sends it as a bearer token, so the refusal names the principal.
    """
    if scheme != ("dpop" if issuer.dpop else "bearer"):
        needed, setting = ("DPoP", "set") if issuer.dpop else ("Bearer", "unset")
        raise Refusal(
            "token_kind",
            f"The token was not sent with the scheme {needed}.",
            f"Send it after {needed} in the header Authorization. For `jitney`, {setting} JITNEY_DPOP_KEY_FILE.",
            issuer_name=who.issuer_name,
            principal=who,
        )


def check_proof(sent: SentProof, token: str, claims: SignedClaims, who: Principal, now: int) -> SingleUseKey:
    """Return the single-use key of the proof, because a proof is for one request only.

    Call `check_binding` and `check_scheme` first. Raises Refusal dpop_proof_invalid (RFC 9449 section 4.3).
    """
    try:
        proof, jwk = parse_proof(sent.header or "")
    except Refusal as refusal:
        what = "is not a well-formed JWT with its public key in jwk" if sent.header else "is missing"
        raise _invalid(f"The DPoP header {what}.", who) from refusal
    key = public_key(jwk)
    if key is None or not compare_digest(_thumbprint(jwk), _bound_key(claims)):
        raise _invalid("The proof's key is not the one to which the token is bound.", who)
    if not key.verifies(proof.algorithm, proof.signing_input, proof.signature):
        raise _invalid("The proof is not signed with the key in its header.", who)
    proof_id, stated = proof.claims.get("jti"), proof.claims.get("iat")
    made = int(stated) if is_date(stated) else 0
    checks = {
        "typ": proof.typ == "dpop+jwt",
        "jti": isinstance(proof_id, str) and 0 < len(proof_id) <= _MOST_ID_CHARACTERS,
        "htm": proof.claims.get("htm") == sent.method,
        "htu": _address(proof.claims.get("htu")) == _address(sent.url) is not None,
        "iat": abs(now - made) <= PROOF_SECONDS,
        "ath": proof.claims.get("ath") == _sha256(token),
    }
    wrong = [name for name, right in checks.items() if not right]
    if wrong:
        raise _invalid(f"The proof does not fit this request: {', '.join(wrong)}.", who)
    digest = hashlib.sha256(f"{_bound_key(claims)} {proof_id}".encode()).hexdigest()
    return SingleUseKey(f"REPLAY#DPOP#{digest}", made + 2 * PROOF_SECONDS)


def replayed_proof(who: Principal) -> Refusal:
    """Return the refusal of a proof that was used before."""
    return _invalid("The proof was used before. Each proof is for one request.", who)


def _bound_key(claims: SignedClaims) -> str:
    """Return the thumbprint of the key to which the token is bound (RFC 9449 section 6.1), "" without one.

    A `cnf` with another member, such as that of mutual TLS, is refused, too: Jitney does not check that member.
    """
    match claims.get("cnf"):
        case {"jkt": str(thumbprint), **others} if not others and thumbprint.isascii():
            return thumbprint
    return ""


def _thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the SHA-256 thumbprint of a valid public key (RFC 7638)."""
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[jwk["kty"]]}
    return _sha256(json.dumps(members, separators=(",", ":"), sort_keys=True))


def _sha256(text: str) -> str:
    return base64url(hashlib.sha256(text.encode()).digest())


def _address(url: Any) -> tuple[str, str, str] | None:
    """Return the scheme, host and path of an address, without query and fragment; None for another text."""
    match = _URL.match(url) if isinstance(url, str) else None
    if match is None:
        return None
    scheme = match["scheme"].lower()
    return scheme, match["host"].lower().removesuffix(_DEFAULT_PORTS[scheme]), match["path"] or "/"


def _invalid(detail: str, who: Principal) -> Refusal:
    return Refusal(
        "dpop_proof_invalid",
        detail,
        "Make a new proof for each request (RFC 9449 section 4.2), with the key to which the token is bound. `jitney` "
        "takes the key from JITNEY_DPOP_KEY_FILE. For iat, check the clock.",
        issuer_name=who.issuer_name,
        principal=who,
    )
