"""`jitney restore`: make restored tables safe to use."""

import os
from typing import Annotated

import typer

from jitney.client.commands.policy_replay import Config
from jitney.client.inputs import options
from jitney.client.inputs.optional import load_extra
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen

StateTable = Annotated[str, typer.Option("--state-table", metavar="TABLE", help="The restored table of grants.")]
AuditTable = Annotated[
    str,
    typer.Option("--audit-table", metavar="TABLE", help="The table of records: the deployed one, or a restored one."),
]
EarlierStateTable = Annotated[
    str,
    typer.Option(
        "--earlier-state-table",
        metavar="TABLE",
        help="The table of grants that was in use. Its suspensions are copied (default: those in the records).",
    ),
]

INCOMPLETE = 1
"""The exit code if the tables are prepared, but an operator must suspend some names again."""


def restore(
    *,
    state_table: StateTable,
    audit_table: AuditTable,
    earlier_state_table: EarlierStateTable = "",
    config: Config = None,
    as_json: options.AsJson = False,
) -> None:
    """Prepare restored tables before you deploy them.

    Suspends every target in the restored state table, so that no grant that was revoked after the restored moment works
    again. Signs everyone out, continues the records of open grants, and sets the table settings that a restore does not
    keep. Exits with 1 if it lists suspensions that you must make again by hand. Uses your AWS credentials;
    docs/restore.md shows the whole procedure and the permissions.

    Example: jitney restore --state-table jitney-state-2 --audit-table "$AUDIT_TABLE"
    """
    with exit_on_problem("restore", as_json=as_json):
        module = load_extra("jitney.client.restore.restored_tables", "audit,policy", "The tables were not prepared")
        plan = module.plan_of(config, dict(os.environ))
        with screen().err.status("checking the tables") as status:
            names = (state_table, audit_table, earlier_state_table)
            tables = module.RestoredTables(module.clients(), *names, status.update)
            tables.prepare(plan)
        document = tables.summary.document()
        print_result(document, lambda: screen().restored(document), as_json=as_json)
        if not tables.summary.complete:
            raise SystemExit(INCOMPLETE)
