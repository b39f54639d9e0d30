"""The options and arguments that several commands share, and how they become an ask or a connection."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from jitney.client.broker import Broker
from jitney.client.durations import parse_duration
from jitney.client.grant_request import ApiPermission, GrantRequest, aws_cli_calls, parse_permissions
from jitney.client.problems import Invalid
from jitney.client.settings import ConnectionOptions, connect

_CONNECTION, _ASKING = "Connection", "What to ask for"

Target = Annotated[str | None, typer.Argument(metavar="TARGET", help="The target's alias, such as analytics-prod.")]
RequiredTarget = Annotated[str, typer.Argument(metavar="TARGET", help="The target's alias, such as analytics-prod.")]
GrantId = Annotated[
    str | None, typer.Option("--grant", metavar="ID", help="Use this grant instead of asking.", rich_help_panel=_ASKING)
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait while the request is under review.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, problems too. Never a key.")]


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """What to ask for: actions on resources, a file of them, or AWS CLI commands."""

    action: Annotated[
        list[str] | None,
        typer.Option(
            "--action",
            "-a",
            metavar="ACTION",
            help="An action, such as s3:GetObject. Repeatable.",
            rich_help_panel=_ASKING,
        ),
    ] = None
    resource: Annotated[
        list[str] | None,
        typer.Option(
            "--resource", "-r", metavar="ARN", help="An ARN, may hold * and ?. Repeatable.", rich_help_panel=_ASKING
        ),
    ] = None
    permissions: Annotated[
        str | None,
        typer.Option(
            "--permissions",
            metavar="FILE",
            help="Several permissions: JSON list of {actions, resources}; - reads standard input.",
            rich_help_panel=_ASKING,
        ),
    ] = None
    call: Annotated[
        list[str] | None,
        typer.Option(
            "--call",
            metavar="COMMAND",
            help="An AWS CLI command, in quotes, that the access is for, instead of actions. Repeatable.",
            rich_help_panel=_ASKING,
        ),
    ] = None
    duration: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="How long: 90s, 5m, 1h30m.", rich_help_panel=_ASKING)
    ] = "5m"
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            metavar="TEXT",
            help="Why, in a sentence: reviewers and auditors read it.",
            rich_help_panel=_ASKING,
        ),
    ] = ""
    ticket: Annotated[
        str, typer.Option("--ticket", metavar="TEXT", help="The ticket this belongs to.", rich_help_panel=_ASKING)
    ] = ""

    def ask(self, target: str | None, command: Sequence[str] = ()) -> GrantRequest:
        """The ask that the options state. Raises Invalid, naming the option that is missing or wrong.

        `command` is what is to be run: an AWS CLI command is asked for where the options name neither permissions nor
        calls.
        """
        if not target:
            raise invalid(
                "TARGET is missing.", "Name the target, or an existing grant with --grant where there is that option."
            )
        if not self.reason:
            raise invalid("--reason is missing.", "Say in a sentence what the access is for.")
        duration = seconds("--for", self.duration)
        declared = self.action or self.resource or self.permissions
        if self.call and declared:
            raise invalid("--call goes without --action, --resource and --permissions.", "Ask with one of them.")
        calls = tuple(self.call or (() if declared else aws_cli_calls(command)))
        if command and not (calls or declared):
            detail = f"{command[0]} is no aws command, so say what it needs."
            raise invalid(detail, "Give --action and --resource, or --permissions, or --call.")
        permissions = () if calls else _permissions(self.action or [], self.resource or [], self.permissions)
        return GrantRequest(target, permissions, duration, self.reason, self.ticket, calls)

    def require_nothing(self, target: str | None) -> None:
        """Raises Invalid where something is asked for: what a grant allows is settled, and on which target."""
        if target or self != RequestOptions():
            detail = "--grant goes without TARGET, and without anything to ask for, such as --action or --reason."
            raise invalid(detail, "Leave these out; or leave --grant out, to ask.")


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """Whether to wait for a review, and how long."""

    wait: Wait = False
    wait_at_most: Annotated[
        str | None,
        typer.Option(
            "--wait-at-most", metavar="DURATION", help="Wait no longer than this (else: until the review ends)."
        ),
    ] = None

    @property
    def at_most(self) -> int | None:
        """In seconds. Raises Invalid when it is no duration."""
        return seconds("--wait-at-most", self.wait_at_most) if self.wait_at_most else None


@dataclass(frozen=True, slots=True)
class Connection(ConnectionOptions):
    """Where the broker is, and where tokens come from."""

    api: Annotated[
        str,
        typer.Option(
            "--api", metavar="URL", help="The broker's address. (JITNEY_API_URL)", rich_help_panel=_CONNECTION
        ),
    ] = ""
    token_file: Annotated[
        str,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="The bearer token's file. (JITNEY_TOKEN_FILE)",
            rich_help_panel=_CONNECTION,
        ),
    ] = ""
    token_command: Annotated[
        str,
        typer.Option(
            "--token-command",
            metavar="COMMAND",
            help="A command that prints the bearer token, run without a shell. (JITNEY_TOKEN_COMMAND)",
            rich_help_panel=_CONNECTION,
        ),
    ] = ""

    def broker(self) -> Broker:
        """The broker, with what the environment says besides. Raises Invalid or Unproven."""
        return connect(self, os.environ)


def seconds(option: str, text: str) -> int:
    """The duration given with `option`, in seconds. Raises Invalid when it is none."""
    try:
        return parse_duration(text)
    except ValueError as error:
        if text.isascii() and text.isdecimal() and text.strip("0"):
            raise invalid(f"{option} {text} has no unit.", f"Write {text}s or {text}m.") from error
        raise invalid(f"{option}: {error}.", "Write it like 90s, 5m, 1h30m.") from error


def _permissions(actions: list[str], resources: list[str], source: str | None) -> tuple[ApiPermission, ...]:
    if source is None:
        if not (actions and resources):
            raise invalid(
                "--action and --resource are both needed.", "Give each at least once, or --permissions, or --call."
            )
        return (ApiPermission(tuple(actions), tuple(resources)),)
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
