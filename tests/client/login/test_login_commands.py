"""`jitney login`, `logout` and `whoami` as their users run them, with an issuer and a broker on real sockets."""

import json
import os
import sys
import time
from typing import Any

import keyring
import pytest
from keyring.backends import fail
from typer.testing import Result

from jitney.client.background.need import PROFILE, EndpointNeed
from jitney.client.commands.login import has_browser
from jitney.client.inputs.connection_options import ConnectionOptions, signed_in_file
from jitney.core.quotas import MOST_REVIEW_TOKEN_SECONDS
from tests.cli import invoke
from tests.client.fake_broker import FakeBroker
from tests.client.login.keyring_double import MemoryBackend
from tests.client.login.test_sign_in import CODE, DISCOVERY, document, id_token
from tests.client.tokens_double import jwt

CALLER = {"principal": "developers.jitney-cli", "groups": [], "human": "people.alice", "claims": {}}


@pytest.fixture
def developer(broker: FakeBroker, home: Any, memory: MemoryBackend, monkeypatch: pytest.MonkeyPatch) -> FakeBroker:
    """The machine of a developer without a browser. The broker is the issuer, too."""
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "JITNEY_API_URL": broker.url,
        "JITNEY_TOKEN_ISSUER": broker.url,
        "JITNEY_CLIENT_ID": "jitney-cli",
    }.items():
        monkeypatch.setenv(name, value)
    broker.say("GET", DISCOVERY, 200, document(broker))
    broker.say("POST", "/device", 200, CODE | {"interval": 0, "verification_uri_complete": f"{broker.url}/d?c=ABCD"})
    token = jwt(iss=broker.url, sub="alice", client_id="jitney-cli")
    answer = {"access_token": token, "token_type": "Bearer", "id_token": id_token(broker), "refresh_token": "canary"}
    broker.say("POST", "/token", 200, answer)
    broker.say("GET", "/v1/targets", 200, {"caller": CALLER, "targets": []})
    return broker


def run(*words: str) -> Result:
    return invoke(list(words))


def test_a_developer_signs_in_and_out_by_device(developer: FakeBroker, memory: MemoryBackend):
    done = run("login")
    assert done.exit_code == 0, done.output
    assert "Signed in  alice@example.com" in done.stdout
    for line in (f"open {CODE['verification_uri']} in any browser, and enter the code ABCD-EFGH.", "/d?c=ABCD"):
        assert line in done.stderr
    assert "canary" not in done.output
    assert "canary" in next(iter(memory.entries.values()))
    developer.say("POST", "/revoke", 200, b"")
    out = run("logout")
    assert (out.exit_code, "Signed out" in out.stdout, memory.entries) == (0, True, {})
    assert len(developer.calls("POST", "/revoke")) == 1


def sign_in_as(developer: FakeBroker, person: str) -> None:
    token = jwt(iss=developer.url, sub=person, client_id="jitney-cli")
    answer = {"access_token": token, "token_type": "Bearer", "id_token": id_token(developer, sub=person)}
    developer._said.pop(("POST", "/token"))
    developer.say("POST", "/token", 200, answer)
    done = run("login")
    assert done.exit_code == 0, done.output


def test_cli_01_another_person_does_not_get_the_endpoint_of_the_one_who_signed_in_before(developer: FakeBroker):
    need, keys = EndpointNeed(PROFILE, "g-abcdefghijklm2", ConnectionOptions()), []
    for person in ("alice", "alice", "bob"):
        sign_in_as(developer, person)
        keys.append(need.key())
    assert keys[0] == keys[1] != keys[2]
    assert run("logout").exit_code == 0
    assert need.key() == keys[2]


def test_cli_01_a_sign_in_that_cannot_be_noted_is_not_saved(developer: FakeBroker, memory: MemoryBackend):
    path = signed_in_file(os.environ)
    path.mkdir(parents=True)
    done = run("login", "--json")
    assert (done.exit_code, json.loads(done.stdout)["code"], memory.entries) == (2, "person_unwritable", {})


def test_a_sign_in_can_be_json(developer: FakeBroker):
    done = run("login", "--device", "--json")
    shown = json.loads(done.stdout)
    assert shown | {"expires_at": ""} == {
        "issuer": developer.url,
        "client_id": "jitney-cli",
        "subject": "alice",
        "name": "alice@example.com",
        "expires_at": "",
        "renewable": True,
    }


def test_dx_whoami_shows_the_identity_its_source_and_what_the_broker_sees(developer: FakeBroker):
    assert run("login").exit_code == 0
    done = run("whoami")
    assert done.exit_code == 0, done.output
    for line in (
        "alice  as the token says, unverified",
        "source    login: JITNEY_TOKEN_ISSUER is set",
        f"issuer    {developer.url}",
        "client    jitney-cli",
        "principal developers.jitney-cli",
        "human     people.alice",
    ):
        assert line in done.stdout
    shown = json.loads(run("whoami", "--json").stdout)
    assert (shown["source"], shown["client"], shown["audience"]) == ("login", "jitney-cli", "jitney")
    assert shown["expires_at"].endswith("Z")
    assert (shown["principal"], shown["human"]) == ("developers.jitney-cli", "people.alice")
    assert "canary" not in done.output
    assert developer.calls("GET", "/v1/targets")[0].headers["Authorization"].startswith("Bearer ey")


def test_dx_whoami_shows_the_actor_and_the_client_of_an_exchanged_token(
    developer: FakeBroker, monkeypatch: pytest.MonkeyPatch
):
    token = jwt(sub="alice", client_id="exchange", act={"sub": "reader-agent"})
    monkeypatch.setenv("JITNEY_TOKEN", token)
    monkeypatch.setenv("JITNEY_TOKEN_SOURCE", "variable")
    shown = run("whoami").stdout.splitlines()
    assert ("  client    exchange" in shown, "  actor     reader-agent" in shown) == (True, True), shown


def test_dx_whoami_says_once_which_source_was_taken(developer: FakeBroker):
    assert run("login").exit_code == 0
    assert run("whoami", "-v").stderr == "jitney: token source login: JITNEY_TOKEN_ISSUER is set\n"


def test_dx_whoami_names_a_source_that_gives_no_token(developer: FakeBroker):
    done = run("whoami")
    assert done.exit_code == 5
    assert "the token source is login: JITNEY_TOKEN_ISSUER is set" in done.stderr
    assert "Fix: Run `jitney login`." in done.stderr
    problem = json.loads(run("whoami", "--json").stdout)
    assert (problem["code"], problem["source"]) == ("not_signed_in", "login")


def test_dx_whoami_shows_a_token_that_the_broker_refuses(developer: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    developer._said.pop(("GET", "/v1/targets"))
    refusal = {"code": "token_audience", "title": "Wrong audience", "detail": "d", "fix": "f"}
    developer.say("GET", "/v1/targets", 401, refusal)
    monkeypatch.setenv("JITNEY_TOKEN", "opaque-canary")
    monkeypatch.setenv("JITNEY_TOKEN_SOURCE", "variable")
    done = run("whoami")
    assert done.exit_code == 5
    assert "An opaque token" in done.stdout
    assert "source    variable: JITNEY_TOKEN_SOURCE is set" in done.stdout
    assert "Wrong audience" in done.stderr
    assert "canary" not in done.output
    assert json.loads(run("whoami", "--json").stdout)["code"] == "token_audience"


def test_dx_a_sign_in_that_other_settings_hide_is_noted(developer: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JITNEY_TOKEN_SOURCE", "variable")
    monkeypatch.setenv("JITNEY_TOKEN", "x")
    done = run("login")
    assert done.exit_code == 0
    assert "the sign-in is not used, because the token source is variable: JITNEY_TOKEN_SOURCE is set" in done.stderr


def test_dx_two_token_sources_are_refused_before_the_sign_in(developer: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JITNEY_TOKEN", "x")
    done = run("login", "--json")
    assert (done.exit_code, json.loads(done.stdout)["code"]) == (2, "token_source_ambiguous")
    assert developer.asked == []


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"JITNEY_TOKEN_ISSUER": None}, "setting_missing", "Set JITNEY_TOKEN_ISSUER, or issuer under [token] in"),
        ({"JITNEY_CLIENT_ID": None}, "setting_missing", "Set JITNEY_CLIENT_ID"),
        ({"JITNEY_TOKEN_KIND": "both"}, "setting_invalid", "Write access, or id"),
        ({"JITNEY_REDIRECT_PORT": "70000"}, "setting_invalid", "Write a port"),
        ({"JITNEY_REDIRECT_PORT": "-1"}, "setting_invalid", "Write a port"),
    ],
)
def test_a_setting_that_the_sign_in_lacks_is_named(
    developer: FakeBroker, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | None], code: str, said: str
):
    for name, value in changes.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    problem = json.loads(run("login", "--json").stdout)
    assert problem["code"] == code
    assert said in problem["fix"]


def test_cli_01_without_a_keyring_nothing_is_begun(developer: FakeBroker):
    keyring.set_keyring(fail.Keyring())
    done = run("login")
    assert done.exit_code == 2
    assert "Jitney writes no token to a plain file." in done.stderr
    assert developer.asked == []


def test_a_machine_without_a_browser_and_an_issuer_without_the_device_flow(developer: FakeBroker):
    developer._said.pop(("GET", DISCOVERY))
    developer.say("GET", DISCOVERY, 200, document(developer, device_authorization_endpoint=None))
    problem = json.loads(run("login", "--json").stdout)
    assert problem["code"] == "no_browser"
    assert "`jitney login --no-browser`" in problem["fix"]
    assert json.loads(run("login", "--device", "--json").stdout)["code"] == "no_device_flow"


def test_a_sign_out_that_the_issuer_does_not_confirm_is_done_here_all_the_same(
    developer: FakeBroker, memory: MemoryBackend
):
    assert run("login").exit_code == 0
    developer.say("POST", "/revoke", 503, b"")
    out = run("logout")
    assert (out.exit_code, memory.entries) == (6, {})
    assert "You are signed out here" in out.stderr


def test_a_sign_out_without_a_refresh_token_has_nothing_to_revoke(developer: FakeBroker):
    developer._said.pop(("POST", "/token"))
    token = {"access_token": "canary", "token_type": "Bearer", "id_token": id_token(developer)}
    developer.say("POST", "/token", 200, token)
    assert run("login").exit_code == 0
    out = run("logout")
    assert (out.exit_code, out.stderr, developer.calls("POST", "/revoke")) == (0, "", [])


def test_a_missing_package_is_named(developer: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    for name in ("jitney.client.tokens.login", "jitney.client.login.keyring_store"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    problem = json.loads(run("login", "--json").stdout)
    assert problem["code"] == "extra_missing"
    assert "[login]" in problem["fix"]


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"BROWSER": "firefox"}, "linux", True),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "darwin", True),
    ],
)
def test_a_browser_is_found(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], platform: str, expected: bool
):
    monkeypatch.setattr("jitney.client.commands.login.webbrowser.get", object)
    monkeypatch.setattr("jitney.client.commands.login.sys.platform", platform)
    assert has_browser(environment) is expected


def test_rev_17_a_reviewer_signs_in_with_a_client_of_its_own(
    developer: FakeBroker, memory: MemoryBackend, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JITNEY_REVIEW_CLIENT_ID", "jitney-review")
    answer = {"access_token": "x", "token_type": "Bearer", "refresh_token": "canary"}
    developer._said.pop(("POST", "/token"))
    token = id_token(developer, aud="jitney-review", exp=int(time.time()) + 3600)
    developer.say("POST", "/token", 200, answer | {"id_token": token})
    done = run("login", "--review")
    assert done.exit_code == 0, done.output
    assert "reviewer  with the client jitney-review" in done.stdout
    ((place, kept),) = memory.entries.items()
    assert place == ("jitney", f"jitney-review at {developer.url}")
    assert json.loads(kept)["expires_at"] <= time.time() + MOST_REVIEW_TOKEN_SECONDS  # the broker accepts no older one
    assert "canary" not in kept  # no refresh token: the sign-in ends with its token
    form = developer.calls("POST", "/device")[0].body.decode()
    assert ("client_id=jitney-review" in form, "scope=openid" in form, "offline_access" in form) == (True, True, False)
    assert run("whoami").exit_code == 5  # agents do not get this token
