"""Where a token may be sent, and when a request is sent again."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jitney.client.api.connection import (
    HttpRequest,
    HttpResponse,
    NotConnectedError,
    _tls,
    certificate_fix,
    checked_base_url,
    checked_url,
    exchange,
    send,
)
from jitney.client.api.proxy import proxy_of
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
        "https://api.exämple.com",
        "https://api.example.com\tx",
    ],
)
def test_everything_else_would_show_the_token_and_is_refused(url: str):
    with pytest.raises(Invalid) as refused:
        checked_url("--api", url)
    assert refused.value.exit_code == 2
    assert refused.value.title == "--api is not valid"
    assert "pw" not in refused.value.detail


def test_a_query_of_the_brokers_address_is_refused():
    with pytest.raises(Invalid, match="has a query"):
        checked_base_url("--api", "https://api.example.com/live?x=1")


def ask(broker: FakeBroker, method: str, *, key: str = "") -> tuple[HttpResponse, list[float]]:
    pauses: list[float] = []
    request = HttpRequest(method, broker.url + PATH, {"Idempotency-Key": key} if key else {})
    return send(request, pauses.append), pauses


@pytest.mark.parametrize(("method", "key"), [("GET", ""), ("POST", "once")])
@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_not_now_is_sent_again_with_the_same_key_after_retry_after(
    broker: FakeBroker, status: int, method: str, key: str
):
    broker.say(method, PATH, status, b"busy", Retry_After="7", Content_Type="text/plain")
    broker.say(method, PATH, 200, {})
    response, pauses = ask(broker, method, key=key)
    assert (response.status, pauses) == (200, [7.0])
    assert len({asked.headers.get("Idempotency-Key") for asked in broker.asked}) == 1


def test_what_is_not_safe_to_repeat_is_sent_once(broker: FakeBroker):
    broker.say("POST", PATH, 503, b"busy")
    response, pauses = ask(broker, "POST")
    assert (response.status, pauses, len(broker.asked)) == (503, [], 1)


def test_sending_ends_after_four_times(broker: FakeBroker):
    broker.say("GET", PATH, 503, b"busy")
    response, pauses = ask(broker, "GET")
    assert (response.status, pauses, len(broker.asked)) == (503, [0.5, 2.0, 8.0], 4)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 422, 500])
def test_an_answer_is_an_answer(broker: FakeBroker, status: int):
    broker.say("GET", PATH, status, b"")
    assert ask(broker, "GET")[0].status == status
    assert len(broker.asked) == 1


def test_a_long_retry_after_is_left_to_the_caller(broker: FakeBroker):
    broker.say("GET", PATH, 429, b"", Retry_After="60")
    response, pauses = ask(broker, "GET")
    assert (response.status, pauses) == (429, [])


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("60", 60),
        ("3601", 3600),
        ("9" * 400, 3600),
        ("-5", 1),
        ("1.5", 1),
        ("", 1),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 1),
    ],
)
def test_retry_after_is_at_most_an_hour(given: str, seconds: int):
    assert int(HttpResponse("", 429, {"retry-after": given}).retry_after(1)) == seconds


def test_a_refusal_by_aws_is_final(broker: FakeBroker):
    broker.say("GET", PATH, 502, {"code": "issue_refused"})
    assert ask(broker, "GET")[0].status == 502
    assert len(broker.asked) == 1


def test_a_request_whose_answer_was_lost_is_sent_again_only_where_that_is_safe(broker: FakeBroker):
    broker.hang_up("POST", PATH)
    with pytest.raises(Unavailable, match="did not answer"):
        ask(broker, "POST")
    assert len(broker.asked) == 1
    assert_that_a_repeat_finds_the_answer(broker)


@pytest.mark.parametrize(
    ("earlier", "repeated"), [((0,), True), ((503,), True), ((504,), True), ((429,), False), ((503, 429), True)]
)
def test_gw_06_an_answer_says_whether_an_earlier_attempt_may_have_been_carried_out(
    broker: FakeBroker, earlier: tuple[int, ...], repeated: bool
):
    for status in earlier:
        broker.say("POST", PATH, status, b"busy") if status else broker.hang_up("POST", PATH)
    broker.say("POST", PATH, 429, b"busy", Retry_After="60")
    answer, _ = ask(broker, "POST", key="once")
    assert (answer.status, answer.repeated) == (429, repeated)
    assert not ask(broker, "POST", key="twice")[0].repeated


def assert_that_a_repeat_finds_the_answer(broker: FakeBroker):
    broker.hang_up("POST", PATH)
    broker.say("POST", PATH, 200, {})
    assert ask(broker, "POST", key="once")[0].status == 200


def test_a_server_that_does_not_answer_is_tried_four_times_even_for_a_post():
    def nothing_there(_: HttpRequest) -> HttpResponse:
        raise NotConnectedError from ConnectionRefusedError(111, "Connection refused")

    url, pauses = "https://broker.example.com", []
    with pytest.raises(Unavailable) as refused:
        send(HttpRequest("POST", url, {}), pauses.append, nothing_there)
    assert len(pauses) == 3
    assert (refused.value.exit_code, refused.value.code) == (6, "no_response")
    assert refused.value.detail == f"{url} did not answer: Connection refused."


@pytest.mark.parametrize(
    ("excluded", "used"),
    [("", True), (".example.com", False), ("a.org,broker.example.com", False), ("10.0.0.0/8", True), ("*", False)],
)
def test_cli_07_no_proxy_names_hosts_and_no_networks(monkeypatch: pytest.MonkeyPatch, excluded: str, used: bool):
    for name in ("no_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", excluded)
    assert (proxy_of(urlsplit("https://broker.example.com/v1")) is not None) == used
    assert proxy_of(urlsplit("http://127.0.0.1:8000/v1")) is None
    if excluded.startswith("10."):
        assert proxy_of(urlsplit("https://10.1.2.3/v1")) is not None


def test_cli_07_without_an_answer_the_proxy_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
):
    def nothing_there(_: HttpRequest) -> HttpResponse:
        raise NotConnectedError from ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setenv("HTTPS_PROXY", "http://me:canary@proxy.example.com:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    url = "https://broker.example.com"
    with pytest.raises(Unavailable) as refused:
        send(HttpRequest("GET", url, {}), lambda _: None, nothing_there)
    assert refused.value.detail == f"{url} did not answer through the proxy proxy.example.com:3128: Connection refused."
    assert refused.value.fix == "Check the address, the proxy and the network, then try again."


def test_cli_07_a_server_without_tls_is_named():
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"

    def plain(_: HttpRequest) -> HttpResponse:
        raise NotConnectedError from error

    with pytest.raises(Unavailable) as refused:
        send(HttpRequest("GET", "https://127.0.0.1:8080", {}), lambda _: None, plain)
    assert refused.value.fix.startswith("It answers without TLS.")


def test_cli_07_a_proxy_without_a_port_is_named_with_the_port_that_is_used(monkeypatch: pytest.MonkeyPatch):
    def lost(_: HttpRequest) -> HttpResponse:
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com")
    with pytest.raises(Unavailable, match=r"through the proxy proxy\.example\.com:80: "):
        send(HttpRequest("POST", "https://broker.example.com", {}), lambda _: None, lost)


@pytest.mark.parametrize(
    ("variable", "code", "said"),
    [
        ("", 20, "If a proxy inspects TLS, set SSL_CERT_FILE"),
        ("SSL_CERT_FILE", 20, "SSL_CERT_FILE must have the server's authority"),
        ("SSL_CERT_DIR", 20, "SSL_CERT_DIR must have the server's authority"),
        ("SSL_CERT_FILE", 92, "breaks RFC 5280. Let the authority renew its certificate"),
    ],
)
def test_cli_07_a_certificate_that_is_not_valid_gets_the_advice_that_helps(
    monkeypatch: pytest.MonkeyPatch, variable: str, code: int, said: str
):
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "/etc/corporate.pem")
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    assert said in certificate_fix(error)


def test_an_answer_that_is_lost_each_time_is_awaited_four_times():
    def lost(_: HttpRequest) -> HttpResponse:
        raise ConnectionResetError(104, "Connection reset by peer")

    pauses: list[float] = []
    with pytest.raises(Unavailable, match="did not answer: Connection reset"):
        send(HttpRequest("GET", "https://broker.example.com", {}), pauses.append, lost)
    assert len(pauses) == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("failure", [TimeoutError("timed out"), ssl.SSLCertVerificationError(1, "self-signed")])
def test_an_answer_that_takes_too_long_or_a_wrong_certificate_is_final(method: str, failure: OSError):
    def fails(_: HttpRequest) -> HttpResponse:
        if isinstance(failure, ssl.SSLError):
            raise NotConnectedError from failure
        raise failure

    pauses: list[float] = []
    with pytest.raises(Unavailable, match="did not answer"):
        send(HttpRequest(method, "https://broker.example.com", {"Idempotency-Key": "k"}), pauses.append, fails)
    assert pauses == []


def test_a_server_on_this_machine_that_does_not_run_is_tried_once():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    pauses: list[float] = []
    with pytest.raises(Unavailable) as refused:
        send(HttpRequest("GET", url, {}), pauses.append)
    assert pauses == []
    assert "make up" in refused.value.fix


def answering(head: bytes, piece: bytes, pause: float) -> contextlib.AbstractContextManager[str]:
    """Serve one answer: the head, then the piece again and again. Yields the address."""
    return saying(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n", piece, pause)


@contextlib.contextmanager
def saying(first: bytes, piece: bytes, pause: float) -> Iterator[str]:
    """Say `first` to the first connection, then the piece again and again. Yields the address."""
    listener, ended = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(first)
            while piece and not ended.wait(pause):
                connection.sendall(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1/health"
    finally:
        ended.set()
        thread.join()
        listener.close()


@pytest.mark.parametrize("head", [b"Content-Length: 99999999999", b"Connection: close"])
def test_cli_07_an_answer_without_end_fills_no_memory(head: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jitney.client.api.connection.MOST_ANSWER_BYTES", 1_000_000)
    with answering(head, b"[" * 65_536, 0) as url, pytest.raises(Unavailable, match="more than 1000000 bytes"):
        send(HttpRequest("GET", url, {}))


def test_cli_07_a_refused_answer_leaves_no_socket_open(answers: list[HTTPResponse], monkeypatch: pytest.MonkeyPatch):
    with answering(b"Content-Length: 9999", b"", 0) as url, pytest.raises(IncompleteRead):
        exchange(HttpRequest("GET", url, {}))
    monkeypatch.setattr("jitney.client.api.connection.MOST_ANSWER_BYTES", 1_000_000)
    with answering(b"Connection: close", b"[" * 65_536, 0) as url, pytest.raises(Unavailable):
        exchange(HttpRequest("GET", url, {}))
    assert [each.isclosed() for each in answers] == [True, True]


DRIPPING = {
    "status": (b"HTTP/1.1 2", b"0"),
    "statuses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "header": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
    "chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailer": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"x"),
}
"""What a server says at first, and then again and again."""


@pytest.mark.parametrize("name", DRIPPING)
def test_cli_07_an_answer_that_drips_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jitney.client.api.connection._WholeAnswer.whole_seconds", 0.2)
    with saying(*DRIPPING[name], 0.01) as url, pytest.raises(Unavailable, match=r"timed out|did not end in time"):
        send(HttpRequest("GET", url, {}))


def test_cli_07_a_proxy_whose_answer_drips_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jitney.client.api.connection._WholeAnswer.whole_seconds", 0.2)
    with saying(*DRIPPING["header"], 0.01) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(NotConnectedError) as refused:
            exchange(HttpRequest("GET", "https://jitney.example.com/v1/health", {}))
    assert isinstance(refused.value.__cause__, TimeoutError)


def test_cli_07_an_answer_that_was_cut_in_its_head_is_none():
    with saying(b"HTTP/1.1 201 Created\r\nContent-Type: app", b"", 0) as url, pytest.raises(IncompleteRead):
        exchange(HttpRequest("GET", url, {}))


def test_an_answer_that_was_cut_is_none():
    with answering(b"Content-Length: 9999", b"", 0) as url, pytest.raises(IncompleteRead):
        exchange(HttpRequest("GET", url, {}))


def test_a_redirect_is_not_followed(broker: FakeBroker):
    broker.say("GET", PATH, 302, b"", Location=f"{broker.url}/elsewhere")
    assert ask(broker, "GET")[0].status == 302
    assert [asked.path for asked in broker.asked] == [PATH]


def test_plain_http_on_loopback_never_goes_through_a_proxy(broker: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    broker.say("GET", PATH, 200, {})
    assert ask(broker, "GET")[0].status == 200


def test_https_goes_through_the_proxy_with_its_password_unless_the_host_is_excluded(monkeypatch: pytest.MonkeyPatch):
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        port = proxy.getsockname()[1]

        def refuse() -> None:
            with proxy.accept()[0] as connection:
                asked.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{port}")
        with pytest.raises(NotConnectedError) as refused:
            exchange(HttpRequest("GET", "https://broker.example.com/x", {}))
        thread.join()
    assert "407" in str(refused.value.__cause__)
    assert asked[0].startswith(b"CONNECT broker.example.com:443 HTTP/1.")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in asked[0]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "https://127.0.0.1:1"])
def test_a_proxy_of_another_kind_is_refused(proxy: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(Invalid, match="is of the kind"):
        exchange(HttpRequest("GET", "https://broker.example.com/x", {}))


@pytest.mark.parametrize(
    "proxy", ["http://me:hunter#2@127.0.0.1:1", "http://me:hunter[@127.0.0.1:1", "http://:1", "http://127.0.0.1:0"]
)
def test_a_proxy_without_a_host_or_port_is_refused_without_its_password(proxy: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(Invalid, match="no host") as refused:
        exchange(HttpRequest("GET", "https://broker.example.com/x", {}))
    assert "hunter" not in f"{refused.value.detail} {refused.value.fix}"


@pytest.fixture
def trust_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Set the variables of the trust store. It is read once in a process."""
    _tls.cache_clear()
    yield monkeypatch
    _tls.cache_clear()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_trust_store_that_cannot_be_read_is_refused_and_not_replaced_by_the_systems(
    content: str | None, tmp_path: Path, trust_store: pytest.MonkeyPatch
):
    file = tmp_path / "authority.pem"
    if content:
        file.write_text(content, "utf-8")
    trust_store.setenv("SSL_CERT_FILE", str(file))
    trust_store.delenv("SSL_CERT_DIR", raising=False)
    with pytest.raises(Invalid, match=r"SSL_CERT_FILE .* cannot be read"):
        exchange(HttpRequest("GET", "https://127.0.0.1:1/", {}))


def test_a_certificate_that_no_authority_signed_is_refused(tmp_path: Path):
    certificate = self_signed(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

        def serve() -> None:
            with contextlib.suppress(OSError), context.wrap_socket(server.accept()[0], server_side=True):
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Unavailable, match="its certificate is not valid: self-signed certificate") as refused:
            send(HttpRequest("GET", f"https://localhost:{server.getsockname()[1]}/", {}))
        thread.join()
    assert "SSL_CERT_FILE" in refused.value.fix


def self_signed(folder: Path) -> Path:
    """Return one file with a key and a certificate for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - day)
        .not_valid_after(datetime.now(UTC) + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "localhost.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
