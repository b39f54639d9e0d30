"""`jitney credentials`, as botocore runs it."""

import json
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import botocore.session
import pytest
from botocore.exceptions import CredentialRetrievalError

from jitney.client.credentials import credential_process
from tests.cli import invoke
from tests.client.conftest import kill_background_endpoints
from tests.client.fake_broker import CREDENTIALS, GRANT_ID, FakeBroker, grant, issued, problem, under_review
from tests.running_systems import PATIENCE

JITNEY = str(Path(sys.executable).with_name("jitney"))
ASK = ["analytics-prod", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/2026/*", "--reason", "report"]
CREDENTIALS_OF = f"/v1/grants/{GRANT_ID}/credentials"
OUTPUT = {
    "Version": 1,
    "AccessKeyId": CREDENTIALS["access_key_id"],
    "SecretAccessKey": CREDENTIALS["secret_access_key"],
    "SessionToken": CREDENTIALS["session_token"],
    "Expiration": CREDENTIALS["expiration"],
}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def credentials(connected: FakeBroker) -> Run:
    return lambda *args: subprocess.run(
        [JITNEY, "credentials", *args], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def paths(broker: FakeBroker) -> list[str]:
    return [asked.path for asked in broker.asked]


def test_the_output_is_the_contract_and_nothing_else(connected: FakeBroker, credentials: Run):
    connected.say("POST", "/v1/grants", 201, issued())
    done = credentials(*ASK)
    assert (done.returncode, done.stderr, json.loads(done.stdout)) == (0, "", OUTPUT)


def test_cli_07_a_full_disk_is_named_and_no_grant_is_requested(connected: FakeBroker, home: Path):
    connected.say("POST", "/v1/grants", 201, issued())
    line = f"ulimit -f 0; exec {shlex.join([JITNEY, 'credentials', *ASK])}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert f"{home}/.local/state/jitney/grants" in done.stderr
    assert "Free space on its disk" in done.stderr
    assert paths(connected) == []


def test_sts_05_the_answer_to_a_repeated_request_has_none_so_they_are_fetched(connected: FakeBroker, credentials: Run):
    connected.say("POST", "/v1/grants", 201, {"grant": grant(), "credentials_path": CREDENTIALS_OF})
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    done = credentials(*ASK)
    assert (done.returncode, json.loads(done.stdout), paths(connected)) == (0, OUTPUT, ["/v1/grants", CREDENTIALS_OF])


def test_sts_04_the_expiration_is_the_true_one(connected: FakeBroker, credentials: Run):
    connected.say(
        "POST",
        "/v1/grants",
        201,
        {"grant": grant(), "credentials": CREDENTIALS | {"expiration": "2099-01-01T00:00:00Z"}},
    )
    assert json.loads(credentials(*ASK).stdout)["Expiration"] == "2099-01-01T00:00:00Z"


def test_cli_04_later_runs_take_the_same_key_from_the_endpoint(connected: FakeBroker, credentials: Run):
    connected.say("POST", "/v1/grants", 201, issued())
    assert [json.loads(credentials(*ASK).stdout) for _ in range(3)] == [OUTPUT] * 3
    assert paths(connected) == ["/v1/grants"]
    assert connected.asked[0].json["credential_seconds"] == 1200


def test_an_endpoint_that_was_killed_is_started_again_and_uses_the_same_grant(
    connected: FakeBroker, credentials: Run, home: Path
):
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    for _ in range(2):
        assert json.loads(credentials(*ASK).stdout) == OUTPUT
        kill_background_endpoints(home)
    assert paths(connected) == ["/v1/grants", CREDENTIALS_OF]


@pytest.mark.parametrize(("status", "code"), [(410, "grant_ended"), (404, "grant_not_found")])
def test_sts_07_an_ended_grant_is_requested_again(
    connected: FakeBroker, credentials: Run, home: Path, status: int, code: str
):
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("POST", CREDENTIALS_OF, status, problem(code))
    for _ in range(2):
        assert credentials(*ASK).returncode == 0
        kill_background_endpoints(home)
    assert paths(connected) == ["/v1/grants", CREDENTIALS_OF, "/v1/grants"]


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        ("grant_revoked", "make the same request once more: ", " --new-grant > /dev/null"),
        ("grant_rejected", "add --changed TEXT to the command, in the profile too: ", ""),
    ],
)
def test_a_request_that_a_person_ended_is_made_again_only_with_new_grant(
    connected: FakeBroker, credentials: Run, home: Path, code: str, before: str, after: str
):
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("POST", CREDENTIALS_OF, 410, problem(code))
    credentials(*ASK)
    kill_background_endpoints(home)
    assert [credentials(*ASK).returncode for _ in range(2)] == [3, 3]
    kill_background_endpoints(home)
    done = credentials(*ASK)
    assert (done.returncode, done.stdout) == (3, "")
    again = " ".join(done.stderr.split()).partition(before)[2]
    assert again == shlex.join(["jitney", "credentials", *ASK]) + after
    assert credentials(*ASK, "--new-grant").returncode == 0
    assert paths(connected).count("/v1/grants") == 2


def test_another_reason_is_another_request(connected: FakeBroker, credentials: Run):
    connected.say("POST", "/v1/grants", 201, issued())
    for reason in ("one", "two"):
        credentials(*ASK, "--reason", reason)
    assert paths(connected) == ["/v1/grants"] * 2


def test_cli_03_a_pending_request_is_shown_on_standard_error_and_used_once_approved(
    connected: FakeBroker, credentials: Run, home: Path
):
    connected.say("POST", "/v1/grants", 202, under_review(), Retry_After="1")
    connected.say("POST", CREDENTIALS_OF, 409, problem("grant_pending"))
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    for _ in range(2):
        done = credentials(*ASK)
        assert (done.returncode, done.stdout) == (4, "")
        assert f"Grant {GRANT_ID} is under review by data-owners until" in done.stderr
    kill_background_endpoints(home)
    connected._said.pop(("POST", CREDENTIALS_OF))
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    assert json.loads(credentials(*ASK).stdout) == OUTPUT
    assert paths(connected).count("/v1/grants") == 1


def test_a_pending_request_is_waited_for_with_wait(connected: FakeBroker, credentials: Run):
    connected.say("POST", "/v1/grants", 202, under_review(), Retry_After="1")
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant()})
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    assert json.loads(credentials(*ASK, "--wait").stdout) == OUTPUT


def test_a_given_grant_is_used_and_not_remembered(connected: FakeBroker, credentials: Run, home: Path):
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    assert json.loads(credentials("--grant", GRANT_ID).stdout) == OUTPUT
    assert [each.read_text().strip() for each in (home / ".local/state/jitney/grants").iterdir()] == [""]


@pytest.mark.parametrize("more", [["analytics-prod"], ["--action", "s3:GetObject"], ["--reason", "r"], ["--for", "1h"]])
def test_grant_goes_without_options_of_a_request(connected: FakeBroker, credentials: Run, more: list[str]):
    done = credentials(*more, "--grant", GRANT_ID)
    assert (done.returncode, done.stdout, connected.asked) == (2, "", [])
    assert "--grant cannot be combined with TARGET" in done.stderr


def test_a_given_grant_that_ended_exits_with_7(connected: FakeBroker, credentials: Run):
    connected.say("POST", CREDENTIALS_OF, 410, problem("grant_ended"))
    done = credentials("--grant", GRANT_ID)
    assert (done.returncode, done.stdout) == (7, "")
    assert "Fix: The fix of grant_ended." in done.stderr


def test_commands_that_start_at_once_share_one_grant(connected: FakeBroker, home: Path):
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    started = [subprocess.Popen([JITNEY, "credentials", *ASK], stdout=subprocess.PIPE) for _ in range(4)]
    outputs = [process.communicate(timeout=PATIENCE)[0] for process in started]
    assert [json.loads(output) for output in outputs] == [OUTPUT] * 4
    assert paths(connected) == ["/v1/grants"]


def test_cli_01_keys_are_not_shown_on_a_terminal(connected: FakeBroker):
    terminal, stdout = pty.openpty()
    done = subprocess.run([JITNEY, "credentials", *ASK], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    os.close(stdout)
    os.close(terminal)
    assert done.returncode == 2
    assert "Keys are not shown on a terminal." in done.stderr
    assert not connected.asked


@pytest.mark.parametrize("reason", ["it's #1; for $HOME `x` 100%", "plain"])
def test_botocore_gets_the_keys_through_the_profile_that_jitney_writes(connected: FakeBroker, home: Path, reason: str):
    connected.say("POST", "/v1/grants", 201, issued())
    subprocess.run([JITNEY, "profile", "reports", *ASK, "--reason", reason, "--write"], check=True, capture_output=True)
    keys = botocore.session.Session(profile="reports").get_credentials().get_frozen_credentials()
    assert (keys.access_key, keys.token) == (CREDENTIALS["access_key_id"], CREDENTIALS["session_token"])
    assert connected.asked[0].json["reason"] == reason


def test_botocore_shows_why_there_are_none(connected: FakeBroker, home: Path):
    connected.say("POST", "/v1/grants", 403, problem("denied", "The request is denied by policy"))
    subprocess.run([JITNEY, "profile", "reports", *ASK, "--write"], check=True, capture_output=True)
    with pytest.raises(CredentialRetrievalError, match=r"The request is denied by policy[\s\S]*Fix: "):
        botocore.session.Session(profile="reports").get_credentials()


def test_dx_credentials_from_a_running_endpoint_load_no_parser_screen_or_http_library(
    connected: FakeBroker, credentials: Run
):
    connected.say("POST", "/v1/grants", 201, issued())
    credentials(*ASK)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", JITNEY, "credentials", *ASK], capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "jitney.client.background.asking" in loaded
    slow = {"typer", "rich", "http.client", "ssl", "subprocess", "tomllib", "asyncio", "logging", "h11", "boto3"}
    assert not (slow | {"jitney.client.cli", "jitney.client.terminal.screen", "jitney.client.api.broker"}) & loaded


@pytest.mark.parametrize(
    "words",
    [
        [],
        ASK,
        [*ASK, "--for", "1h", "--ticket", "OPS-1", "--wait", "--wait-at-most", "2m"],
        ["t", "--call", "aws s3 ls", "--call", "aws sts get-caller-identity", "--reason", "one", "--reason", "two"],
        ["t", "--action", "a:B", "--resource", "*", "--action", "a:C", "--wait", "--no-wait", "--new-grant"],
        [
            "--permissions",
            "f.json",
            "t",
            "--reason",
            "r",
            "--api",
            "https://x",
            "--token-file",
            "f",
            "--token-command",
            "c",
        ],
        ["--grant", GRANT_ID],
    ],
)
def test_the_short_way_reads_a_command_line_as_the_full_parser_does(words: list[str], monkeypatch: pytest.MonkeyPatch):
    given: list[credential_process.CredentialOptions] = []
    monkeypatch.setattr(credential_process, "print_credentials", given.append)
    assert invoke(["credentials", *words]).exit_code == 0
    short = credential_process.parse(words)
    assert short is not None
    assert asdict(short) == asdict(given[0])


@pytest.mark.parametrize(
    "words",
    [
        ["--help"], ["-a", "s3:GetObject"], ["--reason=x"], ["t", "u"], ["--reason"], ["--reason", "-x"],
        ["--reason", ""],
        ["--nope", "x"], ["--", "t"], ["--json"], ["--wai"],
    ],
)  # fmt: skip
def test_a_command_line_that_profiles_do_not_hold_is_left_to_the_full_parser(words: list[str]):
    assert credential_process.parse(words) is None


def test_gw_01_the_gateway_gives_no_credentials_and_no_request_is_made(connected: FakeBroker, credentials: Run):
    done = credentials(*ASK, "--way", "gateway")
    assert (done.returncode, done.stdout, connected.asked) == (2, "", [])
    assert "--way gateway gives no credentials." in done.stderr
    assert "jitney run --gateway" in done.stderr
