"""Requests to an OAuth 2.0 token endpoint, and its refusals (RFC 6749 sections 3.2 and 5)."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from jitney.client.api.connection import HttpRequest, HttpResponse, send
from jitney.client.problems import Unauthenticated, Unavailable

# RFC 6749 section 5.2 has no such answers, so another service is at that address.
_FIXES = dict.fromkeys((404, 405), "Check the token endpoint's address.")
_NO_HEADERS: Mapping[str, str] = {}


def post_form(
    url: str, form: Mapping[str, str], headers: Mapping[str, str] = _NO_HEADERS, proof: Callable[[], str] | None = None
) -> HttpResponse:
    """Return the answer to the form. Raises Unavailable when there is none. `proof` makes the DPoP header.

    No redirect is followed. A form that may have arrived is not sent again, because a code or a refresh token can be
    used only once.
    """
    kinds = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    return send(HttpRequest("POST", url, {**kinds, **headers}, urlencode(form).encode(), proof))


def granted(response: HttpResponse, fix: str) -> Mapping[str, Any]:
    """Return the members of a successful answer, with an access token.

    Raises Unauthenticated with `fix` when the issuer refused, Unavailable when it has no answer now.
    """
    document = response.document()
    if response.is_unavailable:
        detail = f"The token endpoint {response.url} answered HTTP {response.status}."
        raise Unavailable("issuer_unavailable", "The identity provider is not available", detail, "Try again later.")
    if not response.succeeded or not isinstance(document.get("access_token"), str):
        detail = f"The token endpoint {response.url} answered HTTP {response.status} {refusal_words(document)}"
        fix = _FIXES.get(response.status, fix)
        title = "The identity provider gave no token"
        raise Unauthenticated("token_refused", title, f"{detail.rstrip()}.", fix)
    return document


def refusal_words(document: Mapping[str, Any]) -> str:
    """Return the issuer's words in a refusal on one line, without a full stop at the end (RFC 6749 section 5.2).

    They are a fixed `error`, and the issuer's own description, which may have several lines.
    """
    found = [" ".join(str(document[name]).split()) for name in ("error", "error_description") if name in document]
    return ": ".join(found).rstrip(".")
