"""`python -m conformance`: run the checks, on the emulator or in an AWS account, and write a report."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from conformance import report
from conformance.aws import AwsDeploymentError, aws_system, remove
from conformance.check import Check, CheckResult, CheckState, run_check
from conformance.emulated import emulated_system
from conformance.system import ConformanceSystem
from conformance.table import CHECKS
from local.progress import Progress
from local.settings import ROOT, from_environment
from local.system import StartupError

FOLDER = ROOT / ".local" / "conformance"
_SIGNS = {
    CheckState.PASSED: "[green]\u2713[/]",
    CheckState.FAILED: "[bold red]\u2717[/]",
    CheckState.UNVERIFIED: "[yellow]?[/]",
}


type Place = Callable[[argparse.Namespace], AbstractContextManager[ConformanceSystem]]


def main(arguments: Sequence[str] | None = None, checks: Sequence[Check] = CHECKS, place: Place | None = None) -> int:
    """Run the checks. Return 0 if no check failed, and 1 if a check failed.

    Return 2 if a check does not exist, or if the system could not be deployed or removed.
    """
    chosen = _parser().parse_args(arguments)
    console = Console(stderr=True, highlight=False)
    unknown = set(chosen.only) - {each.name for each in checks}
    if unknown:
        console.print(f"No such check: {', '.join(sorted(unknown))}. `--list` lists them.")
        return 2
    wanted = [each for each in checks if not chosen.only or each.name in chosen.only]
    if chosen.list:
        for each in wanted:
            console.print(f"{each.name:<22} {each.proves:<7} {each.what}", markup=False, soft_wrap=True)
        return 0
    try:
        if chosen.remove:
            remove(chosen.account, chosen.region, chosen.second_region, FOLDER, Progress())
            return 0
        with (place or _place)(chosen) as system:
            results = [_run(each, system, console) for each in wanted]
            made = report.document(results, system, time.strftime("%Y-%m-%d", time.gmtime()))
    except (StartupError, AwsDeploymentError) as problem:
        Progress().fail(str(problem))
        return 2
    _write(made, console)
    if chosen.keep:
        console.print(f"Kept: {report.keep(made)}", soft_wrap=True)
    if chosen.json:
        sys.stdout.write(json.dumps(made, indent=2) + "\n")
    return 1 if any(each.state is CheckState.FAILED for each in results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument("--account", default="", help="the AWS account to deploy into; without it, the emulator")
    parser.add_argument("--region", default="eu-west-1", help="the broker's Region in AWS")
    parser.add_argument("--second-region", default="eu-central-1", help="another Region, for revocations")
    parser.add_argument("--only", action="append", default=[], metavar="CHECK", help="run this check; repeatable")
    parser.add_argument("--keep", action="store_true", help="keep the result in conformance/, to commit it")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--list", action="store_true", help="list the checks")
    parser.add_argument("--remove", action="store_true", help="delete what an earlier run deployed into --account")
    return parser


@contextmanager
def _place(chosen: argparse.Namespace) -> Iterator[ConformanceSystem]:
    """Yield the deployed system. In AWS, it stays deployed for further runs."""
    if chosen.account:
        yield aws_system(chosen.account, chosen.region, chosen.second_region, FOLDER, Progress())
        return
    with emulated_system(replace(from_environment(), state=FOLDER, ports={}), Progress()) as system:
        yield system


def _run(check: Check, system: ConformanceSystem, console: Console) -> CheckResult:
    with console.status(check.what):
        result = run_check(check, system)
    console.print(f"{_SIGNS[result.state]} {check.name} [dim]{result.seconds:.1f} s[/]")
    shown = {**result.observation.facts, **result.observation.measured}
    for line in (result.reason, ", ".join(f"{name} {json.dumps(value)}" for name, value in shown.items())):
        if line:
            console.print(f"    {line}", style="dim", markup=False, soft_wrap=True)
    return result


def _write(made: dict[str, object], console: Console) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    paths: dict[Path, str] = {
        FOLDER / "report.json": json.dumps(made, indent=2) + "\n",
        FOLDER / "report.md": report.page(made),
    }
    for path, text in paths.items():
        path.write_text(text, encoding="utf-8")
    console.print(f"Written: {', '.join(str(path) for path in paths)}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
