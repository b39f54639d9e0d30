"""`jitney audit query`: the auditor's questions, asked of Athena."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from jitney.client import options
from jitney.client.command_result import exit_on_problem, print_json, screen
from jitney.client.commands.audit import day_of, read_day
from jitney.client.optional import load_extra

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="The query; without one, all are listed.")]
Values = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="VALUE", help="What the query wants to know. Repeatable, in the query's order."),
]
Since = Annotated[
    datetime | None,
    typer.Option(parser=read_day, metavar="DAY", help="From this day on (UTC), instead of as long as the query says."),
]
Until = Annotated[
    datetime | None, typer.Option(parser=read_day, metavar="DAY", help="Up to this day (UTC), inclusive.")
]
Stack = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What names the workgroup: `cdk deploy --outputs-file`, or .local/stack.json."),
]
Workgroup = Annotated[
    str, typer.Option(metavar="NAME", envvar="JITNEY_ATHENA_WORKGROUP", help="Athena's workgroup (else: jitney).")
]
Database = Annotated[
    str, typer.Option(metavar="NAME", envvar="JITNEY_ATHENA_DATABASE", help="The database in Glue (else: jitney).")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="CSV on standard output. No cell can be a formula.")]


def run_query(
    name: Name = None,
    *,
    param: Values = None,
    since: Since = None,
    until: Until = None,
    stack: Stack = None,
    workgroup: Workgroup = "",
    database: Database = "",
    as_csv: AsCsv = False,
    as_json: options.AsJson = False,
) -> None:
    """Ask one of the named queries over records and calls, in Athena; without a name, list them.

    With your own AWS credentials; docs/auditor.md has the permissions. A query looks at some days, which it names.
    """
    with exit_on_problem("audit query", as_json=as_json):
        if as_csv and as_json:
            raise options.invalid("--csv goes without --json.", "Give one of them.")
        queries = load_extra("jitney.client.named_queries", "audit", "Athena cannot be asked")
        athena = load_extra("jitney.client.athena", "audit", "Athena cannot be asked").connected(
            queries.athena_location(workgroup, database, stack)
        )
        if name is None:
            _list(queries.listed(athena.named()), as_json=as_json)
            return
        days = (day_of(since), day_of(until))
        with screen().asking(name) as told:
            asked = queries.run_named_query(athena, name, param or (), days, datetime.now(UTC).date(), told)
        _show(asked, as_csv=as_csv, as_json=as_json)


def _list(queries: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(queries)
    else:
        screen().queries(queries)


def _show(asked: Any, *, as_csv: bool, as_json: bool) -> None:
    answer = asked.answer
    if as_json:
        print_json(asked.document())
    elif as_csv:
        from jitney.client.sheets import as_csv as written  # noqa: PLC0415 - other commands have no sheets

        typer.echo(written(answer.columns, answer.rows), nl=False)
    else:
        screen().rows(answer.columns, answer.rows)
        screen().took(asked.about, len(answer.rows), answer.bytes_read, answer.seconds)
