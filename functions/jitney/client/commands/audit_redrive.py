"""`jitney audit redrive`: process dead letters again."""

import time
from calendar import timegm
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from jitney.client.commands.audit_options import chosen_days, day_option
from jitney.client.inputs import options
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import invalid
from jitney.client.terminal.command_result import audit_screen, exit_on_problem, print_result

Stack = Annotated[
    Path, typer.Option(metavar="FILE", help="Stack outputs: `cdk deploy --outputs-file`, or .local/stack.json.")
]
Since = Annotated[datetime | None, day_option(help="First day (UTC) to publish again completely.")]
Until = Annotated[datetime | None, day_option(help="Last day (UTC) to publish again; needs --since.")]


def redrive_dead_letters(
    *, stack: Stack, since: Since = None, until: Until = None, as_json: options.AsJson = False
) -> None:
    """Redrive dead letters.

    CloudTrail events go to the queue, and records and calls to Firehose. Uses your AWS credentials; docs/redrive.md
    lists the permissions. Items that had already arrived are published again, which does no harm. Exit codes: 0
    everything is redriven, 2 something is left.

    Example: jitney audit redrive --stack outputs.json
    """
    with exit_on_problem("audit redrive", as_json=as_json):
        redrive = load_extra("jitney.client.audit.redrive", "audit", "Nothing was redriven")
        if until and not since:
            raise invalid("--until needs --since.", "Give the first day to --since.")
        chosen_days(since, until)
        more = None
        if since:
            end = (until or datetime.now(since.tzinfo)) + timedelta(days=1)
            more = redrive.Period(timegm(since.timetuple()), timegm(end.timetuple()) - 1)
        with audit_screen().reading() as progress:
            summary = redrive.Redrive(redrive.resources_of(stack), progress, int(time.time())).run(more)
        print_result(summary.document(), lambda: audit_screen().redrive(summary.document()), as_json=as_json)
        raise typer.Exit(0 if summary.complete else 2)
