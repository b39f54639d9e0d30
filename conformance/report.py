"""The report of a run: JSON, and a page that says what differs from the emulator."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.check import Check, CheckResult, CheckState
from conformance.system import ConformanceSystem

EMULATOR = Path(__file__).with_name("emulator.json")
"""What the emulator showed, by check. A test compares this with a run."""
AWS = Path(__file__).with_name("aws.json")
"""The report of a run on AWS. Without it, docs/conformance.md lists each check that needs AWS as unverified."""


def document(results: Sequence[CheckResult], system: ConformanceSystem, today: str) -> dict[str, Any]:
    """Return the report as JSON. It does not contain the account's id."""
    checks = json.loads(json.dumps([each.document() for each in results]).replace(system.account, "ACCOUNT"))
    return {
        "place": "aws" if system.on_aws else "emulator",
        "day": today,
        "region": system.region,
        "second_region": system.second_region,
        "counts": {state: sum(each.state is state for each in results) for state in CheckState},
        "checks": checks,
        "differences": differences(checks) if system.on_aws else [],
    }


def facts(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a report, by check."""
    return {each["name"]: each["facts"] for each in report["checks"] if each["facts"]}


def keep(report: Mapping[str, Any]) -> Path:
    """Keep the report of a whole run on AWS, or the facts of a run on the emulator, in this folder. Return the file."""
    path, kept = (AWS, report) if report["place"] == "aws" else (EMULATOR, facts(report))
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return path


def known_facts() -> dict[str, Any]:
    """Return the facts that the emulator showed, by check."""
    return dict(json.loads(EMULATOR.read_text(encoding="utf-8")))


def differences(checks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each fact of a report's checks for which the emulator showed another value, or none."""
    known = known_facts()
    return [
        {"check": each["name"], "fact": name, "emulator": known.get(each["name"], {}).get(name), "here": value}
        for each in checks
        for name, value in each["facts"].items()
        if known.get(each["name"], {}).get(name) != value
    ]


def page(report: Mapping[str, Any]) -> str:
    """Return the report as Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    counts = ", ".join(f"{count} {state}" for state, count in report["counts"].items())
    yield f"# Conformance on {report['place']}, {report['day']}"
    yield ""
    yield f"Regions {report['region']} and {report['second_region']}: {counts}."
    yield ""
    yield "| check | requirement | result | measured | reason |"
    yield "| --- | --- | --- | --- | --- |"
    for each in report["checks"]:
        measured = {**each["facts"], **each["measured"]}
        text = "; ".join(f"{name} {json.dumps(value)}" for name, value in measured.items())
        cells = (each["name"], each["proves"], each["state"], text, each["reason"])
        yield f"| {' | '.join(_cell(cell) for cell in cells)} |"
    if report["place"] == "aws":
        yield ""
        yield "## What differs from the emulator"
        yield ""
        rows = [
            f"- `{each['check']}`, {each['fact']}: {json.dumps(each['here'])}, "
            f"in the emulator {json.dumps(each['emulator'])}"
            for each in report["differences"]
        ]
        yield from rows or ["Nothing."]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def documented_rows(checks: Sequence[Check], report: Mapping[str, Any] | None) -> list[str]:
    """Return the rows of docs/conformance.md: what only AWS can show, and the result of a run on AWS."""
    said = {each["name"]: f"{each['state']}, {report['day']}" for each in report["checks"]} if report else {}
    return [
        f"| `{each.name}` | {each.proves} | {each.what} | {each.only_aws} | {said.get(each.name, 'unverified')} |"
        for each in checks
        if each.only_aws
    ]


def aws_report() -> dict[str, Any] | None:
    """Return the kept report of a run on AWS, or None if there is none."""
    return dict(json.loads(AWS.read_text(encoding="utf-8"))) if AWS.exists() else None
