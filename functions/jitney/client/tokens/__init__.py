"""Where the token comes from: one module for each kind of source, each with the method `fetch`."""

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from jitney.client.problems import Unauthenticated
from jitney.core.json_object import json_object
from jitney.core.quantities import quantity

# RFC 6750 section 2.1, b64token: also keeps line breaks out of the header.
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
# The clocks of this machine and of the issuer may differ by as much as the broker permits.
_LEEWAY_SECONDS = 60
# In the year 5138. Larger numbers, such as Infinity, cannot be shown as a time, and may not fit into a float.
_MOST_SECONDS = 10**11
CLIENT_CLAIMS = ("azp", "appid", "client_id", "cid")
"""The claims that name the client. In a person's token, the client is the agent (docs/identity/humans.md)."""
NAME_CLAIMS = ("email", "preferred_username", "name")
"""The claims that name a person for people to read, the best first."""


class ProofKey(Protocol):
    """The private key to which an issuer bound a token (RFC 9449)."""

    def proof(self, method: str, url: str, now: float, *, token: str = "") -> str:
        """Return the proof for one request with `token` at `now` (epoch seconds)."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and its lifetime if the issuer states one. A token that is `for_one_call` is never sent twice.

    A token with a `key` is bound to that key. A token without one is a bearer token.
    """

    value: str = field(repr=False)
    lifetime_seconds: int | None = None
    for_one_call: bool = False
    key: ProofKey | None = field(default=None, repr=False)


class TokenSource(Protocol):
    """Gives the tokens of one identity."""

    def fetch(self) -> Token:
        """Return a token from the source itself, not from a cache. Raises Unauthenticated or Unavailable."""


def checked_token(text: str, where: str) -> str:
    """The token in `text` without surrounding white space.

    Raises Unauthenticated if the text is not one token. `where` is where the text came from, for the problem.
    """
    token = text.strip()
    if not _B64TOKEN.fullmatch(token):
        what = "is empty" if not token else "holds something else than one token"
        fix = "Let this source give only the token, without a prefix such as Bearer."
        if not token:
            fix = "Check why this source gives no token: `jitney doctor` names the source."
        raise Unauthenticated("token_unusable", "No usable token", f"{where} {what}.", fix)
    return token


def checked_jwt(value: str, where: str, audience: str, fix: str) -> Token:
    """Check the token before it is sent anywhere, and return it with its lifetime.

    `audience` is the audience that it must have, or "". A token that is not a JWT has no stated lifetime, and is
    accepted only for the audience "". Nothing is verified: the broker does that.

    Raises Unauthenticated when the token has expired, or is for another audience. A token for another service must not
    reach the broker, which could use it there.
    """
    claims = claims_of(value)
    if audience and audience not in audiences_of(claims):
        detail = f"{where} holds no token for the audience {audience}."
        raise Unauthenticated("token_audience", "The token is for another audience", detail, fix)
    end = whole_seconds(claims.get("exp"))
    if end is None:
        return Token(value)
    left = int(end - time.time())
    if left < -_LEEWAY_SECONDS:
        detail = f"{where} holds a token that expired {quantity(-left, 'second')} ago, by this machine's clock."
        raise Unauthenticated("token_expired", "The token has expired", detail, fix)
    return Token(value, max(0, left))


def whole_seconds(value: object) -> int | None:
    """Return a time or a lifetime in an issuer's JSON as whole seconds; None if it is not a number that can be one."""
    return int(value) if isinstance(value, int | float) and abs(value) < _MOST_SECONDS else None


def claims_of(token: str) -> Mapping[str, Any]:
    """Return the claims of a JWT, unverified; {} for other tokens."""
    try:
        payload = token.split(".")[1]
        return json_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}


def audiences_of(claims: Mapping[str, Any]) -> list[Any]:
    """Return the audiences in the claims of a JWT. One audience may stand there without a list."""
    audience = claims.get("aud")
    return audience if isinstance(audience, list) else [audience]


def issuer_and_subject(token: str) -> str:
    """Return the issuer, subject, client and actor in a JWT, unverified, as one text that distinguishes identities.

    In a person's token, the agent is the client or the actor (RFC 8693 section 4.1). Returns "" for a token without an
    issuer and a subject.
    """
    claims = claims_of(token)
    if not {"iss", "sub"} <= claims.keys():
        return ""
    named = (claims[name] for name in (*CLIENT_CLAIMS, "act") if name in claims)
    return json.dumps([claims["iss"], claims["sub"], *named], sort_keys=True)
