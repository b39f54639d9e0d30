"""Prints grant reports to a terminal, or as an HTML page."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jitney.client.terminal.output_width import output_width
from jitney.core.printable import strip_control_characters
from jitney.resources import PAGES

if TYPE_CHECKING:
    from jitney.client.audit.grant_report import PrintedReport
    from jitney.core.report.rows import ReportRow, Section

NAME_WIDTH = 12
_STYLES = {"good": "green", "bad": "red", "copy": "cyan"}


def show(reports: "Sequence[PrintedReport]") -> None:
    """Print the reports in the width of the terminal. Lines to copy are never wrapped."""
    # Without a terminal: no colour, 80 columns.
    console = Console(highlight=False, markup=False, emoji=False, file=sys.stdout, width=output_width())
    with console.capture() as printed:
        for place, report in enumerate(reports):
            if place:
                console.print()
            _grant_report(console, report)
    # Tables pad their lines with spaces.
    sys.stdout.writelines(f"{line.rstrip(' ')}\n" for line in printed.get().removesuffix("\n").split("\n"))


def _grant_report(console: Console, report: "PrintedReport") -> None:
    head = report.heading
    console.print(
        Text.assemble(
            (head.text, f"bold {_STYLES.get(head.tone, '')}"), f"  {strip_control_characters(report.report.grant_id)}"
        )
    )
    console.print(Text(strip_control_characters(report.source.line), style="dim"))
    for row in report.integrity_rows:
        console.print(Text(strip_control_characters(row.text), style=_STYLES.get(row.tone, "dim")))
    for section in report.sections:
        _section(console, section)


def _section(console: Console, section: "Section") -> None:
    console.print(Text(section.title, style="bold"))
    table = _table()
    for row in section.rows:
        if row.tone == "copy":
            console.print(table)
            table = _table()
            _copied(console, row)
        else:
            table.add_row(
                strip_control_characters(row.name),
                Text(strip_control_characters(row.text), style=_STYLES.get(row.tone, "")),
            )
    console.print(table)


def _table() -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=NAME_WIDTH, style="dim", justify="right", overflow="fold")
    table.add_column(overflow="fold")
    return table


def _copied(console: Console, row: "ReportRow") -> None:
    if row.name:
        console.print(Text(f"{row.name:>{NAME_WIDTH}}", style="dim"))
    console.print(Text(strip_control_characters(row.text), style=_STYLES["copy"]), soft_wrap=True)


def page(reports: "Sequence[PrintedReport]") -> str:
    """Return the reports as one self-contained HTML page, for printing."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - seldom used

    loader = FileSystemLoader(PAGES)
    templates = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return templates.get_template("report_document.html").render(reports=reports)
