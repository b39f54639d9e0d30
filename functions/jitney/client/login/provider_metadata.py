"""The addresses of an issuer, from its OpenID Connect Discovery document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jitney.client.api.connection import HttpRequest, checked_base_url, checked_url, send
from jitney.client.problems import Invalid, Unavailable

_DISCOVERY = "/.well-known/openid-configuration"
_TITLE = "The issuer cannot be used"


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """The endpoints of `issuer`. An endpoint that the issuer does not have is "".

    With `names_issuer`, each redirect must have `iss` (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    device_authorization_endpoint: str
    revocation_endpoint: str
    names_issuer: bool


def discover(issuer: str) -> ProviderMetadata:
    """Return the metadata of exactly this issuer (OpenID Connect Discovery section 4).

    Raises Invalid when the document is another issuer's or an address in it is not usable, and Unavailable without a
    document.
    """
    url = checked_base_url("JITNEY_TOKEN_ISSUER", issuer) + _DISCOVERY
    response = send(HttpRequest("GET", url, {"Accept": "application/json"}))
    document = response.document()
    if 300 <= response.status < 400:
        raise _unusable(
            f"{url} redirects, and no redirect is followed", "Set JITNEY_TOKEN_ISSUER to the issuer itself."
        )
    if not response.succeeded or not document:
        detail = f"{url} answered HTTP {response.status}, and that is no discovery document."
        raise Unavailable("issuer_unavailable", _TITLE, detail, "Check JITNEY_TOKEN_ISSUER, then try again.")
    if document.get("issuer") != issuer:
        fix = "Set JITNEY_TOKEN_ISSUER to exactly the issuer's own spelling, a slash at the end included."
        raise _unusable(f"{url} names another issuer: {document.get('issuer')!r}", fix)
    methods = document.get("code_challenge_methods_supported", ["S256"])  # Entra supports it and does not say so
    if not isinstance(methods, list) or "S256" not in methods:
        raise _unusable(f"{issuer} does not support PKCE with S256", "Use an issuer that does.")
    return ProviderMetadata(
        issuer,
        _endpoint(document, "authorization_endpoint", issuer),
        _endpoint(document, "token_endpoint", issuer),
        _endpoint(document, "device_authorization_endpoint", issuer, required=False),
        _endpoint(document, "revocation_endpoint", issuer, required=False),
        document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: Mapping[str, Any], name: str, issuer: str, *, required: bool = True) -> str:
    """Return the endpoint's address. Raises Invalid if an https issuer names a server of this machine."""
    address = document.get(name, "")
    if not isinstance(address, str) or (required and not address):
        raise _unusable(f"{issuer} has no {name}", "Use an issuer that has one.")
    if address and urlsplit(address).scheme != "https" and urlsplit(issuer).scheme == "https":
        raise _unusable(f"the {name} of {issuer} is not https", "Ask the issuer's administrator.")
    return checked_url(f"The issuer's {name}", address) if address else ""


def _unusable(what: str, fix: str) -> Invalid:
    return Invalid("issuer_unusable", _TITLE, f"{what[:1].upper()}{what[1:]}.", fix)
