"""Processes that outlive their starter: they are found again, and ended with all their children."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local import processes
from local.processes import Process
from local.settings import ROOT, LocalSettings, from_environment
from tests.running_systems import PATIENCE

SLEEPS = "import time; print('ready', flush=True); time.sleep(3600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
WITH_A_CHILD = f"""
import os, subprocess, sys
lock = int(os.environ["JITNEY_LOCAL_LOCK"])
subprocess.Popen([sys.executable, "-c", {DEAF!r}], pass_fds=(lock,))
os._exit(0)
"""
ON_A_LIFELINE = f"""
import os
from local.processes import hold_lifeline
hold_lifeline(os.environ["JITNEY_LOCAL_LIFELINE"])
{SLEEPS}
"""


@pytest.fixture
def settings(tmp_path: Path):
    made = replace(from_environment({}), state=tmp_path)
    yield made
    processes.stop(["one", "two"], made)


def python(name: str, source: str) -> Process:
    return Process(name, (sys.executable, "-c", source), {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}, ROOT)


def started(settings: LocalSettings, name: str, source: str) -> int:
    group = processes.start(python(name, source), settings)
    assert processes.wait_until(lambda: "ready" in processes.log_tail(name, settings), PATIENCE)
    return group


def test_a_process_is_found_again_and_ended(settings: LocalSettings):
    group = started(settings, "one", SLEEPS)
    assert processes.running("one", settings) == group
    assert processes.running("two", settings) is None
    processes.stop(["one", "two"], settings)
    assert processes.running("one", settings) is None


def test_a_process_that_does_not_listen_is_killed(settings: LocalSettings):
    started(settings, "one", DEAF)
    processes.stop(["one"], settings)
    assert processes.running("one", settings) is None


def test_a_child_that_outlives_the_process_is_ended_too(settings: LocalSettings):
    group = started(settings, "one", WITH_A_CHILD)
    assert processes.running("one", settings) == group
    processes.stop(["one"], settings)
    assert processes.running("one", settings) is None


def test_what_already_runs_is_not_started_twice(settings: LocalSettings):
    started(settings, "one", SLEEPS)
    with pytest.raises(BlockingIOError):
        processes.start(python("one", SLEEPS), settings)


def test_a_reused_process_id_is_left_alone(settings: LocalSettings):
    group = started(settings, "one", SLEEPS)
    processes.stop(["one"], settings)
    innocent = subprocess.Popen([sys.executable, "-c", SLEEPS], start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        lock = settings.run / "one.lock"
        assert lock.read_text(encoding="ascii") == str(group)
        lock.write_text(str(innocent.pid), encoding="ascii")
        processes.stop(["one"], settings)
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_a_process_gets_its_own_environment_alone(settings: LocalSettings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    started(settings, "one", f"import os; print(dict(os.environ)); {SLEEPS}")
    log = processes.log_tail("one", settings)
    assert "PYTHONPATH" in log
    assert "AWS_" not in log


def test_the_end_of_the_lifeline_ends_the_process(settings: LocalSettings, tmp_path: Path):
    """If the holder is killed, the kernel closes the lifeline."""
    lifeline = tmp_path / "lifeline"
    os.mkfifo(lifeline)
    holds_it = f"import os, time; os.open({str(lifeline)!r}, os.O_RDWR); {SLEEPS}"
    with subprocess.Popen([sys.executable, "-c", holds_it], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        started(replace(settings, lifeline=str(lifeline)), "one", ON_A_LIFELINE)
        assert processes.running("one", settings)
        holder.send_signal(signal.SIGKILL)
    assert processes.wait_until(lambda: processes.running("one", settings) is None, PATIENCE)
