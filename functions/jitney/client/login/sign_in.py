"""The result of a sign-in: the token for the broker, and the refresh token that renews it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from jitney.client.login.login_settings import LoginSettings
from jitney.client.problems import Unauthenticated
from jitney.client.tokens import NAME_CLAIMS, audiences_of, checked_token, claims_of, whole_seconds

_TITLE = "The sign-in failed"
_LEEWAY_SECONDS = 60
# For an access token whose lifetime the issuer does not state.
_SHORT_LIFETIME_SECONDS = 300


@dataclass(frozen=True, slots=True)
class DeveloperSignIn:
    """A person's sign-in. `token` goes to the broker until `expires_at` (epoch seconds).

    `refresh_token` is "" if the issuer gave none. `subject` is the person's subject at the issuer. `name` is for people
    to read.
    """

    subject: str
    name: str
    token: str = field(repr=False)
    expires_at: int
    refresh_token: str = field(repr=False)

    def text(self) -> str:
        """Return the sign-in for the keyring."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "DeveloperSignIn | None":
        """Return the sign-in in `text` of the keyring, or None if it is another text."""
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError):
            return None


def signed_in(
    document: Mapping[str, Any],
    settings: LoginSettings,
    now: int,
    *,
    nonce: str | None,
    before: DeveloperSignIn | None = None,
) -> DeveloperSignIn:
    """Return the sign-in in a token endpoint's answer at `now`.

    `nonce` is the one of the authorization request, or None in the device flow and at a renewal. `before` is the
    sign-in that was renewed: the person stays the same, and a refresh token that is not rotated stays valid (RFC 6749
    section 6).

    Raises Unauthenticated when the answer has no usable token, or its ID token is not for this sign-in.
    """
    if str(document.get("token_type", "")).lower() != "bearer":
        raise failed("The issuer gave no bearer token.", "Use a client that gets bearer tokens.")
    claims = _id_token_claims(document, settings, now, nonce, before)
    if settings.kind == "id":
        token = checked_token(str(document.get("id_token", "")), "The token endpoint's id_token")
        expires_at = int(claims["exp"])
    else:
        token = checked_token(document["access_token"], "The token endpoint's access_token")
        expires_at = now + _lifetime(document, token, now)
    refresh = document.get("refresh_token")
    if not isinstance(refresh, str):
        refresh = before.refresh_token if before else ""
    name = next((str(claims[each]) for each in NAME_CLAIMS if claims.get(each)), "")
    subject = str(claims.get("sub", before.subject if before else ""))
    return DeveloperSignIn(
        subject,
        name or (before.name if before else ""),
        token,
        expires_at,
        refresh,
    )


def _lifetime(document: Mapping[str, Any], token: str, now: int) -> int:
    stated, end = whole_seconds(document.get("expires_in")), whole_seconds(claims_of(token).get("exp"))
    if stated is not None:
        return stated
    return _SHORT_LIFETIME_SECONDS if end is None else end - now


def _id_token_claims(
    document: Mapping[str, Any], settings: LoginSettings, now: int, nonce: str | None, before: DeveloperSignIn | None
) -> Mapping[str, Any]:
    """Return the claims of the ID token, which came from the issuer's own token endpoint.

    TLS to that endpoint replaces the check of the signature (OpenID Connect Core section 3.1.3.7, point 6). The checks
    are those of the section's other points, and of section 12.2 for a renewal, where the ID token may be missing.
    """
    text = document.get("id_token")
    if text is None and before is not None and settings.kind == "access":
        return {}
    claims = claims_of(text) if isinstance(text, str) else {}
    if not claims:
        raise failed("The issuer gave no ID token.", "Add openid to the scope (JITNEY_TOKEN_SCOPE).")
    audiences = audiences_of(claims)
    if claims.get("iss") != settings.issuer:
        raise _foreign("names another issuer")
    if settings.client_id not in audiences or claims.get("azp", settings.client_id) != settings.client_id:
        raise _foreign("is for another client")
    if len(audiences) > 1 and "azp" not in claims:
        raise _foreign("has several audiences, and does not say which client it is for")
    end = whole_seconds(claims.get("exp"))
    if end is None or end <= now - _LEEWAY_SECONDS:
        raise _foreign("has expired, by this machine's clock")
    if nonce is not None and claims.get("nonce") != nonce:
        raise _foreign("belongs to another sign-in (nonce)")
    if not isinstance(claims.get("sub"), str) or (before is not None and claims["sub"] != before.subject):
        raise _foreign("names another person than the sign-in")
    return claims


def _foreign(what: str) -> Unauthenticated:
    return failed(f"The ID token {what}.", "Run `jitney login` again. If it repeats, check the issuer's client.")


def failed(detail: str, fix: str) -> Unauthenticated:
    """Return the problem of a sign-in that did not succeed."""
    return Unauthenticated("login_failed", _TITLE, detail, fix)
