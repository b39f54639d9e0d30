"""`jitney audit who`: an auditor's question about an agent or a resource, in one table."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from jitney.client.commands.answer_integrity import (
    AnswerOptions,
    AsCsv,
    exit_by,
    marked_rows,
    print_checked,
    require_one_format,
)
from jitney.client.commands.audit_options import chosen_days, day_option
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import invalid
from jitney.client.terminal.command_result import audit_screen, exit_on_problem
from jitney.core.quantities import quantity

Agent = Annotated[str, typer.Option(metavar="NAME", help="The agent: its principal, subject or short name.")]
Resource = Annotated[
    str, typer.Option(metavar="RESOURCE", help="The resource: an ARN, s3://bucket/key, or a bucket's name.")
]
Since = Annotated[datetime | None, day_option(help="First day of the events (UTC).")]
Until = Annotated[datetime | None, day_option(help="Last day of the events (UTC).")]
DAYS = timedelta(days=30)


@grouped
def who_did(
    *,
    agent: Agent = "",
    resource: Resource = "",
    since: Since = None,
    until: Until = None,
    source: AnswerOptions,
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
            history = load_extra("jitney.client.audit.access_history", "audit", "The question was not answered")
            location, athena = source.athena("The question was not answered")
            found = history.access_history(athena, agent, resource, first.date(), last.date())
        integrity = source.checked(location, found.since, found.read_until, last=found.until)
        columns, rows = marked_rows(found.columns, found.rows, integrity)
        shown = found.document()
        print_checked(shown, columns, rows, integrity, found.warnings, as_csv=as_csv, as_json=as_json)
        if not as_json:
            audit_screen().note(f"{found.about}: {quantity(len(rows), 'row')}")
        exit_by(integrity)
