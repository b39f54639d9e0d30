"""Sign-in in a browser: authorization code with PKCE S256, state and nonce (RFC 6749, 7636, 8252, 9207)."""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from jitney.client.login.login_settings import LoginSettings
from jitney.client.login.provider_metadata import ProviderMetadata
from jitney.client.login.redirect_listener import RedirectListener
from jitney.client.login.sign_in import DeveloperSignIn, failed, signed_in
from jitney.client.tokens.token_endpoint import granted, post_form, refusal_words

PATIENCE_SECONDS = 300.0
"""The time limit for the sign-in."""


def _random() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The secrets of one sign-in. Each secret is used only once."""

    state: str = field(default_factory=_random, repr=False)
    nonce: str = field(default_factory=_random, repr=False)
    verifier: str = field(default_factory=_random, repr=False)

    def challenge(self) -> str:
        """Return the code challenge of the method S256 (RFC 7636 section 4.2)."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


def sign_in_with_browser(
    settings: LoginSettings,
    metadata: ProviderMetadata,
    show: Callable[[str], None],
    patience: float = PATIENCE_SECONDS,
) -> DeveloperSignIn:
    """Return the sign-in of a person. Their browser must open the address that `show` gets.

    Raises Unauthenticated when the person or the issuer refuses, or when the redirect or the token belongs to another
    sign-in.
    """
    attempt = _Attempt()
    with RedirectListener(settings.redirect_port) as listener:
        location = _authorization_url(settings, metadata, attempt, listener.redirect_uri)
        show(listener.expect(location, attempt.state))
        code = _code(listener.wait(patience), metadata)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": attempt.verifier,
            "redirect_uri": listener.redirect_uri,
            **settings.client(),
            **settings.parameters,
        }
    document = granted(post_form(metadata.token_endpoint, form), "Run `jitney login` again.")
    return signed_in(document, settings, int(time.time()), nonce=attempt.nonce)


def _authorization_url(
    settings: LoginSettings, metadata: ProviderMetadata, attempt: _Attempt, redirect_uri: str
) -> str:
    query = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": redirect_uri,
        "scope": settings.scope,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": attempt.challenge(),
        "code_challenge_method": "S256",
        **settings.parameters,
    }
    joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
    return f"{metadata.authorization_endpoint}{joint}{urlencode(query)}"


def _code(parameters: Mapping[str, str], metadata: ProviderMetadata) -> str:
    """Return the code in a redirect whose state was checked.

    Raises Unauthenticated when another issuer answered (RFC 9207 section 2.4), or when the sign-in was refused.
    """
    issuer = parameters.get("iss")
    if (issuer is None and metadata.names_issuer) or issuer not in (None, metadata.issuer):
        detail = f"The browser came back from another issuer than {metadata.issuer}, or from one that it did not name."
        raise failed(detail, "Run `jitney login` again, and sign in at that issuer only.")
    if "error" in parameters:
        detail = f"{metadata.issuer} refused: {refusal_words(parameters)}."
        raise failed(detail, "Sign in again, or ask the issuer's administrator.")
    if not parameters.get("code"):
        raise failed("The browser came back without a code.", "Run `jitney login` again.")
    return parameters["code"]
