"""`jitney profile`: an AWS profile whose credentials come from a grant."""

import os
from typing import Annotated

import typer

from jitney.client.api.broker import checked_grant_id
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.problems import Invalid
from jitney.client.profiles import aws_profile
from jitney.client.profiles.aws_config_sections import config_path
from jitney.client.profiles.profile_settings import profile_settings, settings_for_request
from jitney.client.terminal.command_result import exit_on_problem, print_json, screen

Name = Annotated[str, typer.Argument(metavar="NAME", help="The profile's name, for aws --profile NAME.")]
Write = Annotated[
    bool, typer.Option("--write", help="Write it to ~/.aws/config, or AWS_CONFIG_FILE, instead of printing it.")
]
Region = Annotated[
    str,
    typer.Option("--region", metavar="REGION", help="The profile's Region (default with --grant: the target's)."),
]


@grouped
def profile(
    name: Name,
    target: options.Target = None,
    *,
    grant: options.GrantId = None,
    request: options.ProfileParameters,
    wait: options.Wait = False,
    region: Region = "",
    write: Write = False,
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Print or write an AWS profile that uses Jitney.

    The profile gets its credentials from `jitney credentials` with these options. This command makes no request. The
    first AWS command with the profile makes it.

    Example: jitney profile q3 analytics-prod --call "aws s3 ls s3://reports" --reason "monthly report"
    """
    with exit_on_problem("profile", as_json=as_json):
        if grant:
            request.require_nothing(target)
            words = ["--grant", checked_grant_id(grant)]
            region = region or _region_of(grant, connection)
            settings = profile_settings(words, connection, wait=wait, region=region)
        else:
            settings = settings_for_request(target, request, connection, wait=wait, region=region)
        path = config_path(os.environ)
        _check_other_credentials(name, raises=write)
        replaced = write and aws_profile.write(path, name, settings)
        if as_json:
            print_json({"profile": name, "settings": settings, "file": str(path) if write else None})
        elif write:
            section = f"[{aws_profile.section_name(name)}]"
            done = f"Replaced {section} in" if replaced else f"Wrote {section} to"
            screen().note(f"{done} {path}. Use it: aws --profile {name} …")
        else:
            typer.echo(aws_profile.stanza(name, settings), nl=False)
        if aws_profile.lacks_region(aws_profile.written_settings(path, name) if write else settings, os.environ):
            screen().note(f"jitney: Profile {name} has no Region. {aws_profile.region_fix(name)}")


def _check_other_credentials(name: str, *, raises: bool) -> None:
    """Raise Invalid if SDKs would prefer the credentials file. Without `raises`, show a note instead."""
    try:
        aws_profile.require_own_credentials(os.environ, name)
    except Invalid as problem:
        if raises:
            raise
        screen().note(f"jitney: {problem.detail} {problem.fix}")


def _region_of(grant: str, connection: options.Connection) -> str:
    """Return the Region of the grant's target; "" if the broker names none."""
    with connection.broker() as broker:
        return broker.grant(grant).grant.region
