"""`jitney audit`: the auditor's commands."""

import re
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from jitney.client.inputs import options
from jitney.client.inputs.command_group import command_group
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import invalid
from jitney.client.problems import Invalid
from jitney.client.terminal.command_result import audit_screen, exit_on_problem, print_json

audit = command_group(
    "Query, report, verify and repair audit records. Uses your AWS credentials, not the broker.",
)

DAY = "%Y-%m-%d"
_AGO = re.compile(r"([0-9]{1,4})d", re.ASCII)


def read_day(text: str) -> datetime:
    """Return the start of a day (UTC). "7d" means seven days ago. Raises typer.BadParameter for other texts."""
    if found := _AGO.fullmatch(text):
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=int(found[1]))
    try:
        return datetime.strptime(text, DAY).replace(tzinfo=UTC)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a day. Examples: 2026-11-26, and 7d for seven days ago.") from error


Since = Annotated[
    datetime | None,
    typer.Option(parser=read_day, metavar="DAY", help="First day of publishing (UTC)."),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=read_day, metavar="DAY", help="Last day of publishing (UTC)."),
]
Stack = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Stack outputs: `cdk deploy --outputs-file`, or .local/stack.json."),
]
Records = Annotated[str, typer.Option(metavar="BUCKET", envvar="JITNEY_RECORDS_BUCKET", help="Bucket of records.")]
Seals = Annotated[str, typer.Option(metavar="BUCKET", envvar="JITNEY_SEALS_BUCKET", help="Bucket of seals.")]
Trusted = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="KEY",
        envvar="JITNEY_SEAL_KEY",
        help="Trusted public key: its fingerprint, or a PEM file. Repeatable.",
    ),
]
ExpectLast = Annotated[
    str, typer.Option(metavar="NUMBER:HASH", help="A seal that you noted, which must still be there unchanged.")
]
Table = Annotated[
    str, typer.Option(metavar="NAME", envvar="JITNEY_AUDIT_TABLE", help="Audit table, to compare records and calls.")
]
Workgroup = Annotated[
    str, typer.Option(metavar="NAME", envvar="JITNEY_ATHENA_WORKGROUP", help="Athena workgroup (default: jitney).")
]
Database = Annotated[
    str, typer.Option(metavar="NAME", envvar="JITNEY_ATHENA_DATABASE", help="Glue database (default: jitney).")
]
FirstVersions = Annotated[
    bool, typer.Option("--first-versions", help="Read objects of records as they were first written.")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV. No cell can be a formula.")]
EXIT_CODES = {"verified": 0, "broken": 1, "unverified": 2}


def require_one_format(*, as_csv: bool, as_json: bool) -> None:
    """Raise Invalid if both formats are given."""
    if as_csv and as_json:
        raise invalid("--csv and --json exclude each other.", "Give one of them.")


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, as_csv: bool) -> None:
    """Print the rows of an answer as CSV, or as a table for people."""
    if as_csv:
        from jitney.core.csv_text import csv_text  # noqa: PLC0415 - only used here

        typer.echo(csv_text(columns, rows), nl=False)
    else:
        audit_screen().table(columns, rows)


@audit.callback()
def _group() -> None:
    """Make `audit` a group."""


@audit.command("verify")
def verify_records(
    *,
    since: Since = None,
    until: Until = None,
    stack: Stack = None,
    records: Records = "",
    seals: Seals = "",
    key: Trusted = None,
    table: Table = "",
    workgroup: Workgroup = "",
    database: Database = "",
    expect_last: ExpectLast = "",
    first_versions: FirstVersions = False,
    as_json: options.AsJson = False,
) -> None:
    """Verify that the records in S3 are unchanged.

    Finds records that were changed, removed, added or reordered. Reads the buckets of records and of seals with your
    AWS credentials. Records and calls are compared with the audit table, if --table or --stack names it. The tables,
    views and queries of Athena are compared with this version's, if --workgroup or --stack is given. Exit codes: 0
    verified, 1 broken, 2 not everything could be verified.

    Example: jitney audit verify --stack outputs.json --key seal.pem
    """
    with exit_on_problem("audit verify", as_json=as_json):
        days = chosen_days(since, until)
        verification = _verification()
        definitions = verification.named_definitions(workgroup, database, records)
        sources = verification.VerificationSources(records, seals, tuple(key or ()), table, first_versions, definitions)
        sources = (sources.completed_from(stack) if stack else sources).checked()
        with audit_screen().reading() as progress:
            findings = verification.verify_archive(sources, days, expect_last, progress, int(time.time()))
        if as_json:
            print_json(verification.document(findings))
        else:
            audit_screen().verification(verification.document(findings))
        raise typer.Exit(EXIT_CODES[findings.verdict])


def _verification() -> Any:
    """Return the verification module, which needs the extra `audit`. Raises Invalid."""
    return load_extra("jitney.client.audit.verification", "audit", "Nothing could be verified")


def chosen_days(since: datetime | None, until: datetime | None) -> tuple[date | None, date | None]:
    """Return the days of --since and --until. Raises Invalid for a period that starts after today or its own end."""
    first, last, today = since and since.date(), until and until.date(), datetime.now(UTC).date()
    wrong = f"starts after today, {today} in UTC" if first and first > today else ""
    if first and last and last < first:
        wrong = "ends before it starts"
    if wrong:
        raise Invalid("usage", "The command line is not valid", f"The period {wrong}.", "Correct --since and --until.")
    return first, last
