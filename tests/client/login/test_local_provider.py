"""`jitney login` against the certified provider of the local system, from the browser to the broker's principal."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from jitney.client.login.code_flow import sign_in_with_browser
from jitney.client.login.device_flow import sign_in_with_device
from jitney.client.login.keyring_store import KeyringStore
from jitney.client.login.login_settings import LoginSettings
from jitney.client.login.provider_metadata import discover
from jitney.client.login.revocation import revoke
from jitney.client.login.sign_in import DeveloperSignIn
from jitney.client.problems import Unauthenticated
from jitney.client.tokens import claims_of
from jitney.client.tokens.login import LoginToken
from jitney.configuration.load import load_configuration
from jitney.core.config import load
from jitney.core.identity.authenticate import authenticate
from jitney.core.stored_identity import name_of
from local.identity import CLI_CLIENT_ID, RESOURCE, REVIEW_CLIENT_ID
from tests.client.login.keyring_double import MemoryBackend
from tests.client.login.person import Person, browser
from tests.core.identity.minting import KnownKeys
from tests.local.test_identity import _started
from tests.running_systems import PATIENCE, shared

JITNEY = str(Path(sys.executable).with_name("jitney"))
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def provider() -> dict[str, Any]:
    return shared("identity", _started)


@pytest.fixture
def what(provider: dict[str, Any]) -> LoginSettings:
    return LoginSettings(
        provider["issuer"], CLI_CLIENT_ID, "openid offline_access profile groups", "access", {"resource": RESOURCE}
    )


class Visit:
    """A sign-in by `act`, which runs in a browser's thread with the start page's address."""

    def __init__(self, act: Any) -> None:
        self.act = act
        self.result: Any = None
        self.thread: threading.Thread | None = None

    def __call__(self, address: Any) -> None:
        self.thread = threading.Thread(target=self._run, args=(address,))
        self.thread.start()

    def _run(self, address: Any) -> None:
        self.result = self.act(address)

    def end(self) -> Any:
        assert self.thread
        self.thread.join()
        return self.result


def signed_in(what: LoginSettings, provider: dict[str, Any], name: str = "alice") -> DeveloperSignIn:
    visit = Visit(Person(provider, name).open)
    found = sign_in_with_browser(what, discover(what.issuer), visit, PATIENCE)
    page = visit.end()
    assert (page.status_code, "Back to the terminal" in page.text) == (200, True)
    return found


def principal(bearer: str, provider: dict[str, Any]) -> Any:
    """Return the principal of the token by the sample configuration."""
    variables = {"JITNEY_PEOPLE_ISSUER": provider["issuer"], "JITNEY_PEOPLE_JWKS_URI": provider["jwks_uri"]}
    sample = load(load_configuration(ROOT / "jitney.yaml", variables, local=True).json)
    keys = KnownKeys({provider["issuer"]: httpx.get(provider["jwks_uri"], trust_env=False).content})
    return authenticate(f"Bearer {bearer}", sample, keys, int(time.time())).principal


def test_id_10_a_sign_in_names_the_agent_and_the_human(what: LoginSettings, provider: dict[str, Any]):
    found = signed_in(what, provider)
    assert (found.subject, found.name) == ("alice", "alice")
    known = principal(found.token, provider)
    assert (known.subject, name_of(known.human)) == (CLI_CLIENT_ID, "people.alice")
    assert known.groups == {"developers/data-owners", "developers/security"}
    other = principal(signed_in(what, provider, "bob").token, provider)
    assert (other.source_identity, name_of(other.human)) == (known.source_identity, "people.bob")
    assert other.owner_key != known.owner_key
    assert claims_of(found.token)["aud"] == "jitney"
    assert found.token not in repr(found)
    assert found.refresh_token not in repr(found)


def test_id_10_the_device_flow_gives_the_same(what: LoginSettings, provider: dict[str, Any]):
    pauses: list[float] = []
    shown: list[Any] = []

    def show(code: Any) -> None:
        shown.append(code)
        page = Person(provider).enter(code.verification_uri, code.user_code)
        assert page.status_code == 200

    found = sign_in_with_device(what, discover(what.issuer), show, sleep=pauses.append)
    assert name_of(principal(found.token, provider).human) == "people.alice"
    assert found.refresh_token
    assert pauses == [5.0]
    assert shown[0].device_code not in repr(shown[0])


def test_a_refresh_token_is_rotated_and_the_old_one_is_worth_nothing(
    what: LoginSettings, provider: dict[str, Any], memory: MemoryBackend, tmp_path: Path
):
    first = signed_in(what, provider)
    store = KeyringStore(what)
    store.save(first)
    late = LoginToken(what, tmp_path / "lock", clock=lambda: first.expires_at - 10)
    renewed = late.fetch().value
    second = store.load()
    assert second
    assert renewed == second.token != first.token
    assert second.refresh_token != first.refresh_token
    assert name_of(principal(renewed, provider).human) == "people.alice"
    store.save(first)  # the refresh token that was used
    with pytest.raises(Unauthenticated) as refused:
        late.fetch()
    assert (refused.value.code, refused.value.fix) == ("login_ended", "Run `jitney login`.")
    assert store.load() is None


def test_a_revoked_refresh_token_is_worth_nothing(
    what: LoginSettings, provider: dict[str, Any], memory: MemoryBackend, tmp_path: Path
):
    found = signed_in(what, provider)
    KeyringStore(what).save(found)
    assert revoke(what, found.refresh_token)
    with pytest.raises(Unauthenticated, match="no longer accepts"):
        LoginToken(what, tmp_path / "lock", clock=lambda: found.expires_at - 10).fetch()


# Attacks on the redirect, each with the real provider behind it.


def test_id_03_a_code_of_another_sign_in_is_worth_nothing_without_its_verifier(
    what: LoginSettings, provider: dict[str, Any]
):
    """An attacker who sees the redirect first sends the code to the token endpoint, with a guessed verifier."""
    stolen: list[httpx.Response] = []

    def steal(address: str) -> None:
        person = Person(provider)
        redirect = person.redirect_of(address)
        code = parse_qs(urlsplit(redirect).query)["code"][0]
        form = {"grant_type": "authorization_code", "client_id": CLI_CLIENT_ID, "code": code, "code_verifier": "x" * 43}
        form["redirect_uri"] = redirect.partition("?")[0]
        stolen.append(browser().post(provider["token_url"], data=form))
        person.open(redirect)

    visit = Visit(steal)
    assert sign_in_with_browser(what, discover(what.issuer), visit, PATIENCE).subject == "alice"
    visit.end()
    assert (stolen[0].status_code, stolen[0].json()["error"]) == (400, "invalid_grant")


def test_id_03_a_redirect_counts_once_and_only_in_the_browser_that_began(what: LoginSettings, provider: dict[str, Any]):
    pages: list[int] = []

    def race(address: str) -> None:
        person = Person(provider)
        redirect = person.redirect_of(address)
        pages.append(browser().get(redirect).status_code)  # another local process, with the right state and code
        pages.append(person.open(redirect.replace("state=", "state=x")).status_code)
        pages.append(person.open(redirect).status_code)

    visit = Visit(race)
    found = sign_in_with_browser(what, discover(what.issuer), visit, PATIENCE)
    visit.end()
    assert pages == [400, 400, 200]
    assert found.subject == "alice"


def test_id_03_another_program_that_opens_the_start_page_stops_the_sign_in(
    what: LoginSettings, provider: dict[str, Any]
):
    """Otherwise it could sign in as another person, whose agent this machine would then be."""
    pages: list[int] = []

    def race(address: str) -> None:
        pages.append(browser().get(address).status_code)  # another user read the browser's command line
        pages.append(Person(provider).open(address).status_code)

    visit = Visit(race)
    with pytest.raises(Unauthenticated) as refused:
        sign_in_with_browser(what, discover(what.issuer), visit, PATIENCE)
    visit.end()
    assert refused.value.code == "login_intercepted"
    assert pages == [302, 410]


def test_id_01_a_redirect_of_another_issuer_is_refused(what: LoginSettings, provider: dict[str, Any]):
    """A mix-up: the browser comes back from an issuer that the person did not choose (RFC 9207)."""

    def swap(address: str) -> None:
        person = Person(provider)
        redirect = person.redirect_of(address)
        person.open(redirect.replace("iss=http", "iss=https"))

    visit = Visit(swap)
    with pytest.raises(Unauthenticated, match="another issuer"):
        sign_in_with_browser(what, discover(what.issuer), visit, PATIENCE)
    visit.end()


# The command, as its user runs it.


DRIVER = """
import sys
sys.path.insert(0, {root!r})
from tests.client.login.person import Person
open({argv!r}, "w").write(" ".join(sys.argv))
page = Person({provider!r}).open(sys.argv[1])
assert page.status_code == 200, page.text
"""


@pytest.fixture
def machine(home: Path, tmp_path: Path, provider: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A developer's machine with a browser and a keyring. Returns the keyring's own file."""
    driver = tmp_path / "browser.py"
    known = {"humans": {"alice": provider["humans"]["alice"]}}
    driver.write_text(DRIVER.format(root=str(ROOT), argv=str(tmp_path / "argv"), provider=known))
    kept = tmp_path / "keyring.json"
    for name, value in {
        "BROWSER": f"{sys.executable} {driver} %s &",
        "JITNEY_TOKEN_ISSUER": provider["issuer"],
        "JITNEY_CLIENT_ID": CLI_CLIENT_ID,
        "JITNEY_TOKEN_RESOURCE": RESOURCE,
        "PYTHON_KEYRING_BACKEND": "tests.client.login.keyring_double.FileBackend",
        "PYTHONPATH": str(ROOT),
        "JITNEY_TEST_KEYRING": str(kept),
    }.items():
        monkeypatch.setenv(name, value)
    return kept


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([JITNEY, *words], capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_cli_01_no_token_leaves_the_keyring(machine: Path, home: Path, tmp_path: Path, provider: dict[str, Any]):
    done = run("login")
    assert done.returncode == 0, done.stderr
    entry = json.loads(next(iter(json.loads(machine.read_text()).values())))
    secrets = [entry["token"], entry["refresh_token"]]
    argv = (tmp_path / "argv").read_text()
    assert "Signed in  alice" in done.stdout
    assert provider["issuer"] not in argv  # only the start page's address is on a command line
    written = [done.stdout, done.stderr, argv, *(each.read_text() for each in home.rglob("*") if each.is_file())]
    assert not [secret for secret in secrets for text in written if secret in text]
    out = run("logout", "--json")
    assert json.loads(out.stdout) == {"issuer": provider["issuer"], "signed_out": True, "revoked": True}
    assert json.loads(machine.read_text()) == {}
    again = run("logout")
    assert (again.returncode, "Not signed in" in again.stdout) == (0, True)


def test_cli_01_processes_that_renew_at_once_use_the_refresh_token_once(
    machine: Path, provider: dict[str, Any], what: LoginSettings
):
    """The provider treats a second use of a rotated refresh token as theft, and ends the sign-in."""
    found = signed_in(what, provider)
    old = DeveloperSignIn(found.subject, found.name, found.token, int(time.time()), found.refresh_token)
    machine.write_text(json.dumps({f"jitney/{CLI_CLIENT_ID} at {what.issuer}": old.text()}))
    code = (
        "from jitney.client.inputs.settings import ConnectionOptions, read_settings\n"
        "from jitney.client.tokens.token_choice import choose\n"
        "print(choose(read_settings(ConnectionOptions())).source.fetch().value)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ)
        for _ in range(4)
    ]
    tokens = {each.communicate(timeout=PATIENCE)[0] for each in running}
    assert len(tokens) == 1
    assert tokens.pop().strip() not in ("", found.token)


def test_rev_17_a_sign_in_for_reviews_is_a_persons_own_and_keeps_no_refresh_token(
    machine: Path, provider: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JITNEY_REVIEW_CLIENT_ID", REVIEW_CLIENT_ID)
    done = run("login", "--review")
    assert done.returncode == 0, done.stderr
    assert "for one vote" in done.stdout
    ((name, entry),) = json.loads(machine.read_text()).items()
    kept = json.loads(entry)
    assert (name, kept["refresh_token"]) == (f"jitney/{REVIEW_CLIENT_ID} at {provider['issuer']}", "")
    known = principal(kept["token"], provider)
    assert (known.source_identity, known.kind, known.human) == ("people.alice", "human", None)
    assert known.issuer_name == "terminal"
    assert run("logout", "--review").returncode == 0
    assert json.loads(machine.read_text()) == {}
