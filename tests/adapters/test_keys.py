"""Row ID 7: keys over HTTP from a real server on this machine, and everything that such a server may do."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from jitney.adapters.identity_provider import MAX_RESPONSE_BYTES, Timeouts
from jitney.adapters.issuer_keys import (
    FAILING_SECONDS,
    FRESH_SECONDS,
    MAX_STALE_SECONDS,
    RETRY_SECONDS,
    UNKNOWN_KID_COOLDOWN_SECONDS,
    IssuerKeys,
)
from jitney.core.identity.refusal import Refusal
from jitney.core.issuer_config import Issuer
from jitney.core.records.audit import METRICS_NAMESPACE, UNFETCHED_KEYS
from tests.core.identity.minting import issuer, jwk, jwks, private_key
from tests.infra.alarm_states import metrics_in
from tests.quiet_server import QuietServer

Answer = Callable[[BaseHTTPRequestHandler], None]
SHORT = Timeouts(idle_seconds=0.5, total=1.0)
AMPLE = Timeouts(idle_seconds=300.0, total=300.0)
LONG = 100.0
"""Seconds: far more than any tested limit on the busiest machine, and half of the time that the servers run."""
UNFETCHED = METRICS_NAMESPACE, UNFETCHED_KEYS, frozenset({("service", "jitney")})
FIRST, SECOND = jwks(jwk("rsa")), jwks(jwk("ec256"))


def body(raw: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(raw)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        with suppress(OSError):  # the client may have had enough
            request.wfile.write(raw)

    return answer


def drip(head: bytes, piece: bytes) -> Answer:
    """Send `head`, then `piece` again and again, so often that a limit on silence does not end it."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):
            request.wfile.write(head)
            ends = time.monotonic() + 2 * LONG
            while time.monotonic() < ends and not request.server.over.wait(0.05):  # type: ignore[attr-defined]
                request.wfile.write(piece)

    return answer


def silence(request: BaseHTTPRequestHandler) -> None:
    request.server.over.wait(2 * LONG)  # type: ignore[attr-defined]


@dataclass
class Server:
    """An identity provider's key endpoint. It answers with `answer` and keeps the requests."""

    answer: Answer
    address: str = ""
    asked: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def serving(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            server.headers = dict(self.headers)
            server.answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    with QuietServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        http.over = threading.Event()  # type: ignore[attr-defined]
        http.handle_error = lambda *_: None  # type: ignore[method-assign]
        if context:
            http.socket = context.wrap_socket(http.socket, server_side=True)
        server.address = f"{'https' if context else 'http'}://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            http.over.set()  # type: ignore[attr-defined]
            http.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(body(FIRST)) as running:
        yield running


@dataclass
class Clock:
    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(clock: Clock) -> IssuerKeys:
    return IssuerKeys(local=True, clock=clock, timeouts=AMPLE)


@pytest.fixture
def hasty(clock: Clock) -> IssuerKeys:
    return IssuerKeys(local=True, clock=clock, timeouts=SHORT)


def at(address: str, name: str = "corp") -> Issuer:
    return issuer(name, f"https://{name}.example.com", jwks_uri=f"{address}/jwks?v=1")


def test_id_07_keys_are_fetched_once_while_they_are_fresh(server: Server, keys: IssuerKeys, clock: Clock) -> None:
    assert keys.keys(at(server.address)).find("rsa")
    clock.now += FRESH_SECONDS - 1
    keys.keys(at(server.address))

    assert server.asked == ["/jwks?v=1"]
    assert server.headers["Accept-Encoding"] == "identity"

    clock.now += 1
    keys.keys(at(server.address))
    assert len(server.asked) == 2


FAILURES = {
    "redirect": body(FIRST, 302, Location="/elsewhere"),
    "permanent redirect": body(FIRST, 308, Location="/elsewhere"),
    "not found": body(FIRST, 404),
    "server error": body(FIRST, 500),
    "part of the content": body(FIRST, 206),
    "huge body": body(FIRST + b" " * MAX_RESPONSE_BYTES),
    "huge body without a length": drip(b"HTTP/1.0 200 OK\r\n\r\n", b" " * MAX_RESPONSE_BYTES),
    "garbage": body(b"<html>sign in</html>"),
    "a set with two keys of one kid": body(jwks(jwk("rsa", kid="1"), jwk("rsa-other", kid="1"))),
    "an empty set": body(b'{"keys": []}'),
    "compressed": body(b"\x1f\x8b\x08\x00", Content_Encoding="gzip"),
    "cut short": body(FIRST, Content_Length=str(len(FIRST) + 1)),
    "no HTTP": drip(b"SSH-2.0-OpenSSH_9.9\r\n", b""),
    "slow body": drip(b"HTTP/1.0 200 OK\r\n\r\n", b" "),
    "slow end after all keys": drip(b"HTTP/1.0 200 OK\r\n\r\n" + FIRST, b" "),
    "slow body of known length": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" "),
    "slow chunks": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "slow headers": drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "slow first line": drip(b"HTTP/1.1 200 ", b"O"),
    "silence": silence,
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_id_07_a_failure_closes_the_issuer_when_there_were_no_keys(
    failure: Answer, server: Server, hasty: IssuerKeys
) -> None:
    server.answer = failure
    begun = time.monotonic()
    with pytest.raises(Refusal) as caught:
        hasty.keys(at(server.address))

    assert (caught.value.code, caught.value.status, caught.value.issuer_name) == ("keys_unavailable", 503, "corp")
    assert caught.value.headers == {"Retry-After": str(RETRY_SECONDS)}
    assert time.monotonic() - begun < LONG
    assert server.asked == ["/jwks?v=1"], "a redirect is not followed"


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_id_07_the_last_good_keys_are_kept_on_every_failure(
    failure: Answer, server: Server, keys: IssuerKeys, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = keys.keys(at(server.address))
    server.answer = failure
    clock.now += FRESH_SECONDS

    monkeypatch.setattr(keys, "_timeouts", SHORT)
    assert keys.keys(at(server.address)) is good
    assert len(server.asked) == 2


def test_id_07_a_server_that_is_gone_keeps_the_last_good_keys_too(keys: IssuerKeys, clock: Clock) -> None:
    with serving(body(FIRST)) as server:
        good = keys.keys(at(server.address))
    clock.now += FRESH_SECONDS

    assert keys.keys(at(server.address)) is good


def test_id_07_the_last_good_keys_are_kept_for_a_bounded_time(server: Server, keys: IssuerKeys, clock: Clock) -> None:
    keys.keys(at(server.address))
    server.answer = body(b"", 500)
    clock.now += MAX_STALE_SECONDS - 1
    keys.keys(at(server.address))
    clock.now += RETRY_SECONDS
    with pytest.raises(Refusal, match="keys_unavailable"):
        keys.keys(at(server.address))

    server.answer = body(SECOND)
    clock.now += RETRY_SECONDS
    assert keys.keys(at(server.address)).find("ec256")


def test_id_07_a_failed_fetch_is_not_tried_again_at_once(server: Server, keys: IssuerKeys, clock: Clock) -> None:
    server.answer = body(b"", 500)
    for _ in range(3):
        with pytest.raises(Refusal, match="keys_unavailable"):
            keys.keys(at(server.address))
    assert len(server.asked) == 1

    server.answer = body(FIRST)
    clock.now += RETRY_SECONDS
    assert keys.keys(at(server.address)).find("rsa")


def test_id_07_rotated_keys_are_found_by_an_unknown_kid(server: Server, keys: IssuerKeys, clock: Clock) -> None:
    keys.keys(at(server.address))
    server.answer = body(SECOND)
    clock.now += UNKNOWN_KID_COOLDOWN_SECONDS

    assert keys.refreshed(at(server.address)).find("ec256")
    assert not keys.keys(at(server.address)).find("rsa"), "a key that was withdrawn is gone"


def test_id_07_an_unknown_kid_is_not_called_unknown_while_newer_keys_cannot_be_fetched(
    server: Server, keys: IssuerKeys, clock: Clock
) -> None:
    keys.keys(at(server.address))
    server.answer = body(b"", 500)
    clock.now += UNKNOWN_KID_COOLDOWN_SECONDS
    for _ in range(2):
        with pytest.raises(Refusal, match="keys_unavailable"):
            keys.refreshed(at(server.address))
    assert len(server.asked) == 2
    assert keys.keys(at(server.address)).find("rsa")

    server.answer = body(SECOND)
    clock.now += UNKNOWN_KID_COOLDOWN_SECONDS
    assert keys.refreshed(at(server.address)).find("ec256")


@pytest.mark.parametrize("known", [True, False])
def test_ops_01_fetches_that_fail_for_five_minutes_count_and_a_short_outage_does_not(
    known: bool, server: Server, keys: IssuerKeys, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetch_for(seconds: int, answer: Answer) -> list[float]:
        server.answer = answer
        for _ in range(seconds // 60):
            with suppress(Refusal):
                keys.refreshed(at(server.address))
            clock.now += 60
        return metrics_in(capsys.readouterr().out).get(UNFETCHED, [])

    if known:
        assert fetch_for(60, body(FIRST)) == []
    assert fetch_for(FAILING_SECONDS, body(b"", 500)) == []
    assert fetch_for(60, body(FIRST)) == []
    assert fetch_for(FAILING_SECONDS, body(b"", 500)) == []
    assert fetch_for(120, body(b"", 500)) == [1, 1]
    assert fetch_for(60, body(FIRST)) == []


def test_id_07_unknown_kids_cause_one_fetch_in_each_cool_down(server: Server, keys: IssuerKeys, clock: Clock) -> None:
    keys.keys(at(server.address))
    for _ in range(5):
        assert keys.refreshed(at(server.address)).find("made-up") == ()
    assert len(server.asked) == 1

    clock.now += UNKNOWN_KID_COOLDOWN_SECONDS
    for _ in range(5):
        keys.refreshed(at(server.address))
    assert len(server.asked) == 2


def test_id_07_a_clock_set_back_makes_no_key_immortal(server: Server, keys: IssuerKeys, clock: Clock) -> None:
    keys.keys(at(server.address))
    server.answer = body(SECOND)
    clock.now -= 1_000_000

    assert keys.keys(at(server.address)).find("ec256")


def test_id_07_issuers_are_kept_apart(server: Server, keys: IssuerKeys) -> None:
    with serving(body(SECOND)) as other:
        assert keys.keys(at(server.address, "corp")).find("rsa")
        assert keys.keys(at(other.address, "other")).find("ec256")
        assert keys.keys(at(server.address, "corp")).find("ec256") == ()


def test_id_07_a_slow_issuer_stalls_no_other_issuer_and_no_caller_with_cached_keys(
    server: Server, keys: IssuerKeys, clock: Clock
) -> None:
    """While one thread waits for the slow issuer, the other issuer answers, and the slow issuer's cached keys are
    returned.
    """
    asked, release = threading.Event(), threading.Event()

    def slow(request: BaseHTTPRequestHandler) -> None:
        asked.set()
        release.wait(LONG)
        body(SECOND)(request)

    with serving(body(FIRST)) as slow_server:
        good = keys.keys(at(slow_server.address, "slow"))
        slow_server.answer = slow
        clock.now += FRESH_SECONDS
        waiting = threading.Thread(target=keys.keys, args=[at(slow_server.address, "slow")])
        waiting.start()
        assert asked.wait(LONG)

        assert keys.keys(at(server.address, "corp")).find("rsa")
        assert keys.keys(at(slow_server.address, "slow")) is good
        assert waiting.is_alive()
        release.set()
        waiting.join()
        assert keys.keys(at(slow_server.address, "slow")).find("ec256")


def test_id_07_many_at_once_cause_one_fetch(server: Server, keys: IssuerKeys) -> None:
    """The answer takes so long that all threads ask before it arrives. Threads without keys wait for the one fetch."""

    def unhurried(request: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        body(FIRST)(request)

    server.answer = unhurried
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(keys.keys(at(server.address)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(server.asked) == 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "file:///etc", "ftp://x", "https://", "//x", "jwks", ""])
def test_id_07_only_https_is_asked(address: str) -> None:
    with pytest.raises(Refusal, match="keys_unavailable"):
        IssuerKeys(local=False).keys(at(address))


def test_id_07_http_is_for_ones_own_machine(server: Server) -> None:
    with pytest.raises(Refusal, match="keys_unavailable"):
        IssuerKeys(local=False).keys(at(server.address))

    assert server.asked == []


def _certificate(folder: Path) -> Path:
    """Return a certificate for 127.0.0.1 that no authority has signed, with its key."""
    key, name = private_key("ec256"), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def test_id_07_a_self_signed_certificate_is_refused(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path))
    with serving(body(FIRST), context) as server, pytest.raises(Refusal, match="keys_unavailable"):
        IssuerKeys(local=True, timeouts=SHORT).keys(at(server.address))

    assert server.asked == []


def test_id_07_a_listener_that_never_shakes_hands_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        begun = time.monotonic()
        with pytest.raises(Refusal, match="keys_unavailable"):
            IssuerKeys(local=False, timeouts=SHORT).keys(at(f"https://127.0.0.1:{listener.getsockname()[1]}"))

    assert time.monotonic() - begun < LONG


def test_id_13_the_log_names_a_dropped_key_and_the_others_verify(
    server: Server, keys: IssuerKeys, caplog: pytest.LogCaptureFixture
) -> None:
    forged = jwk("rsa", kid="a\nissuer corp: all is well\ud800" + "x" * 100, n="AQAB")
    server.answer = body(jwks(forged, jwk("rsa", kid="1"), jwk("rsa-other", kid="1"), jwk("ec256")))

    assert keys.keys(at(server.address)).by_kid.keys() == {"ec256"}
    assert caplog.messages == ["issuer key not used"] * 3
    logged = [vars(each) for each in caplog.records]
    assert {each["issuer"] for each in logged} == {"corp"}
    assert [(each["kid"], each["reason"]) for each in logged[1:]] == [("'1'", "ambiguous")] * 2
    assert len(logged[0]["kid"]) < 150
    assert logged[0]["kid"].isprintable()


def test_id_05_the_log_names_the_issuer_and_the_kind_of_failure(
    server: Server, keys: IssuerKeys, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = body(b"canary-7f3a")
    with pytest.raises(Refusal, match="keys_unavailable"):
        keys.keys(at(server.address))

    (line,) = map(vars, caplog.records)
    assert (line["msg"], line["issuer"], line["error"]) == ("issuer keys not fetched", "corp", "JSONDecodeError")
