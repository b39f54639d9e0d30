"""`jitney audit`: the auditor's commands."""

import time
from typing import Annotated

import typer

from jitney.client.commands.audit_backfill import backfill_events
from jitney.client.commands.audit_options import Database, Records, Since, Stack, Trusted, Until, Workgroup, chosen_days
from jitney.client.commands.audit_query import run_query
from jitney.client.commands.audit_redrive import redrive_dead_letters
from jitney.client.commands.audit_show import show_report
from jitney.client.commands.audit_who import who_did
from jitney.client.inputs import options
from jitney.client.inputs.command_group import command_group
from jitney.client.inputs.optional import load_extra
from jitney.client.terminal.command_result import audit_screen, exit_on_problem, print_result

audit = command_group(
    "Query, report, verify and repair audit records. Uses your AWS credentials, not the broker.",
)

Seals = Annotated[str, typer.Option(metavar="BUCKET", envvar="JITNEY_SEALS_BUCKET", help="Bucket of seals.")]
ExpectLast = Annotated[
    str, typer.Option(metavar="NUMBER:HASH", help="A seal that you noted, which must still be there unchanged.")
]
Table = Annotated[
    str, typer.Option(metavar="NAME", envvar="JITNEY_AUDIT_TABLE", help="Audit table, to compare records and calls.")
]
FirstVersions = Annotated[
    bool, typer.Option("--first-versions", help="Read objects of records as they were first written.")
]
EXIT_CODES = {"verified": 0, "broken": 1, "unverified": 2}


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
        verification = load_extra("jitney.client.audit.verification", "audit", "Nothing could be verified")
        definitions = verification.named_definitions(workgroup, database, records)
        sources = verification.VerificationSources(records, seals, tuple(key or ()), table, first_versions, definitions)
        sources = (sources.completed_from(stack) if stack else sources).checked()
        with audit_screen().reading() as progress:
            findings = verification.verify_archive(sources, days, expect_last, progress, int(time.time()))
        result = verification.document(findings)
        print_result(result, lambda: audit_screen().verification(result), as_json=as_json)
        raise typer.Exit(EXIT_CODES[findings.verdict])


audit.command("show")(show_report)
audit.command("query")(run_query)
audit.command("who")(who_did)
audit.command("backfill")(backfill_events)
audit.command("redrive")(redrive_dead_letters)
