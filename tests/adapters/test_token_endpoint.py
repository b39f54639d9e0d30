"""The token endpoint, as a real server on this machine answers it, and everything else that such a server may do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

import pytest

from jitney.adapters.token_endpoint import TokenEndpoint
from jitney.core.problems import Problem
from jitney.core.web_client import Web
from tests.quiet_server import QuietServer

GOOD = json.dumps({"id_token": "a.b.c", "access_token": "x", "token_type": "Bearer"}).encode()


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[tuple[Web, list[Any]]]:
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            asked.append((self.path, self.headers["Content-Type"], form))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with QuietServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        yield Web("web", f"{url}/auth", f"{url}/token", ("openid",)), asked
        server.shutdown()
        thread.join()


def redeem(web: Web, *, local: bool = True) -> str:
    return TokenEndpoint(local=local).redeem(web, "the code", "the-verifier", "https://jitney.example.com/callback")


def test_the_code_is_sent_with_its_verifier_in_a_form():
    with answering(200, GOOD) as (web, asked):
        assert redeem(web) == "a.b.c"
    assert asked == [
        (
            "/token",
            "application/x-www-form-urlencoded",
            {
                "grant_type": ["authorization_code"],
                "code": ["the code"],
                "redirect_uri": ["https://jitney.example.com/callback"],
                "client_id": ["web"],
                "code_verifier": ["the-verifier"],
            },
        )
    ]


REFUSED = {
    "an error": (400, b'{"error": "invalid_grant"}'),
    "no ID token": (200, b'{"access_token": "x"}'),
    "an ID token that is no text": (200, b'{"id_token": ["a.b.c"]}'),
    "a list": (200, b"[]"),
    "no JSON": (200, b"<html>"),
    "a redirect": (302, GOOD),
}


@pytest.mark.parametrize(("status", "body"), REFUSED.values(), ids=REFUSED)
def test_any_other_answer_is_a_refused_sign_in(status: int, body: bytes):
    with answering(status, body, Location="http://127.0.0.1:9/") as (web, _), pytest.raises(Problem) as refusal:
        redeem(web)
    assert refusal.value.code == "sign_in_refused"


def test_who_is_not_there_is_unavailable():
    with pytest.raises(Problem) as refusal:
        redeem(Web("web", "", "http://127.0.0.1:9/token", ("openid",)))
    assert refusal.value.code == "unavailable"


def test_codes_go_over_plain_http_on_ones_own_machine_only():
    with answering(200, GOOD) as (web, asked), pytest.raises(Problem) as refusal:
        redeem(web, local=False)
    assert (refusal.value.code, asked) == ("unavailable", [])
