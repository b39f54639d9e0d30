"""A token by the OAuth 2.0 client credentials grant (RFC 6749 section 4.4)."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlsplit

from jitney.client.api.connection import HttpResponse, is_loopback
from jitney.client.tokens import Token, checked_token
from jitney.client.tokens.token_endpoint import granted, post_form


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Tokens of the client `client_id` from the token endpoint at `url` (a checked URL).

    The form holds the grant type and `parameters`: scope, resource (RFC 8707), audience.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)

    def fetch(self) -> Token:
        """A new token. Raises Unauthenticated when the issuer refuses, Unavailable when it does not answer."""
        form = {"grant_type": "client_credentials", **self.parameters}
        response = post_form(self.url, form, {"Authorization": self._basic()})
        document = granted(response, self._fix(response))
        lifetime = document.get("expires_in")
        value = checked_token(document["access_token"], "The token endpoint's access_token")
        return Token(value, lifetime if isinstance(lifetime, int) else None)

    def _basic(self) -> str:
        """HTTP Basic with both parts form-encoded first: RFC 6749 section 2.3.1."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        return "Basic " + base64.b64encode(pair.encode()).decode("ascii")

    def _fix(self, response: HttpResponse) -> str:
        fix = "Check the client id, its secret, and the scope or resource."
        if response.document().get("error") == "invalid_client" and is_loopback(urlsplit(self.url).hostname or ""):
            return f"`make up` makes new secrets each time: load the agent's .env file again. {fix}"
        return fix
