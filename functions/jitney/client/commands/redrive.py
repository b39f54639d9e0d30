"""`jitney audit replay`: the dead letters, again."""

from calendar import timegm
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from jitney.client import options
from jitney.client.command_result import exit_on_problem, print_json, screen
from jitney.client.commands.audit import read_day
from jitney.client.optional import load_extra
from jitney.client.problems import Invalid

Stack = Annotated[
    Path, typer.Option(metavar="FILE", help="What `cdk deploy --outputs-file` wrote, or .local/stack.json.")
]
Since = Annotated[
    datetime | None,
    typer.Option(parser=read_day, metavar="DAY", help="Publish again all that was written on this day (UTC) or later."),
]
Until = Annotated[
    datetime | None, typer.Option(parser=read_day, metavar="DAY", help="... and on this day or earlier; with --since.")
]


def redrive_dead_letters(
    *, stack: Stack, since: Since = None, until: Until = None, as_json: options.AsJson = False
) -> None:
    """Have what got stuck go its way again: CloudTrail's events to their queue, records and calls to S3.

    With your own AWS credentials; docs/trail.md has the permissions. What had arrived before is published
    again. Ends with 0 when nothing is left, with 2 when something is that nobody can replay.
    """
    with exit_on_problem("audit redrive", as_json=as_json):
        redrive = load_extra("jitney.client.redrive", "audit", "Nothing was replayed")
        if (until and not since) or (since and until and until < since):
            raise Invalid("usage", "The command line is not valid", "--until needs an earlier --since.", "Give both.")
        more = None
        if since:
            end = (until or datetime.now(since.tzinfo)) + timedelta(days=1)
            more = redrive.Period(timegm(since.timetuple()), timegm(end.timetuple()) - 1)
        with screen().reading() as told:
            run = redrive.Redrive(redrive.parts_in(stack), told)
            run.events()
            run.published(more)
        if as_json:
            print_json(run.summary.document())
        else:
            screen().replay(run.summary.document())
        raise typer.Exit(0 if run.summary.complete else 2)
