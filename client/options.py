"""The options and arguments that several commands share, and how they become an ask."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from client.asking import Ask, Permission, parse_permissions
from client.durations import parse_duration
from client.problems import Invalid

_CONNECTION, _ASKING = "Connection", "What to ask for"

Target = Annotated[str | None, typer.Argument(metavar="TARGET", help="The target's alias, such as analytics-prod.")]
RequiredTarget = Annotated[str, typer.Argument(metavar="TARGET", help="The target's alias, such as analytics-prod.")]
Actions = Annotated[
    list[str] | None,
    typer.Option(
        "--action", "-a", metavar="ACTION", help="An action, such as s3:GetObject. Repeatable.", rich_help_panel=_ASKING
    ),
]
Resources = Annotated[
    list[str] | None,
    typer.Option(
        "--resource", "-r", metavar="ARN", help="An ARN, may hold * and ?. Repeatable.", rich_help_panel=_ASKING
    ),
]
Permissions = Annotated[
    str | None,
    typer.Option(
        "--permissions",
        metavar="FILE",
        help="Several permissions: JSON list of {actions, resources}; - reads standard input.",
        rich_help_panel=_ASKING,
    ),
]
Calls = Annotated[
    list[str] | None,
    typer.Option(
        "--call",
        metavar="COMMAND",
        help="An AWS CLI command, in quotes, that the access is for, instead of actions. Repeatable.",
        rich_help_panel=_ASKING,
    ),
]
For = Annotated[
    str, typer.Option("--for", metavar="DURATION", help="How long: 90s, 5m, 1h30m.", rich_help_panel=_ASKING)
]
Reason = Annotated[
    str,
    typer.Option(
        "--reason", metavar="TEXT", help="Why, in a sentence: reviewers and auditors read it.", rich_help_panel=_ASKING
    ),
]
Ticket = Annotated[
    str, typer.Option("--ticket", metavar="TEXT", help="The ticket this belongs to.", rich_help_panel=_ASKING)
]
GrantId = Annotated[
    str | None, typer.Option("--grant", metavar="ID", help="Use this grant instead of asking.", rich_help_panel=_ASKING)
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait while the request is under review.")]
WaitAtMost = Annotated[
    str | None,
    typer.Option("--wait-at-most", metavar="DURATION", help="Wait no longer than this (else: until the review ends)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, problems too. Never a key.")]
Api = Annotated[
    str,
    typer.Option("--api", metavar="URL", help="The broker's address. (JITNEY_API_URL)", rich_help_panel=_CONNECTION),
]
TokenFile = Annotated[
    str,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="The bearer token's file. (JITNEY_TOKEN_FILE)",
        rich_help_panel=_CONNECTION,
    ),
]
TokenCommand = Annotated[
    str,
    typer.Option(
        "--token-command",
        metavar="COMMAND",
        help="A command that prints the bearer token, run without a shell. (JITNEY_TOKEN_COMMAND)",
        rich_help_panel=_CONNECTION,
    ),
]


def make_ask(
    target: str | None,
    actions: list[str] | None,
    resources: list[str] | None,
    permissions: str | None,
    duration: str,
    reason: str,
    ticket: str,
    calls: Sequence[str] = (),
) -> Ask:
    """The ask that the options state. Raises Invalid, naming the option that is missing or wrong.

    `calls` count only where no permissions are given.
    """
    if not target:
        raise invalid(
            "TARGET is missing.", "Name the target, or an existing grant with --grant where there is that option."
        )
    if not reason:
        raise invalid("--reason is missing.", "Say in a sentence what the access is for.")
    for_seconds = seconds("--for", duration)
    if calls and not (actions or resources or permissions):
        return Ask(target, (), for_seconds, reason, ticket, tuple(calls))
    return Ask(target, _permissions(actions or [], resources or [], permissions), for_seconds, reason, ticket)


def seconds(option: str, text: str) -> int:
    """The duration given with `option`, in seconds. Raises Invalid when it is none."""
    try:
        return parse_duration(text)
    except ValueError as error:
        if text.isascii() and text.isdecimal() and text.strip("0"):
            raise invalid(f"{option} {text} has no unit.", f"Write {text}s or {text}m.") from error
        raise invalid(f"{option}: {error}.", "Write it like 90s, 5m, 1h30m.") from error


def _permissions(actions: list[str], resources: list[str], source: str | None) -> tuple[Permission, ...]:
    if source is None:
        if not (actions and resources):
            raise invalid("--action and --resource are both needed.", "Give each at least once, or --permissions.")
        return (Permission(tuple(actions), tuple(resources)),)
    if actions or resources:
        raise invalid("--permissions goes without --action and --resource.", "Put all of them into the JSON.")
    try:
        return parse_permissions(sys.stdin.read() if source == "-" else Path(source).read_text("utf-8"))
    except OSError as error:
        raise invalid(f"--permissions {source}: {error.strerror}.", "Check the file's path and permissions.") from error
    except ValueError as error:
        raise invalid(
            f"--permissions {source}: {error}.", 'Give a list of {"actions": […], "resources": […]}.'
        ) from error


def invalid(detail: str, fix: str) -> Invalid:
    """The problem that the command line is not valid."""
    return Invalid("usage", "The command line is not valid", detail, fix)
