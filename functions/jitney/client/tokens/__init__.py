"""Where the bearer token comes from: one module for each kind of source, each with the method `fetch`."""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Protocol

from jitney.client.problems import Unauthenticated

# RFC 6750 section 2.1, b64token: also keeps line breaks out of the header.
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, and its lifetime where the issuer states one. One that is `for_one_call` is never sent twice."""

    value: str = field(repr=False)
    lifetime_seconds: int | None = None
    for_one_call: bool = False


class TokenSource(Protocol):
    """Gives the tokens of one identity."""

    def fetch(self) -> Token:
        """A token from the source itself, not from a cache. Raises Unauthenticated or Unavailable."""


def checked_token(text: str, where: str) -> str:
    """The token in `text` without surrounding white space.

    Raises Unauthenticated, which names `where` it came from, when it is not one bearer token.
    """
    token = text.strip()
    if not _B64TOKEN.fullmatch(token):
        what = "is empty" if not token else "holds something else than one bearer token"
        fix = "Make it give the token alone, without a prefix such as Bearer."
        raise Unauthenticated("token_unusable", "No usable token", f"{where} {what}.", fix)
    return token


def issuer_and_subject(token: str) -> str:
    """The issuer and subject that a JWT names, unverified, to distinguish identities; "" for other tokens."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return json.dumps([claims["iss"], claims["sub"]])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return ""
