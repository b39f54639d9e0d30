"""`jitney credentials`: the credential_process contract of the AWS CLI and SDKs."""

import json
import os
import shlex
import sys
from typing import Annotated

import typer

from jitney.client import options
from jitney.client.command_result import exit_on_problem
from jitney.client.credential_lookup import cached_or_new_grant, grant_by_id, wait_for_credentials
from jitney.client.grouping import grouped
from jitney.client.responses import GrantWithCredentials
from jitney.client.settings import xdg

Anew = Annotated[bool, typer.Option("--new-grant", help="Ask again, whatever grant is remembered for this request.")]


@grouped
def credentials(
    target: options.Target = None,
    *,
    grant: options.GrantId = None,
    asking: options.RequestOptions,
    waiting: options.WaitOptions,
    anew: Anew = False,
    connection: options.Connection,
) -> None:
    """Hand credentials to the AWS CLI or an SDK, as its `credential_process`. `jitney profile` writes that setting.

    Asks once and then uses the same grant until it ends; only the grant's id is kept. Not for reading: on a terminal it
    refuses.
    """
    with exit_on_problem("credentials"):
        if sys.stdout.isatty():
            raise options.invalid("Keys are not shown on a terminal.", "Use jitney run, or jitney profile.")
        if grant:
            asking.require_nothing(target)
        at_most = waiting.at_most
        with connection.broker() as broker:
            if grant:
                answer = grant_by_id(broker, grant)
            else:
                ask = asking.ask(target)
                folder = xdg(os.environ, "XDG_STATE_HOME", ".local/state")
                command = shlex.join(["jitney", *sys.argv[1:]])
                answer = cached_or_new_grant(broker, ask, folder, command, anew=anew)
            issued = wait_for_credentials(broker, answer, wait=waiting.wait, at_most=at_most)
        typer.echo(json.dumps(_process_output(issued)))


def _process_output(issued: GrantWithCredentials) -> dict[str, str | int]:
    """What the SDKs read: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html."""
    return {
        "Version": 1,
        "AccessKeyId": issued.credentials.access_key_id,
        "SecretAccessKey": issued.credentials.secret_access_key,
        "SessionToken": issued.credentials.session_token,
        "Expiration": issued.credentials.expiration,
    }
