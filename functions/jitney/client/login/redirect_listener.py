"""Receives the redirect of a sign-in on a loopback port (RFC 8252 section 7.3).

Other users of this machine can connect to the port, and can read the address with which a browser is started. So that
address is a start page, which gives the browser a cookie and redirects it to the issuer. The page is for one browser:
if another program opens it, the sign-in ends. A redirect counts only with the state and with that browser's cookie.
"""

import contextlib
import hmac
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from jitney.client.problems import ClientProblem, Invalid, Unauthenticated
from jitney.client.processes.unsignalled import start_unsignalled

_HOST = "127.0.0.1"
_CALLBACK = "/callback"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body><main><h1>{title}</h1><p>{text}</p></main></body>
</html>
"""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Content-Type": "text/html; charset=utf-8",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class _Page:
    status: int
    title: str
    text: str
    headers: Mapping[str, str]


class RedirectListener:
    """Listens on `port` of 127.0.0.1, or on a free port for 0. Use it in a `with` block.

    Raises Invalid when another program uses the port.
    """

    def __init__(self, port: int = 0) -> None:
        self._server = _listening(port, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._host = f"{_HOST}:{self._server.server_port}"
        self._start, self._cookie = f"/start/{secrets.token_urlsafe(24)}", secrets.token_urlsafe(24)
        self._location = self._state = ""
        self._opened = False
        self._outcome: Mapping[str, str] | ClientProblem | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        start_unsignalled(self._thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def redirect_uri(self) -> str:
        """The address to which the issuer redirects."""
        return f"http://{self._host}{_CALLBACK}"

    def expect(self, location: str, state: str) -> str:
        """Accept the redirect with `state`. Return the start page's address, which leads one browser to `location`."""
        self._location, self._state = location, state
        return f"http://{self._host}{self._start}"

    def wait(self, seconds: float) -> Mapping[str, str]:
        """Return the parameters of the redirect.

        Raises Unauthenticated when there is none within `seconds`, or when another program opened the start page.
        """
        self._ended.wait(seconds)
        if self._outcome is None:
            detail = f"No browser came back within {int(seconds)} seconds."
            raise Unauthenticated(
                "login_timed_out", "The sign-in was not finished", detail, "Run `jitney login` again."
            )
        if isinstance(self._outcome, ClientProblem):
            raise self._outcome
        return self._outcome

    def answer(self, path: str, headers: Mapping[str, str]) -> _Page:
        """Return the page for a GET of `path`. `headers` has names in lower case."""
        if headers.get("host") != self._host:  # a site whose name leads to this machine (DNS rebinding)
            return _page(421, "Not here", f"Use the address http://{self._host}.")
        url = urlsplit(path)
        with self._lock:
            if hmac.compare_digest(url.path.encode(), self._start.encode()):
                return self._to_issuer(headers)
            if url.path == _CALLBACK:
                return self._arrived(url.query, headers)
        return _page(404, "Not found", "There is nothing at this address.")

    def finish(self) -> None:
        """Let `wait` return if there is an outcome. Call this after the page was sent."""
        if self._outcome is not None:
            self._ended.set()

    def _to_issuer(self, headers: Mapping[str, str]) -> _Page:
        if "prefetch" in headers.get("sec-purpose", headers.get("purpose", "")):
            return _page(503, "Not yet", "Open this page to sign in.")
        if self._opened and not self._has_cookie(headers):
            detail = "Two programs opened the address of the sign-in. One of them may belong to another user."
            fix = "Run `jitney login` again, and open its address once."
            self._outcome = Unauthenticated("login_intercepted", "The sign-in was stopped", detail, fix)
            return _page(410, "Sign-in stopped", "Another program opened this address before. Run jitney login again.")
        self._opened = True
        cookie = f"{self._cookie_name()}={self._cookie}; HttpOnly; SameSite=Lax; Path=/"
        return _Page(302, "Sign in", "", {"Location": self._location, "Set-Cookie": cookie})

    def _arrived(self, query: str, headers: Mapping[str, str]) -> _Page:
        given = parse_qsl(query, keep_blank_values=True, max_num_fields=20) if query.count("&") < 20 else []
        parameters = dict(given)
        known = hmac.compare_digest(parameters.get("state", "").encode(), self._state.encode())
        if not (self._opened and known and self._has_cookie(headers) and len(parameters) == len(given)):
            return _page(400, "Not this sign-in", "This is not the answer to the sign-in that jitney login began.")
        if self._outcome is not None:
            return _page(410, "Already used", "This answer was used before.")
        self._outcome = parameters
        return _page(200, "Back to the terminal", "The terminal shows whether the sign-in succeeded. Close this page.")

    def _cookie_name(self) -> str:
        return f"jitney-login-{self._server.server_port}"

    def _has_cookie(self, headers: Mapping[str, str]) -> bool:
        values = [each.strip().partition("=") for each in headers.get("cookie", "").split(";")]
        given = next((value for name, _, value in values if name == self._cookie_name()), "")
        return hmac.compare_digest(given.encode(), self._cookie.encode())


def _page(status: int, title: str, text: str) -> _Page:
    return _Page(status, title, text, {})


def _listening(port: int, listener: RedirectListener) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            page = listener.answer(self.path, {name.lower(): value for name, value in self.headers.items()})
            body = _PAGE.format(title=page.title, text=page.text).encode()
            self.send_response(page.status)
            for name, value in {**_HEADERS, "Content-Length": str(len(body)), **page.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):  # the browser has gone, and its redirect counts all the same
                self.wfile.write(body)
            listener.finish()

        def log_message(self, *_: Any) -> None:
            """Log nothing: the addresses hold the code."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: Any) -> None:
            """Show nothing: a traceback of a broken connection says nothing about the sign-in."""

    try:
        return Server((_HOST, port), Handler)
    except OSError as error:
        detail = f"Port {port} of {_HOST} cannot be used: {error.strerror}."
        fix = "Set JITNEY_REDIRECT_PORT to another port that the issuer accepts."
        raise Invalid("redirect_port_taken", "The redirect cannot be received", detail, fix) from error
