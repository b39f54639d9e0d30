"""The problems of AWS's clients: no sign-in, keys that AWS refuses, and no answer."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from jitney.client.audit.aws import SIGN_IN, explaining, fix_of
from jitney.client.problems import ClientProblem, Invalid, Unavailable
from tests.cli import invoke
from tests.client.fake_athena import refusal

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


@pytest.mark.parametrize(
    ("code", "status"), [("SlowDown", 503), ("ThrottlingException", 400), ("InternalError", 500), ("503", 503)]
)
def test_cli_07_a_busy_service_needs_no_other_permissions(code: str, status: int):
    def denied(_: ClientError) -> ClientProblem:
        return Invalid("bucket_unreadable", "t", "no", "docs/integrity.md lists the permissions.")

    with pytest.raises(Unavailable) as raised, explaining("t", denied):
        raise refusal(code, status=status)
    assert (raised.value.code, raised.value.fix) == ("aws_busy", "Try again in a minute.")
    with pytest.raises(Invalid, match="no"), explaining("t", denied):
        raise refusal("AccessDenied", status=403)


def test_cli_07_a_malformed_name_is_no_missing_sign_in():
    result = invoke(["audit", "backfill", "--bucket", "a b", "--dry-run", "--since", "2026-01-01"])
    assert (result.exit_code, 'Invalid bucket name "a b"' in result.stderr) == (2, True)
    assert "Fix: Correct the names" in result.stderr
    assert "\N{REPLACEMENT CHARACTER}" not in result.stderr
