"""The session of somebody who signed in to the reviewers' pages: who, since when, and what proves it. Pure.

The browser holds `<id>.<seen>.<proof>`: 256 random bits, when it was last seen, and an HMAC over the two with a key
that only the store has. So a session ends when it is not used, though looking at a page writes nothing (row REV 1):
each answer hands out a newer cookie, and an old one is worth nothing. The store has the hash of the id alone.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from jitney.core.config import Config
from jitney.core.identity.principal import Principal

MAX_SESSION_SECONDS = 8 * 3600
"""The longest that one sign-in counts."""
IDLE_SECONDS = 3600
"""How long a session lasts that is not used."""
SKEW_SECONDS = 30
"""By how much the clocks of two functions may differ."""

_COOKIE = re.compile(r"([A-Za-z0-9_-]{43})\.([0-9]{10,12})\.([0-9a-f]{64})", re.ASCII)


class Session(NamedTuple):
    """Who signed in, when (epoch seconds), and through which client; `key` is 256 random bits in base64url."""

    principal: Principal
    began: int
    key: str
    client_id: str

    @property
    def expires_at(self) -> int:
        """When it ends however much it is used (epoch seconds)."""
        return self.began + MAX_SESSION_SECONDS

    @property
    def form_token(self) -> str:
        """What every form of this session's pages holds: no other site can know it (CSRF)."""
        return _proof(self.key, "form")

    def cookie(self, session_id: str, now: int) -> str:
        """The cookie's value for a browser that is seen at `now`."""
        return f"{session_id}.{now}.{_proof(self.key, f'{session_id}.{now}')}"

    def accepts_cookie(self, cookie: str, now: int) -> bool:
        """Whether the cookie is one of this session's, not idle for too long, and the session is not over."""
        match = _COOKIE.fullmatch(cookie)
        if match is None or not self.began - SKEW_SECONDS <= now < self.expires_at:
            return False
        seen = int(match[2])
        fits = hmac.compare_digest(match[3], _proof(self.key, f"{match[1]}.{match[2]}"))
        return fits and -SKEW_SECONDS <= now - seen < IDLE_SECONDS

    def accepts_form_token(self, token: str) -> bool:
        """Whether `token` is this session's form token."""
        return hmac.compare_digest(token.encode(), self.form_token.encode())

    def view(self) -> dict[str, Any]:
        """The session as it is stored: see `stored`."""
        who = self.principal
        return {
            "issuer": who.issuer,
            "client_id": self.client_id,
            "issuer_name": who.issuer_name,
            "subject": who.subject,
            "groups": sorted(who.groups),
            "display": who.display,
            "source_identity": who.source_identity,
            "began": self.began,
            "key": self.key,
        }


def session_id_of(cookie: str) -> str | None:
    """The session id in a cookie; None when it is no session's cookie."""
    match = _COOKIE.fullmatch(cookie)
    return match[1] if match else None


def hash_session_id(session_id: str) -> str:
    """What the store has instead of the id: SHA-256 in hexadecimal."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def session_of_view(view: Mapping[str, Any], config: Config) -> Session | None:
    """The session of `Session.view`; None when people no longer sign in at its provider, or with its client.

    An alias of the configuration may call another provider by now, whose subjects are other people.
    """
    issuer = config.issuers.get(view["issuer_name"])
    if issuer is None or issuer.kind != "human" or issuer.web is None:
        return None
    if (view.get("issuer"), view.get("client_id")) != (issuer.issuer, issuer.web.client_id):
        return None
    principal = Principal(
        issuer=issuer.issuer,
        issuer_name=issuer.name,
        subject=view["subject"],
        kind="human",
        groups=frozenset(view["groups"]),
        display=view["display"],
        source_identity=view["source_identity"],
    )
    return Session(principal, view["began"], view["key"], issuer.web.client_id)


def _proof(key: str, about: str) -> str:
    return hmac.digest(key.encode(), about.encode(), "sha256").hex()
