"""Canaries in all secrets, and a search of everything that was written (rows CLI 1, STS 5)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jitney.client.api.responses import ApiCredentials
from tests.client.fake_broker import (
    CREDENTIALS,
    GRANT_ID,
    SECRET,
    SESSION,
    FakeBroker,
    grant,
    issued,
    problem,
    under_review,
)
from tests.running_systems import PATIENCE

JITNEY = str(Path(sys.executable).with_name("jitney"))
ASK = ["analytics-prod", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/*", "--reason", "report"]
CREDENTIALS_OF = f"/v1/grants/{GRANT_ID}/credentials"
CANARIES = (SECRET, SESSION, CREDENTIALS["access_key_id"], "canary.access.token", "canary-client-secret")

COMMANDS = {
    "request": ["request", *ASK],
    "request as JSON": ["request", *ASK, "--json"],
    "dry run": ["request", *ASK, "--dry-run", "--json"],
    "run": ["run", *ASK, "--", "true"],
    "run by id": ["run", "--grant", GRANT_ID, "--", "true"],
    "credentials": ["credentials", *ASK],
    "credentials by id": ["credentials", "--grant", GRANT_ID],
    "list": ["grants", "list", "--json"],
    "show": ["grants", "show", GRANT_ID],
    "profile": ["profile", "reports", *ASK, "--write"],
}


@pytest.fixture
def secretive(broker: FakeBroker, home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBroker:
    """Return the broker with an identity provider. Every secret is a canary."""
    broker.say("POST", "/token", 200, {"access_token": "canary.access.token", "expires_in": 300})
    for name, value in {
        "JITNEY_API_URL": broker.url,
        "JITNEY_TOKEN_URL": f"{broker.url}/token",
        "JITNEY_CLIENT_ID": "reader-agent",
        "JITNEY_CLIENT_SECRET": "canary-client-secret",
    }.items():
        monkeypatch.setenv(name, value)
    return broker


def secrets_written(home: Path, arguments: list[str], *, contract: bool) -> set[str]:
    """Return the canaries in output and home folder. Standard output is left out where it must have them."""
    done = subprocess.run([JITNEY, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False)
    written = [done.stderr, *([] if contract and done.returncode == 0 else [done.stdout])]
    written += [path.read_text("utf-8") for path in home.rglob("*") if path.is_file()]
    return {canary for canary in CANARIES for text in written if canary in text}


def say(broker: FakeBroker, status: int, post: object, credentials: object, get: object) -> None:
    broker.say("POST", "/v1/grants", status, post)
    broker.say("POST", "/v1/decisions", status, post)
    broker.say("POST", CREDENTIALS_OF, status, credentials)
    broker.say("GET", "/v1/grants", status, get)
    broker.say("GET", f"/v1/grants/{GRANT_ID}", status, get)


@pytest.mark.parametrize("name", COMMANDS)
def test_cli_01_nothing_secret_is_written_when_it_works(secretive: FakeBroker, home: Path, name: str):
    say(secretive, 200, issued(), issued(), {"grant": grant(), "grants": [grant()], "credentials": CREDENTIALS})
    assert not secrets_written(home, COMMANDS[name], contract=name.startswith("credentials"))


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("status", [401, 403, 410, 500])
def test_cli_01_nothing_secret_is_written_when_it_fails(secretive: FakeBroker, home: Path, name: str, status: int):
    refusal = problem("denied" if status == 403 else "grant_ended" if status == 410 else "internal")
    say(secretive, status, refusal, refusal, refusal)
    assert not secrets_written(home, COMMANDS[name], contract=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_cli_01_nothing_secret_is_written_when_the_answer_is_nonsense(secretive: FakeBroker, home: Path, name: str):
    nonsense = {"grant": {"id": SECRET}, "credentials": CREDENTIALS, "message": SESSION}
    say(secretive, 200, nonsense, nonsense, nonsense)
    assert not secrets_written(home, COMMANDS[name], contract=False)


def test_cli_01_no_key_is_in_the_childs_environment_or_on_its_command_line(secretive: FakeBroker):
    secretive.say("POST", "/v1/grants", 201, issued())
    code = "import json, os; print(json.dumps([dict(os.environ), open('/proc/self/cmdline').read()]))"
    done = subprocess.run(
        [JITNEY, "run", *ASK, "--", sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    environment, command_line = json.loads(done.stdout)
    assert environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] not in command_line
    assert "JITNEY_CLIENT_SECRET" not in environment
    assert not any(canary in done.stdout for canary in CANARIES)


def test_sts_05_what_is_remembered_is_the_id_alone(secretive: FakeBroker, home: Path):
    secretive.say("POST", "/v1/grants", 202, under_review())
    subprocess.run([JITNEY, "credentials", *ASK], capture_output=True, check=False)
    files = {path.parent.name: path.read_text().rstrip(" ") for path in home.rglob("*") if path.is_file()}
    assert files == {"grants": GRANT_ID, "starts": "", "uses": ""}


def test_credentials_have_no_secret_in_their_document():
    """Answers are printed from documents."""
    assert ApiCredentials.read(CREDENTIALS).document().keys() == {"access_key_id", "expiration"}


def test_an_unforeseen_failure_shows_no_values(secretive: FakeBroker, home: Path):
    """A traceback has source lines, and never the values of variables."""
    secretive.say("POST", "/v1/grants", 201, issued())
    code = (
        "import sys, jitney.client.terminal.command_result as r\n"
        "def broken(*args, **kwargs):\n"
        "    credentials = args[0].credentials\n"
        "    raise RuntimeError('a defect')\n"
        "import jitney.client.commands.request as q\n"
        "q.show = broken\n"
        "from jitney.client.cli import build_app\n"
        f"sys.argv = ['jitney', 'request', *{ASK!r}]\n"
        "build_app()()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 1
    assert "RuntimeError: a defect" in done.stderr
    assert not any(canary in done.stderr for canary in CANARIES)
