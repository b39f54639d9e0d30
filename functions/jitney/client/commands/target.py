"""`jitney target`: check the accounts that Jitney grants access to."""

from typing import Annotated

import typer

from jitney.client.inputs import options
from jitney.client.inputs.command_group import command_group
from jitney.client.inputs.grouping import grouped
from jitney.client.problems import ClientProblem
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen

target = command_group("Check the accounts that Jitney grants access to. For operators.")


@target.callback()
def _group() -> None:
    """Does nothing: without a callback, typer would drop the name of the only command."""


@target.command("check")
@grouped
def check_target(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The target's alias, such as analytics-prod.")],
    *,
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Test what a target's roles allow and refuse. For operators. Changes nothing.

    Example: jitney target check analytics-prod
    """
    with exit_on_problem("target check", as_json=as_json), connection.broker() as broker:
        check = broker.check_target(alias)
        print_result(check.document(), lambda: screen().check(check), as_json=as_json)
        if not check.passed:
            raise typer.Exit(ClientProblem.exit_code)
