"""The child's environment, exit code and signals."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jitney.client.api.responses import GrantResponse, GrantWithCredentials
from jitney.client.gateway.environment import gateway_environment
from jitney.client.gateway.signature import PlaceholderKeys
from jitney.client.problems import Invalid
from jitney.client.processes.child import child_environment, container_environment, run_child
from tests.client.fake_broker import CREDENTIALS, GRANT_ID, grant, issued
from tests.running_systems import PATIENCE

ANSWER = GrantResponse.read(issued())
assert ANSWER.credentials is not None
ISSUED = GrantWithCredentials(ANSWER.grant, ANSWER.credentials)
PYTHON = sys.executable


def test_the_child_gets_the_keys_the_true_end_and_the_grants_id():
    before = {"PATH": "/bin", "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "old", "AWS_CONFIG_FILE": "/etc/aws"}
    assert child_environment(before, ISSUED) == {
        "PATH": "/bin",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": "/etc/aws",
        "AWS_ACCESS_KEY_ID": CREDENTIALS["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["secret_access_key"],
        "AWS_SESSION_TOKEN": CREDENTIALS["session_token"],
        "AWS_CREDENTIAL_EXPIRATION": CREDENTIALS["expiration"],
        "JITNEY_GRANT_ID": GRANT_ID,
    }
    assert before["AWS_ACCESS_KEY_ID"] == "old"


@pytest.mark.parametrize("before", [{}, {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}])
def test_the_child_gets_the_targets_region_for_every_sdk(before: dict[str, str]):
    environment = child_environment(before, ISSUED)
    assert (environment["AWS_REGION"], environment["AWS_DEFAULT_REGION"]) == ("eu-west-1", "eu-west-1")


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_region_of_the_users_own_is_that_of_every_sdk(name: str):
    before = {name: "us-east-1"}
    for environment in (
        child_environment(before, ISSUED),
        container_environment(before, {}, ISSUED.grant),
        gateway_environment(before, 1, PlaceholderKeys.new(), "eu-west-1", GRANT_ID),
    ):
        assert (environment["AWS_REGION"], environment["AWS_DEFAULT_REGION"]) == ("us-east-1", "us-east-1")


def test_two_regions_of_the_users_own_are_left_alone():
    both = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-west-2"}
    assert both.items() <= child_environment(both, ISSUED).items()


def test_a_grant_without_a_region_leaves_it_to_the_user():
    answer = GrantResponse.read({"grant": grant(region="")})
    assert ISSUED.credentials
    assert not [
        key for key in child_environment({}, GrantWithCredentials(answer.grant, ISSUED.credentials)) if "REGION" in key
    ]


@pytest.mark.parametrize(
    "name",
    [
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SECURITY_TOKEN",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_BEARER_TOKEN_BEDROCK",
    ],
)
def test_what_competes_with_the_keys_is_taken_out(name: str):
    assert name not in child_environment({name: "x"}, ISSUED)


@pytest.mark.parametrize(
    "name", ["JITNEY_CLIENT_SECRET", "JITNEY_REVIEW_CLIENT_SECRET", "JITNEY_TOKEN", "JITNEY_MCP_TOKEN"]
)
def test_cli_01_a_command_inherits_none_of_the_agents_secrets(name: str):
    before = {name: "canary", "CIRCLE_OIDC_TOKEN_V2": "canary", "EMPTY": "", "JITNEY_TOKEN_FILE": ""}
    environments = [
        child_environment(before, ISSUED),
        container_environment(before, {}, ISSUED.grant),
        gateway_environment(before, 1, PlaceholderKeys.new(), "", GRANT_ID),
    ]
    assert all("canary" not in each.values() for each in environments)
    assert all("EMPTY" in each for each in environments)


def test_botocore_takes_the_keys_with_any_profile_set(tmp_path: Path):
    (tmp_path / "config").write_text("[profile other]\naws_access_key_id = other\naws_secret_access_key = other\n")
    inherited = os.environ | {"AWS_PROFILE": "other", "AWS_CONFIG_FILE": str(tmp_path / "config")}
    code = (
        "import botocore.session; c = botocore.session.get_session().get_credentials();"
        "f = c.get_frozen_credentials(); print(c.method, f.access_key, f.token)"
    )
    done = subprocess.run(
        [PYTHON, "-c", code], env=child_environment(inherited, ISSUED), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["env", CREDENTIALS["access_key_id"], CREDENTIALS["session_token"]]


def test_a_command_needs_no_home_folder(monkeypatch: pytest.MonkeyPatch):
    """As in a container whose user has no entry in the list of users."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert "AWS_CONFIG_FILE" not in container_environment({}, {}, ISSUED.grant)


@pytest.mark.parametrize(("code", "expected"), [("raise SystemExit(0)", 0), ("raise SystemExit(42)", 42)])
def test_the_exit_code_is_the_childs(code: str, expected: int):
    assert run_child([PYTHON, "-c", code], {}) == expected


def test_a_child_ended_by_a_signal_gives_the_shells_code():
    assert run_child([PYTHON, "-c", "import os; os.kill(os.getpid(), 9)"], {}) == 128 + 9


@pytest.mark.parametrize("name", ["/does/not/exist", "/"])
def test_a_command_that_cannot_start_is_a_problem(name: str):
    with pytest.raises(Invalid, match="cannot be started"):
        run_child([name], {})


def test_the_signal_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run_child([PYTHON, "-c", ""], {})
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


CHILD = """
import signal, sys, time
def stop(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    sys.exit(7)
for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"):
    signal.signal(getattr(signal, name), stop)
print("ready", flush=True)
while True:  # signal.pause() would miss a signal just before it
    time.sleep(0.05)
"""
PARENT = (
    "import os, sys; "
    "from jitney.client.processes.child import run_child; "
    "sys.exit(run_child([sys.executable, '-c', {!r}], os.environ))"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_goes_to_the_child_and_its_exit_code_comes_back(number: signal.Signals):
    with subprocess.Popen(
        [PYTHON, "-c", PARENT.format(CHILD)], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == f"got {number.name}\n"
        assert process.wait(PATIENCE) == 7


def test_ctrl_c_on_a_terminal_reaches_the_child_once_by_the_terminal_itself():
    terminal, inside = pty.openpty()
    script = (
        "import subprocess; subprocess.Popen.send_signal = lambda self, number: print('forwarded', number, flush=True)"
    )
    parent = f"import os; os.login_tty(0); {script}; {PARENT.format(CHILD)}"
    with subprocess.Popen([PYTHON, "-c", parent], stdin=inside, stdout=inside, stderr=inside) as process:
        read_until(terminal, b"ready")
        os.write(terminal, b"\x03")
        assert process.wait(PATIENCE) == 7
        shown = read_until(terminal, b"got SIGINT")
    os.close(inside)
    os.close(terminal)
    assert b"forwarded" not in shown


def test_ctrl_c_reaches_the_child_once_after_the_shell_brought_its_job_to_the_foreground():
    terminal, inside = pty.openpty()
    script = "subprocess.Popen.send_signal = lambda self, number: print('forwarded', number, flush=True)"
    job = f"import subprocess; {script}; {PARENT.format(CHILD)}"
    shell = f"""
import os, signal, subprocess, sys
os.login_tty(0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
with subprocess.Popen([sys.executable, "-c", {job!r}], stdout=subprocess.PIPE, text=True, process_group=0) as process:
    for line in process.stdout:
        print(line, end="", flush=True)
        if "ready" in line:
            os.tcsetpgrp(0, process.pid)
            print("foreground", flush=True)
"""
    with subprocess.Popen([PYTHON, "-c", shell], stdin=inside, stdout=inside, stderr=inside) as process:
        read_until(terminal, b"foreground")
        os.write(terminal, b"\x03")
        process.wait(PATIENCE)
        shown = read_until(terminal, b"got SIGINT")
    os.close(inside)
    os.close(terminal)
    assert b"forwarded" not in shown


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_that_is_ignored_stays_ignored_by_the_child_as_with_nohup(number: signal.Signals):
    child = f"import signal; print(signal.getsignal({int(number)}) == signal.SIG_IGN)"
    code = f"import signal; signal.signal({int(number)}, signal.SIG_IGN); {PARENT.format(child)}"
    done = subprocess.run([PYTHON, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "True\n"


def read_until(terminal: int, word: bytes) -> bytes:
    """Return the terminal's text up to the word, and the text after it so far."""
    output = b""
    while word not in output:
        output += os.read(terminal, 1024)
    return output


def test_an_early_signal_waits_for_the_child():
    code = """
import os, signal, sys
from jitney.client.processes import child
real = child.subprocess.Popen
def slow(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGTERM)
    return real(*args, **kwargs)
child.subprocess.Popen = slow
sys.exit(child.run_child([sys.executable, "-c", "import time; time.sleep(600)"], os.environ))
"""
    done = subprocess.run([PYTHON, "-c", code], timeout=PATIENCE, check=False)
    assert done.returncode == 128 + signal.SIGTERM


def test_an_environment_that_no_process_can_have_is_a_problem_and_no_traceback():
    with pytest.raises(Invalid, match="cannot be started: embedded null byte"):
        run_child([PYTHON, "-c", ""], {"AWS_REGION": "eu-west-1\0"})


LIMITED = "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000,) * 2); "


def test_cli_04_a_configuration_file_without_an_end_is_hidden_and_not_read(tmp_path: Path):
    pipe, large = tmp_path / "pipe", tmp_path / "large"
    os.mkfifo(pipe)
    with large.open("wb") as file:
        file.truncate(10_000_000)
    code = "from jitney.client.processes.child import hidden_configuration as hidden"
    code = f"{LIMITED}{code}; print(hidden({{'AWS_CONFIG_FILE': sys.argv[1]}}))"
    for path, hidden in ((pipe, True), ("/dev/zero", True), (large, True), (os.devnull, False)):
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=20, check=True
        )
        assert done.stdout.strip() == str({"AWS_CONFIG_FILE": os.devnull} if hidden else {}), path
