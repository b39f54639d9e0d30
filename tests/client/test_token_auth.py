"""The token in memory: used again, replaced before it expires, and replaced once when it is refused."""

from dataclasses import dataclass, field

from jitney.client.api.connection import HttpRequest, HttpResponse
from jitney.client.api.token_auth import TokenAuth
from jitney.client.tokens import Token


@dataclass
class Counting:
    lifetime: int | None = None
    for_one_call: bool = False
    fetched: list[str] = field(default_factory=list)

    def fetch(self) -> Token:
        self.fetched.append(f"token-{len(self.fetched) + 1}")
        return Token(self.fetched[-1], self.lifetime, self.for_one_call)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def client(refused: set[str], source: Counting | None = None) -> tuple[TokenAuth, list[str]]:
    sent: list[str] = []

    def answer(request: HttpRequest) -> HttpResponse:
        sent.append(request.headers["Authorization"].removeprefix("Bearer "))
        return HttpResponse(request.url, 401 if sent[-1] in refused else 200)

    return TokenAuth(source or Counting(), sending=answer), sent


GET = HttpRequest("GET", "https://api", {})


def test_one_token_serves_many_requests():
    auth, sent = client(set())
    assert [auth.send(GET).status for _ in range(2)] == [200, 200]
    assert sent == ["token-1", "token-1"]


def test_a_token_is_replaced_before_it_ends():
    clock = Clock()
    auth = TokenAuth(Counting(lifetime=100), clock)
    assert auth.token().value == "token-1"
    clock.now += 69
    assert auth.token().value == "token-1"
    clock.now += 1
    assert auth.token().value == "token-2"


def test_a_kept_token_that_is_refused_is_replaced_once():
    refused: set[str] = set()
    auth, sent = client(refused)
    auth.send(GET)
    refused.add("token-1")
    assert auth.send(GET).status == 200
    assert sent == ["token-1", "token-1", "token-2"]


def test_a_new_token_that_is_refused_is_not_tried_again():
    source = Counting()
    auth, sent = client({"token-1"}, source)
    assert auth.send(GET).status == 401
    assert sent == source.fetched == ["token-1"]


def test_id_14_a_token_for_one_call_is_sent_once():
    auth, sent = client(set(), Counting(for_one_call=True))
    assert auth.token().value == "token-1"
    for _ in range(3):
        auth.send(GET)
    assert sent == ["token-1", "token-2", "token-3"]


def test_id_14_a_token_for_one_call_that_is_refused_is_replaced_once():
    auth, sent = client({"token-1", "token-3", "token-4"}, Counting(for_one_call=True))
    assert [auth.send(GET).status for _ in range(2)] == [200, 401]
    assert sent == ["token-1", "token-2", "token-3", "token-4"]


def test_gw_06_an_attempt_before_a_new_token_counts_as_an_earlier_attempt():
    answers = [HttpResponse("https://api", 401, repeated=True), HttpResponse("https://api", 429)]
    auth = TokenAuth(Counting(for_one_call=True), sending=lambda _: answers.pop(0))
    assert auth.send(GET).repeated


def test_a_token_does_not_show_itself():
    assert "secret" not in repr(Token("secret"))
