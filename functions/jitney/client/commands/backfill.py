"""`jitney audit backfill`: what CloudTrail left in S3 and no rule forwarded."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from jitney.client import options
from jitney.client.command_result import exit_on_problem, print_json, screen
from jitney.client.commands.audit import read_day
from jitney.client.optional import load_extra
from jitney.client.problems import Invalid
from jitney.client.stack_file import read_stack_file

RATE = 100

Bucket = Annotated[str, typer.Option(metavar="BUCKET", help="The bucket that the trail delivers to.")]
Prefix = Annotated[str, typer.Option(metavar="PREFIX", help="What the trail puts before AWSLogs/, if anything.")]
Queue = Annotated[
    str, typer.Option(metavar="URL", envvar="JITNEY_TRAIL_QUEUE", help="The queue of the stack's output TrailQueue.")
]
Stack = Annotated[Path | None, typer.Option(metavar="FILE", help="What names the queue: `cdk deploy --outputs-file`.")]
Since = Annotated[
    datetime, typer.Option(parser=read_day, metavar="DAY", help="Files delivered on this day (UTC), or later.")
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=read_day, metavar="DAY", help="Files delivered on this day, or earlier; today."),
]
Accounts = Annotated[
    list[str] | None, typer.Option("--account", metavar="ACCOUNT", help="Only this account's files. Repeatable.")
]
Rate = Annotated[int, typer.Option(min=1, max=3000, metavar="N", help="Events a second that are sent, at most.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and count, and send nothing.")]


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
    """Have events judged that CloudTrail delivered to S3 and no rule forwarded: of other Regions, or of an outage.

    With your own AWS credentials, which read the trail's bucket and send to the queue. Run it as often as you like:
    an event that is known changes nothing. Ends with 0 when all was sent, with 2 when something was left out or no file
    was there.
    """
    with exit_on_problem("audit backfill", as_json=as_json):
        backfill = load_extra("jitney.client.backfill", "audit", "Nothing was read")
        now = int(time.time())
        last = (until or datetime.fromtimestamp(now, UTC)).date()
        if last < since.date():
            raise Invalid("usage", "The command line is not valid", "--until is before --since.", "Turn them round.")
        url = "" if dry_run else _queue(queue, stack)
        asked = backfill.BackfillOptions(bucket, prefix, url, since.date(), last, tuple(account or ()), rate, dry_run)
        with screen().reading() as told:
            summary = backfill.Backfill(asked, told, now).run()
        if as_json:
            print_json(summary.document() | {"dry_run": dry_run})
        else:
            screen().backfill(summary.document(), dry_run=dry_run)
        raise typer.Exit(0 if summary.complete else 2)


def _queue(given: str, stack: Path | None) -> str:
    """The queue's URL: what was given, or what the stack's outputs say. Raises Invalid."""
    if given:
        return given
    if stack is None:
        fix = "Name it with --queue, or the stack's outputs with --stack."
        raise Invalid("usage", "The command line is not valid", "The queue is not named.", fix)
    with read_stack_file(stack, "queue") as named:
        return str(named.local.get("trail_queue") or named.outputs["TrailQueue"])
