"""The local identity provider: what it issues passes Jitney's own verification."""

import base64
import hashlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from jitney.client.tokens.client_credentials import ClientCredentials
from jitney.client.tokens.dpop import read_key
from jitney.core.identity.authenticate import authenticate
from jitney.core.identity.dpop import SentProof
from jitney.core.identity.principal import Principal
from jitney.core.identity.refusal import Refusal
from local import identity, ports, probes, processes
from local.settings import LocalSettings
from tests.core.identity.minting import KnownKeys, config, decode, issuer, private_key
from tests.core.identity.proofs import pem
from tests.running_systems import PATIENCE, settings_in, shared

REDIRECT_URI = "http://127.0.0.1:49152/callback"


def _started(settings: LocalSettings) -> dict[str, Any]:
    identity.install()
    port = ports.choose({}, settings.state / "ports.json", ["identity"])["identity"]
    people = identity.people(port, ["http://127.0.0.1/callback"])
    known = {**people, "agents": identity.agents(port)["agents"]}  # both in one: it is the same program
    processes.start(identity.process(settings, known), settings)
    described = identity.description(known, known)
    up = processes.wait_until(lambda: probes.answers(described["jwks_uri"]), PATIENCE)
    assert up, processes.log_tail("identity", settings)
    return described


@pytest.fixture(scope="module")
def provider() -> dict[str, Any]:
    return shared("identity", _started)


def _authenticated(bearer: str, provider: dict[str, Any], http: httpx.Client, **entry: Any) -> Principal:
    configured = issuer("local", provider["issuer"], jwks_uri=provider["jwks_uri"], clients=(), **entry)
    keys = KnownKeys({provider["issuer"]: http.get(provider["jwks_uri"]).content})
    return authenticate(f"Bearer {bearer}", config(configured), keys, int(time.time())).principal


def _ask(http: httpx.Client, provider: dict[str, Any], agent: str, **more: str) -> httpx.Response:
    known = provider["agents"][agent]
    form = {"grant_type": "client_credentials", **more}
    return http.post(provider["token_url"], data=form, auth=(known["client_id"], known["client_secret"]))


def _claims(token: str) -> dict[str, Any]:
    return dict(json.loads(decode(token.split(".")[1])))


# Agents: client credentials.


def test_id_09_an_agents_token_is_bound_to_its_key(provider: dict[str, Any], http: httpx.Client, tmp_path: Path):
    """The client, the provider and the broker each have another implementation of RFC 9449."""
    file = tmp_path / "dpop.pem"
    file.write_bytes(pem(private_key("ec256")))
    key, known = read_key(file), provider["agents"]["reader-agent"]
    token = ClientCredentials(provider["token_url"], known["client_id"], known["client_secret"], {}, key).fetch()
    url, now = "https://jitney.example.com/v1/grants", int(time.time())
    sent = SentProof(key.proof("GET", url, now, token=token.value), "GET", url)
    entry = issuer("local", provider["issuer"], jwks_uri=provider["jwks_uri"], dpop=True)
    keys = KnownKeys({provider["issuer"]: http.get(provider["jwks_uri"]).content})
    caller = authenticate(f"DPoP {token.value}", config(entry), keys, now, sent)
    assert caller.principal.subject == "reader-agent"
    assert caller.proof


@pytest.mark.parametrize(("agent", "groups"), identity.AGENTS.items(), ids=identity.AGENTS)
def test_id_06_an_agents_token_proves_the_agent_and_its_groups(
    http: httpx.Client, provider: dict[str, Any], agent: str, groups: tuple[str, ...]
) -> None:
    token = _ask(http, provider, agent).json()["access_token"]
    principal = _authenticated(token, provider, http)
    assert (principal.subject, principal.kind) == (agent, "agent")
    assert principal.groups == {f"local/{group}" for group in groups}


@pytest.mark.parametrize("more", [{}, {"resource": "urn:jitney"}], ids=["plain", "with resource"])
def test_id_03_an_agents_token_is_an_hours_access_token_for_jitney_alone(
    http: httpx.Client, provider: dict[str, Any], more: dict[str, str]
) -> None:
    token = _ask(http, provider, "reader-agent", **more).json()["access_token"]
    header, claims = json.loads(decode(token.split(".")[0])), _claims(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", "RS256")
    assert (claims["aud"], claims["client_id"]) == ("jitney", "reader-agent")
    assert claims["exp"] - claims["iat"] == 3600


def test_id_09_every_token_has_an_id_of_its_own(http: httpx.Client, provider: dict[str, Any]) -> None:
    tokens = [_ask(http, provider, "reader-agent").json()["access_token"] for _ in range(3)]
    assert len({_claims(token)["jti"] for token in tokens}) == 3


def test_a_secret_may_also_be_in_the_form(http: httpx.Client, provider: dict[str, Any]) -> None:
    known = provider["agents"]["reader-agent"]
    secret = {"client_id": known["client_id"], "client_secret": known["client_secret"]}
    assert http.post(provider["token_url"], data={"grant_type": "client_credentials", **secret}).is_success


def test_an_agent_with_a_wrong_secret_gets_no_token(http: httpx.Client, provider: dict[str, Any]) -> None:
    form = {"grant_type": "client_credentials"}
    answer = http.post(provider["token_url"], data=form, auth=("reader-agent", "wrong"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_there_are_no_tokens_for_anything_else(http: httpx.Client, provider: dict[str, Any]) -> None:
    answer = _ask(http, provider, "reader-agent", resource="urn:another")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


def test_id_07_the_key_set_has_public_members_only(http: httpx.Client, provider: dict[str, Any]) -> None:
    [key] = http.get(provider["jwks_uri"]).json()["keys"]
    assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}
    assert (key["kty"], key["alg"]) == ("RSA", "RS256")


def test_discovery_says_what_the_stack_file_says(http: httpx.Client, provider: dict[str, Any]) -> None:
    found = http.get(f"{provider['issuer']}/.well-known/openid-configuration").json()
    assert found["issuer"] == provider["issuer"]
    assert found["jwks_uri"] == provider["jwks_uri"]
    assert found["token_endpoint"] == provider["token_url"]
    assert found["authorization_endpoint"] == provider["authorization_url"]
    assert found["response_types_supported"] == ["code"]
    assert found["code_challenge_methods_supported"] == ["S256"]


def test_a_name_that_was_bent_to_this_machine_is_not_answered(http: httpx.Client, provider: dict[str, Any]) -> None:
    answer = http.get(provider["jwks_uri"], headers={"Host": "evil.example"})
    assert answer.status_code == 421


# Humans: authorization code with PKCE.


class Browser:
    """A person at a browser who signs in for a client, with a verifier of its own."""

    def __init__(self, provider: dict[str, Any], http: httpx.Client) -> None:
        self.provider = provider
        self.http = http
        self.verifier = secrets.token_urlsafe(32)

    def begin(self, **changes: str | None) -> httpx.Response:
        """Return the answer to an authorization request with `changes`. A parameter that is None is left out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked: dict[str, str | None] = {
            "client_id": self.provider["reviews_client"]["client_id"],
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "scope": "openid profile email groups",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        query = {name: value for name, value in asked.items() if value is not None}
        return self.http.get(self.provider["authorization_url"], params=query)

    def page(self, **changes: str | None) -> httpx.Response:
        """Return the sign-in page."""
        return self.http.get(self._next(self.begin(**changes)))

    def sign_in(self, page: httpx.Response, name: str, password: str) -> httpx.Response:
        """Fill in the sign-in page. Return the last answer before the browser leaves the provider."""
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        assert action
        form = {"username": name, "password": password}
        answer = self.http.post(f"{self.provider['issuer']}{unescape(action[1])}", data=form)
        while answer.is_redirect and not answer.headers["location"].startswith(REDIRECT_URI):
            answer = self.http.get(self._next(answer))
        return answer

    def redeem(self, code: str, **changes: str) -> httpx.Response:
        """Return the token endpoint's answer to `code`."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.provider["reviews_client"]["client_id"],
            "redirect_uri": REDIRECT_URI,
            "code": code,
            "code_verifier": self.verifier,
            **changes,
        }
        return self.http.post(self.provider["token_url"], data=form)

    def code(self, name: str) -> str:
        """Return a new code for the human `name`."""
        answer = self.sign_in(self.page(), name, self.provider["humans"][name]["password"])
        returned = _returned(answer)
        assert returned["state"] == "the-state"
        assert returned["iss"] == self.provider["issuer"]
        return returned["code"]

    def _next(self, answer: httpx.Response) -> str:
        assert answer.is_redirect, answer.text
        return str(answer.url.join(answer.headers["location"]))


def _returned(answer: httpx.Response) -> dict[str, str]:
    location = answer.headers["location"]
    assert location.startswith(REDIRECT_URI)
    return dict(parse_qsl(urlsplit(location).query))


@pytest.fixture
def browser(provider: dict[str, Any], http: httpx.Client) -> Browser:
    return Browser(provider, http)


@pytest.mark.parametrize(("name", "groups"), identity.HUMANS.items(), ids=identity.HUMANS)
def test_id_06_a_human_signs_in_and_the_id_token_names_the_groups(
    browser: Browser, name: str, groups: tuple[str, ...]
) -> None:
    token = browser.redeem(browser.code(name)).json()["id_token"]
    client = browser.provider["reviews_client"]["client_id"]
    principal = _authenticated(token, browser.provider, browser.http, token="id", kind="human", audiences=(client,))
    assert (principal.subject, principal.kind) == (name, "human")
    assert principal.groups == {f"local/{group}" for group in groups}
    claims = _claims(token)
    assert (claims["email"], claims["nonce"]) == (f"{name}@example.com", "the-nonce")


def test_id_04_an_id_token_is_not_taken_for_an_access_token(browser: Browser) -> None:
    token = browser.redeem(browser.code("alice")).json()["id_token"]
    client = browser.provider["reviews_client"]["client_id"]
    with pytest.raises(Refusal) as refusal:
        _authenticated(token, browser.provider, browser.http, token="access", kind="human", audiences=(client,))
    assert refusal.value.code == "token_kind"


def test_a_wrong_password_is_reported_and_can_be_tried_again(browser: Browser) -> None:
    page = browser.page()
    wrong = browser.sign_in(page, "alice", "wrong")
    assert wrong.status_code == 401
    assert 'role="alert"' in wrong.text
    assert "code" in _returned(browser.sign_in(page, "alice", browser.provider["humans"]["alice"]["password"]))


@pytest.mark.parametrize("name", ["bob", "carol", "__proto__", "reader-agent", ""])
def test_a_password_opens_its_own_name_only(browser: Browser, name: str) -> None:
    answer = browser.sign_in(browser.page(), name, browser.provider["humans"]["alice"]["password"])
    assert answer.status_code == 401


def test_the_sign_in_page_is_labelled_and_fetches_nothing(browser: Browser) -> None:
    page = browser.page()
    assert '<html lang="en">' in page.text
    fields = re.findall(r'<input id="(\w+)"', page.text)
    assert fields == re.findall(r'<label for="(\w+)"', page.text) == ["username", "password"]
    assert "src=" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_sign_in_belongs_to_the_browser_that_began_it(browser: Browser) -> None:
    page = browser.page()
    browser.http.cookies.clear()
    answer = browser.sign_in(page, "alice", browser.provider["humans"]["alice"]["password"])
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "redirect_uri",
    ["http://127.0.0.1:49152/elsewhere", "https://evil.example/callback", "http://127.0.0.1.evil.example/callback"],
)
def test_the_provider_does_not_redirect_to_an_unregistered_address(browser: Browser, redirect_uri: str) -> None:
    answer = browser.begin(redirect_uri=redirect_uri)
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "changes",
    [{"code_challenge": None, "code_challenge_method": None}, {"code_challenge_method": "plain"}],
    ids=["none", "plain"],
)
def test_a_request_without_a_hashed_challenge_is_refused(browser: Browser, changes: dict[str, str | None]) -> None:
    assert _returned(browser.begin(**changes))["error"] == "invalid_request"


def test_a_code_is_worth_nothing_without_its_verifier(browser: Browser) -> None:
    answer = browser.redeem(browser.code("alice"), code_verifier=secrets.token_urlsafe(32))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_code_is_worth_one_token(browser: Browser) -> None:
    code = browser.code("alice")
    assert browser.redeem(code).is_success
    assert browser.redeem(code).json()["error"] == "invalid_grant"


# The process and its packages.


@pytest.fixture
def settings() -> LocalSettings:
    """Return a provider for the test. It ends with the run at the latest."""
    return settings_in(Path(os.environ["JITNEY_TEST_RUN"]), f"identity-{secrets.token_hex(4)}")


def test_the_provider_ends_on_sigterm(settings: LocalSettings) -> None:
    _started(settings)
    group = processes.running(identity.NAME, settings)
    assert group
    os.killpg(group, signal.SIGTERM)
    assert processes.wait_until(lambda: processes.running(identity.NAME, settings) is None, PATIENCE)


def test_the_provider_ends_with_its_lifeline(settings: LocalSettings, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lifeline", 0o600)
    held = os.open(tmp_path / "lifeline", os.O_RDWR)
    try:
        _started(replace(settings, lifeline=str(tmp_path / "lifeline")))
        assert processes.running(identity.NAME, settings)
    finally:
        os.close(held)
    assert processes.wait_until(lambda: processes.running(identity.NAME, settings) is None, PATIENCE)


def test_secrets_are_new_each_time_and_only_their_owners_to_read(settings: LocalSettings) -> None:
    first, second = identity.agents(1), identity.agents(1)
    assert first["agents"]["reader-agent"]["secret"] != second["agents"]["reader-agent"]["secret"]
    passwords = [identity.people(1, [])["humans"]["alice"]["password"] for _ in range(2)]
    assert passwords[0] != passwords[1]
    process = identity.process(settings, first)
    seen = " ".join([*process.command, *process.environment.values()])
    assert first["agents"]["reader-agent"]["secret"] not in seen
    assert Path(process.environment["JITNEY_IDENTITY"]).stat().st_mode & 0o777 == 0o600


NPM = """#!{python}
import pathlib
with open("calls", "a") as calls:
    calls.write("npm ci\\n")
pathlib.Path("node_modules").mkdir()
pathlib.Path("node_modules/.package-lock.json").touch()
"""


def test_packages_are_installed_once_however_many_ask(tmp_path: Path) -> None:
    (tmp_path / "package-lock.json").touch()
    npm = tmp_path / "npm"
    npm.write_text(NPM.format(python=sys.executable))
    npm.chmod(0o700)
    asking = [threading.Thread(target=identity.install, args=(tmp_path, npm)) for _ in range(3)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert (tmp_path / "calls").read_text() == "npm ci\n"


def test_dx_a_failed_installation_says_why(tmp_path: Path) -> None:
    (tmp_path / "package-lock.json").write_text("no JSON")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        identity.install(tmp_path)
    assert "npm error" in failed.value.stderr


def test_the_lock_holds_hashes_and_names_no_registry() -> None:
    packages = json.loads((identity.FOLDER / "package-lock.json").read_text())["packages"]
    del packages[""]
    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not [name for name, package in packages.items() if "resolved" in package]
