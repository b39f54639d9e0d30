"""The options that several commands of `jitney audit` and `jitney policy` share."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from jitney.client.inputs.request_options import invalid

_AGO = re.compile(r"([0-9]{1,4})d", re.ASCII)


def read_day(text: str) -> datetime:
    """Return the start of a day (UTC). "7d" means seven days ago. Raises typer.BadParameter for other texts."""
    if found := _AGO.fullmatch(text):
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return today - timedelta(days=int(found[1]))
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a day. Examples: 2026-11-26, and 7d for seven days ago.") from error


day_option = partial(typer.Option, parser=read_day, metavar="DAY")
Since = Annotated[datetime | None, day_option(help="First day of publishing (UTC).")]
Until = Annotated[datetime | None, day_option(help="Last day of publishing (UTC).")]
Stack = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Stack outputs: `cdk deploy --outputs-file`, or .local/stack.json."),
]
Records = Annotated[str, typer.Option(metavar="BUCKET", envvar="JITNEY_RECORDS_BUCKET", help="Bucket of records.")]
Trusted = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="KEY",
        envvar="JITNEY_SEAL_KEY",
        help="Trusted public key: its fingerprint, or a PEM file. Repeatable.",
    ),
]
Workgroup = Annotated[
    str, typer.Option(metavar="NAME", envvar="JITNEY_ATHENA_WORKGROUP", help="Athena workgroup (default: jitney).")
]
Database = Annotated[
    str, typer.Option(metavar="NAME", envvar="JITNEY_ATHENA_DATABASE", help="Glue database (default: jitney).")
]


def chosen_days(since: datetime | None, until: datetime | None) -> tuple[date | None, date | None]:
    """Return the days of --since and --until. Raises Invalid for a period that starts after today or its own end."""
    first, last, today = since and since.date(), until and until.date(), datetime.now(UTC).date()
    wrong = f"starts after today, {today} in UTC" if first and first > today else ""
    if first and last and last < first:
        wrong = "ends before it starts"
    if wrong:
        raise invalid(f"The period {wrong}.", "Correct --since and --until.")
    return first, last
