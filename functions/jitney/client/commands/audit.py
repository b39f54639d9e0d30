"""`jitney audit`: what an auditor asks of the records."""

import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from jitney.client import options
from jitney.client.command_result import exit_on_problem, print_json, screen
from jitney.client.optional import load_extra

audit = typer.Typer(no_args_is_help=True, help="The audit records, and what fills them. Asks AWS itself, no broker.")

DAY = "%Y-%m-%d"


def read_day(text: str) -> datetime:
    """The beginning of the day (UTC). Raises typer.BadParameter when it is none."""
    try:
        return datetime.strptime(text, DAY).replace(tzinfo=UTC)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day; write it like 2026-11-26.") from error


Since = Annotated[
    datetime | None,
    typer.Option(parser=read_day, metavar="DAY", help="Only what was published on this day (UTC), or later."),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=read_day, metavar="DAY", help="Only what was published on this day (UTC), or earlier."),
]
Stack = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What names the parts: `cdk deploy --outputs-file`, or .local/stack.json."),
]
Records = Annotated[str, typer.Option(metavar="BUCKET", envvar="JITNEY_RECORDS_BUCKET", help="The records' bucket.")]
Seals = Annotated[str, typer.Option(metavar="BUCKET", envvar="JITNEY_SEALS_BUCKET", help="The seals' bucket.")]
Trusted = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="KEY",
        envvar="JITNEY_SEAL_KEY",
        help="A key that is trusted: its fingerprint, or a file with it in PEM. Repeatable.",
    ),
]
EXIT_CODES = {"holds": 0, "broken": 1, "unverified": 2}


@audit.callback()
def _group() -> None:
    """A group, with however few commands."""


@audit.command("verify")
def verify_records(
    *,
    since: Since = None,
    until: Until = None,
    stack: Stack = None,
    records: Records = "",
    seals: Seals = "",
    key: Trusted = None,
    as_json: options.AsJson = False,
) -> None:
    """Verify that the records in S3 are those that were written: none changed, missing, added or moved.

    It says nothing of calls, which are under no seal. With your own AWS credentials, which need to read two buckets.
    Ends with 0 when all holds, 1 when something is broken, 2 when not all could be verified.
    """
    with exit_on_problem("audit verify", as_json=as_json):
        verification = _verification()
        places = verification.VerificationSources(records, seals, tuple(key or ()))
        places = (places.beside(stack) if stack else places).checked()
        with screen().reading() as told:
            findings = verification.verify_archive(places, day_of(since), day_of(until), told, int(time.time()))
        if as_json:
            print_json(verification.document(findings))
        else:
            screen().proof(verification.document(findings))
        raise typer.Exit(EXIT_CODES[findings.verdict])


def _verification() -> Any:
    """The module that verifies: it needs the extra `audit`. Raises Invalid."""
    return load_extra("jitney.client.verification", "audit", "Nothing could be verified")


def day_of(given: datetime | None) -> date | None:
    """The day, if one was given."""
    return given.date() if given else None
