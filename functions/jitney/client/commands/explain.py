"""`jitney explain`: the actions and resources that an AWS CLI command needs."""

import re
import shlex
from typing import Annotated

import typer

from jitney.client.api.explaining import explain_offline
from jitney.client.api.grant_request import GrantRequest, aws_cli_calls
from jitney.client.commands.run import command_of
from jitney.client.inputs import options
from jitney.client.inputs.call_files import with_contents
from jitney.client.inputs.grouping import grouped
from jitney.client.inputs.request_options import invalid
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen

_ACCOUNT, _REGION = re.compile(r"[0-9]{12}", re.ASCII), re.compile(r"[a-z]{2,8}(-[a-z]+)+-[0-9]{1,2}", re.ASCII)

Account = Annotated[str, typer.Option("--account", metavar="ID", help="Without TARGET: the account in the ARNs.")]
Region = Annotated[str, typer.Option("--region", metavar="REGION", help="Without TARGET: the Region in the ARNs.")]


@grouped
def explain(
    context: typer.Context,
    target: options.Target = None,
    *,
    account: Account = "123456789012",
    region: Region = "us-east-1",
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Show which permissions an AWS CLI command needs, and why. Runs and issues nothing.

    Without TARGET it works offline. With TARGET the broker answers, for the target's account and Region, and shows what
    policy would decide.

    Example: jitney explain -- aws s3 cp s3://reports/2026/q3.csv .
    """
    with exit_on_problem("explain", as_json=as_json, tail=["--", *context.meta["child"]]):
        child = command_of(context, "jitney explain -- aws s3 ls")
        (line,) = with_contents(aws_cli_calls(child) or (shlex.join(child),))
        if not target:
            if not _ACCOUNT.fullmatch(account):
                raise invalid(f"{account!r} is not an AWS account.", "Give --account 12 digits.")
            if not _REGION.fullmatch(region):
                raise invalid(f"{region!r} is not a Region.", "Give --region one like eu-west-1.")
            needs = explain_offline(line, account, region)
            document = {"explanation": [need.document() for need in needs]}
            print_result(document, lambda: screen().explanation(needs), as_json=as_json)
            return
        request = GrantRequest(target, (), 300, "What would this call need?", calls=(line,))
        with connection.broker() as broker:
            decision = broker.decision(request)
        print_result(decision.document(), lambda: screen().decision(decision, request), as_json=as_json)
