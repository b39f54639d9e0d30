"""The received token: parsed, but not trusted."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jitney.core import strict_json
from jitney.core.identity.refusal import Refusal

MAX_TOKEN_CHARACTERS = 16_384

_SCHEME = re.compile(r"(bearer|dpop) +", re.IGNORECASE)
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")

_BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST = (_BASE64URL, "", _BASE64URL[::16], _BASE64URL[::4])
"""The last characters of base64url without stray bits, by the length modulo 4 (RFC 4648 section 3.5)."""
# Header members that name a key, an encoding or an extension. No issuer needs them, and each has been used in attacks.
# They name keys of the token's own (jku, x5u, jwk, x5c), make the signed bytes differ from the bytes that are read
# (b64, zip), or add unknown rules (crit).
_REFUSED_MEMBERS = ("crit", "b64", "zip", "jku", "x5u", "jwk", "x5c", "enc")

_FIX = "Get a new token from the issuer and send it unchanged."


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A well-formed JWS in compact form (RFC 7515 section 7.1). Anyone may have written its header and claims.

    `typ` is the header's, in lower case and without "application/" (RFC 7515 section 4.1.9), "" when absent.
    """

    algorithm: str
    kid: str | None
    typ: str
    claims: Mapping[str, Any]
    signing_input: bytes
    signature: bytes


def sent_token(header: str | None) -> tuple[str, str]:
    """Return the scheme of an Authorization header, "bearer" or "dpop", and its token. Raises Refusal token_missing."""
    scheme = _SCHEME.match(header or "")
    if scheme is None:
        raise Refusal(
            "token_missing",
            "The request has no Authorization header with a token.",
            "Send the header Authorization: Bearer TOKEN, with a token of a configured issuer.",
        )
    return scheme[1].lower(), scheme.string[scheme.end() :].rstrip(" ")


def parse_token(text: str) -> UnverifiedToken:
    """Return the token in `text`. Raises Refusal token_malformed, token_header or token_algorithm."""
    return _parsed(text, _REFUSED_MEMBERS)[0]


def parse_proof(text: str) -> tuple[UnverifiedToken, Any]:
    """Return the DPoP proof in `text`, and the key in its header (RFC 9449 section 4.2).

    Raises Refusal as `parse_token` does.
    """
    proof, header = _parsed(text, tuple(name for name in _REFUSED_MEMBERS if name != "jwk"))
    return proof, header.get("jwk")


def _parsed(text: str, refused: tuple[str, ...]) -> tuple[UnverifiedToken, Mapping[str, Any]]:
    """Return the JWS in `text`, and its header without the `refused` members."""
    header_part, claims_part, signature_part = _segments(text)
    header = _json_object(header_part, "header")
    claims = _json_object(claims_part, "payload")
    _check_header(header, refused)
    parsed = UnverifiedToken(
        algorithm=header["alg"],
        kid=header.get("kid"),
        typ=header.get("typ", "").lower().removeprefix("application/"),
        claims=claims,
        signing_input=text[: -len(signature_part) - 1].encode("ascii"),
        signature=_decoded(signature_part, "signature"),
    )
    return parsed, header


def _segments(text: str) -> tuple[str, str, str]:
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise _malformed(f"The token is longer than {MAX_TOKEN_CHARACTERS} characters.")
    match = _COMPACT.fullmatch(text)
    if match is None:
        raise _malformed(_fault_of_form(text))
    return match[1], match[2], match[3]


def _fault_of_form(text: str) -> str:
    if {" ", ","} & set(text):  # proxies and API Gateway join headers of the same name
        return "The header is not one token: it has a space or a comma. Send it once, with one token."
    if text.count(".") == 4:
        return "The token is encrypted (JWE), which is not supported."
    return "The token is not three parts of unpadded base64url, joined by full stops."


def _decoded(part: str, name: str) -> bytes:
    """Return `part` decoded. Refuses stray bits in its last character, because a token must have only one spelling."""
    if part[-1:] not in _LAST[len(part) % 4]:
        raise _malformed(f"The token's {name} is not canonical base64url.")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def base64url(data: bytes) -> str:
    """Return the data in base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _json_object(part: str, name: str) -> dict[str, Any]:
    try:
        value = strict_json.loads(_decoded(part, name))
    except ValueError:
        raise _malformed(f"The token's {name} is not JSON with unique member names, in UTF-8.") from None
    if not isinstance(value, dict):
        raise _malformed(f"The token's {name} is not a JSON object.")
    return value


def _check_header(header: Mapping[str, Any], refused: tuple[str, ...]) -> None:
    for name in refused:
        if name in header:
            raise _bad_header(f"The token's header has the member {name}.")
    for name in ("kid", "typ"):
        if name in header and not isinstance(header[name], str):
            raise _bad_header(f"The member {name} of the token's header is not a string.")
    if not isinstance(header.get("alg"), str):
        raise Refusal("token_algorithm", "The token's header names no algorithm.", _FIX)


def _malformed(detail: str) -> Refusal:
    return Refusal("token_malformed", detail, _FIX)


def _bad_header(detail: str) -> Refusal:
    return Refusal("token_header", detail, "Use a token whose header has only alg, kid, typ and x5t.")
