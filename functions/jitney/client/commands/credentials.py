"""`jitney credentials`: the `credential_process` of the AWS CLI and SDKs."""

from typing import Annotated

import typer

from jitney.client.credentials import credential_process
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped

NewGrant = Annotated[bool, typer.Option("--new-grant", help="Make a new request, even if a grant is remembered.")]


@grouped
def credentials(
    target: options.Target = None,
    *,
    grant: options.GrantId = None,
    request: options.RequestParameters,
    waiting: options.WaitParameters,
    new_grant: NewGrant = False,
    connection: options.Connection,
) -> None:
    """Give credentials to AWS SDKs, as their credential_process. `jitney profile` writes that setting.

    The first run makes a request, later runs use the same grant until it ends. Only the grant's id is kept. On a
    terminal this command prints no keys.

    Example: jitney credentials --grant g-abcdefghijklm2
    """
    given = credential_process.CredentialOptions(target, grant, new_grant, request, waiting, connection)
    credential_process.print_credentials(given)
