"""`jitney credentials`, without the other commands' parser and screen, because an SDK runs it at each start.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jitney.client.command_result import exit_on_problem
from jitney.client.credential_lookup import cached_or_new_grant, grant_by_id, wait_for_credentials
from jitney.client.request_options import RequestOptions, WaitOptions, invalid
from jitney.client.responses import ApiCredentials
from jitney.client.settings import ConnectionOptions, connect, xdg

# Each option that takes a value, the group it belongs to, its field there, and whether it may be repeated.
_VALUES: Mapping[str, tuple[str, str, bool]] = {
    "--action": ("request", "action", True),
    "--resource": ("request", "resource", True),
    "--permissions": ("request", "permissions", False),
    "--call": ("request", "call", True),
    "--for": ("request", "duration", False),
    "--reason": ("request", "reason", False),
    "--ticket": ("request", "ticket", False),
    "--wait-at-most": ("waiting", "wait_at_most", False),
    "--api": ("connection", "api", False),
    "--token-file": ("connection", "token_file", False),
    "--token-command": ("connection", "token_command", False),
    "--grant": ("", "grant", False),
}
_FLAGS: Mapping[str, tuple[str, str, bool]] = {
    "--wait": ("waiting", "wait", True),
    "--no-wait": ("waiting", "wait", False),
    "--new-grant": ("", "new_grant", True),
}


@dataclass(frozen=True, slots=True)
class CredentialOptions:
    """The options of `jitney credentials`."""

    target: str | None = None
    grant: str | None = None
    new_grant: bool = False
    request: RequestOptions = field(default_factory=RequestOptions)
    waiting: WaitOptions = field(default_factory=WaitOptions)
    connection: ConnectionOptions = field(default_factory=ConnectionOptions)


def parse(words: Sequence[str]) -> CredentialOptions | None:
    """Return the options of a command line by `jitney profile`; None for other lines, which need the full parser."""
    groups: dict[str, dict[str, Any]] = {"": {}, "request": {}, "waiting": {}, "connection": {}}
    left = iter(words)
    for word in left:
        if word in _FLAGS:
            group, name, value = _FLAGS[word]
            groups[group][name] = value
        elif word in _VALUES:
            group, name, repeatable = _VALUES[word]
            given = next(left, "-")
            if given.startswith("-"):
                return None
            groups[group][name] = [*groups[group].get(name, []), given] if repeatable else given
        elif word.startswith("-") or "target" in groups[""]:
            return None
        else:
            groups[""]["target"] = word
    return CredentialOptions(
        request=RequestOptions(**groups["request"]),
        waiting=WaitOptions(**groups["waiting"]),
        connection=ConnectionOptions(**groups["connection"]),
        **groups[""],
    )


def print_credentials(options: CredentialOptions) -> None:
    """Print the credentials of the grant that the options name or request, in the form that SDKs read."""
    with exit_on_problem("credentials"):
        if sys.stdout.isatty():
            raise invalid("Keys are not shown on a terminal.", "Use jitney run, or jitney profile.")
        if options.grant:
            options.request.require_nothing(options.target)
        at_most = options.waiting.at_most
        with connect(options.connection, os.environ) as broker:
            if options.grant:
                answer = grant_by_id(broker, options.grant)
            else:
                request = options.request.grant_request(options.target)
                folder = xdg(os.environ, "XDG_STATE_HOME", ".local/state")
                command = shlex.join(["jitney", *sys.argv[1:]])
                answer = cached_or_new_grant(broker, request, folder, command, force_new=options.new_grant)
            issued = wait_for_credentials(broker, answer, wait=options.waiting.wait, at_most=at_most)
        sys.stdout.write(json.dumps(_process_output(issued.credentials)) + "\n")


def _process_output(credentials: ApiCredentials) -> dict[str, str | int]:
    return {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expiration,
    }
