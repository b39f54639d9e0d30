"""The token in memory: used again, replaced before its end, replaced once when refused."""

from dataclasses import dataclass, field

import httpx

from jitney.client.bearer import BearerAuth
from jitney.client.tokens import Token


@dataclass
class Counting:
    lifetime: int | None = None
    fetched: list[str] = field(default_factory=list)

    def fetch(self) -> Token:
        self.fetched.append(f"token-{len(self.fetched) + 1}")
        return Token(self.fetched[-1], self.lifetime)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def client(auth: BearerAuth, refused: set[str]) -> tuple[httpx.Client, list[str]]:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"].removeprefix("Bearer "))
        return httpx.Response(401 if seen[-1] in refused else 200)

    return httpx.Client(transport=httpx.MockTransport(answer), auth=auth), seen


def test_one_token_serves_many_requests():
    http, seen = client(BearerAuth(Counting()), set())
    assert [http.get("https://api").status_code for _ in range(2)] == [200, 200]
    assert seen == ["token-1", "token-1"]


def test_a_token_is_replaced_before_it_ends():
    clock = Clock()
    auth = BearerAuth(Counting(lifetime=100), clock)
    assert auth.token() == "token-1"
    clock.now += 69
    assert auth.token() == "token-1"
    clock.now += 1
    assert auth.token() == "token-2"


def test_a_kept_token_that_is_refused_is_replaced_once():
    refused: set[str] = set()
    http, seen = client(BearerAuth(Counting()), refused)
    http.get("https://api")
    refused.add("token-1")
    assert http.get("https://api").status_code == 200
    assert seen == ["token-1", "token-1", "token-2"]


def test_a_new_token_that_is_refused_is_not_tried_again():
    source = Counting()
    http, seen = client(BearerAuth(source), {"token-1"})
    assert http.get("https://api").status_code == 401
    assert seen == source.fetched == ["token-1"]


def test_a_token_does_not_show_itself():
    assert "secret" not in repr(Token("secret"))
