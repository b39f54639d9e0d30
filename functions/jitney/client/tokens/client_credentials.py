"""A token by the OAuth 2.0 client credentials grant (RFC 6749 section 4.4)."""

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlsplit

from jitney.client.api.connection import HttpResponse, is_loopback
from jitney.client.problems import Unauthenticated
from jitney.client.tokens import Token, checked_token, whole_seconds
from jitney.client.tokens.token_endpoint import granted, post_form

if TYPE_CHECKING:
    from jitney.client.tokens.dpop import DpopKey


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Tokens of the client `client_id` from the token endpoint at `url` (a checked URL).

    The form holds the grant type and `parameters`: scope, resource (RFC 8707), audience. With `key`, the tokens must be
    bound to it (RFC 9449 section 5).
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)
    key: "DpopKey | None" = None

    def fetch(self) -> Token:
        """A new token. Raises Unauthenticated when the issuer refuses, Unavailable when it does not answer."""
        response = self._answer()
        nonce = response.headers.get("dpop-nonce", "")
        if nonce and response.document().get("error") == "use_dpop_nonce":  # RFC 9449 section 8
            response = self._answer(nonce)
        document = granted(response, self._fix(response))
        if self.key and str(document.get("token_type")).lower() != "dpop":
            detail = f"{self.url} issued a token that is not bound to the key in JITNEY_DPOP_KEY_FILE."
            fix = "Configure the client at the issuer to get DPoP tokens, or unset JITNEY_DPOP_KEY_FILE."
            raise Unauthenticated("token_unbound", "The token is not bound to a key", detail, fix)
        lifetime = whole_seconds(document.get("expires_in"))
        value = checked_token(document["access_token"], "The token endpoint's access_token")
        return Token(value, lifetime, key=self.key)

    def _answer(self, nonce: str = "") -> HttpResponse:
        form, key = {"grant_type": "client_credentials", **self.parameters}, self.key
        proof = (lambda: key.proof("POST", self.url, time.time(), nonce=nonce)) if key else None
        return post_form(self.url, form, {"Authorization": self._basic()}, proof)

    def _basic(self) -> str:
        """HTTP Basic with both parts form-encoded first: RFC 6749 section 2.3.1."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        return "Basic " + base64.b64encode(pair.encode()).decode("ascii")

    def _fix(self, response: HttpResponse) -> str:
        fix = "Check the client id, its secret, and the scope or resource."
        if response.document().get("error") == "invalid_client" and is_loopback(urlsplit(self.url).hostname or ""):
            return f"`make up` makes new secrets each time: load the agent's .env file again. {fix}"
        return fix
