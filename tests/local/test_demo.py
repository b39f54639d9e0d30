"""`make demo` where its story cannot just be told: interrupted, beside another configuration."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local import processes, system
from local.demo.stage import settings_beside
from local.settings import DEFAULT_CONFIG, ROOT, from_environment
from tests.running import RUN_VARIABLE


def test_an_interrupted_demo_says_so_and_leaves_nothing_running(tmp_path: Path):
    own = {name: value for name, value in os.environ.items() if not name.startswith("JITNEY_")}
    own |= {"JITNEY_LOCAL_DIR": str(tmp_path), "JITNEY_LOCAL_LIFELINE": str(Path(os.environ[RUN_VARIABLE], "lifeline"))}
    settings = from_environment(own)
    alive = lambda: [name for name in system.NAMES if processes.running(name, settings)]  # noqa: E731
    with subprocess.Popen(
        [sys.executable, "-m", "local.demo"],
        cwd=ROOT,
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as demo:
        assert processes.wait_until(lambda: alive() != [], 20)
        os.killpg(demo.pid, signal.SIGINT)
        said, _ = demo.communicate()
    assert demo.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert alive() == []


def test_the_demo_runs_in_the_state_folder_with_the_checkouts_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JITNEY_LOCAL_DIR", str(tmp_path))
    monkeypatch.setenv("JITNEY_CONFIG", str(DEFAULT_CONFIG))
    assert settings_beside(tmp_path / "aside").state == tmp_path


def test_another_configuration_gives_the_demo_a_system_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("JITNEY_LOCAL_DIR", str(tmp_path))
    monkeypatch.setenv("JITNEY_CONFIG", "missing.yaml")
    monkeypatch.setenv("JITNEY_AWS_PORT", "4566")
    settings = settings_beside(tmp_path / "aside")
    assert (settings.config, settings.state, settings.ports) == (DEFAULT_CONFIG, tmp_path / "aside", {})
    assert "missing.yaml" in capsys.readouterr().out
