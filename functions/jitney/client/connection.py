"""HTTP to one server: TLS except on loopback, no redirects, bounded time, and repeats only where a repeat is safe."""

import functools
import ipaddress
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from jitney.client.problems import Invalid, Unavailable

# API Gateway gives up after 29 seconds; what takes longer will not come.
_TIMEOUT = httpx.Timeout(35.0, connect=5.0)
_PAUSES_SECONDS = (0.5, 2.0, 8.0)
_LONGEST_PAUSE_SECONDS = 10.0
# Answers that say "not now". A 502 that is a problem of the broker is final: AWS refused.
_NOT_NOW = frozenset({429, 502, 503, 504})


def checked_url(name: str, value: str) -> str:
    """The URL in the setting `name`, no slash at its end. Raises Invalid unless it is https, or http on loopback."""
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL as error:
        raise _bad_url(name, f"{value!r} is not a URL ({error}).") from error
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.host)):
        raise _bad_url(name, f"{value!r} is neither https nor http on this machine: a token would cross the network.")
    if not url.host or url.userinfo or url.fragment or not 0 <= (url.port or 0) <= 65535:
        raise _bad_url(name, f"{value!r} must have a host, a port that exists, and no user name or fragment.")
    return value.rstrip("/")


def _bad_url(name: str, detail: str) -> Invalid:
    return Invalid("url_invalid", f"{name} is not valid", detail, "Give an https:// address.")


def is_loopback(host: str) -> bool:
    """True for localhost and for literal loopback addresses; no name is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@functools.cache
def _tls() -> ssl.SSLContext:
    """The trust store, read once a process (tens of milliseconds): SSL_CERT_FILE, SSL_CERT_DIR, or certifi's."""
    return httpx.create_ssl_context()


def open_client(url: str, auth: httpx.Auth | None = None) -> httpx.Client:
    """A client for the server of a checked `url`.

    On loopback neither a proxy nor the trust store is used: the empty TLS context there trusts nobody.
    """
    local = url.startswith("http://")
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if local else _tls()
    return httpx.Client(verify=trust, trust_env=not local, timeout=_TIMEOUT, auth=auth, follow_redirects=False)


def send(client: httpx.Client, request: httpx.Request, sleep: Callable[[float], None] = time.sleep) -> httpx.Response:
    """The answer to `request`, sent up to four times. Raises Unavailable when no answer came.

    It is sent again when no connection came about; after other failures, and a "not now", only when a repeat is safe:
    a GET or DELETE, or with an Idempotency-Key. Pauses by Retry-After; more than ten seconds of it are the caller's.
    """
    repeatable = request.method in ("GET", "DELETE") or "Idempotency-Key" in request.headers
    for pause in _PAUSES_SECONDS:
        try:
            response = client.send(request)
        except (httpx.NetworkError, httpx.ConnectTimeout, httpx.RemoteProtocolError) as error:
            connecting = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            # Nothing on this machine that is not there now comes up by itself.
            if (connecting and is_loopback(request.url.host)) or not (repeatable or connecting):
                raise _no_answer(request, error) from error
        except httpx.RequestError as error:
            raise _no_answer(request, error) from error
        else:
            pause = retry_after(response, pause)  # noqa: PLW2901 - the server knows better
            if not repeatable or not _is_not_now(response) or pause > _LONGEST_PAUSE_SECONDS:
                return response
        sleep(pause)
    try:
        return client.send(request)
    except httpx.RequestError as error:
        raise _no_answer(request, error) from error


def _is_not_now(response: httpx.Response) -> bool:
    final = response.status_code == 502 and response.headers.get("Content-Type") == "application/problem+json"
    return response.status_code in _NOT_NOW and not final


def retry_after(response: httpx.Response, default: float) -> float:
    """The seconds in Retry-After; `default` when there is none or it is a date (RFC 9110 section 10.2.3)."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else default


def read_object(response: httpx.Response) -> Mapping[str, Any]:
    """The JSON object in the body; an empty one when the body is something else."""
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _no_answer(request: httpx.Request, error: httpx.RequestError) -> Unavailable:
    where = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
    fix = "Check the address and the network, then try again."
    if is_loopback(request.url.host):
        fix = "Is it running? `make up` starts the local system and writes the settings of its agents anew."
    return Unavailable("no_response", "No answer", f"{where} did not answer ({type(error).__name__}).", fix)
