"""`jitney review`: check how reviewers are reached."""

import typer

from jitney.client import options
from jitney.client.command_group import command_group
from jitney.client.command_result import exit_on_problem, print_json, screen
from jitney.client.grouping import grouped
from jitney.client.problems import ClientProblem

review = command_group("Check how reviewers are reached. For operators.")


@review.callback()
def _group() -> None:
    """Keeps the name of the only command."""


@review.command("check")
@grouped
def check_reviews(*, as_json: options.AsJson = False, connection: options.Connection) -> None:
    """Test whether each channel and each reviewer can be reached. For operators. Sends no message.

    Example: jitney review check
    """
    with exit_on_problem("review check", as_json=as_json), connection.broker() as broker:
        check = broker.check_reviews()
        if as_json:
            print_json(check.document())
        else:
            screen().contacts(check)
        if not check.passed:
            raise typer.Exit(ClientProblem.exit_code)
