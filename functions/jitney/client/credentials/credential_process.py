"""`jitney credentials`, without the other commands' parser and screen, because an SDK runs it at each start.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jitney.client.background.asking import ask
from jitney.client.background.need import PROFILE, EndpointNeed, endpoints_folder
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.request_options import RequestOptions, WaitOptions, invalid
from jitney.client.problems import ClientProblem, ReviewPending
from jitney.client.terminal.command_result import exit_on_problem, wait_with_progress

CREDENTIALS_PATH = "/.jitney/credentials"

# Each option that takes a value, the group it belongs to, its field there, and whether it may be repeated.
_VALUES: Mapping[str, tuple[str, str, bool]] = {
    "--action": ("request", "action", True),
    "--resource": ("request", "resource", True),
    "--permissions": ("request", "permissions", False),
    "--call": ("request", "call", True),
    "--for": ("request", "duration", False),
    "--reason": ("request", "reason", False),
    "--ticket": ("request", "ticket", False),
    "--changed": ("request", "changed", False),
    "--wait-at-most": ("waiting", "wait_at_most", False),
    "--settings-file": ("connection", "settings_file", False),
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
            if not given or given.startswith("-"):
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


# After a rejection, the broker refuses the unchanged request for a day, and a profile makes the request of its command.
_AGAIN = {
    "grant_rejected": "To request it again, add --changed TEXT to the command, in the profile too: {}",
    "grant_revoked": "To make the same request once more: {} --new-grant > /dev/null",
}


def print_credentials(options: CredentialOptions) -> None:
    """Print credentials of the grant that the options name or request, in the form that SDKs read.

    They come from the background endpoint for these options, which is started if it is not running.
    """
    with exit_on_problem("credentials"):
        if sys.stdout.isatty():
            raise invalid("Keys are not shown on a terminal.", "Use jitney run, or jitney profile.")
        if options.grant:
            options.request.require_nothing(options.target)
        at_most = options.waiting.at_most
        access = options.grant or options.request.credentials_request(options.target)
        need = EndpointNeed(PROFILE, access, options.connection)
        try:
            found = _asked(need, new_grant=options.new_grant)
        except ReviewPending as problem:
            if not options.waiting.waits:
                raise
            from jitney.client.inputs.settings import connect  # noqa: PLC0415 - few processes wait

            with connect(need.connection) as broker:
                wait_with_progress(broker, problem.answer, at_most)
            found = _asked(need, "POST")  # the endpoint may remember for a second that the review was pending
        sys.stdout.write(json.dumps(_process_output(found)) + "\n")


def _asked(need: EndpointNeed, method: str = "GET", *, new_grant: bool = False) -> Mapping[str, Any]:
    """Return the endpoint's credentials. Raises its problem, with what to do after a rejection or revocation."""
    folder = endpoints_folder()
    try:
        answer = None if new_grant else ask(folder, need.key(), method, CREDENTIALS_PATH)
        if answer is None:
            from jitney.client.background.starting import start_and_ask  # noqa: PLC0415 - the endpoint mostly runs already

            answer = start_and_ask(folder, need, method, CREDENTIALS_PATH, new_grant=new_grant)
        return answer.content()
    except ClientProblem as problem:
        problem.request = None if isinstance(need.access, str) else need.access
        if problem.code in _AGAIN and problem.request:
            again = _AGAIN[problem.code].format(shlex.join(["jitney", *sys.argv[1:]]))
            problem.fix = f"{problem.fix} {again}".lstrip()
        raise


def _process_output(found: Mapping[str, Any]) -> dict[str, str | int]:
    named = {name: found[name] for name in ("AccessKeyId", "SecretAccessKey", "Expiration")}
    return {"Version": 1, "SessionToken": found["Token"], **named}
