"""`jitney serve` and the endpoint of `jitney run`, in processes that are stopped and killed."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jitney.client.api.grant_request import ApiPermission, GrantRequest, OperationCall
from jitney.client.background import asking
from jitney.client.background.asking import socket_address
from jitney.client.background.need import PROFILE, SERVE, EndpointNeed
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.problems import ClientProblem
from tests.cli import invoke
from tests.client.fake_broker import CREDENTIALS, GRANT_ID, FakeBroker, ended, grant, issued, problem
from tests.client.test_cli_run import ASK, CREDENTIALS_OF, JITNEY, PRINT_KEY
from tests.running_systems import PATIENCE, until

RELEASE = f"/v1/grants/{GRANT_ID}"
NEED = GrantRequest("analytics-prod", (ApiPermission(("s3:GetObject",), ("*",)),), 300, "report")


@pytest.fixture
def granting(connected: FakeBroker) -> FakeBroker:
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("DELETE", RELEASE, 200, ended())
    return connected


def command(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([JITNEY, *words], capture_output=True, text=True, timeout=PATIENCE, check=False)


def exported(text: str) -> dict[str, str]:
    return dict(re.findall(r"^export (\w+)=(.*)$", text, re.MULTILINE))


def key_by(environment: dict[str, str]) -> str:
    """Return the key that a program of another shell gets from the endpoint."""
    done = subprocess.run(PRINT_KEY[1:], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_cli_04_the_lines_of_serve_hide_a_default_profile_that_has_credentials(granting: FakeBroker, home: Path):
    (home / ".aws").mkdir()
    for config, hidden in (("[default]\nregion = eu-west-1\n", None), ("[default]\nsso_session = s\n", os.devnull)):
        (home / ".aws/config").write_text(config)
        done = subprocess.run(
            [JITNEY, "serve", *ASK, "--background", "--json"], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)["environment"].get("AWS_CONFIG_FILE") == hidden


def test_cli_04_the_lines_of_serve_keep_its_token_from_a_proxy(granting: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    lines = exported(command("serve", *ASK, "--background").stdout)
    assert lines["NO_PROXY"] == lines["no_proxy"] == "127.0.0.1,localhost"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_end_01_serve_gives_credentials_until_a_signal_and_releases_the_grant(granting: FakeBroker, number: int):
    with subprocess.Popen([JITNEY, "serve", *ASK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        assert served.stderr is not None
        assert "press Ctrl+C" in served.stderr.readline()
        served.send_signal(number)
        assert served.wait(PATIENCE) == 0
        environment = exported(served.stdout.read())
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert environment["AWS_REGION"] == "eu-west-1"
    assert len(granting.calls("DELETE", RELEASE)) == 1
    assert CREDENTIALS["secret_access_key"] not in str(environment)


NOHUP = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize("words", [["serve", *ASK], ["run", *ASK, "--", "sh", "-c", "echo export; exec sleep 600"]])
def test_end_01_with_nohup_the_end_of_the_terminal_releases_no_grant(granting: FakeBroker, words: list[str]):
    with subprocess.Popen([sys.executable, "-c", NOHUP, JITNEY, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "export" in process.stdout.readline()
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.terminate()
    ignored = re.search(r"^SigIgn:\s*(\w+)$", status, re.MULTILINE)
    assert ignored
    assert int(ignored[1], 16) >> (signal.SIGHUP - 1) & 1
    assert len(granting.calls("DELETE", RELEASE)) == 1


def test_end_01_serve_that_a_script_starts_in_the_background_ends_with_sigint(granting: FakeBroker):
    """A script makes it ignore SIGINT, and the note says to press Ctrl+C."""
    script = f"{shlex.join([JITNEY, 'serve', *ASK])} & echo $!; wait $!"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        assert shell.stderr is not None
        number = int(shell.stdout.readline())
        assert "press Ctrl+C" in shell.stderr.readline()
        os.kill(number, signal.SIGINT)
        assert shell.wait(PATIENCE) == 0
    assert len(granting.calls("DELETE", RELEASE)) == 1


def test_cli_04_a_background_endpoint_is_shared_until_it_is_stopped(granting: FakeBroker, monkeypatch: Any):
    monkeypatch.setenv("AWS_PROFILE", "other")
    first = command("serve", *ASK, "--background")
    second = json.loads(command("serve", *ASK, "--background", "--json").stdout)
    assert second["environment"] == exported(first.stdout)
    assert (second["grant"], second["unset"]) == (GRANT_ID, ["AWS_PROFILE"])
    assert first.stdout.startswith("unset AWS_PROFILE\n")
    assert key_by(second["environment"]) == CREDENTIALS["access_key_id"]
    assert len(granting.calls("POST", "/v1/grants")) == 1
    assert json.loads(command("serve", "--stop", "--json").stdout) == {"stopped": [GRANT_ID]}
    assert len(granting.calls("DELETE", RELEASE)) == 1
    assert json.loads(command("serve", "--stop", "--json").stdout) == {"stopped": []}


def test_cli_04_a_shell_that_evaluated_the_lines_finds_the_same_endpoint(
    granting: FakeBroker, monkeypatch: pytest.MonkeyPatch
):
    """The lines set and unset variables that can name an identity."""
    before = {"AWS_REGION": "eu-west-2", "AWS_EC2_METADATA_DISABLED": "TRUE", "AWS_ACCESS_KEY_ID": "AKIAOTHER"}
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    lines = [command("serve", *ASK, "--background").stdout]
    line = shlex.join([JITNEY, "serve", *ASK, "--background"])
    for _ in range(2):
        script = f"{''.join(lines)}exec {line}"
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=PATIENCE, check=False)
        lines.append(done.stdout)
    assert exported(lines[0]) == exported(lines[1]) == exported(lines[2])
    assert len(granting.calls("POST", "/v1/grants")) == 1
    assert key_by(exported(lines[2])) == CREDENTIALS["access_key_id"]


def test_cli_04_the_lines_of_serve_name_the_grant_so_that_its_keys_are_taken_for_no_identity(granting: FakeBroker):
    lines = exported(command("serve", *ASK, "--background").stdout)
    assert lines["JITNEY_GRANT_ID"] == GRANT_ID
    done = subprocess.run(
        [JITNEY, "whoami"], env=os.environ | lines | {"JITNEY_TOKEN_SOURCE": "aws"}, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Use a shell without the lines of `jitney serve`" in done.stderr


def test_end_01_a_background_endpoint_that_commands_cannot_reach_ends_by_itself(granting: FakeBroker, home: Path):
    command("serve", *ASK, "--background")
    shutil.rmtree(home / ".local/state/jitney")
    second = json.loads(command("serve", *ASK, "--background", "--json").stdout)
    until(lambda: granting.calls("DELETE", RELEASE))
    assert key_by(second["environment"]) == CREDENTIALS["access_key_id"]
    assert json.loads(command("serve", "--stop", "--json").stdout) == {"stopped": [GRANT_ID]}
    assert len(granting.calls("DELETE", RELEASE)) == 2


LSOF = "kill $(lsof -t {path})"


@pytest.mark.parametrize(
    ("platform", "process", "end"),
    [("linux", 4711, "kill 4711"), ("linux", 0, LSOF), ("darwin", 4711, LSOF)],
    ids=["Linux", "another container", "macOS"],
)
def test_cli_01_the_fix_ends_only_the_endpoint_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, process: int, end: str
):
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(asking.struct, "unpack", lambda *_: (process, os.geteuid(), 0))
    with socket.socket(socket.AF_UNIX) as silent:
        with socket_address(tmp_path, "k.sock") as address:
            silent.bind(address)
        silent.listen()
        with pytest.raises(ClientProblem) as raised:
            asking.ask(tmp_path, "k", "GET", "/")
    assert f"`{end.format(path=tmp_path / 'k.sock')}`" in raised.value.fix


def test_end_01_an_endpoint_that_cannot_be_stopped_leaves_none_of_the_others_running(
    granting: FakeBroker, home: Path, monkeypatch: pytest.MonkeyPatch
):
    command("serve", *ASK, "--background")
    folder = home / ".local/state/jitney/endpoints"
    (other,) = folder.glob("*.sock")
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 2)
    with socket.socket(socket.AF_UNIX) as silent:
        with socket_address(folder, "0.sock") as address:
            silent.bind(address)
        silent.listen()
        done = invoke(["serve", "--stop"])
    (folder / "0.sock").unlink()
    assert done.exit_code == 6
    assert f"kill {os.getpid()}" in done.stderr
    assert until(lambda: not other.exists())
    assert len(granting.calls("DELETE", RELEASE)) == 1


def test_cli_01_a_background_endpoint_runs_no_module_of_the_working_folder(granting: FakeBroker, tmp_path: Path):
    folder, ran = tmp_path / "repository", tmp_path / "ran"
    folder.mkdir()
    for name in ("json", "h11", "jitney"):
        (folder / f"{name}.py").write_text(f"from pathlib import Path\nPath({str(ran)!r}).touch()\n")
    words = [JITNEY, "serve", *ASK, "--background"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert not ran.exists()
    assert done.returncode == 0, done.stderr


def test_cli_01_a_background_endpoint_writes_no_key_and_no_token(granting: FakeBroker, home: Path):
    environment = json.loads(command("serve", *ASK, "--background", "--json").stdout)["environment"]
    written = b"".join(each.read_bytes() for each in home.rglob("*") if each.is_file() and each.name != "token")
    for secret in (environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"], *list(CREDENTIALS.values())[:3]):
        assert secret.encode() not in written
    for each in (home / ".local/state/jitney").rglob("*"):
        assert each.stat().st_mode & 0o077 == 0


def test_a_background_endpoint_that_cannot_start_says_why(home: Path):
    done = command("serve", *ASK, "--background")
    assert (done.returncode, done.stdout) == (2, "")
    assert "The broker's address is not set." in done.stderr


@pytest.mark.parametrize("more", ["--gateway", "--keep"])
def test_a_background_endpoint_has_no_gateway_and_releases_its_grant(connected: FakeBroker, more: str):
    done = command("serve", *ASK, "--background", more)
    assert (done.returncode, connected.asked) == (2, [])
    assert "--background cannot be combined with --gateway or --keep." in done.stderr


WAIT_FOR_PARENT = "import os, time; print(os.getpid(), flush=True); time.sleep(120)"


def runs(process: int) -> bool:
    """Return whether the process exists and is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG")
def test_cli_06_a_command_is_killed_with_its_run_and_its_keys_end_with_the_slice(granting: FakeBroker):
    words = [JITNEY, "run", *ASK, "--for", "1h", "--", sys.executable, "-c", WAIT_FOR_PARENT]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        child = int(run.stdout.readline())
        assert runs(child)
        run.kill()
    assert until(lambda: not runs(child))
    assert granting.calls("POST", "/v1/grants")[0].json["credential_seconds"] == 300
    assert not granting.calls("DELETE", RELEASE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_end_01_run_releases_its_grant_when_a_signal_ends_it(granting: FakeBroker, number: int):
    words = [JITNEY, "run", *ASK, "--", sys.executable, "-c", WAIT_FOR_PARENT]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        child = int(run.stdout.readline())
        run.send_signal(number)
        assert run.wait(PATIENCE) == 128 + number
    assert not runs(child)
    assert len(granting.calls("DELETE", RELEASE)) == 1


def ending_in(seconds: float) -> dict[str, Any]:
    end = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    return {"grant": grant(expires_at=end), "credentials": CREDENTIALS | {"expiration": end}}


BODY = "\n    ".join(PRINT_KEY[3].strip().splitlines())
LATER = f"import time; time.sleep(6)\ntry:\n    {BODY}\nexcept OSError as error: print(error)"
ASK_LATER = ["--", sys.executable, "-c", LATER]


def test_cli_06_a_command_that_outlives_a_named_grant_is_noted_with_what_to_do(connected: FakeBroker):
    connected.say("POST", CREDENTIALS_OF, 200, ending_in(5))
    connected.say("POST", CREDENTIALS_OF, 410, problem("grant_ended"))
    done = command("run", "--grant", GRANT_ID, *ASK_LATER)
    assert (done.returncode, done.stdout) == (0, "HTTP Error 410: Gone\n")
    assert f"outlives {GRANT_ID}, which ends at" in done.stderr
    assert "Leave out --grant: Jitney then requests the next grant." in " ".join(done.stderr.split())
    assert "canary" not in done.stderr


def test_cli_06_a_command_that_outlives_its_grant_goes_on_with_the_next_one(connected: FakeBroker):
    other = "g-abcdefghijklm3"
    following = issued() | {"grant": grant(id=other)}
    connected.say("POST", "/v1/grants", 201, ending_in(5))
    connected.say("POST", "/v1/grants", 201, following)
    connected.say("POST", CREDENTIALS_OF, 410, problem("grant_ended"))
    connected.say("GET", RELEASE, 200, {"grant": grant("expired")})
    connected.say("DELETE", f"/v1/grants/{other}", 200, ended())
    done = command("run", *ASK, *ASK_LATER)
    assert (done.returncode, done.stdout) == (0, f"{CREDENTIALS['access_key_id']}\n"), done.stderr
    assert f"jitney: {other} continues {GRANT_ID}, until" in done.stderr
    assert len(connected.calls("DELETE", f"/v1/grants/{other}")) == 1


def test_cli_06_static_keys_are_in_the_environment_and_their_end_is_noted(connected: FakeBroker):
    connected.say("POST", "/v1/grants", 201, ending_in(5))
    connected.say("DELETE", RELEASE, 200, ended())
    code = "import os, time; print(os.environ['AWS_ACCESS_KEY_ID'], flush=True); time.sleep(5.5)"
    done = command("run", *ASK, "--static-keys", "--", sys.executable, "-c", code)
    assert (done.returncode, done.stdout) == (0, f"{CREDENTIALS['access_key_id']}\n")
    assert f"outlives its keys of {GRANT_ID}" in done.stderr
    assert "--gateway" in command("run", *ASK, "--static-keys", "--gateway", "--", "env").stderr


@pytest.mark.parametrize(
    "need",
    [
        NEED,
        "g-abcdefghijklm2",
        GrantRequest("t", (), 60, "r", "OPS-1", ("aws s3 ls",), "", "gateway", True, (OperationCall("s3", "A", {}),)),
        GrantRequest("t", (ApiPermission(("s3:A",), ("*",), (("s3:prefix", ("a", "b")),)),), 60, "r"),
    ],
)
def test_a_need_is_the_same_in_the_endpoints_process(need: GrantRequest | str):
    given = EndpointNeed(PROFILE, need, ConnectionOptions(api="https://x", token_command="c"))
    assert EndpointNeed.read(json.loads(json.dumps(given.document()))) == given


def test_gw_13_other_needs_settings_and_identities_have_other_endpoints(home: Path, tmp_path: Path):
    same = EndpointNeed(PROFILE, NEED, ConnectionOptions())
    others = [
        same.key({"JITNEY_TOKEN_FILE": "/other"}), same.key({"JITNEY_TOKEN": "t"}), same.key({"JITNEY_API_URL": "x"}),
        EndpointNeed(SERVE, NEED, ConnectionOptions()).key({}),
        EndpointNeed(PROFILE, "g-abcdefghijklm2", ConnectionOptions()).key({}),
        EndpointNeed(PROFILE, NEED, ConnectionOptions(token_file="f")).key({}),
    ]  # fmt: skip
    (tmp_path / "jitney").mkdir()
    (tmp_path / "jitney/config.toml").write_text('api = "https://x"')
    others.append(same.key({"XDG_CONFIG_HOME": str(tmp_path)}))
    assert len({same.key({}), *others}) == len(others) + 1
    assert same.key({}) == same.key({"JITNEY_CLIENT_SECRET": "s", "TERM": "x"})
