"""The token endpoint of people's identity provider: exchanges a code for an ID token."""

import json
from http import HTTPStatus
from urllib.parse import urlencode

from jitney.adapters.identity_provider import DEFAULT_TIMEOUTS, REQUEST_ERRORS, allowed_schemes, send_request
from jitney.core.problems import Problem
from jitney.core.web_client import Web


class TokenEndpoint:
    """Exchanges authorization codes for tokens (OpenID Connect Core section 3.1.3).

    `local` permits http:// addresses.
    """

    def __init__(self, *, local: bool) -> None:
        self._schemes = allowed_schemes(local=local)

    def redeem(self, web: Web, code: str, verifier: str, redirect_uri: str) -> str:
        """Return the ID token for a code. It is not yet verified.

        Raises Problem sign_in_refused when the answer has no token, and unavailable when there is no answer.
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
            request = urlencode(form).encode("ascii")
            status, body = send_request("POST", web.token_url, self._schemes, DEFAULT_TIMEOUTS, request, headers)
        except REQUEST_ERRORS as error:
            fix = "Sign in again in a moment."
            raise Problem("unavailable", "Your identity provider did not answer as it should.", fix) from error
        token = _id_token(body) if status == HTTPStatus.OK else None
        if token is None:
            detail = "Your identity provider rejected the sign-in code: it was used before, or has expired."
            raise Problem("sign_in_refused", detail, "Sign in again from the page that you came from.")
        return token


def _id_token(body: bytes) -> str | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    token = answer.get("id_token") if isinstance(answer, dict) else None
    return token if isinstance(token, str) else None
