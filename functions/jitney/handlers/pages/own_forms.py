"""Forms that a page of this site sent, according to the browser, and what a person typed into them."""

from collections.abc import Mapping
from typing import Any

from jitney.core.problems import Problem
from jitney.handlers.runtime.http import form_fields, request_from_event

_TYPED = ("comment", "reason")
"""The fields of forms into which people write sentences."""
MOST_TYPED = 1000


def is_own_form(headers: Mapping[str, str], origin: str) -> bool:
    """Return whether the browser says that a page of `origin`, this site, sent the form.

    https://html.spec.whatwg.org/#origin, https://www.w3.org/TR/fetch-metadata/
    """
    ours = (origin, "same-origin")
    named = headers.get("origin", headers.get("sec-fetch-site"))
    return named in ours and headers.get("sec-fetch-site", "same-origin") == "same-origin"


def typed_text(event: Mapping[str, Any], origin: str, digest: str, most_bytes: int) -> str:
    """Return the sentence in the form of an API Gateway event, or "".

    No other site's form has one, because this site would then show words that its visitor did not type.
    """
    try:
        request = request_from_event(event, digest)
        fields = form_fields(request.body, most_bytes) if is_own_form(request.headers, origin) else {}
    except Problem:
        return ""
    return next((words[:MOST_TYPED] for name in _TYPED for words in fields.get(name, ()) if words.strip()), "")
