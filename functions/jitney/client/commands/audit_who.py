"""`jitney audit who`: an auditor's question about an agent or a resource, in one table."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from jitney.client.commands.answer_integrity import Check, Trusted, checked_answer, exit_by, marked_rows
from jitney.client.commands.audit import (
    AsCsv,
    Database,
    Stack,
    Workgroup,
    chosen_days,
    print_rows,
    read_day,
    require_one_format,
)
from jitney.client.inputs import options
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import invalid
from jitney.client.terminal.command_result import audit_screen, exit_on_problem, print_json

Agent = Annotated[str, typer.Option(metavar="NAME", help="The agent: its principal, subject or short name.")]
Resource = Annotated[
    str, typer.Option(metavar="RESOURCE", help="The resource: an ARN, s3://bucket/key, or a bucket's name.")
]
Since = Annotated[datetime | None, typer.Option(parser=read_day, metavar="DAY", help="First day of the events (UTC).")]
Until = Annotated[datetime | None, typer.Option(parser=read_day, metavar="DAY", help="Last day of the events (UTC).")]
DAYS = timedelta(days=30)


def who_did(
    *,
    agent: Agent = "",
    resource: Resource = "",
    since: Since = None,
    until: Until = None,
    stack: Stack = None,
    workgroup: Workgroup = "",
    database: Database = "",
    check: Check = True,
    key: Trusted = None,
    as_csv: AsCsv = False,
    as_json: options.AsJson = False,
) -> None:
    """List what an agent did, or who used a resource.

    Lists requests, decisions, calls, denials and ends. Reads Athena with your AWS credentials. Covers the last 30 days,
    or the days from --since to --until. Checks the records and calls of these days, and exits with 1 if they are
    broken, or with 2 if the check fails.

    Example: jitney audit who --agent reader-agent --resource s3://reports/2026 --since 7d
    """
    with exit_on_problem("audit who", as_json=as_json):
        if not (agent or resource):
            raise invalid("Neither an agent nor a resource is named.", "Give --agent, --resource, or both.")
        require_one_format(as_csv=as_csv, as_json=as_json)
        chosen_days(since, until)
        last = until or datetime.now(UTC)
        first = since or last - DAYS
        with audit_screen().querying("who"):
            location, found = _history(agent, resource, first, last, workgroup, database, stack)
        integrity = checked_answer(stack, key, location, found.since, found.read_until, check=check, last=found.until)
        columns, rows = marked_rows(found.columns, found.rows, integrity)
        if as_json:
            members = [dict(zip(columns, row, strict=True)) for row in rows]
            print_json(found.document() | {"rows": members, "integrity": integrity.document()})
        else:
            print_rows(columns, rows, as_csv=as_csv)
            audit_screen().integrity(integrity.document())
            audit_screen().warnings(found.warnings)
            audit_screen().note(f"{found.about}: {len(rows)} rows")
        exit_by(integrity)


def _history(
    agent: str, resource: str, first: datetime, last: datetime, workgroup: str, database: str, stack: Any
) -> tuple[Any, Any]:
    """Return where the queries ran, and the history."""
    history = load_extra("jitney.client.audit.access_history", "audit", "The question was not answered")
    queries = load_extra("jitney.client.audit.named_queries", "audit", "The question was not answered")
    athena = load_extra("jitney.client.audit.athena", "audit", "The question was not answered")
    location = queries.athena_location(workgroup, database, stack)
    source = athena.connected(location)
    return location, history.access_history(source, agent, resource, first.date(), last.date())
