"""The settings of an AWS profile whose credentials come from `jitney credentials`."""

import re
from pathlib import Path

from jitney.client.api.grant_request import GrantRequest
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.request_options import RequestOptions, invalid
from jitney.client.inputs.setting_files import absolute_path
from jitney.client.processes.own_program import own_program
from jitney.client.profiles import aws_profile
from jitney.client.terminal import wording

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+", re.ASCII)
_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9*?-]*:[^:]*:.", re.ASCII)


def settings_for_request(
    target: str | None, request: RequestOptions, connection: ConnectionOptions, *, wait: bool = False, region: str = ""
) -> dict[str, str]:
    """Return the settings of a profile that makes this request. Raises Invalid that names a wrong option."""
    if request.permissions == "-":
        raise invalid("A profile cannot read standard input.", "Give --permissions a file, and keep it there.")
    checked = _checked(request.credentials_request(target))  # first, because it names a file that cannot be read
    source = str(absolute_path(Path(request.permissions))) if request.permissions else ""
    words = wording.arguments(checked, source)
    return profile_settings(words, connection, wait=wait, region=region)


def profile_settings(
    words: list[str], connection: ConnectionOptions, *, wait: bool = False, region: str = ""
) -> dict[str, str]:
    """Return the settings of a profile for the arguments of `jitney credentials`. Raises Invalid."""
    line = [own_program(), "credentials", *words, *connection.arguments(), *(["--wait"] if wait else [])]
    settings = {"credential_process": aws_profile.command_line(line)}
    return settings | ({"region": aws_profile.checked_region(region)} if region else {})


def _checked(request: GrantRequest) -> GrantRequest:
    """Return the request.

    Raises Invalid for malformed names, because the broker sees them only when the profile is used.
    """
    for permission in request.permissions:
        for action in permission.actions:
            if not _ACTION.fullmatch(action):
                raise invalid(f"{action!r} is not an action.", "Write it like s3:GetObject.")
        for resource in permission.resources:
            if resource != "*" and not _ARN.match(resource):
                raise invalid(f"{resource!r} is not an ARN.", "Write it like arn:aws:s3:::BUCKET/KEY, or *.")
    return request
