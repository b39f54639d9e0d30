"""The emulator's functions are processes, and their number follows from the machine's memory."""

import base64
import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jitney.handlers.runtime.building import LOCAL_UPSTREAM
from local import timeouts
from local.emulator import executions, launch
from local.emulator.environment import ExecutionEnvironment
from tests.running_systems import settings_in


@dataclass
class Idle:
    name: str
    last_used: float
    in_use: bool = False


@pytest.mark.parametrize(("megabytes", "most"), [(2_000, 64), (24_000, 85), (1_000_000, 1000)])
def test_functions_use_a_quarter_of_the_machines_memory(megabytes: int, most: int, tmp_path: Path):
    assert executions.most_executions(megabytes) == most
    limit = int(launch.environment(settings_in(tmp_path, "one"), 1)[executions.VARIABLE])
    assert 64 <= limit <= 1000


@pytest.mark.parametrize(("most", "ended"), [(4, ""), (3, ""), (2, "b"), (1, "bd"), (0, "bda")])
def test_processes_that_are_idle_longest_end_first_and_none_with_an_event(most: int, ended: str):
    workers = [Idle("a", 3), Idle("b", 1), Idle("c", 0, in_use=True), Idle("d", 2)]
    assert "".join(each.name for each in executions.surplus(workers, most)) == ended


@pytest.mark.parametrize(("slowdown", "ended"), [(1.0, True), (1000.0, False)])
def test_a_functions_time_limit_grows_with_load_that_arrives_during_its_event(
    slowdown: float, ended: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as bundle:
        bundle.writestr("slow.py", "import time\n\ndef handle(event, context):\n    time.sleep(3)\n    return event\n")
    digest = base64.b64encode(hashlib.sha256(code.getvalue()).digest()).decode()
    arn = "arn:aws:lambda:us-east-1:000000000000:function:slow"
    config: dict[str, Any] = {"FunctionName": "slow", "FunctionArn": arn, "Handler": "slow.handle"}
    config |= {"CodeSha256": digest, "Runtime": "python3.13", "Timeout": 1}
    monkeypatch.setenv("GATEWAY_PORT", "1")
    monkeypatch.setenv(LOCAL_UPSTREAM, "")
    monkeypatch.setenv("JITNEY_CODE_CACHE", str(tmp_path))
    monkeypatch.setattr(timeouts, "_slowdown", lambda: slowdown)
    environment = ExecutionEnvironment("slow", config, code.getvalue())
    try:
        answer = environment.invoke({"answer": 1}, "request")
        kind = answer["body"].get("errorType")
        assert (kind == "Sandbox.Timedout", answer["body"] == {"answer": 1}) == (ended, not ended)
    finally:
        environment.kill()
