"""`make bench`: the processor time of each function's cold start, before Lambda sends the first event.

A new process without site packages imports the handler from the deployed bundle, with the function's variables. That
also builds the ports that the handler names, such as the policies and AWS clients. The start of Lambda and of Python
is not included. `boto3` is the same for what most functions need of AWS's SDK: its import and two clients.

Functions take turns, so that changes of the machine's speed affect all. Prints one JSON object: medians in
milliseconds, the slowest function first.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from benchmarks.boto3_copy import add_boto3
from infra import bundling
from infra.function_specs import SPECS
from infra.spec import ALL_FUNCTIONS
from jitney.configuration.load import load_configuration

ROOT = Path(__file__).resolve().parent.parent
RUNS = 7
REGION = "eu-west-1"
ENVIRONMENT = {
    **ALL_FUNCTIONS,
    "AWS_LAMBDA_FUNCTION_NAME": "benchmark",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "any",
    "JITNEY_ISSUING_ROLES": "AROAIOSFODNN7EXAMPLE=grants",
}
"""What every function has. No call of AWS is made."""
BOTO3 = "import gc; gc.disable(); import boto3; boto3.client('dynamodb'); boto3.client('sts')"
_TIMED = "import sys, time; sys.path.insert(0, {folder!r}); began = time.process_time()\n{program}\n"
_PRINT = "print((time.process_time() - began) * 1000)"


def main() -> None:
    """Measure and print."""
    programs = {name: f"import jitney.handlers.{name}" for name in SPECS} | {"boto3": BOTO3}
    spent: dict[str, list[float]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as folder:
        _unpack(Path(folder))
        for _ in range(RUNS):
            for name, program in programs.items():
                spent[name].append(_milliseconds(_TIMED.format(folder=folder, program=program) + _PRINT, name))
    medians = {name: round(statistics.median(times), 1) for name, times in spent.items()}
    boto3 = medians.pop("boto3")
    slowest, median = max(medians.values()), round(statistics.median(medians.values()), 1)
    figures = {"boto3_ms": boto3, "slowest_ms": slowest, "median_ms": median}
    figures |= {"slowest_times_boto3": round(slowest / boto3, 2), "median_times_boto3": round(median / boto3, 2)}
    functions = dict(sorted(medians.items(), key=lambda each: -each[1]))
    print(json.dumps({**figures, "functions_ms": functions}, indent=2))


def _unpack(folder: Path) -> None:
    configuration = load_configuration(ROOT / "jitney.yaml", os.environ, local=False).json
    with zipfile.ZipFile(bundling.build(configuration, bundling.host()).path) as archive:
        archive.extractall(folder)
    add_boto3(folder)


def _milliseconds(program: str, name: str) -> float:
    """Return the processor time that a program prints in its last line. Raises CalledProcessError if it fails."""
    variables = dict.fromkeys(SPECS[name].environment if name in SPECS else (), "jitney")
    run = subprocess.run(
        [os.path.realpath(sys.executable), "-I", "-S", "-c", program],
        env={**variables, **ENVIRONMENT},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(run.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
