"""`make bench`: run every benchmark, print what they measured as one JSON object, and write RESULTS.md.

results.json keeps what RESULTS.md, docs/scale.md and the next comparison need. `--compare` writes neither file. It
compares the ratios of the new run with results.json, and exits with 1 if one became worse by more than a tenth: `make
nightly`. Only ratios are compared, because machines differ. A ratio of one run is steady.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from rich.console import Console

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
RESULTS, PAGE = FOLDER / "results.json", FOLDER / "RESULTS.md"
QUOTAS = ("scale", "quotas")
"""The members that lead to the table of docs/scale.md."""
WORSE = 0.10
MODULES = (
    "vend",
    "review",
    "review_handlers",
    "revocations",
    "release_rates",
    "compile",
    "policy_replay",
    "audit",
    "gateway_masking",
    "gateway",
    "gateway_start",
    "cold_starts",
    "client",
    "queries",
    "scale",
)

type Results = Mapping[str, Any]
"""`date`, `machine`, and `answers`: what each benchmark printed, by its module."""


class Figure(NamedTuple):
    """A figure of figures.yaml: its name, the members that lead to it, its unit, its aim, and what it compares with."""

    name: str
    path: tuple[str, ...]
    unit: str
    aim: float | None
    at_least: bool
    beside: str

    @property
    def is_ratio(self) -> bool:
        """Whether the figure can be compared between machines."""
        return self.unit == "times"

    def value(self, results: Results) -> float:
        """Return the figure. Raises KeyError if the benchmark does not print it."""
        found: Any = results["answers"]
        for member in self.path:
            found = found[member]
        return float(found)

    def verdict(self, value: float) -> str:
        """Return whether `value` meets the aim: yes, no, or nothing if there is no aim."""
        if self.aim is None:
            return ""
        return "yes" if (value >= self.aim if self.at_least else value <= self.aim) else "no"

    def aimed(self) -> str:
        """Return the aim as text."""
        return "" if self.aim is None else f"{'≥' if self.at_least else '≤'} {self.aim:,} {self.unit}".rstrip()


def figures(text: str) -> dict[str, list[Figure]]:
    """Return the figures of figures.yaml by section."""
    return {
        section: [
            Figure(
                row["name"],
                tuple(row["from"].split(".")),
                row["unit"],
                row.get("at_least", row.get("at_most")),
                "at_least" in row,
                row.get("beside", ""),
            )
            for row in rows
        ]
        for section, rows in yaml.safe_load(text).items()
    }


def page(results: Results, sections: Mapping[str, Sequence[Figure]]) -> str:
    """Return RESULTS.md. Raises KeyError if a benchmark does not print a figure."""
    lines = [
        "# Results of the benchmarks",
        "",
        f"`make bench` wrote this page on {results['date']}, on {results['machine']}.",
        "",
        "Each figure is from one run. Ratios (times) compare two measurements of that run, on any machine.",
        "Durations and rates hold for this machine only. `met` says whether the figure meets its aim.",
    ]
    for section, rows in sections.items():
        lines += [
            "",
            f"## {section}",
            "",
            "| figure | measured | compared with | aim | met |",
            "| --- | --- | --- | --- | --- |",
        ]
        for each in rows:
            value = each.value(results)
            shown = f"{value:,g} {each.unit}".rstrip()
            lines.append(f"| {each.name} | {shown} | {each.beside} | {each.aimed()} | {each.verdict(value)} |")
    return "\n".join(lines) + "\n"


def kept(results: Results, sections: Mapping[str, Sequence[Figure]]) -> Results:
    """Return the part of the results that results.json has. Raises KeyError if a benchmark does not print a figure."""
    answers: dict[str, Any] = {}
    for path in (*(each.path for rows in sections.values() for each in rows), QUOTAS):
        found, part = results["answers"], answers
        for member in path[:-1]:
            found, part = found[member], part.setdefault(member, {})
        part[path[-1]] = found[path[-1]]
    return {**results, "answers": answers}


def regressions(before: Results, now: Results, sections: Mapping[str, Sequence[Figure]]) -> list[str]:
    """Return a line for each ratio that became worse by more than a tenth."""
    found = []
    for each in (figure for rows in sections.values() for figure in rows if figure.is_ratio):
        old, new = each.value(before), each.value(now)
        if (old / new if each.at_least else new / old) > 1 + WORSE:
            found.append(f"{each.name}: {old:g} before, {new:g} now, compared with {each.beside}")
    return found


def measure(console: Console) -> Results:
    """Run the benchmarks one after the other. Raises subprocess.CalledProcessError if one fails."""
    answers = {}
    environment = {**os.environ, "PYTHONPATH": "functions"}
    for number, module in enumerate(MODULES, 1):
        with console.status(f"{number} of {len(MODULES)}: {module}"):
            command = [sys.executable, "-m", f"benchmarks.{module}"]
            run = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        answers[module] = json.loads(run.stdout)
        console.print(f"{number} of {len(MODULES)}: {module}")
    return {"date": datetime.now(UTC).date().isoformat(), "machine": _machine(), "answers": answers}


def _machine() -> str:
    """Return the processor, the number of its cores, the memory and the versions, for example of Python."""
    facts = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    model = next((line.partition(":")[2].strip() for line in facts.splitlines() if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = os.cpu_count()
    return f"{model or platform.machine()}, {cores} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print, then write the results or compare them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results")
    parser.add_argument("--compare", action="store_true", help="compare the ratios with results.json; write nothing")
    compare = parser.parse_args(arguments).compare
    sections = figures((FOLDER / "figures.yaml").read_text(encoding="utf-8"))
    console = Console(stderr=True, highlight=False)
    results = measure(console)
    print(json.dumps(results, indent=2))
    if compare:
        worse = regressions(json.loads(RESULTS.read_text(encoding="utf-8")), results, sections)
        for line in worse:
            console.print(f"[bold red]Worse:[/bold red] {line}")
        return 1 if worse else 0
    RESULTS.write_text(f"{json.dumps(kept(results, sections), indent=2)}\n", encoding="utf-8")
    PAGE.write_text(page(results, sections), encoding="utf-8")
    console.print(f"Written: {PAGE.relative_to(ROOT)} and {RESULTS.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
