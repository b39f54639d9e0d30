"""`make gaps`: which patches of the emulator a version of ministack still needs.

Each gap's contract test runs twice. It must fail on the bare ministack, and pass on the patched one.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.table import Column, Table

from local.emulator.launch import OPEN_GAPS
from local.progress import Progress
from local.settings import ROOT

UV = ROOT / ".local" / "tools" / "bin" / "uv"
NEEDED, GONE, BROKEN = "needed", "no longer needed", "broken"
HOLDS = "ministack does not have this gap any more"
"""The message of a contract test that passes on the bare ministack (tests/local/conftest.py)."""
CLOSE_EACH = """
import json, sys
from local.emulator import gaps
broken = {}
for gap in gaps.GAPS:
    try:
        gaps.load(gap)()
    except Exception as problem:
        broken[gap] = f"{type(problem).__name__}: {problem}"
json.dump({"gaps": gaps.GAPS, "broken": broken}, sys.stdout)
"""
STYLES = {NEEDED: "green", GONE: "yellow", BROKEN: "red"}

type Cases = Mapping[str, str | None]
"""The contract tests that ran, each with its failure or None."""


def main(version: str = "") -> int:
    """Print the table for `version` or the installed version of ministack.

    Return 0 if all patches are needed and work.

    Exits with 1 if a patch is no longer needed or is broken.
    """
    python = _with_ministack(version) if version else Path(sys.executable)
    with Progress().step("closing each gap"):
        closing = _closed(python)
    with Progress().step("contract tests, bare and patched"):
        cases = _tested(python, closing["broken"])
    rows = [(gap, *verdict(gap, cases, closing["broken"].get(gap, ""))) for gap in closing["gaps"]]
    table = Table(
        Column("gap", no_wrap=True),
        "patch",
        "why",
        title=f"ministack {version or importlib.metadata.version('ministack')}",
    )
    for gap, status, why in rows:
        table.add_row(gap, f"[{STYLES[status]}]{status}[/]", why)
    console = Console()
    console.print(table)
    found = [status for _, status, _ in rows]
    console.print(", ".join(f"{found.count(status)} {status}" for status in STYLES))
    return 0 if set(found) == {NEEDED} else 1


def verdict(gap: str, cases: Cases, not_closed: str = "") -> tuple[str, str]:
    """Return a gap's status and the reason, from its contract tests and the error when it was closed."""
    if not_closed:
        return BROKEN, not_closed
    name = f"test_{gap.partition('.')[2]}["
    patched, bare = (
        {case: fault for case, fault in cases.items() if case.startswith(name) and kind in _parameters(case)}
        for kind in ("closed", "bare")
    )
    faults = [fault for fault in patched.values() if fault]
    if faults or not patched or not bare:
        return BROKEN, _line(faults[0]) if faults else "its contract test did not run"
    holding = [case for case, fault in bare.items() if fault and HOLDS in fault]
    if len(holding) == len(bare):
        return GONE, "the contract test passes on the bare ministack"
    return NEEDED, f"{len(holding)} of {len(bare)} cases pass on the bare ministack" if holding else ""


def _parameters(case: str) -> list[str]:
    return case.partition("[")[2].removesuffix("]").split("-")


def _line(fault: str) -> str:
    return next(iter(fault.splitlines()), "")[:120]


def _with_ministack(version: str) -> Path:
    """Create an environment with our packages and this version of ministack. Return its Python."""
    folder = ROOT / ".local" / "ministack" / version
    python = folder / "bin" / "python"
    with Progress().step(f"ministack {version}, into {folder.relative_to(ROOT)}"):
        for arguments in (
            ("venv", "--quiet", "--clear", "--python", sys.executable, folder),
            ("pip", "sync", "--quiet", "--python", python, "--require-hashes", ROOT / "requirements.txt"),
            ("pip", "install", "--quiet", "--python", python, f"ministack=={version}"),
        ):
            subprocess.run([UV, *arguments], check=True)
    return python


def _closed(python: Path) -> dict[str, dict[str, str]]:
    """Return the names of all gaps, and the error of each gap that cannot be closed."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": "/usr/bin:/bin", "HOME": home, "TMPDIR": home, "GATEWAY_PORT": "1", "LOG_LEVEL": "ERROR"}
        done = subprocess.run(
            [python, "-c", CLOSE_EACH], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, text=True
        )
    closing: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return closing


def _tested(python: Path, left_open: Sequence[str] | Mapping[str, str]) -> Cases:
    """Run all contract tests. `left_open` are the gaps that cannot be closed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = (
            python,
            "-m",
            "pytest",
            "--quiet",
            "-p",
            "no:cacheprovider",
            "--numprocesses",
            "2",
            "--dist",
            "loadgroup",
        )
        environment = {**os.environ, OPEN_GAPS: ",".join(left_open)}
        subprocess.run(
            [*command, f"--junitxml={report}", "tests/local/gaps"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        return dict(_cases(ET.parse(report).getroot()))  # noqa: S314 - written by our own tests


def _cases(report: ET.Element) -> Iterator[tuple[str, str | None]]:
    for case in report.iter("testcase"):
        faults = [each.get("message") or each.tag for each in case if each.tag in ("failure", "error", "skipped")]
        yield str(case.get("name")), faults[0] if faults else None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
