"""`jitney grants`: list, show, release and revoke grants."""

from typing import Annotated

import typer

from jitney.client.api.broker import Broker
from jitney.client.api.responses import GrantResponse
from jitney.client.inputs import options
from jitney.client.inputs.command_group import command_group
from jitney.client.inputs.grouping import grouped
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen, show, wait_with_progress

grants = command_group("List and show your grants; release or revoke one.")

GrantId = Annotated[str, typer.Argument(metavar="ID", help="The grant's id: g-…")]
Cursor = Annotated[
    str, typer.Option("--cursor", metavar="CURSOR", help="Show the next page: `next` of the previous page.")
]


@grants.command("list")
@grouped
def list_grants(*, cursor: Cursor = "", as_json: options.AsJson = False, connection: options.Connection) -> None:
    """List your grants.

    Example: jitney grants list
    """
    with exit_on_problem("grants list", as_json=as_json), connection.broker() as broker:
        page = broker.grants(cursor)
        print_result(page.document(), lambda: screen(broker.clock.now).page(page), as_json=as_json)


@grants.command("release")
@grouped
def release_grant(grant: GrantId, *, as_json: options.AsJson = False, connection: options.Connection) -> None:
    """Release one of your grants. Its credentials stop working within seconds, wherever they are.

    Example: jitney grants release g-abcdefghijklm2
    """
    with exit_on_problem("grants release", as_json=as_json), connection.broker() as broker:
        _show_ended(broker, broker.release(grant), as_json=as_json)


@grants.command("revoke")
@grouped
def revoke_grant(
    grant: GrantId,
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the agent and the auditor.")],
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Revoke an agent's grant.

    Operators, the grant's reviewers, the agent's owners, and the person on whose behalf it acts can do so. The grant's
    credentials stop working within seconds, wherever they are.

    Example: jitney grants revoke g-abcdefghijklm2 --reason "the laptop was stolen"
    """
    with exit_on_problem("grants revoke", as_json=as_json), connection.broker() as broker:
        _show_ended(broker, broker.revoke(grant, reason), as_json=as_json)


def _show_ended(broker: Broker, answer: GrantResponse, *, as_json: bool) -> None:
    """Print the grant. The exit code is 0, because the command was to end the grant."""
    print_result(answer.document(), lambda: screen(broker.clock.now).answer(answer), as_json=as_json)


@grants.command("show")
@grouped
def show_grant(
    grant: GrantId,
    *,
    waiting: options.WaitParameters,
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Show one grant. With --wait, wait for the end of its review first. The exit code depends on the grant's state.

    Example: jitney grants show g-abcdefghijklm2 --wait
    """
    with exit_on_problem("grants show", as_json=as_json), connection.broker() as broker:
        at_most = waiting.at_most
        answer = broker.grant(grant)
        show(broker, wait_with_progress(broker, answer, at_most) if waiting.waits else answer, as_json=as_json)
