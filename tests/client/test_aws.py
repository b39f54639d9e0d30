"""The problems of AWS's clients: no sign-in, keys that AWS refuses, and no answer."""

from pathlib import Path

import pytest

from jitney.client.audit.aws import SIGN_IN, fix_of
from tests.cli import invoke

NOWHERE = "http://127.0.0.1:1"
SOURCES = ["--records", "records", "--seals", "seals", "--table", "audit"]
COMMANDS = {
    "verify": ["audit", "verify", *SOURCES[:4], "--key", "0" * 64],
    "query": ["audit", "query", "who_approved"],
    "backfill": ["audit", "backfill", "--bucket", "trail", "--queue", f"{NOWHERE}/queue", "--since", "2026-01-01"],
}


@pytest.fixture(autouse=True)
def signed_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"ACCESS_KEY_ID": "AKIA", "SECRET_ACCESS_KEY": "s", "REGION": "eu-west-1", "MAX_ATTEMPTS": "1"}
    for name, value in {**variables, "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.mark.parametrize("command", COMMANDS)
def test_cli_07_aws_that_does_not_answer_is_no_missing_sign_in(command: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", NOWHERE)
    result = invoke(COMMANDS[command])
    assert (result.exit_code, "AWS did not answer" in result.stderr, "network" in result.stderr) == (6, True, True)
    assert "Sign in" not in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_cli_07_an_endpoint_that_is_no_url_is_no_traceback(command: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nowhere")
    result = invoke(COMMANDS[command])
    assert (result.exit_code, "Invalid endpoint: nowhere" in result.stderr) == (2, True)


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "UnrecognizedClientException"])
def test_cli_07_keys_that_aws_refuses_need_a_new_sign_in_and_no_permissions(code: str):
    assert fix_of(code, "The permissions.") == SIGN_IN
    assert fix_of("AccessDenied", "The permissions.") == "The permissions."


def test_cli_07_a_malformed_name_is_no_missing_sign_in():
    result = invoke(["audit", "backfill", "--bucket", "a b", "--dry-run", "--since", "2026-01-01"])
    assert (result.exit_code, 'Invalid bucket name "a b"' in result.stderr) == (2, True)
    assert "Fix: Correct the names" in result.stderr
    assert "\N{REPLACEMENT CHARACTER}" not in result.stderr
