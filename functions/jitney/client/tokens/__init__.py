"""Where the bearer token comes from: one kind of source a file, each with the single method `fetch`."""

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
    """A bearer token and for how many seconds its issuer says it is good (None: it did not say)."""

    value: str = field(repr=False)
    lifetime_seconds: int | None = None


class TokenSource(Protocol):
    """Something that hands out tokens for one identity."""

    def fetch(self) -> Token:
        """A token from the source itself, not from a cache. Raises Unproven or Unavailable."""


def checked_token(text: str, where: str) -> str:
    """The token in `text` without surrounding white space. Raises Unproven, naming `where`, when it cannot be one."""
    token = text.strip()
    if not _B64TOKEN.fullmatch(token):
        what = "is empty" if not token else "holds something else than one bearer token"
        raise Unauthenticated(
            "token_unusable", "No usable token", f"{where} {what}.", "See that it yields the bare token."
        )
    return token


def whose(token: str) -> str:
    """Issuer and subject that a JWT names, unverified: for telling one's own identities apart. "" for other tokens."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return json.dumps([claims["iss"], claims["sub"]])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return ""
