"""Sign-in to the reviewers' pages: how a browser starts it, and what the answers must contain. Pure.

Authorization code flow (OpenID Connect Core section 3.1) with PKCE (RFC 7636). A sign-in needs only one secret, in a
cookie of the browser that started it. So nothing is written before a person is authenticated. An answer to another
browser's sign-in does not match this cookie, which prevents login CSRF (RFC 6749 section 10.12).
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import NamedTuple

from jitney.core.config import Config
from jitney.core.identity.authenticate import authenticate
from jitney.core.identity.principal import Principal
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.session import SKEW_SECONDS
from jitney.core.identity.signature import KeySource
from jitney.core.identity.token import base64url, parse_token
from jitney.core.issuer_config import Issuer
from jitney.core.problems import Problem
from jitney.core.web_client import Web

SIGN_IN_SECONDS = 600
"""How long a sign-in may take."""

_PAGE = r"(?:g-[a-z2-7]{14}(?:/report)?|overview|out-of-office)?"
PAGE = re.compile(_PAGE, re.ASCII)
"""The path behind /reviews/ of a page that can open after a sign-in. "" stands for the list of requests."""
_COOKIE = re.compile(rf"([A-Za-z0-9_-]{{43}})\.([0-9]{{10,12}})\.({_PAGE})", re.ASCII)
_FIX = "Go back to the page that you opened, and sign in again."


class SignIn(NamedTuple):
    """One sign-in of one browser: its secret, its start (epoch seconds), and the page to open afterwards.

    `secret` is 256 random bits in base64url. `page` is the page's path, as in `PAGE`.
    """

    secret: str
    started_at: int
    page: str

    @property
    def state(self) -> str:
        """The value that the provider returns to this browser (RFC 6749 section 4.1.1)."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """The value that the ID token must contain.

        It prevents injection of another ID token (OIDC Core section 3.1.2.1).
        """
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """The value with which only this browser can redeem the code (RFC 7636 section 4.1)."""
        return self._derived("verifier")

    @property
    def cookie(self) -> str:
        """The value of the cookie that holds this sign-in."""
        return f"{self.secret}.{self.started_at}.{self.page}"

    def query(self, web: Web, redirect_uri: str) -> dict[str, str]:
        """Return the parameters of the authorization request (OIDC Core section 3.1.2.1, RFC 7636 section 4.3)."""
        return {
            "response_type": "code",
            "client_id": web.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(web.scopes),
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": base64url(hashlib.sha256(self.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }

    def _derived(self, use: str) -> str:
        return base64url(hmac.digest(self.secret.encode(), use.encode(), "sha256"))


def sign_in_of_cookie(cookie: str, now: int) -> SignIn:
    """Return the sign-in in a browser's cookie. Raises Problem sign_in_invalid when it is missing or too old."""
    match = _COOKIE.fullmatch(cookie)
    if match is None:
        raise _invalid("This browser has not started a sign-in, or it blocks cookies.")
    started_at = int(match[2])
    if not -SKEW_SECONDS <= now - started_at < SIGN_IN_SECONDS:
        raise _invalid(f"The sign-in took longer than {SIGN_IN_SECONDS // 60} minutes.")
    return SignIn(match[1], started_at, match[3])


def authorization_code(query: Mapping[str, str], sign_in: SignIn, issuer: Issuer) -> str:
    """Return the code in the provider's answer. Raises Problem sign_in_invalid or sign_in_refused.

    Checks `state` first, because an answer without it may come from anyone. Then checks `iss`, if present (RFC 9207
    section 2.4).
    """
    if not hmac.compare_digest(query.get("state", "").encode(), sign_in.state.encode()):
        raise _invalid("The answer does not belong to this browser's last sign-in.")
    if query.get("iss", issuer.issuer) != issuer.issuer:
        raise _invalid("The answer does not come from the configured identity provider.")
    if "error" in query or not query.get("code"):
        detail = "Your identity provider did not sign you in."
        raise Problem(
            "sign_in_refused", detail, "Sign in again. If it fails again, ask your identity provider's admin."
        )
    return query["code"]


def signed_in_principal(
    id_token: str, sign_in: SignIn, issuer: Issuer, config: Config, keys: KeySource, now: int
) -> Principal:
    """Return the person who signed in, from the ID token for the code. Raises Refusal.

    The token is verified like every other token. It must also come from this issuer and belong to this sign-in. Its
    audience must be the web client. Its holder must be a person who acts only for themselves.
    """
    principal = authenticate(f"Bearer {id_token}", config, keys, now).principal
    claims = parse_token(id_token).claims  # the signature of this text was just verified
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    nonce = claims.get("nonce")
    if (
        issuer.web is None
        or (principal.kind, principal.human) != ("human", None)
        or principal.issuer != issuer.issuer
        or issuer.web.client_id not in audience
        or not isinstance(nonce, str)
        or not hmac.compare_digest(nonce.encode(), sign_in.nonce.encode())
    ):
        detail = "The ID token was not issued for this sign-in."
        raise Refusal("token_claims", detail, _FIX, issuer_name=principal.issuer_name, principal=principal)
    return principal


def _invalid(detail: str) -> Problem:
    return Problem("sign_in_invalid", detail, _FIX)
