"""The options and arguments that several commands share, as typer reads them."""

import os
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from jitney.client.api.broker import Broker
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.request_options import RequestOptions, WaitOptions
from jitney.client.inputs.settings import connect
from jitney.client.login.reviewer_sign_in import connect_reviewer
from jitney.client.terminal.wait_note import asking_note

_connection = partial(typer.Option, rich_help_panel="Connection")
_request = partial(typer.Option, rich_help_panel="Request")
Target = Annotated[str | None, typer.Argument(metavar="TARGET", help="The target's alias, such as analytics-prod.")]
RequiredTarget = Annotated[str, typer.Argument(metavar="TARGET", help="The target's alias, such as analytics-prod.")]
GrantId = Annotated[str | None, _request("--grant", metavar="ID", help="Use this grant instead of a new request.")]
Duration = Annotated[str, _request("--for", metavar="DURATION", help="How long: 90s, 5m, 1h30m.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait while the request is under review.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, problems too. It never holds a key.")]


@dataclass(frozen=True, slots=True)
class RequestParameters(RequestOptions):
    """What to request."""

    action: Annotated[
        list[str] | None,
        _request("--action", "-a", metavar="ACTION", help="An action, such as s3:GetObject. Repeatable."),
    ] = None
    resource: Annotated[
        list[str] | None,
        _request("--resource", "-r", metavar="ARN", help="An ARN, may hold * and ?. Repeatable."),
    ] = None
    condition: Annotated[
        list[str] | None,
        _request(
            "--condition",
            "-c",
            metavar="KEY=VALUE",
            help="Limits the calls, such as 's3:prefix=reports/*'. Repeatable: values of one key are alternatives.",
        ),
    ] = None
    permissions: Annotated[
        str | None,
        _request(
            "--permissions",
            metavar="FILE",
            help="Several permissions: JSON list of {actions, resources, conditions}; - reads standard input.",
        ),
    ] = None
    call: Annotated[
        list[str] | None,
        _request(
            "--call",
            metavar="COMMAND",
            help="An AWS CLI command, in quotes, to request access for, instead of actions. Repeatable.",
        ),
    ] = None
    access_profile: Annotated[
        str,
        _request(
            "--access-profile",
            metavar="NAME",
            help="A named set of permissions of the target, for deploy tools. Options such as --action narrow it.",
        ),
    ] = ""
    duration: Duration = "5m"
    reason: Annotated[
        str, _request("--reason", metavar="TEXT", help="Why, in a sentence: reviewers and auditors read it.")
    ] = ""
    way: Annotated[
        str,
        _request(
            "--way", metavar="WAY", help="credentials, or gateway: the broker makes the calls, and you get no keys."
        ),
    ] = "credentials"
    reveal: Annotated[bool, _request("--reveal", help="With the gateway: do not mask sensitive values in answers.")] = (
        False
    )
    changed: Annotated[
        str,
        _request("--changed", metavar="TEXT", help="What differs from an equal request or call that was rejected."),
    ] = ""
    ticket: Annotated[
        str, _request("--ticket", metavar="TEXT", help="The id of the task, such as OPS-12. A target can require one.")
    ] = ""


@dataclass(frozen=True, slots=True)
class ProfileParameters(RequestParameters):
    """Requests half an hour unless --for is given, because SDKs start to renew keys 15 minutes before their end."""

    duration: Duration = "30m"


@dataclass(frozen=True, slots=True)
class WaitParameters(WaitOptions):
    """Whether to wait for a review, and how long."""

    wait: Wait = False
    wait_at_most: Annotated[
        str | None,
        typer.Option(
            "--wait-at-most", metavar="DURATION", help="Wait, but no longer than this (default: until the review ends)."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Connection(ConnectionOptions):
    """Where the broker is, and where tokens come from."""

    api: Annotated[str, _connection("--api", metavar="URL", help="The broker's address. (JITNEY_API_URL)")] = ""
    token_file: Annotated[
        str, _connection("--token-file", metavar="FILE", help="The token's file. (JITNEY_TOKEN_FILE)")
    ] = ""
    token_command: Annotated[
        str,
        _connection(
            "--token-command",
            metavar="COMMAND",
            help="A command that prints the token, run without a shell. (JITNEY_TOKEN_COMMAND)",
        ),
    ] = ""
    settings_file: Annotated[
        str,
        _connection(
            "--settings-file",
            metavar="FILE",
            help="The settings' file, instead of ~/.config/jitney/config.toml. (JITNEY_SETTINGS_FILE)",
        ),
    ] = ""
    verbose: Annotated[
        bool, _connection("--verbose", "-v", help="Say on standard error where the token comes from.")
    ] = False

    def broker(self) -> Broker:
        """Return the broker that these options, the environment and config.toml name.

        Raises Invalid or Unauthenticated.
        """
        return connect(self, os.environ, asking_note)

    def reviewer(self) -> Broker:
        """Return the broker for the person who signed in with `jitney login --review`.

        Raises Invalid or Unauthenticated.
        """
        return connect_reviewer(self)
