"""`jitney profile`: an AWS profile whose credentials come from a grant."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from jitney.client import aws_profile, options, wording
from jitney.client.broker import checked_grant_id
from jitney.client.command_result import exit_on_problem, screen
from jitney.client.grant_request import GrantRequest
from jitney.client.grouping import grouped
from jitney.client.request_options import invalid

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+", re.ASCII)
_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9*?-]*:[^:]*:.", re.ASCII)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The profile's name, for aws --profile NAME.")]
Write = Annotated[
    bool, typer.Option("--write", help="Write it to ~/.aws/config, or AWS_CONFIG_FILE, instead of printing it.")
]
Region = Annotated[
    str,
    typer.Option("--region", metavar="REGION", help="The profile's Region (else, with --grant: the target's)."),
]


@grouped
def profile(
    name: Name,
    target: options.Target = None,
    *,
    grant: options.GrantId = None,
    request: options.RequestParameters,
    wait: options.Wait = False,
    region: Region = "",
    write: Write = False,
    connection: options.Connection,
) -> None:
    """Print or write an AWS profile that gets its credentials from `jitney credentials` with these options.

    This makes no request yet: the first AWS command with the profile does.
    """
    with exit_on_problem("profile"):
        if request.permissions == "-":
            raise invalid("A profile cannot read standard input.", "Give --permissions a file, and keep it there.")
        words = [_program(), "credentials"]
        if grant:
            request.require_nothing(target)
            words += ["--grant", checked_grant_id(grant)]
            region = region or _region_of(grant, connection)
        else:
            source = str(Path(request.permissions).absolute()) if request.permissions else ""
            words += wording.arguments(_checked(request.grant_request(target)), source)
        words += connection.arguments() + (["--wait"] if wait else [])
        settings = {"credential_process": aws_profile.command_line(words)}
        if region:
            settings["region"] = aws_profile.checked_region(region)
        if not write:
            typer.echo(aws_profile.stanza(name, settings), nl=False)
            return
        path = Path(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
        done = "Replaced" if aws_profile.write(path, name, settings) else "Wrote"
        screen().note(f"{done} [{aws_profile.section_name(name)}] to {path}. Use it: aws --profile {name} …")


def _checked(request: GrantRequest) -> GrantRequest:
    """The request. Raises Invalid for malformed names, since the broker sees them only when the profile is used."""
    for permission in request.permissions:
        for action in permission.actions:
            if not _ACTION.fullmatch(action):
                raise invalid(f"{action!r} is not an action.", "Write it like s3:GetObject.")
        for resource in permission.resources:
            if resource != "*" and not _ARN.match(resource):
                raise invalid(f"{resource!r} is not an ARN.", "Write it like arn:aws:s3:::BUCKET/KEY, or *.")
    return request


def _region_of(grant: str, connection: options.Connection) -> str:
    """The Region of the grant's target, "" when the broker does not name one."""
    with connection.broker() as broker:
        return broker.grant(grant).grant.region


def _program() -> str:
    """The path of this program: the SDK that runs it may have another PATH."""
    program = Path(sys.argv[0])
    return str(program.absolute()) if program.name == "jitney" and program.exists() else "jitney"
