"""The token endpoint of the identity provider that people sign in with: a code in, an ID token out."""

import json
from http import HTTPStatus
from urllib.parse import urlencode

from jitney.adapters.identity_provider import DEFAULT_TIMEOUTS, REQUEST_ERRORS, Timeouts, allowed_schemes, send_request
from jitney.core.config import Web
from jitney.core.problems import Problem


class TokenEndpoint:
    """Redeems codes (OpenID Connect Core section 3.1.3). `local` permits http:// addresses."""

    def __init__(self, *, local: bool, patience: Timeouts = DEFAULT_TIMEOUTS) -> None:
        self._schemes = allowed_schemes(local=local)
        self._patience = patience

    def redeem(self, web: Web, code: str, verifier: str, redirect_uri: str) -> str:
        """The ID token for a code, not yet verified.

        Raises Problem sign_in_refused when the provider answers with anything else, unavailable when it does not.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": web.client_id,
            "code_verifier": verifier,  # RFC 7636 section 4.5
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            asked = urlencode(form).encode("ascii")
            status, body = send_request("POST", web.token_url, self._schemes, self._patience, asked, headers)
        except REQUEST_ERRORS as error:
            fix = "Begin again in a moment."
            raise Problem("unavailable", "Your identity provider did not answer as it should.", fix) from error
        token = _id_token(body) if status == HTTPStatus.OK else None
        if token is None:
            detail = "Your identity provider gave nothing for its own answer: it was used before, or is too old."
            raise Problem("sign_in_refused", detail, "Begin again where you came from.")
        return token


def _id_token(body: bytes) -> str | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    token = answer.get("id_token") if isinstance(answer, dict) else None
    return token if isinstance(token, str) else None
