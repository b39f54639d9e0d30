"""`make bench`: POST /v1/grants compared with the two calls that it needs: one transaction and one AssumeRole.

The measured processes use the deployed bundle and the function's own role, against the local emulator. Requests and
bare calls alternate, so that changes of the machine's speed affect both.

`own_cpu_ms` is for a request whose answers from AWS come from memory. `cpu_difference_ms` compares real requests with
bare calls. After each wait, the processor's caches are cold for both. Prints one JSON object.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from benchmarks.boto3_copy import add_boto3
from benchmarks.running import ROOT, function_environment, running_system

REQUESTS = 400
IMPORT_RUNS = 15
IMPORTS = {
    "handler": "import jitney.handlers.grants; ports = jitney.handlers.grants.Ports(); ports.store; ports.sessions",
    "bare": "import boto3, jwt; boto3.client('dynamodb'); boto3.client('sts')",
}
"""Both imports end with the same two clients. `ready` also measures reading policies and configuration."""
WITHOUT_COLLECTOR = f"import gc; gc.disable(); {IMPORTS['bare']}"
"""Bare imports that delay the garbage collector, as the functions do (jitney/handlers)."""
READY = "import jitney.handlers.grants; jitney.handlers.grants.Ports().build(jitney.handlers.grants.NEEDS)"


def main() -> None:
    """Measure and print."""
    with running_system() as stack, tempfile.TemporaryDirectory() as folder:
        environment = function_environment(stack, "grants", Path(folder))
        add_boto3(Path(folder))
        figures = {"requests": _requests(stack, environment, folder), "imports": _imports(environment, folder)}
    print(json.dumps(figures, indent=2))


def _python(folder: str) -> list[str]:
    """Return the command of a bare interpreter that sees only the bundle and the standard library."""
    base = os.path.realpath(sys.executable)
    return [base, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {folder!r}); exec(sys.stdin.read())"]


def _run(program: str, environment: dict[str, str], folder: str) -> Any:
    run = subprocess.run(_python(folder), input=program, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])


def _requests(stack: dict[str, Any], environment: dict[str, str], folder: str) -> dict[str, Any]:
    program = (ROOT / "benchmarks" / "vend_process.py").read_text(encoding="utf-8")
    with httpx.Client() as client:
        parameters = json.dumps({"token": _token(client, stack), "requests": REQUESTS})
    return _run(f"PARAMETERS = {parameters!r}\n{program}", environment, folder)  # type: ignore[no-any-return]


def _token(client: httpx.Client, stack: dict[str, Any]) -> str:
    agent = stack["agents"]["reader-agent"]
    asked = {"grant_type": "client_credentials"}
    answer = client.post(stack["token_url"], data=asked, auth=(agent["client_id"], agent["client_secret"]))
    return str(answer.raise_for_status().json()["access_token"])


def _imports(environment: dict[str, str], folder: str) -> dict[str, float]:
    """Return the processor time of both imports, each in new interpreters: medians in milliseconds, and their ratio."""
    programs = IMPORTS | {"ready": READY, "bare_without_collector": WITHOUT_COLLECTOR}
    spent: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(IMPORT_RUNS):
        for name, program in programs.items():
            timed = f"import time; began = time.process_time()\n{program}\nprint((time.process_time() - began) * 1000)"
            spent[name].append(_run(timed, environment, folder))
    medians = {f"{name}_cpu_ms": round(statistics.median(each), 1) for name, each in spent.items()}
    return medians | {"ratio": round(medians["handler_cpu_ms"] / medians["bare_cpu_ms"], 3)}


if __name__ == "__main__":
    main()
