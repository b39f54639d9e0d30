"""The session of a person who signed in to the reviewers' pages, and the cookie that proves it. Pure.

The browser holds `<id>.<seen>.<proof>`: 256 random bits, the time of the last visit, and an HMAC over both. Only the
store has the key of the HMAC. So an idle session can end, although viewing a page writes nothing (row REV 1). Each
answer sets a newer cookie, and an old one expires. The store has only the hash of the id.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

from jitney.core.config import Config
from jitney.core.identity.principal import Principal
from jitney.core.issuer_config import ClaimRules, Issuer, PeopleIssuer
from jitney.core.stored_types import listed, with_types
from jitney.core.web_client import Web

MAX_SESSION_SECONDS = 8 * 3600
"""The longest duration of one sign-in."""
IDLE_SECONDS = 3600
"""How long an idle session lasts."""
SKEW_SECONDS = 30
"""How far the clocks of two functions may differ."""

_COOKIE = re.compile(r"([A-Za-z0-9_-]{43})\.([0-9]{10,12})\.([0-9a-f]{64})", re.ASCII)


class Session(NamedTuple):
    """The person who signed in, the time (epoch seconds), and the digest of the settings that admitted the person.

    `key` is 256 random bits in base64url. `admission` comes from `admission_of`.
    """

    principal: Principal
    started_at: int
    key: str
    admission: str

    @property
    def expires_at(self) -> int:
        """When the session ends, even if it is in use (epoch seconds)."""
        return self.started_at + MAX_SESSION_SECONDS

    @property
    def form_token(self) -> str:
        """The token in every form of this session's pages. No other site knows it, which prevents CSRF."""
        return _proof(self.key, "form")

    def cookie(self, session_id: str, now: int) -> str:
        """Return the cookie's value for a browser that visits at `now`."""
        return f"{session_id}.{now}.{_proof(self.key, f'{session_id}.{now}')}"

    def accepts_cookie(self, cookie: str, now: int) -> bool:
        """Return whether the cookie belongs to this session.

        False if the session has ended or was idle for too long.
        """
        match = _COOKIE.fullmatch(cookie)
        if match is None or not self.started_at - SKEW_SECONDS <= now < self.expires_at:
            return False
        seen = int(match[2])
        fits = hmac.compare_digest(match[3], _proof(self.key, f"{match[1]}.{match[2]}"))
        return fits and -SKEW_SECONDS <= now - seen < IDLE_SECONDS

    def accepts_form_token(self, token: str) -> bool:
        """Return whether `token` is this session's form token."""
        return hmac.compare_digest(token.encode(), self.form_token.encode())

    def view(self) -> dict[str, Any]:
        """Return the session as it is stored, for `session_of_view`."""
        who = self.principal
        return {
            "admission": self.admission,
            "issuer_name": who.issuer_name,
            "subject": who.subject,
            "groups": sorted(who.groups),
            "display": who.display,
            "source_identity": who.source_identity,
            "unit": who.unit,
            "started_at": self.started_at,
            "key": self.key,
        }


def session_id_of(cookie: str) -> str | None:
    """Return the session id in a cookie, or None if the text is not a session cookie."""
    match = _COOKIE.fullmatch(cookie)
    return match[1] if match else None


def hash_session_id(session_id: str) -> str:
    """Return the form in which the store has the id: SHA-256 in hexadecimal."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def admission_of(issuer: Issuer, subject: str) -> str:
    """Return the digest of the settings that admit a person: the issuer's entry, without other people's groups.

    The entry decides about the person's name, groups and client. So a session ends when any of its settings changes.
    """
    own = {subject: issuer.subject_groups[subject]} if subject in issuer.subject_groups else {}
    settings = _settings(replace(issuer, subject_groups=own, owners={}))
    return hashlib.sha256(json.dumps(settings, default=dict, sort_keys=True).encode()).hexdigest()


def _settings(entry: Issuer | ClaimRules | PeopleIssuer | Web) -> dict[str, Any]:
    """Return the settings of an entry that are not empty.

    So an empty setting that a later version adds ends no session.
    """
    names = [each.name for each in fields(entry)] if isinstance(entry, Issuer) else entry._fields
    given = {name: value for name in names if (value := getattr(entry, name))}
    nested = {
        name: _settings(each) for name, each in given.items() if isinstance(each, ClaimRules | PeopleIssuer | Web)
    }
    return given | nested


def session_of_view(view: Mapping[str, Any], config: Config) -> Session | None:
    """Return the session in a `Session.view`, or None when the settings that admitted the person have changed."""
    issuer = config.issuers.get(view["issuer_name"])
    if issuer is None or view.get("admission") != admission_of(issuer, view["subject"]):
        return None
    principal = Principal(
        issuer=issuer.issuer,
        issuer_name=issuer.name,
        subject=view["subject"],
        kind="human",
        groups=frozenset(listed(view["groups"])),
        display=view["display"],
        source_identity=view["source_identity"],
        unit=view["unit"],
    )
    return with_types(Session(principal, view["started_at"], view["key"], view["admission"]))


def _proof(key: str, about: str) -> str:
    return hmac.digest(key.encode(), about.encode(), "sha256").hex()
