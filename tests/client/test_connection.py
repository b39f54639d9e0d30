"""Where a token may travel, and when a request is sent again."""

import socket

import httpx
import pytest

from jitney.client.connection import checked_url, open_client, send
from jitney.client.problems import Invalid, Unavailable
from tests.client.fake_broker import FakeBroker

PATH = "/v1/grants"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/prod",
        "https://[2001:db8::1]/",
        "http://localhost:8080",
        "http://127.0.0.1:1/x",
        "http://127.9.9.9",
        "http://[::1]:80",
    ],
)
def test_https_and_loopback_are_accepted(url: str):
    assert checked_url("--api", url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "http://api.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[::ffff:10.0.0.1]",
        "http://2130706433",
        "ftp://localhost",
        "file:///etc/passwd",
        "https://",
        "https://user:pw@api.example.com",
        "https://api.example.com/#x",
        "http://localhost:99999999",
        "https://api.example.com\n",
    ],
)
def test_everything_else_would_show_the_token_and_is_refused(url: str):
    with pytest.raises(Invalid) as refused:
        checked_url("--api", url)
    assert refused.value.exit_code == 2
    assert refused.value.title == "--api is not valid"


def ask(broker: FakeBroker, method: str, *, key: str = "") -> tuple[httpx.Response, list[float]]:
    pauses: list[float] = []
    with open_client(broker.url) as client:
        request = client.build_request(method, broker.url + PATH, headers={"Idempotency-Key": key} if key else {})
        return send(client, request, pauses.append), pauses


@pytest.mark.parametrize(("method", "key"), [("GET", ""), ("POST", "once")])
@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_not_now_is_asked_again_with_the_same_key_after_the_pause_told(
    broker: FakeBroker, status: int, method: str, key: str
):
    broker.say(method, PATH, status, b"busy", Retry_After="7", Content_Type="text/plain")
    broker.say(method, PATH, 200, {})
    response, pauses = ask(broker, method, key=key)
    assert (response.status_code, pauses) == (200, [7.0])
    assert len({asked.headers.get("Idempotency-Key") for asked in broker.asked}) == 1


def test_what_is_not_safe_to_repeat_is_sent_once(broker: FakeBroker):
    broker.say("POST", PATH, 503, b"busy")
    response, pauses = ask(broker, "POST")
    assert (response.status_code, pauses, len(broker.asked)) == (503, [], 1)


def test_asking_again_ends_after_four_times(broker: FakeBroker):
    broker.say("GET", PATH, 503, b"busy")
    response, pauses = ask(broker, "GET")
    assert (response.status_code, pauses, len(broker.asked)) == (503, [0.5, 2.0, 8.0], 4)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 500])
def test_an_answer_is_an_answer(broker: FakeBroker, status: int):
    broker.say("GET", PATH, status, b"")
    assert ask(broker, "GET")[0].status_code == status
    assert len(broker.asked) == 1


def test_a_long_retry_after_is_left_to_the_caller(broker: FakeBroker):
    broker.say("GET", PATH, 429, b"", Retry_After="60")
    response, pauses = ask(broker, "GET")
    assert (response.status_code, pauses) == (429, [])


def test_a_refusal_by_aws_is_final(broker: FakeBroker):
    broker.say("GET", PATH, 502, {"code": "issue_refused"})
    assert ask(broker, "GET")[0].status_code == 502
    assert len(broker.asked) == 1


def test_a_lost_answer_is_asked_for_again_only_where_that_is_safe(broker: FakeBroker):
    broker.hang_up("POST", PATH)
    with pytest.raises(Unavailable, match="did not answer"):
        ask(broker, "POST")
    assert len(broker.asked) == 1
    assert_that_a_repeat_finds_the_answer(broker)


def assert_that_a_repeat_finds_the_answer(broker: FakeBroker):
    broker.hang_up("POST", PATH)
    broker.say("POST", PATH, 200, {})
    assert ask(broker, "POST", key="once")[0].status_code == 200


def test_a_server_that_is_not_there_is_tried_four_times_even_for_a_post():
    def nothing_there(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    url, pauses = "https://broker.example.com", []
    with httpx.Client(transport=httpx.MockTransport(nothing_there)) as client, pytest.raises(Unavailable) as refused:
        send(client, client.build_request("POST", url), pauses.append)
    assert len(pauses) == 3
    assert (refused.value.exit_code, refused.value.code) == (6, "no_response")
    assert refused.value.detail.startswith(url)


def test_on_this_machine_what_is_not_there_is_not_waited_for():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    pauses: list[float] = []
    with open_client(url) as client, pytest.raises(Unavailable) as refused:
        send(client, client.build_request("GET", url), pauses.append)
    assert pauses == []
    assert "make up" in refused.value.fix


def test_a_redirect_is_not_followed(broker: FakeBroker):
    broker.say("GET", PATH, 302, b"", Location=f"{broker.url}/elsewhere")
    assert ask(broker, "GET")[0].status_code == 302
    assert [asked.path for asked in broker.asked] == [PATH]


def test_plain_http_on_loopback_never_goes_through_a_proxy(broker: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    broker.say("GET", PATH, 200, {})
    assert ask(broker, "GET")[0].status_code == 200


def test_loopback_without_tls_trusts_no_certificate_at_all():
    with open_client("http://127.0.0.1:1") as client:
        context = client._transport._pool._ssl_context
        assert (context.cert_store_stats()["x509_ca"], context.check_hostname) == (0, True)
