"""`make bench`: keys through the local endpoint and calls through MCP, compared with plain ways, in one run.

The broker is the tests' double, which answers at once, so the figures are the client's own. S3 is another process on
this machine. The `credential_process` of static keys prints a file. No keyring of AWS keys could be faster. Runs of all
ways alternate, so that changes of the machine's speed affect all of them. Prints one JSON object.
"""

import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from benchmarks.mcp_calls import mcp_calls

STARTS = 9
RUNS = 5
CALLS = 20
CACHED = 200
JITNEY = str(Path(sys.executable).with_name("jitney"))
ASK = ["analytics-prod", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/*", "--reason", "benchmark"]
# Measures the reads alone. boto3's import and its first call, which loads models, are done before the clock starts.
READS = f"""
import json, time, boto3
s3 = boto3.client("s3")
s3.get_object(Bucket="reports", Key="1kB")["Body"].read()
began = time.perf_counter()
for _ in range({CALLS}):
    s3.get_object(Bucket="reports", Key="1kB")["Body"].read()
print(json.dumps(time.perf_counter() - began))
"""
BEGIN = "import time; began = time.perf_counter()"
WHOLE = f"{BEGIN}\n{READS.replace('began = time.perf_counter()', '')}"


def main() -> None:
    """Measure and print."""
    doubles = importlib.import_module("tests.client.fake_broker")
    with tempfile.TemporaryDirectory() as folder, _aws() as aws:
        broker = doubles.FakeBroker()
        broker.say("POST", "/v1/grants", 201, doubles.issued())
        broker.say("DELETE", f"/v1/grants/{doubles.GRANT_ID}", 200, doubles.ended())
        environment = _environment(Path(folder), broker.url, aws)
        figures = {
            "credential_process": _starts(environment, Path(folder)),
            "first_key_ms": _first_key(environment),
            "cached_key_ms": _cached_key(environment, Path(folder)),
            f"{CALLS}_reads_by_boto3": _compared(environment, READS, broker),
            f"boto3_from_its_start_with_{CALLS}_reads": _compared(environment, WHOLE, broker),
        }
        _jitney(environment, "serve", "--stop")
        broker.close()
    figures["mcp"] = mcp_calls()
    print(json.dumps(figures, indent=2))


@contextmanager
def _aws() -> Iterator[str]:
    """Yield the address of a process that answers for S3."""
    command = [sys.executable, "-m", "benchmarks.gateway_upstream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{next(iter(process.stdout or ()), '').strip()}"
        finally:
            process.terminate()


def _plain(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "JITNEY_", "XDG_"))}
    return kept | {"HOME": str(folder), "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


def _environment(folder: Path, broker: str, aws: str) -> dict[str, str]:
    """Return the environment of all ways, with a profile for each."""
    keys = {"Version": 1, "AccessKeyId": "ASIACANARYKEYID", "SecretAccessKey": "s", "SessionToken": "t"}
    (folder / "keys.json").write_text(json.dumps(keys | {"Expiration": "2099-11-24T12:05:00Z"}))
    environment = _plain(folder) | {"JITNEY_API_URL": broker, "JITNEY_TOKEN": "token", "AWS_ENDPOINT_URL": aws}
    _jitney(environment, "profile", "jitney", *ASK, "--write")
    with (folder / ".aws/config").open("a") as file:
        file.write(f"[profile file]\ncredential_process = cat {folder / 'keys.json'}\n")
    return environment


def _jitney(environment: Mapping[str, str], *words: str) -> str:
    return _run(environment, JITNEY, *words)


def _run(environment: Mapping[str, str], *command: str) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def _cpu(command: list[str], environment: Mapping[str, str]) -> float:
    """Return the processor time of a command in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def _starts(environment: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Return the processor time of a start when the endpoint runs already, compared with Python alone and `cat`."""
    commands = {
        "jitney_cpu_ms": [JITNEY, "credentials", *ASK, "--for", "30m"],
        "python_cpu_ms": [sys.executable, "-c", "import json, dataclasses"],
        "file_cpu_ms": ["cat", str(folder / "keys.json")],
    }
    _cpu(commands["jitney_cpu_ms"], environment)
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(STARTS):
        for name, command in commands.items():
            spent[name].append(_cpu(command, environment))
    medians = {name: round(statistics.median(each), 1) for name, each in spent.items()}
    return medians | {"ratio_to_python": round(medians["jitney_cpu_ms"] / medians["python_cpu_ms"], 2)}


def _first_key(environment: Mapping[str, str]) -> float:
    """Return the time from a command that finds no endpoint to its keys."""
    spent = []
    for _ in range(RUNS):
        _jitney(environment, "serve", "--stop")
        began = time.perf_counter()
        _jitney(environment, "credentials", *ASK, "--for", "30m")
        spent.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(spent))


def _cached_key(environment: Mapping[str, str], folder: Path) -> dict[str, float]:
    """Return the time to keys that are in memory: by HTTP, as an SDK asks, and by command, beside a file of keys."""
    served = _served(environment)
    request = Request(  # noqa: S310 - an address on loopback
        served["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={"Authorization": served["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
    )
    opener = build_opener(ProxyHandler({}))
    ways: dict[str, tuple[int, Callable[[], Any]]] = {
        "endpoint": (CACHED, lambda: opener.open(request).read()),
        "jitney_command": (STARTS, lambda: _run(environment, JITNEY, "credentials", *ASK, "--for", "30m")),
        "file_command": (STARTS, lambda: _run(environment, "cat", str(folder / "keys.json"))),
    }
    return {name: round(_median_ms(runs, act), 2) for name, (runs, act) in ways.items()}


def _median_ms(runs: int, act: Callable[[], Any]) -> float:
    """Return the median time of `act` in milliseconds. A first run is not counted."""
    spent = []
    act()
    for _ in range(runs):
        began = time.perf_counter()
        act()
        spent.append((time.perf_counter() - began) * 1000)
    return statistics.median(spent)


def _served(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an endpoint that runs in the background."""
    return dict(json.loads(_jitney(environment, "serve", *ASK, "--background", "--json"))["environment"])


def _compared(environment: Mapping[str, str], code: str, broker: Any) -> dict[str, Any]:
    """Return the time of the reads with each way, the ratios to static keys, and the keys that were issued."""
    static = {"AWS_ACCESS_KEY_ID": "ASIACANARYKEYID", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    served = _served(environment)
    ways: dict[str, dict[str, str]] = {
        "static_keys": static,
        "file_profile": {"AWS_PROFILE": "file"},
        "jitney_profile": {"AWS_PROFILE": "jitney"},
        "jitney_endpoint": served,
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    issued = len(broker.asked)
    for _ in range(RUNS):
        for name, variables in ways.items():
            spent[name].append(float(_run({**environment, **variables}, sys.executable, "-c", code)) * 1000)
    medians = {name: round(statistics.median(each), 1) for name, each in spent.items()}
    ratios = {f"{name}_ratio": round(value / medians["static_keys"], 2) for name, value in medians.items()}
    return {
        **{f"{name}_ms": value for name, value in medians.items()},
        **ratios,
        "keys_issued": len(broker.asked) - issued,
    }


if __name__ == "__main__":
    main()
