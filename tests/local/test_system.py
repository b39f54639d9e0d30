"""`up`, `update`, `down` and `status`, run as a person runs them."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import ports, processes, system
from local.settings import ROOT, LocalSettings, from_environment
from tests.running_systems import PATIENCE, RUN_VARIABLE

# One worker's: its module-wide system would otherwise be brought up by each of them.
pytestmark = [pytest.mark.xdist_group("local_system"), pytest.mark.slow]


@dataclass(frozen=True)
class Machine:
    """A local system in its own folder. Its commands run with `variables`."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> LocalSettings:
        return from_environment({"JITNEY_LOCAL_DIR": str(self.folder)})

    @property
    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("JITNEY_")}
        lifeline = str(Path(os.environ[RUN_VARIABLE]) / "lifeline")
        return {**own, "JITNEY_LOCAL_DIR": str(self.folder), "JITNEY_LOCAL_LIFELINE": lifeline, **self.variables}

    def begin(self, command: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "local", *command.split()],
            cwd=ROOT,
            env={**self.environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str, **more: str) -> tuple[int, str]:
        with self.begin(command, **more) as process:
            _, said = process.communicate()
        return process.returncode, said

    def described(self) -> dict[str, Any]:
        return dict(json.loads(self.settings.stack_file.read_text(encoding="utf-8")))

    def alive(self) -> list[str]:
        return [name for name in system.NAMES if processes.running(name, self.settings)]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a configuration that does not depend on the local issuer's port, so that all systems here share one
    assembly.
    """
    folder = tmp_path_factory.mktemp("config")
    text = (ROOT / "jitney.yaml").read_text(encoding="utf-8").replace("JITNEY_LOCAL_ISSUER", "NOT_SET")
    text = (
        text.replace("JITNEY_PEOPLE_", "NOT_SET_")
        .replace("JITNEY_LOCAL_JWKS_URI", "NOT_SET")
        .replace("policies: policies", f"policies: {ROOT}/policies")
    )
    (folder / "other.yaml").write_text(text, encoding="utf-8")
    return folder / "other.yaml"


@pytest.fixture(scope="module")
def up(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Yield a system that is up."""
    machine = Machine(tmp_path_factory.mktemp("up"), {"JITNEY_CONFIG": str(config)})
    code, said = machine.run("up")
    assert code == 0, said
    yield machine
    machine.run("down")


@pytest.fixture
def another(config: Path, tmp_path: Path) -> Iterator[Machine]:
    """Yield a system that is not up yet."""
    machine = Machine(tmp_path, {"JITNEY_CONFIG": str(config)})
    yield machine
    machine.run("down")


def test_up_returns_when_the_system_answers(up: Machine):
    described = up.described()
    assert httpx.get(f"{described['api_url']}/v1/health", timeout=PATIENCE, trust_env=False).json()["status"] == "ok"
    assert set(described) >= {
        "api_url", "aws_endpoint", "region", "account", "issuer", "jwks_uri", "token_url", "agents", "humans", "people",
        "reviews_url",
        "mailbox_url", "slack_url", "athena", "tables", "buckets", "targets", "pids",
    }  # fmt: skip
    assert described["targets"]["analytics-prod"]["account"] == "444455556666"


def test_stack_json_is_for_its_owner_alone(up: Machine):
    assert stat.S_IMODE(up.settings.stack_file.stat().st_mode) == 0o600


def test_everything_listens_on_loopback_alone(up: Machine):
    described = up.described()
    taken = [int(described[name].rpartition(":")[2]) for name in ("aws_endpoint", "issuer", "slack_url")]
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    for port in taken:
        assert [address for address in listening if address == f"00000000:{port:04X}"] == []
        assert [address for address in listening if address == f"0100007F:{port:04X}"]


def test_up_again_says_so_and_changes_nothing(up: Machine):
    before = up.described()
    code, said = up.run("up")
    assert code == 0
    assert "already up" in said
    assert up.described() == before
    assert up.run("status")[0] == 0


def test_an_update_of_some_stacks_without_changes_changes_nothing(up: Machine):
    before = up.described()
    code, said = up.run("update Jitney")
    assert (code, "JitneyTarget" in said) == (0, False), said
    assert up.described() == before


def test_an_update_names_the_stacks_that_there_are(up: Machine):
    code, said = up.run("update JitneyTarget-x")
    assert code == 1
    assert re.search(
        r"JitneyTarget-x is not a stack of .*other.yaml. It has: Jitney, JitneyTarget-analytics-prod", said
    )


def test_an_update_keeps_the_upstream(up: Machine):
    code, said = up.run("update", JITNEY_UPSTREAM="http://127.0.0.1:4566")
    assert (code, "upstream" in said) == (1, True)


def test_an_update_without_a_valid_configuration_changes_nothing(up: Machine, config: Path):
    """It is that of a broker that was restored in AWS, with a mistake."""
    stream = "arn:aws:dynamodb:eu-west-1:111122223333:table/audit-2/stream/2026-11-29T02:00:00.000"
    tables = f"{{ state_table: state-2, audit_table: audit-2, audit_stream_arn: {stream} }}"
    text, before = config.read_text(encoding="utf-8"), up.described()
    changed = config.with_name("restored.yaml")
    added = f"broker:\n  restored_tables: {tables}\n  seal_key: 200\n"
    changed.write_text(text.replace("broker:\n", added, 1), encoding="utf-8")
    code, said = up.run("update Jitney", JITNEY_CONFIG=str(changed))
    assert (code, "goes on with its own configuration" in said, "Traceback" in said) == (1, True, False)
    assert "the emulator does not have state-2 and audit-2" in said
    assert up.described() == before


def test_another_configuration_is_shown_with_the_issuers_that_it_accepts(up: Machine):
    code, said = up.run("status")
    assert code == 0
    assert re.search(r"^ +issuer local +https://idp\.example\.com$", said, re.MULTILINE)
    assert re.search(r"^ +tokens .* does not accept", said, re.MULTILINE)
    assert "try it" not in said
    assert list(up.folder.glob("*.env")) == []


def test_the_life_of_a_second_system(up: Machine, another: Machine, config: Path):
    """In one test, since each start takes a quarter of a minute."""
    port = ports.choose({}, another.folder / "wished.json")["slack"]
    code, said = another.run("up", JITNEY_IDP_PORT=str(port))
    assert code == 0, said
    assert another.described()["issuer"] == f"http://127.0.0.1:{port}"
    assert another.described()["aws_endpoint"] != up.described()["aws_endpoint"]
    _crashes_and_comes_up(another)
    _comes_up_with_another_configuration(another, config)
    groups = another.described()["pids"].values()
    code, said = another.run("down")
    assert (code, "pending requests and records are lost" in said) == (0, True)
    assert not another.settings.stack_file.exists()
    assert another.alive() == []
    assert [group for group in groups if _living(group)] == []
    assert another.run("status")[0] == 3
    assert another.run("down") == (0, "Nothing was running.\n")
    assert up.run("status")[0] == 0


def _crashes_and_comes_up(machine: Machine) -> None:
    before = machine.described()
    os.killpg(before["pids"]["emulator"], signal.SIGKILL)
    assert processes.wait_until(lambda: "emulator" not in machine.alive(), PATIENCE)
    assert machine.run("status")[0] == 3
    code, said = machine.run("up")
    assert code == 0, said
    assert "pending requests and records are lost when it stops" in said
    assert machine.described()["pids"] != before["pids"]
    assert machine.run("status")[0] == 0


def _comes_up_with_another_configuration(machine: Machine, config: Path) -> None:
    """It restarts with the other configuration. With a wrong one, it changes nothing."""
    before = machine.described()
    changed = machine.folder / "changed.yaml"
    changed.write_text(config.read_text(encoding="utf-8").replace("https://idp.", "https://id."), encoding="utf-8")
    code, said = machine.run("up", JITNEY_CONFIG=str(changed))
    assert code == 0, said
    assert str(config) in said
    after = machine.described()
    assert after["pids"] != before["pids"]
    assert (after["config"], after["issuers"]["local"]) == (str(changed), "https://id.example.com")
    changed.write_text("version: 1\nissuers: {}\n", encoding="utf-8")
    code, said = machine.run("up", JITNEY_CONFIG=str(changed))
    assert (code, "goes on" in said, "Traceback" in said) == (1, True, False)
    assert machine.described() == after
    assert machine.run("status")[0] == 0


def _living(group: int) -> list[str]:
    """Return the living processes of a group, without zombies."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, own = path.read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(own) == group and state != "Z":
            found.append(path.parent.name)
    return found


def test_a_system_that_is_not_up_is_not_updated(another: Machine):
    code, said = another.run("update")
    assert (code, "To start it: make up" in said, another.alive()) == (1, True, [])


def test_a_stale_stack_json_is_not_believed(another: Machine, up: Machine):
    another.settings.stack_file.write_text(json.dumps(up.described()), encoding="utf-8")
    assert another.run("status")[0] == 3
    assert another.run("down")[0] == 0
    assert up.run("status")[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_leaves_nothing_running(another: Machine, number: signal.Signals):
    process = another.begin("up")
    assert processes.wait_until(lambda: another.alive() != [], PATIENCE)
    process.send_signal(number)
    with process:
        _, said = process.communicate()
    assert process.returncode == 128 + number, said
    assert another.alive() == []
    assert not another.settings.stack_file.exists()


def test_a_wrong_configuration_is_reported_without_a_traceback(another: Machine, tmp_path: Path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: 1\nissuers: {}\n", encoding="utf-8")
    code, said = another.run("up", JITNEY_CONFIG=str(wrong))
    assert code == 1
    assert "wrong.yaml" in said
    assert "Traceback" not in said
    assert another.alive() == []


def test_a_port_in_use_is_named_by_its_variable(another: Machine):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, said = another.run("up", JITNEY_AWS_PORT=str(taken.getsockname()[1]))
    assert code == 1
    assert "JITNEY_AWS_PORT" in said
    assert another.alive() == []
