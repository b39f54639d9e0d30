"""`jitney audit backfill`: CloudTrail events from S3 that no rule forwarded."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from jitney.client.audit.stack_file import read_stack_file
from jitney.client.commands.audit_options import chosen_days, day_option
from jitney.client.inputs import options
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import invalid
from jitney.client.terminal.command_result import audit_screen, exit_on_problem, print_result

RATE = 100

Bucket = Annotated[str, typer.Option(metavar="BUCKET", help="The trail's bucket.")]
Prefix = Annotated[str, typer.Option(metavar="PREFIX", help="The trail's prefix before AWSLogs/, if any.")]
Queue = Annotated[
    str, typer.Option(metavar="URL", envvar="JITNEY_TRAIL_QUEUE", help="The queue in the stack's output TrailQueue.")
]
Stack = Annotated[Path | None, typer.Option(metavar="FILE", help="Stack outputs: `cdk deploy --outputs-file`.")]
Since = Annotated[datetime, day_option(help="First day of delivery (UTC).")]
Until = Annotated[datetime | None, day_option(help="Last day of delivery (default: today).")]
Accounts = Annotated[
    list[str] | None, typer.Option("--account", metavar="ACCOUNT", help="Only files of this account. Repeatable.")
]
Rate = Annotated[int, typer.Option(min=1, max=3000, metavar="N", help="Maximum events per second.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and count without sending.")]


def backfill_events(
    *,
    bucket: Bucket,
    since: Since,
    until: Until = None,
    prefix: Prefix = "",
    account: Accounts = None,
    queue: Queue = "",
    stack: Stack = None,
    rate: Rate = RATE,
    dry_run: DryRun = False,
    as_json: options.AsJson = False,
) -> None:
    """Send CloudTrail events from a trail's bucket to the queue.

    For example, send events of other Regions or of an outage. Uses your AWS credentials; docs/trail.md lists the
    permissions. Repeating it is safe: known events change nothing. Exit codes: 0 everything was sent, 2 something was
    skipped or there was no file.

    Example: jitney audit backfill --bucket my-trail --since 2026-11-26 --stack outputs.json
    """
    with exit_on_problem("audit backfill", as_json=as_json):
        backfill = load_extra("jitney.client.audit.backfill", "audit", "Nothing was read")
        now = int(time.time())
        chosen_days(since, until)
        last = (until or datetime.fromtimestamp(now, UTC)).date()
        url = "" if dry_run else _queue(queue, stack)
        chosen = backfill.BackfillOptions(bucket, prefix, url, since.date(), last, tuple(account or ()), rate, dry_run)
        with audit_screen().reading() as progress:
            summary = backfill.Backfill(chosen, progress, now).run()
        document = summary.document() | {"dry_run": dry_run}
        print_result(document, lambda: audit_screen().backfill(document), as_json=as_json)
        raise typer.Exit(0 if summary.complete else 2)


def _queue(given: str, stack: Path | None) -> str:
    """Return the given URL of the queue, or that in the stack's outputs. Raises Invalid."""
    if given:
        return given
    if stack is None:
        raise invalid("The queue is missing.", "Give --queue or --stack.")
    with read_stack_file(stack, "queue") as named:
        return str(named.local.get("trail_queue") or named.outputs["TrailQueue"])
