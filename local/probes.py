"""HTTP requests that check whether a part of the system is ready. They use loopback only, and no proxy."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
PATIENCE_SECONDS = 60.0


def fetch(
    url: str, *, form: Mapping[str, str] | None = None, basic: tuple[str, str] | None = None
) -> tuple[int, bytes]:
    """Return status and body of a GET, or of a POST of `form`; (0, b"") without an answer."""
    request = urllib.request.Request(url, data=urlencode(form).encode() if form is not None else None)  # noqa: S310
    if basic:
        request.add_header("Authorization", f"Basic {base64.b64encode(':'.join(basic).encode()).decode()}")
    try:
        with _DIRECT.open(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()
    except OSError:
        return 0, b""


def answers(url: str) -> bool:
    """Return whether a GET of `url` returns 200."""
    return fetch(url)[0] == HTTPStatus.OK


def healthy(api_url: str) -> bool:
    """Return whether the API's health check succeeds."""
    status, body = fetch(f"{api_url}/v1/health")
    return status == HTTPStatus.OK and json.loads(body).get("status") == "ok"


def token(token_url: str, agent: Mapping[str, Any]) -> str | None:
    """Return an access token for a sample agent of stack.json, or None when the provider refuses."""
    basic = (agent["client_id"], agent["client_secret"])
    status, body = fetch(token_url, form={"grant_type": "client_credentials"}, basic=basic)
    return str(json.loads(body)["access_token"]) if status == HTTPStatus.OK else None
