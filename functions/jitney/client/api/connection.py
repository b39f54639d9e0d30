"""HTTP to one server: TLS except on loopback, no redirects, with time limits. Only safe requests are repeated.

It uses http.client, because SDKs run `jitney credentials` at each start, and importing a larger HTTP client takes 100
ms.
"""

import base64
import functools
import http.client
import ipaddress
import json
import os
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from jitney import __version__
from jitney.adapters.timed_http.timed_answers import TimedAnswer
from jitney.client.api.proxy import proxy_of
from jitney.client.problems import Invalid, Unavailable
from jitney.core.json_object import json_object

_CONNECT_SECONDS = 5.0
# API Gateway gives up after 29 seconds, so no answer comes later than this.
_ANSWER_SECONDS = 35.0
MOST_ANSWER_BYTES = 8_000_000
"""The limit of an answer. A Lambda function returns at most 6 MB, so the broker has no larger ones."""
_READ_BYTES = 65_536
_PAUSES_SECONDS = (0.5, 2.0, 8.0)
_LONGEST_PAUSE_SECONDS = 10.0
_MOST_RETRY_SECONDS = 3600.0
# Answers that say "not now". A 502 with problem+json comes from the broker, and is final: AWS refused.
_NOT_NOW = frozenset({429, 502, 503, 504})
# X509_V_ERR_* of RFC 5280's rules, which Python checks since 3.13 (VERIFY_X509_STRICT).
_OF_STRICT_CHECK = range(80, 94)
_TRUST_STORE = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_URL = re.compile(r"[!-~]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request to a URL that was checked. `proof` makes the DPoP header of each attempt (RFC 9449)."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    proof: Callable[[], str] | None = field(default=None, repr=False)

    def attempt(self) -> "HttpRequest":
        """Return what one attempt sends. A proof is accepted once."""
        return replace(self, headers={**self.headers, "DPoP": self.proof()}) if self.proof else self


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The answer to the request for `url`. Header names are in lower case.

    `repeated` says that the server may have carried out an earlier attempt.
    """

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    repeated: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the status is a success."""
        return 200 <= self.status < 300

    @property
    def is_unavailable(self) -> bool:
        """Whether the server cannot answer now: too many requests, or a failure of its own."""
        return self.status == 429 or self.status >= 500

    def document(self) -> Mapping[str, Any]:
        """The JSON object in the body; {} when the body is something else."""
        return json_object(self.body)

    def retry_after(self, default: float) -> float:
        """Return the seconds in Retry-After, at most an hour; `default` if it is missing or a date."""
        value = self.headers.get("retry-after", "")
        return min(float(value), _MOST_RETRY_SECONDS) if value.isdecimal() else default


class _WholeAnswer(TimedAnswer):
    whole_seconds = 120.0


class NotConnectedError(Exception):
    """There was no connection. `__cause__` says why."""


def checked_url(name: str, value: str) -> str:
    """Return the URL in the setting `name`, without a slash at the end.

    Raises Invalid unless it is https, or http on loopback.
    """
    try:
        url = urlsplit(value)
        host, _ = url.hostname or "", url.port
    except ValueError as error:
        raise _bad_url(name, f"{value!r} is not a URL ({error}).") from error
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(host)):
        raise _bad_url(name, f"{value!r} is neither https nor http on this machine: a token would cross the network.")
    if "@" in url.netloc:
        raise _bad_url(name, f"The address of {host!r} holds a user name or a password.")
    if not (_URL.fullmatch(value) and host) or url.fragment:
        raise _bad_url(name, f"{value!r} must have a host, only ASCII without white space, and no fragment.")
    return value.rstrip("/")


def checked_base_url(name: str, value: str) -> str:
    """Return the URL as checked_url does, for paths to be added. Raises Invalid for a URL with a query too."""
    if "?" in value:
        raise _bad_url(name, f"{value!r} has a query, so no path can be added to it.", "Remove the part from ? on.")
    return checked_url(name, value)


def _bad_url(name: str, detail: str, fix: str = "Give an https:// address.") -> Invalid:
    return Invalid("url_invalid", f"{name} is not valid", detail, fix)


def is_loopback(host: str) -> bool:
    """Return whether the host is localhost or a literal loopback address. Other names are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def exchange(request: HttpRequest) -> HttpResponse:
    """Return the answer to one attempt at `request`. Each attempt has its own connection.

    Raises NotConnectedError if nothing was sent, and OSError or HTTPException after that.
    """
    url = urlsplit(request.url)
    connection = open_to(url)
    connection.response_class = _WholeAnswer  # the class of a proxy's answer, too
    try:
        try:
            connection.connect()
        except OSError as error:
            raise NotConnectedError from error
        connection.sock.settimeout(_ANSWER_SECONDS)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = {"User-Agent": f"jitney/{__version__}", "Connection": "close", **request.headers}
        connection.request(request.method, target, request.body, headers)
        with connection.getresponse() as answer:  # an answer that is not read to its end keeps the socket open
            received = {name.lower(): value for name, value in answer.getheaders()}
            return HttpResponse(request.url, answer.status, received, _whole(answer, url))
    finally:
        connection.close()


def _whole(answer: http.client.HTTPResponse, url: SplitResult) -> bytes:
    """Return the body. Raises Unavailable if it is too large, TimeoutError if it takes too long, and IncompleteRead."""
    body = bytearray()
    while piece := answer.read1(_READ_BYTES):
        body += piece
        if len(body) > MOST_ANSWER_BYTES:
            detail = f"The answer of {url.scheme}://{url.netloc} has more than {MOST_ANSWER_BYTES} bytes."
            fix = "Check the address, and that no proxy answers instead."
            raise Unavailable("response_too_large", "The answer is too large", detail, fix)
    if answer.length:  # `read1` does not say that the connection was closed before the end
        raise http.client.IncompleteRead(bytes(body), answer.length)
    return bytes(body)


def open_to(url: SplitResult) -> http.client.HTTPConnection:
    """Return a connection to the server, not open yet. Plain http stays on this machine and uses no proxy."""
    host = url.hostname or ""
    if url.scheme == "http":
        return http.client.HTTPConnection(host, url.port or 80, timeout=_CONNECT_SECONDS)
    proxy = proxy_of(url)
    if proxy is None:
        return http.client.HTTPSConnection(host, url.port or 443, timeout=_CONNECT_SECONDS, context=_tls())
    tunnel = http.client.HTTPSConnection(
        proxy.hostname or "", proxy.port or 80, timeout=_CONNECT_SECONDS, context=_tls()
    )
    headers = {}
    if proxy.username is not None:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    tunnel.set_tunnel(host, url.port or 443, headers)
    return tunnel


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the trust store: SSL_CERT_FILE and SSL_CERT_DIR if set, otherwise certifi's.

    Raises Invalid if unreadable.
    """
    file, folder = map(os.environ.get, _TRUST_STORE)
    if file or folder:
        # Without arguments, OpenSSL would add the system's authorities, and ignore a file that is not there.
        try:
            return ssl.create_default_context(cafile=file or None, capath=folder or None)
        except OSError as error:
            detail = f"SSL_CERT_FILE ({file}) cannot be read: {error.strerror or 'it holds no certificate'}."
            raise Invalid(
                "trust_store_invalid", "The trust store is not valid", detail, "Correct or unset SSL_CERT_FILE."
            ) from error
    import certifi  # noqa: PLC0415 - only where TLS is used

    return ssl.create_default_context(cafile=certifi.where())


def send(
    request: HttpRequest,
    sleep: Callable[[float], None] = time.sleep,
    attempt: Callable[[HttpRequest], HttpResponse] = exchange,
) -> HttpResponse:
    """Return the answer to `request`. It is sent up to four times. Raises Unavailable when there is no answer.

    A request is sent again when there was no connection, unless the server is on this machine or its certificate is
    wrong. After the answer "not now", and after failures other than a timeout, a request is sent again only when that
    is safe: a GET, a DELETE, or a request with an Idempotency-Key. Pauses follow Retry-After. If it demands more than
    ten seconds, the caller has to wait and repeat.
    """
    repeatable = request.method in ("GET", "DELETE") or "Idempotency-Key" in request.headers
    local, repeated = is_loopback(urlsplit(request.url).hostname or ""), False
    for pause in (*_PAUSES_SECONDS, None):
        try:
            response = replace(attempt(request.attempt()), repeated=repeated)
        except NotConnectedError as error:
            # A service on this machine does not start by itself, and a wrong certificate stays wrong.
            if pause is None or local or isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise _no_answer(request, error.__cause__ or error) from error
        except (OSError, http.client.HTTPException) as error:
            if pause is None or not repeatable or isinstance(error, TimeoutError):
                raise _no_answer(request, error) from error
            repeated = True
        else:
            wanted = response.retry_after(pause or 0)
            if pause is None or not repeatable or not _is_not_now(response) or wanted > _LONGEST_PAUSE_SECONDS:
                return response
            repeated = repeated or response.status != 429
            pause = wanted  # noqa: PLW2901 - the server knows better
        sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _is_not_now(response: HttpResponse) -> bool:
    final = response.status == 502 and response.headers.get("content-type") == "application/problem+json"
    return response.status in _NOT_NOW and not final


def _no_answer(request: HttpRequest, error: BaseException) -> Unavailable:
    url = urlsplit(request.url)
    proxy = proxy_of(url)
    through = f" through the proxy {proxy.hostname}:{proxy.port or 80}" if proxy else ""
    fix = f"Check the address{', the proxy' if proxy else ''} and the network, then try again."
    if is_loopback(url.hostname or "") and not proxy:
        fix = "Is it running? `make up` starts the local system and writes new settings for its agents."
    if getattr(error, "reason", None) == "WRONG_VERSION_NUMBER":
        fix = "It answers without TLS. Check the port, and whether the address begins with http:// instead."
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        why, fix = f"its certificate is not valid: {getattr(error, 'verify_message', why)}", certificate_fix(error)
    detail = f"{url.scheme}://{url.netloc} did not answer{through}: {why.removesuffix('.')}."
    return Unavailable("no_response", "No answer", detail, fix)


def certificate_fix(error: BaseException) -> str:
    """Return what to do about a server's certificate that cannot be verified."""
    if getattr(error, "verify_code", 0) in _OF_STRICT_CHECK:
        fix = "Let the authority renew its certificate, or use Python 3.12."
        return f"Python 3.13 refuses the certificate of an authority that breaks RFC 5280. {fix}"
    given = [name for name in _TRUST_STORE if os.environ.get(name)]
    if given:
        return f"{' and '.join(given)} must have the server's authority, or that of a proxy that inspects TLS."
    return "If a proxy inspects TLS, set SSL_CERT_FILE to the file of its authority. Otherwise check the address."


def json_body(body: Mapping[str, Any]) -> bytes:
    """Return the body of a request. Raises Invalid for text that is not UTF-8, such as an argument with other bytes."""
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        text = str(error.object)[max(0, error.start - 20) : error.end + 20]
        detail = f"The request holds text that is not UTF-8: {text!a}."
        raise Invalid("text_invalid", "The text is not valid", detail, "Write it in UTF-8.") from error
