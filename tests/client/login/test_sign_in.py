"""Each check of a sign-in alone: discovery, the redirect, the ID token, the device flow, renewal, and the keyring."""

import errno
import fcntl
import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringLocked

from jitney.client.login import keyring_store
from jitney.client.login.code_flow import sign_in_with_browser
from jitney.client.login.device_flow import DeviceCode, sign_in_with_device
from jitney.client.login.keyring_store import KeyringStore
from jitney.client.login.login_settings import LoginSettings
from jitney.client.login.provider_metadata import ProviderMetadata, _endpoint, discover
from jitney.client.login.redirect_listener import RedirectListener
from jitney.client.login.revocation import revoke
from jitney.client.login.sign_in import DeveloperSignIn
from jitney.client.problems import ClientProblem, Invalid, Unauthenticated, Unavailable
from jitney.client.tokens import Token
from jitney.client.tokens.login import LoginToken, locked
from tests.client.fake_broker import FakeBroker
from tests.client.login.keyring_double import MemoryBackend
from tests.client.tokens_double import jwt

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def what(broker: FakeBroker) -> LoginSettings:
    return LoginSettings(broker.url, "jitney-cli")


def document(broker: FakeBroker, **changes: Any) -> dict[str, Any]:
    members = {
        "issuer": broker.url,
        "authorization_endpoint": f"{broker.url}/auth",
        "token_endpoint": f"{broker.url}/token",
        "device_authorization_endpoint": f"{broker.url}/device",
        "revocation_endpoint": f"{broker.url}/revoke",
        "code_challenge_methods_supported": ["S256"],
        **changes,
    }
    return {name: value for name, value in members.items() if value is not None}


def metadata(broker: FakeBroker, **changes: Any) -> ProviderMetadata:
    broker._said.pop(("GET", DISCOVERY), None)
    broker.say("GET", DISCOVERY, 200, document(broker, **changes))
    return discover(broker.url)


def id_token(broker: FakeBroker, **claims: Any) -> str:
    audience = claims.pop("aud", "jitney-cli")
    return jwt(audience, **{"iss": broker.url, "sub": "alice", "email": "alice@example.com", **claims})


# Discovery.


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuer": "https://evil.example"}, "names another issuer: 'https://evil.example'"),
        ({"issuer": None}, "names another issuer: None"),
        ({"token_endpoint": None}, "has no token_endpoint"),
        ({"authorization_endpoint": ["x"]}, "has no authorization_endpoint"),
        ({"token_endpoint": "http://evil.example/token"}, "a token would cross the network"),
        ({"device_authorization_endpoint": "ftp://x"}, "a token would cross the network"),
        ({"code_challenge_methods_supported": ["plain"]}, "does not support PKCE with S256"),
        ({"code_challenge_methods_supported": "S256"}, "does not support PKCE with S256"),
    ],
)
def test_id_01_a_discovery_document_that_is_not_the_issuers_is_refused(
    broker: FakeBroker, changes: dict[str, Any], said: str
):
    with pytest.raises(Invalid) as refused:
        metadata(broker, **changes)
    assert said in refused.value.detail
    assert refused.value.fix


@pytest.mark.parametrize(
    ("status", "body", "kind"), [(302, b"", Invalid), (404, b"", Unavailable), (200, b"<html>", Unavailable)]
)
def test_id_01_discovery_follows_no_redirect(broker: FakeBroker, status: int, body: bytes, kind: type[ClientProblem]):
    broker.say("GET", DISCOVERY, status, body, Location="https://evil.example/")
    with pytest.raises(kind):
        discover(broker.url)
    assert len(broker.asked) == 1


def test_an_error_with_a_document_is_no_discovery(broker: FakeBroker):
    broker.say("GET", DISCOVERY, 404, document(broker))
    with pytest.raises(Unavailable):
        discover(broker.url)


def test_id_01_an_issuer_with_tls_cannot_lead_to_a_server_of_this_machine():
    """Another user of the machine could listen there."""
    found = {"token_endpoint": "http://127.0.0.1:1/token"}
    with pytest.raises(Invalid, match="is not https"):
        _endpoint(found, "token_endpoint", "https://idp.example.com")
    assert _endpoint(found, "token_endpoint", "http://127.0.0.1:1")


def test_id_01_an_issuer_on_the_network_needs_tls():
    with pytest.raises(Invalid, match="a token would cross the network"):
        discover("http://idp.example.com")


def test_what_an_issuer_lacks_is_empty(broker: FakeBroker):
    found = metadata(broker, revocation_endpoint=None, device_authorization_endpoint=None)
    assert (found.revocation_endpoint, found.device_authorization_endpoint, found.names_issuer) == ("", "", False)
    assert metadata(broker, code_challenge_methods_supported=None)  # Entra does not say that it supports S256


# The redirect.


class Browser:
    """A browser that opens the start page and answers as the issuer does, with `changes` to the redirect."""

    def __init__(self, broker: FakeBroker, claims: Mapping[str, Any] | None = None, **changes: str | None) -> None:
        self.broker, self.claims, self.changes = broker, claims or {}, changes
        self.asked: dict[str, str] = {}
        self.pages: list[int] = []

    def __call__(self, address: str) -> None:
        headers = self.get(address)[1]
        self.asked = dict(parse_qsl(urlsplit(headers["Location"]).query))
        token = id_token(self.broker, **{"nonce": self.asked["nonce"], **self.claims})
        body = {"access_token": "canary.access", "token_type": "Bearer", "expires_in": 300, "id_token": token}
        self.broker.say("POST", "/token", 200, body | {"refresh_token": "canary-refresh"})
        given = {"code": "the-code", "state": self.asked["state"], "iss": self.broker.url, **self.changes}
        query = "&".join(f"{name}={value}" for name, value in given.items() if value is not None)
        cookie = headers["Set-Cookie"].partition(";")[0]
        self.pages.append(self.get(f"{self.asked['redirect_uri']}?{query}", Cookie=cookie)[0])

    def get(self, address: str, **headers: str) -> tuple[int, Mapping[str, str]]:
        url = urlsplit(address)
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
        try:
            connection.request("GET", f"{url.path}?{url.query}", headers=headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, dict(answer.getheaders())
        finally:
            connection.close()


def test_a_browser_comes_back_with_a_code(broker: FakeBroker, what: LoginSettings):
    browser = Browser(broker)
    found = sign_in_with_browser(
        replace(what, parameters={"resource": "urn:jitney"}, client_secret="public"), metadata(broker), browser, 30
    )
    assert (found.subject, found.name, found.token) == ("alice", "alice@example.com", "canary.access")
    assert (found.refresh_token, browser.pages) == ("canary-refresh", [200])
    asked = browser.asked
    assert (asked["response_type"], asked["code_challenge_method"], asked["resource"]) == ("code", "S256", "urn:jitney")
    assert asked["scope"] == "openid offline_access"
    assert "client_secret" not in asked
    form = {name: each[0] for name, each in parse_qs(broker.calls("POST", "/token")[0].body.decode()).items()}
    assert form["code"] == "the-code"
    assert (form["redirect_uri"], form["client_secret"]) == (asked["redirect_uri"], "public")
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"code": None}, "without a code"),
        ({"code": None, "error": "access_denied", "error_description": "no"}, "refused: access_denied: no."),
        ({"code": None, "error": "access_denied", "iss": "https://evil.example"}, "another issuer"),
    ],
)
def test_id_01_a_redirect_that_is_no_success_is_refused(
    broker: FakeBroker, what: LoginSettings, changes: dict[str, str | None], said: str
):
    with pytest.raises(Unauthenticated) as refused:
        sign_in_with_browser(what, metadata(broker), Browser(broker, **changes), 30)
    assert said in refused.value.detail
    assert broker.calls("POST", "/token") == []


def test_id_01_an_issuer_that_names_itself_in_redirects_must_do_so(broker: FakeBroker, what: LoginSettings):
    found = metadata(broker, authorization_response_iss_parameter_supported=True)
    with pytest.raises(Unauthenticated, match="did not name"):
        sign_in_with_browser(what, found, Browser(broker, iss=None), 30)
    assert broker.calls("POST", "/token") == []


def test_an_issuer_that_does_not_name_itself_in_redirects_need_not(broker: FakeBroker, what: LoginSettings):
    assert sign_in_with_browser(what, metadata(broker), Browser(broker, iss=None), 30).subject == "alice"


@pytest.mark.parametrize("state", [None, "", "guess", "%s&state=%s", "%s&code=other"])
def test_id_03_a_redirect_with_another_state_is_not_waited_for(
    broker: FakeBroker, what: LoginSettings, state: str | None
):
    class Forger(Browser):
        def __call__(self, address: str) -> None:
            given = self.get(address)[1]
            real = dict(parse_qsl(urlsplit(given["Location"]).query))
            cookie = given["Set-Cookie"].partition(";")[0]
            forged = "" if state is None else f"state={state.replace('%s', real['state'])}"
            uri = f"{real['redirect_uri']}?code=forged&{forged}"
            self.pages.append(self.get(uri, Cookie=cookie)[0])
            self.pages.append(self.get(f"{real['redirect_uri']}?code=x&state={real['state']}")[0])  # without the cookie

    forger = Forger(broker)
    with pytest.raises(Unauthenticated) as refused:
        sign_in_with_browser(what, metadata(broker), forger, 0.3)
    assert refused.value.code == "login_timed_out"
    assert forger.pages == [400, 400]
    assert broker.calls("POST", "/token") == []


def test_id_03_a_second_browser_stops_the_sign_in(broker: FakeBroker, what: LoginSettings):
    pages: list[int] = []

    def race(address: str) -> None:
        pages.append(Browser(broker).get(address)[0])
        browser = Browser(broker)
        pages.append(browser.get(address)[0])

    with pytest.raises(Unauthenticated) as refused:
        sign_in_with_browser(what, metadata(broker), race, 30)
    assert (refused.value.code, pages) == ("login_intercepted", [302, 410])
    assert broker.calls("POST", "/token") == []


@pytest.fixture
def listener() -> Iterator[RedirectListener]:
    with RedirectListener() as listening:
        yield listening


def test_the_listener_is_for_its_own_pages_only(listener: RedirectListener):
    start = listener.expect("https://idp.example.com/auth?state=s", "s")
    get = Browser(FakeBroker.__new__(FakeBroker)).get
    host = urlsplit(start).netloc
    assert get(start, Host="evil.example")[0] == 421
    assert get(f"http://{host}/")[0] == get(f"http://{host}/start/")[0] == 404
    assert get(start, **{"Sec-Purpose": "prefetch;prerender"})[0] == 503
    status, headers = get(start)
    assert (status, headers["Location"]) == (302, "https://idp.example.com/auth?state=s")
    assert "HttpOnly; SameSite=Lax" in headers["Set-Cookie"]
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert get(start, Cookie=headers["Set-Cookie"].partition(";")[0])[0] == 302  # the same browser again
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("POST", urlsplit(start).path, b"x")
    assert connection.getresponse().status == 501
    connection.close()
    with socket.create_connection((host.partition(":")[0], int(host.partition(":")[2])), timeout=30) as plain:
        plain.sendall(f"GET /\xe9 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin-1"))
        assert plain.recv(12) == b"HTTP/1.0 404"


def test_id_03_a_redirect_that_is_replayed_is_answered_once(listener: RedirectListener):
    host = urlsplit(listener.expect("https://idp.example.com/auth", "the-state")).netloc
    start = urlsplit(listener.expect("https://idp.example.com/auth", "the-state")).path
    cookie = listener.answer(start, {"host": host}).headers["Set-Cookie"].partition(";")[0]
    redirect = "/callback?code=first&state=the-state"
    pages = [listener.answer(redirect, {"host": host, "cookie": cookie}).status for _ in range(2)]
    pages.append(listener.answer(redirect.replace("first", "other"), {"host": host, "cookie": cookie}).status)
    assert pages == [200, 410, 410]
    listener.finish()
    assert listener.wait(1)["code"] == "first"


def test_a_connection_that_says_nothing_does_not_hold_up_the_browser(broker: FakeBroker, what: LoginSettings):
    def slow(address: str) -> None:
        with socket.create_connection(("127.0.0.1", urlsplit(address).port or 0)):
            Browser(broker)(address)

    assert sign_in_with_browser(what, metadata(broker), slow, 30).subject == "alice"


def test_a_port_that_is_taken_is_a_problem():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Invalid) as refused:
        RedirectListener(taken.getsockname()[1])
    assert "JITNEY_REDIRECT_PORT" in refused.value.fix


# The token endpoint's answer.


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"iss": "https://evil.example"}, "names another issuer"),
        ({"aud": "another-client"}, "is for another client"),
        ({"aud": ["jitney-cli", "x"]}, "several audiences"),
        ({"azp": "another-client"}, "is for another client"),
        ({"nonce": "of another sign-in"}, "another sign-in (nonce)"),
        ({"nonce": None}, "another sign-in (nonce)"),
        ({"ends_in": -120}, "has expired"),
        ({"exp": "tomorrow"}, "has expired"),
        ({"exp": float("inf")}, "has expired"),
        ({"sub": ["alice"]}, "another person"),
    ],
)
def test_id_03_an_id_token_of_another_sign_in_is_refused(
    broker: FakeBroker, what: LoginSettings, claims: dict[str, Any], said: str
):
    with pytest.raises(Unauthenticated) as refused:
        sign_in_with_browser(what, metadata(broker), Browser(broker, claims), 30)
    assert said in refused.value.detail
    assert "canary" not in f"{refused.value.detail}{refused.value.fix}"


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, {"error": "invalid_grant"}, Unauthenticated, "invalid_grant"),
        (302, b"", Unauthenticated, "HTTP 302"),
        (500, b"", Unavailable, "HTTP 500"),
        (200, {"access_token": "x", "token_type": "mac"}, Unauthenticated, "no bearer token"),
        (200, {"access_token": "x", "token_type": "Bearer"}, Unauthenticated, "no ID token"),
        (200, {"access_token": "x", "token_type": "Bearer", "id_token": "opaque"}, Unauthenticated, "no ID token"),
    ],
)
def test_a_token_endpoint_that_gives_no_sign_in_is_a_problem(
    broker: FakeBroker, what: LoginSettings, status: int, body: object, kind: type[ClientProblem], said: str
):
    broker.say("POST", "/token", status, body)  # before the browser's answer
    with pytest.raises(kind) as refused:
        sign_in_with_browser(what, metadata(broker), Browser(broker), 30)
    assert said in refused.value.detail
    assert len(broker.calls("POST", "/token")) == 1


def test_an_id_token_can_be_the_brokers(broker: FakeBroker, what: LoginSettings):
    """Google's access tokens are opaque, so its entry takes ID tokens."""
    found = sign_in_with_browser(replace(what, kind="id"), metadata(broker), Browser(broker), 30)
    assert found.token.count(".") == 2
    assert 0 < found.expires_at - time.time() <= 300


# The device flow.


CODE = {
    "device_code": "canary-device",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://idp.example.com/device",
} | {
    "expires_in": 60,
    "interval": 2,
}


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def by_device(
    broker: FakeBroker, what: LoginSettings, clock: Clock, shown: Callable[[DeviceCode], None]
) -> DeveloperSignIn:
    return sign_in_with_device(what, metadata(broker), shown, clock.sleep, lambda: clock.now)


def test_the_device_flow_waits_as_the_issuer_says(broker: FakeBroker, what: LoginSettings):
    broker.say("POST", "/device", 200, CODE)
    for error in ("authorization_pending", "slow_down", "authorization_pending"):
        broker.say("POST", "/token", 400, {"error": error})
    broker.say(
        "POST", "/token", 200, {"access_token": "canary.access", "token_type": "bearer", "id_token": id_token(broker)}
    )
    clock, shown = Clock(), []
    found = by_device(broker, what, clock, shown.append)
    assert (found.subject, found.token) == ("alice", "canary.access")
    assert clock.pauses == [2, 2, 7, 7]  # RFC 8628 section 3.5: five seconds more after slow_down
    assert (shown[0].user_code, "canary" in repr(shown[0])) == ("ABCD-EFGH", False)
    form = parse_qs(broker.calls("POST", "/token")[0].body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:device_code"]


def test_the_device_flow_asks_less_often_after_a_failure(broker: FakeBroker, what: LoginSettings):
    broker.say("POST", "/device", 200, CODE)
    broker.hang_up("POST", "/token")
    broker.say("POST", "/token", 503, b"")
    broker.say("POST", "/token", 429, b"")
    broker.say("POST", "/token", 400, {"error": "access_denied"})
    clock = Clock()
    with pytest.raises(Unauthenticated, match="access_denied"):
        by_device(broker, what, clock, lambda _: None)
    assert clock.pauses == [2, 4, 8, 16]


def test_the_device_flow_ends_with_its_code(broker: FakeBroker, what: LoginSettings):
    broker.say("POST", "/device", 200, CODE)
    broker.say("POST", "/token", 400, {"error": "authorization_pending"})
    clock = Clock()
    with pytest.raises(Unauthenticated) as refused:
        by_device(broker, what, clock, lambda _: None)
    assert refused.value.code == "login_timed_out"
    assert clock.now < 60


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, {"error": "unauthorized_client"}, "unauthorized_client"),
        (404, b"", "HTTP 404"),
        (200, {"user_code": "x"}, "something else than a device code"),
        (200, CODE | {"expires_in": "soon"}, "something else than a device code"),
        (200, CODE | {"verification_uri": "http://evil.example/device"}, "would cross the network"),
    ],
)
def test_a_device_endpoint_that_gives_no_code_is_a_problem(
    broker: FakeBroker, what: LoginSettings, status: int, body: object, said: str
):
    broker.say("POST", "/device", status, body)
    with pytest.raises(ClientProblem) as refused:
        by_device(broker, what, Clock(), lambda _: None)
    assert said in refused.value.detail


def test_an_issuer_without_the_device_flow_is_named(broker: FakeBroker, what: LoginSettings):
    with pytest.raises(Invalid, match="has no device flow"):
        sign_in_with_device(what, metadata(broker, device_authorization_endpoint=None), lambda _: None)


# Renewal.


def kept(what: LoginSettings, ends_in: int, refresh: str = "canary-refresh") -> DeveloperSignIn:
    sign_in = DeveloperSignIn("alice", "alice@example.com", "canary.old", int(time.time()) + ends_in, refresh)
    KeyringStore(what).save(sign_in)
    return sign_in


def test_a_token_is_used_until_it_ends(what: LoginSettings, memory: MemoryBackend, tmp_path: Path, broker: FakeBroker):
    kept(what, 3600)
    token = LoginToken(what, tmp_path / "lock").fetch()
    assert (token.value, 3500 < (token.lifetime_seconds or 0) <= 3600) == ("canary.old", True)
    assert broker.asked == []
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize("subject", ["bob", ""])
def test_id_03_a_command_gets_no_token_of_a_person_who_signs_in_later(
    what: LoginSettings, memory: MemoryBackend, tmp_path: Path, subject: str
):
    """For example `jitney serve` or `jitney mcp`, whose agent would act for the other person."""
    token, of_alice = LoginToken(what, tmp_path / "lock"), kept(what, 3600)
    of_alice = replace(of_alice, subject="alice" if subject else "", token=jwt(iss=what.issuer, sub="alice"))
    other = replace(of_alice, subject=subject, token=jwt(iss=what.issuer, sub="bob"))
    for found in (of_alice, replace(of_alice, refresh_token="rotated")):
        KeyringStore(what).save(found)
        assert token.fetch().value == of_alice.token
    KeyringStore(what).save(other)
    with pytest.raises(Unauthenticated, match="Another person signed in"):
        token.fetch()
    assert LoginToken(what, tmp_path / "lock").fetch().value == other.token


def test_a_renewal_keeps_a_refresh_token_that_is_not_rotated(
    what: LoginSettings, memory: MemoryBackend, tmp_path: Path, broker: FakeBroker
):
    kept(what, 30)
    metadata(broker)
    broker.say("POST", "/token", 200, {"access_token": "canary.new", "token_type": "Bearer", "expires_in": 300})
    settings = replace(what, parameters={"resource": "urn:jitney"})
    assert LoginToken(settings, tmp_path / "lock").fetch().value == "canary.new"
    form = parse_qs(broker.calls("POST", "/token")[-1].body.decode())
    assert form["resource"] == ["urn:jitney"]
    found = KeyringStore(what).load()
    assert found
    assert (found.refresh_token, found.subject, found.name) == ("canary-refresh", "alice", "alice@example.com")


def test_id_03_a_renewal_for_another_person_is_refused(
    what: LoginSettings, memory: MemoryBackend, tmp_path: Path, broker: FakeBroker
):
    before = kept(what, 30)
    metadata(broker)
    answer = {"access_token": "canary.new", "token_type": "Bearer", "id_token": id_token(broker, sub="mallory")}
    broker.say("POST", "/token", 200, answer)
    with pytest.raises(Unauthenticated, match="another person"):
        LoginToken(what, tmp_path / "lock").fetch()
    assert KeyringStore(what).load() == before


@pytest.mark.parametrize(
    ("refresh", "status", "body", "kind", "code", "left"),
    [
        ("", 200, {}, Unauthenticated, "login_ended", True),
        ("canary-refresh", 400, {"error": "invalid_grant"}, Unauthenticated, "login_ended", False),
        ("canary-refresh", 401, {"error": "invalid_client"}, Unauthenticated, "token_refused", True),
        ("canary-refresh", 503, b"", Unavailable, "issuer_unavailable", True),
    ],
)
def test_a_renewal_that_fails_says_what_to_do(
    what: LoginSettings,
    memory: MemoryBackend,
    tmp_path: Path,
    broker: FakeBroker,
    refresh: str,
    status: int,
    body: object,
    kind: type[ClientProblem],
    code: str,
    left: bool,
):
    kept(what, 30, refresh)
    metadata(broker)
    broker.say("POST", "/token", status, body)
    with pytest.raises(kind) as refused:
        LoginToken(what, tmp_path / "lock").fetch()
    assert refused.value.code == code
    assert (KeyringStore(what).load() is not None) is left
    assert "canary" not in f"{refused.value.detail}{refused.value.fix}"


@pytest.mark.parametrize("entry", [None, "no json", json.dumps(["x"]), json.dumps({"token": "x"})])
def test_without_a_sign_in_there_is_no_token(
    what: LoginSettings, memory: MemoryBackend, tmp_path: Path, entry: str | None
):
    if entry:
        memory.set_password("jitney", f"jitney-cli at {what.issuer}", entry)
    with pytest.raises(Unauthenticated) as refused:
        LoginToken(what, tmp_path / "lock").fetch()
    assert (refused.value.code, refused.value.fix) == ("not_signed_in", "Run `jitney login`.")


def test_a_sign_in_belongs_to_its_issuer_and_client(what: LoginSettings, memory: MemoryBackend):
    kept(what, 300)
    assert KeyringStore(replace(what, client_id="other")).load() is None
    assert KeyringStore(replace(what, issuer="https://evil.example")).load() is None
    assert KeyringStore(what).load()


def test_the_lock_follows_no_link(tmp_path: Path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Invalid, match="cannot be written"), locked(tmp_path / "lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(Invalid, match="cannot be locked: No locks available"), locked(tmp_path / "lock"):
        raise AssertionError


def test_a_refresh_token_is_revoked_where_the_issuer_can(broker: FakeBroker, what: LoginSettings):
    metadata(broker, revocation_endpoint=None)
    assert revoke(what, "canary-refresh") is False
    metadata(broker)
    broker.say("POST", "/revoke", 200, b"")
    assert revoke(what, "canary-refresh") is True
    form = {name: each[0] for name, each in parse_qs(broker.calls("POST", "/revoke")[0].body.decode()).items()}
    assert form == {"token": "canary-refresh", "token_type_hint": "refresh_token", "client_id": "jitney-cli"}


@pytest.mark.parametrize("path", [DISCOVERY, "/revoke"])
def test_an_issuer_that_does_not_confirm_a_revocation_is_named(broker: FakeBroker, what: LoginSettings, path: str):
    """Another `jitney logout` finds no sign-in, so the person ends the session at the issuer."""
    metadata(broker)
    broker._said.pop(("GET", path), None)
    broker.say("POST" if path == "/revoke" else "GET", path, 400, {"error": "unsupported_token_type"})
    with pytest.raises(Unavailable, match="You are signed out here") as refused:
        revoke(what, "canary-refresh")
    assert refused.value.fix == "End the session of this client at the issuer, in your account's settings."
    assert "HTTP 400" in refused.value.detail


# The keyring.


class PlainFiles(MemoryBackend):
    """As keyrings.alt's: its priority is below 1."""

    priority = 0.5


class Locked(MemoryBackend):
    def get_password(self, *_: str) -> str | None:
        raise KeyringLocked("the collection is locked")

    set_password = delete_password = get_password  # type: ignore[assignment]


class Chain(ChainerBackend):
    """A chain of given backends, in the order of their priority."""

    backends = [PlainFiles()]  # noqa: RUF012


@pytest.mark.parametrize(
    "backend", [fail.Keyring(), null.Keyring(), PlainFiles(), Chain()], ids=lambda each: type(each).__name__
)
def test_cli_01_without_a_keyring_there_is_an_error_and_no_plain_file(what: LoginSettings, backend: KeyringBackend):
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        with pytest.raises(Invalid) as refused:
            KeyringStore(what)
    finally:
        keyring.set_keyring(before)
    assert refused.value.code == "keyring_unusable"
    assert "Jitney writes no token to a plain file." in refused.value.fix


def test_cli_01_a_chain_of_keyrings_is_used_without_its_plain_files(
    what: LoginSettings, monkeypatch: pytest.MonkeyPatch
):
    safe, plain = MemoryBackend(), PlainFiles()
    monkeypatch.setattr(Chain, "backends", [safe, plain])
    monkeypatch.setattr(keyring_store.keyring, "get_keyring", Chain)
    kept(what, 300)
    assert (len(safe.entries), plain.entries) == (1, {})


def test_a_locked_keyring_is_a_problem(what: LoginSettings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keyring_store.keyring, "get_keyring", Locked)
    store = KeyringStore(what)
    for use in (store.load, store.delete, lambda: kept(what, 300)):
        with pytest.raises(Invalid, match="the collection is locked"):
            use()


def test_a_sign_in_shows_no_token(what: LoginSettings):
    shown = repr(DeveloperSignIn("alice", "", "canary.token", 0, "canary-refresh"))
    assert "canary" not in shown
    assert "canary" not in repr(replace(what, client_secret="canary"))
    assert "canary" not in repr(Token("canary.token"))
