"""A token by the OAuth 2.0 client credentials grant (RFC 6749 section 4.4)."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode, urlsplit

from jitney.client.connection import HttpRequest, HttpResponse, is_loopback, send
from jitney.client.problems import Unauthenticated, Unavailable
from jitney.client.tokens import Token, checked_token

# RFC 6749 section 5.2 has no such answers, so another service is at that address.
_FIXES = dict.fromkeys((404, 405), "Check the token endpoint's address.")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """Tokens of the client `client_id` from the token endpoint at `url` (a checked URL).

    The form holds `parameters` beside the grant type: scope, resource (RFC 8707), audience.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict)

    def fetch(self) -> Token:
        """A new token. Raises Unauthenticated when the issuer refuses, Unavailable when it does not answer."""
        form = {"grant_type": "client_credentials", **self.parameters}
        headers = {
            "Authorization": self._basic(),
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self._token(send(HttpRequest("POST", self.url, headers, urlencode(form).encode())))

    def _basic(self) -> str:
        """HTTP Basic with both parts form-encoded first: RFC 6749 section 2.3.1."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        return "Basic " + base64.b64encode(pair.encode()).decode("ascii")

    def _token(self, response: HttpResponse) -> Token:
        document = response.document()
        if response.status >= 500 or response.status == 429:
            detail = f"The token endpoint {self.url} answered HTTP {response.status}."
            raise Unavailable(
                "issuer_unavailable", "The identity provider is not available", detail, "Try again later."
            )
        if not response.succeeded or not isinstance(document.get("access_token"), str):
            # RFC 6749 section 5.2: `error` is a fixed word; the description is free text of the issuer's.
            why = " ".join(str(document[name]) for name in ("error", "error_description") if name in document)
            detail = f"The token endpoint {self.url} answered HTTP {response.status} {why}".rstrip() + "."
            fix = _FIXES.get(response.status, "Check the client id, its secret, and scope or resource.")
            if document.get("error") == "invalid_client" and is_loopback(urlsplit(self.url).hostname or ""):
                fix = f"`make up` makes new secrets each time: load the agent's .env file again. {fix}"
            raise Unauthenticated("token_refused", "The identity provider gave no token", detail, fix)
        lifetime = document.get("expires_in")
        value = checked_token(document["access_token"], "The token endpoint's access_token")
        return Token(value, lifetime if isinstance(lifetime, int) else None)
