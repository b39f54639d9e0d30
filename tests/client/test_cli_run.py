"""`jitney run` in its own process, with another process inside."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.fake_broker import (
    CREDENTIALS,
    GRANT_ID,
    REVIEW,
    FakeBroker,
    ended,
    grant,
    issued,
    problem,
    under_review,
)
from tests.running_systems import PATIENCE

JITNEY = str(Path(sys.executable).with_name("jitney"))
ASK = ["analytics-prod", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/2026/*", "--reason", "report"]
PRINT_KEY = ["--", sys.executable, "-c", """
import json, os, urllib.request
headers = {"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers=headers)
print(json.load(urllib.request.urlopen(request))["AccessKeyId"])
"""]  # fmt: skip
CREDENTIALS_OF = f"/v1/grants/{GRANT_ID}/credentials"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(connected: FakeBroker) -> Run:
    connected.say("DELETE", f"/v1/grants/{GRANT_ID}", 200, ended())
    return lambda *args: subprocess.run(
        [JITNEY, "run", *args], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_end_01_the_grant_is_released_when_the_command_has_ended(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/grants", 201, issued())
    for words, releases in ((ASK, 1), ([*ASK, "--keep"], 1)):
        assert run(*words, *PRINT_KEY).returncode == 0
        assert len(connected.calls("DELETE", f"/v1/grants/{GRANT_ID}")) == releases


def test_end_01_the_grant_of_a_command_that_cannot_start_is_released(connected: FakeBroker, run: Run, tmp_path: Path):
    connected.say("POST", "/v1/grants", 201, issued())
    program = tmp_path / "program"
    program.write_bytes(b"\x00 no machine runs this")
    program.chmod(0o755)
    for words, releases in (([*ASK, "--keep"], 0), (ASK, 1)):
        done = run(*words, "--", str(program))
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{program} cannot be started: Exec format error." in done.stderr
        assert len(connected.calls("DELETE", f"/v1/grants/{GRANT_ID}")) == releases


def test_end_05_what_outlives_the_grant_is_noted_after_the_command(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/grants", 201, issued())
    connected._said.pop(("DELETE", f"/v1/grants/{GRANT_ID}"))
    effect = {"effect": "shell_session", "sentence": "A shell outlives it.", "actions": ["ssm:StartSession"]}
    effect |= {"used": [], "longest_seconds": None, "left_to_do": "End it.", "source": "https://docs.aws.amazon.com"}
    connected.say("DELETE", f"/v1/grants/{GRANT_ID}", 200, ended() | {"outlives": [effect]})
    done = run(*ASK, "--", sys.executable, "-c", "print('done')")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert "jitney: A shell outlives it. End it." in done.stderr


def test_a_release_that_fails_leaves_the_commands_exit_code(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/grants", 201, issued())
    connected._said.pop(("DELETE", f"/v1/grants/{GRANT_ID}"))
    connected.say("DELETE", f"/v1/grants/{GRANT_ID}", 500, problem("internal"))
    done = run(*ASK, "--", sys.executable, "-c", "raise SystemExit(42)")
    assert done.returncode == 42
    assert f"{GRANT_ID} was not released" in done.stderr


def test_the_command_runs_with_the_grants_keys_and_nothing_else_is_printed(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/grants", 201, issued())
    done = run(*ASK, *PRINT_KEY)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{CREDENTIALS['access_key_id']}\n", "")


def test_the_childs_own_options_exit_code_and_dashes_are_left_alone(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/grants", 201, issued())
    code = "import json, sys; print(json.dumps(sys.argv[1:])); sys.exit(42)"
    done = run(*ASK, "--", sys.executable, "-c", code, "--help", "--", "--for", "1h")
    assert done.returncode == 42
    assert json.loads(done.stdout) == ["--help", "--", "--for", "1h"]


def test_an_existing_grant_is_used_without_asking(connected: FakeBroker, run: Run):
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    assert run("--grant", GRANT_ID, *PRINT_KEY).stdout == f"{CREDENTIALS['access_key_id']}\n"
    assert [asked.path for asked in connected.asked] == [CREDENTIALS_OF]


def test_an_existing_grant_is_not_used_for_another_target(connected: FakeBroker, run: Run):
    done = run("staging", "--grant", GRANT_ID, *PRINT_KEY)
    assert (done.returncode, done.stdout, connected.asked) == (2, "", [])
    assert "leave out --grant" in done.stderr


def test_cli_03_a_pending_request_is_shown_once_and_goes_on_by_itself(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/grants", 202, under_review(), Retry_After="1")
    for state in ("pending", "active"):
        connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant(state)}, Retry_After="1")
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    done = run(*ASK, *PRINT_KEY)
    assert (done.returncode, done.stdout) == (0, f"{CREDENTIALS['access_key_id']}\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"jitney: {GRANT_ID} is under review by data-owners until 2099-11-24 13:00:00 UTC (in ")


def test_cli_03_an_escalation_is_shown_during_the_wait(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/grants", 202, under_review(), Retry_After="1")
    for review in (REVIEW, REVIEW | {"escalated_to": ["security"]}):
        connected.say(
            "GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant("pending"), "review": review}, Retry_After="1"
        )
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant("active")})
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    printed = run(*ASK, *PRINT_KEY).stderr
    assert printed.count("under review by data-owners") == 2
    assert "jitney: under review by data-owners (escalated to security); still waiting" in printed


def test_a_pending_grant_by_its_id_is_waited_for_too(connected: FakeBroker, run: Run):
    connected.say("POST", CREDENTIALS_OF, 409, problem("grant_pending"))
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant("pending"), "review": REVIEW}, Retry_After="1")
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant()})
    done = run("--grant", GRANT_ID, *PRINT_KEY)
    assert (done.returncode, done.stdout) == (0, f"{CREDENTIALS['access_key_id']}\n")
    assert "under review by data-owners" in done.stderr


def test_without_waiting_a_pending_request_ends_the_command_before_the_child(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/grants", 202, under_review(), Retry_After="1")
    done = run(*ASK, "--no-wait", *PRINT_KEY)
    assert (done.returncode, done.stdout) == (4, "")
    assert f"Grant {GRANT_ID} is under review by data-owners" in done.stderr


def test_cli_03_on_a_terminal_a_live_line_shows_who_until_when_and_how_long(connected: FakeBroker):
    connected.say("POST", "/v1/grants", 202, under_review())
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, under_review(), Retry_After="2")
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant()})
    connected.say("POST", CREDENTIALS_OF, 200, issued())
    terminal, stderr = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(
        [JITNEY, "run", *ASK, *PRINT_KEY], stdout=subprocess.PIPE, stderr=stderr, env=environment
    ) as process:
        os.close(stderr)
        shown = read_all(terminal)
        assert process.stdout is not None
        assert process.stdout.read().decode().strip() == CREDENTIALS["access_key_id"]
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert f"Waiting 0s: {GRANT_ID} is under review by data-owners until 2099-11-24 13:00:00 UTC" in shown
    assert f"for corp.alice at https://jitney.example.com/reviews/{GRANT_ID}" in shown
    assert "Waiting 1s: " in shown
    assert "canary" not in shown


def read_all(terminal: int) -> str:
    """Return what was written to the terminal until its other side was closed, which Linux reports as EIO."""
    chunks: list[bytes] = []
    try:
        while chunk := os.read(terminal, 4096):
            chunks.append(chunk)
    except OSError:
        pass
    finally:
        os.close(terminal)
    return b"".join(chunks).decode()


def test_a_denial_offers_the_whole_command(connected: FakeBroker, run: Run):
    subset = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/q3.csv"]}]
    connected.say("POST", "/v1/grants", 403, problem("denied", allowed_subset=subset))
    done = run(*ASK, "--", "env")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines()[-1] == (
        "jitney run analytics-prod --action s3:GetObject --resource arn:aws:s3:::reports/2026/q3.csv --for 5m "
        "--reason report -- env"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (ASK, "The command is missing."),
        ([*ASK, "--"], "The command is missing."),
        (
            [*ASK, "--", "no-such-command-anywhere"],
            "The command no-such-command-anywhere was not found.\nFix: Check its name and PATH.",
        ),
        ([*ASK, "--", "aws s3 ls"], "The command is one quoted argument.\nFix: Remove the quotes"),
        (["--", "env"], "TARGET is missing."),
    ],
)
def test_a_command_that_cannot_run_makes_no_request(connected: FakeBroker, run: Run, arguments: list[str], said: str):
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not connected.asked


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_cli_03_an_interrupted_wait_says_that_the_request_stays_open(connected: FakeBroker, number: int, code: int):
    connected.say("POST", "/v1/grants", 202, under_review(), Retry_After="30")
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, under_review(), Retry_After="30")
    with subprocess.Popen([JITNEY, "run", *ASK, *PRINT_KEY], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "waiting" in process.stderr.readline()
        process.send_signal(number)
        assert process.wait(PATIENCE) == code
        assert process.stderr.read() == (
            f"jitney: interrupted; {GRANT_ID} stays open. Continue with "
            f"`jitney grants show {GRANT_ID} --wait`, or withdraw it with `jitney grants release {GRANT_ID}`.\n"
        )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_end_01_a_note_says_that_a_request_cut_by_a_signal_may_be_granted(
    connected: FakeBroker, monkeypatch: pytest.MonkeyPatch, number: int, code: int
):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("JITNEY_API_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        with subprocess.Popen([JITNEY, "run", *ASK, *PRINT_KEY], stderr=subprocess.PIPE, text=True) as process:
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(10) == b"POST /v1/g"
                process.send_signal(number)
                assert process.wait(PATIENCE) == code
            assert process.stderr is not None
            assert "A request that reached the broker stays: `jitney grants list` shows it" in process.stderr.read()


def test_cli_03_a_wait_that_ends_without_a_token_says_that_the_request_stays_open(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/grants", 202, under_review())
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 401, problem("token_expired"))
    done = run(*ASK, *PRINT_KEY)
    assert done.returncode == 5
    wait_on = f"`jitney grants show {GRANT_ID} --wait`"
    assert f"{GRANT_ID} stays open. With a valid token, continue with {wait_on}." in done.stderr


@pytest.mark.parametrize("verb", ["run", "explain"])
def test_a_command_without_the_dashes_names_their_place(verb: str):
    done = subprocess.run(
        [JITNEY, verb, "analytics-prod", "aws", "s3", "ls"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert "aws s3 ls comes before the two dashes, or they are missing." in done.stderr
    assert f"Fix: Put it after two dashes: jitney {verb} " in done.stderr
