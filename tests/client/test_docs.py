"""docs/agent.md, its reference and docs/targets.md: their commands run, and their tables equal the code."""

import re
import shlex
from pathlib import Path

import pytest

from jitney import resources
from jitney.client.inputs.setting_names import SETTINGS
from jitney.core.calls.operations import OperationTable
from tests.cli import invoke
from tests.client.fake_broker import GRANT_ID, PERMISSIONS, FakeBroker, ended, grant, issued

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "agent.md").read_text("utf-8")
REFERENCE = (ROOT / "docs" / "agent-reference.md").read_text("utf-8")
REVIEWS = (ROOT / "docs" / "terminal-reviews.md").read_text("utf-8")
TARGETS = (ROOT / "docs" / "targets.md").read_text("utf-8")
CHECK = {"target": "analytics-prod", "account": "444455556666", "session": "g-check-aaaaaaaaaaaaaa"} | {
    "attempts": [{"name": "role", "description": "assume it", "expected": ["allowed"], "answer": "allowed", "ok": True}]
}
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE + TARGETS, re.DOTALL)
LINES = [shlex.split(line) for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]
COMMANDS = [words for words in LINES if words[0] == "jitney"]
OF_OTHERS = {"python3", "export", "pip", "aws"}  # the wheel's installation, and a use of the profile
CALLER = {"principal": "local.reader-agent", "groups": [], "human": None, "claims": {}}
DECISION = {"effect": "allow", "reasons": [], "permissions": PERMISSIONS}


def test_every_line_of_the_pages_is_a_command_or_an_installation():
    assert {words[0] for words in LINES} == {"jitney"} | OF_OTHERS


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:3]))
def test_every_command_on_the_page_works(
    connected: FakeBroker, home: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
):
    (home / "aws").write_text("#!/bin/sh\n")
    (home / "aws").chmod(0o755)
    monkeypatch.setenv("PATH", str(home), prepend=":")
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("POST", "/v1/decisions", 200, DECISION)
    connected.say("POST", f"/v1/grants/{GRANT_ID}/credentials", 200, issued())
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant()})
    connected.say("DELETE", f"/v1/grants/{GRANT_ID}", 200, ended())
    connected.say("POST", f"/v1/grants/{GRANT_ID}/revocation", 200, ended("revoked", "stolen"))
    connected.say("GET", "/v1/grants", 200, {"grants": [grant()]})
    connected.say("POST", "/v1/targets/analytics-prod/check", 200, CHECK)
    connected.say("GET", "/v1/health", 200, {"status": "ok", "version": "abc"})
    connected.say("GET", "/v1/targets", 200, {"caller": CALLER, "targets": []})
    result = invoke(words[1:])
    assert result.exit_code == 0, result.output


def test_the_table_of_settings_is_the_codes():
    rows = re.findall(r"^\| `(JITNEY_\w+)` \| (?:`([\w.]+)`|not allowed) \|", REFERENCE + REVIEWS, re.MULTILINE)
    assert rows == [(variable, place or "") for variable, place in SETTINGS.values()]


def test_every_option_on_the_page_exists():
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE + REFERENCE))
    shown = "".join(
        invoke([*command, "--help"], env={"COLUMNS": "200"}).stdout
        for command in (
            ["request"],
            ["run"],
            ["explain"],
            ["credentials"],
            ["profile"],
            ["grants", "list"],
            ["grants", "show"],
            ["grants", "release"],
            ["grants", "revoke"],
            ["serve"],
        )
    )
    assert not {option for option in options - {"--from", "--install-completion", "--profile"} if option not in shown}


def test_the_configuration_file_on_the_page_is_valid(home: Path, monkeypatch: pytest.MonkeyPatch):
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    secret = home / "secret"
    secret.write_text("canary")
    folder = home / ".config" / "jitney"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(example.replace("/run/secrets/jitney", str(secret)))
    from jitney.client.inputs.connection_options import ConnectionOptions
    from jitney.client.inputs.settings import connect
    from jitney.client.tokens.client_credentials import ClientCredentials

    broker = connect(ConnectionOptions(), {})
    assert broker.api_url == "https://jitney.example.com"
    assert broker._auth._source == ClientCredentials("https://idp.example.com/token", "reader-agent", "canary", {})


def test_the_number_of_services_is_the_tables():
    table = resources.OPERATIONS.read_bytes()
    assert f"the {len(OperationTable.load(table).services())} supported services" in PAGE
