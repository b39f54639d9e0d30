"""`jitney audit query`: run the auditor's queries in Athena."""

from datetime import UTC, datetime
from typing import Annotated, Any

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
from jitney.client.terminal.command_result import audit_screen, exit_on_problem, print_result

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="The query. Omit it to list all queries.")]
Values = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="VALUE", help="A parameter of the query. Repeatable, in order."),
]
Since = Annotated[datetime | None, day_option(help="First day (UTC), instead of the query's own.")]
Until = Annotated[datetime | None, day_option(help="Last day (UTC), inclusive.")]


@grouped
def run_query(
    name: Name = None,
    *,
    param: Values = None,
    since: Since = None,
    until: Until = None,
    source: AnswerOptions,
    as_csv: AsCsv = False,
    as_json: options.AsJson = False,
) -> None:
    """Run a named query over records and calls in Athena. Without a name, list the queries.

    Uses your AWS credentials; docs/queries.md lists the permissions. Each query covers the days in its description, or
    those from --since to --until. Checks the records and calls of these days, and exits with 1 if they are broken, or
    with 2 if the check fails.

    Example: jitney audit query bypasses --stack outputs.json
    """
    with exit_on_problem("audit query", as_json=as_json):
        require_one_format(as_csv=as_csv, as_json=as_json)
        days = chosen_days(since, until)
        queries = load_extra("jitney.client.audit.named_queries", "audit", "The query cannot run")
        location, athena = source.athena("The query cannot run")
        if name is None:
            _list(queries.listed(athena.named()), as_json=as_json)
            return
        with audit_screen().querying(name) as progress:
            run = queries.run_named_query(athena, name, param or (), days, datetime.now(UTC).date(), progress)
        # The check covers the days until today, because later events of a listed row are in the answer, too.
        last = run.period[1] if run.period else None
        integrity = source.checked(location, run.first_day_read, None, last=last)
        _show(run, integrity, as_csv=as_csv, as_json=as_json)
        exit_by(integrity)


def _list(queries: dict[str, Any], *, as_json: bool) -> None:
    print_result(queries, lambda: audit_screen().queries(queries), as_json=as_json)


def _show(run: Any, integrity: Any, *, as_csv: bool, as_json: bool) -> None:
    columns, rows = marked_rows(run.answer.columns, run.answer.rows, integrity)
    document = run.document() | {"columns": columns}
    print_checked(document, columns, rows, integrity, run.warnings, as_csv=as_csv, as_json=as_json)
    if not as_json:
        audit_screen().took(run.about, len(rows), run.answer.bytes_read, run.answer.seconds)
