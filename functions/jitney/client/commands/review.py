"""`jitney review`: what a platform engineer does for the people who review."""

import typer

from jitney.client import options
from jitney.client.command_result import exit_on_problem, print_json, screen
from jitney.client.grouping import grouped
from jitney.client.problems import ClientProblem

review = typer.Typer(no_args_is_help=True, help="The people who review, for operators.")


@review.callback()
def _group() -> None:
    """A group, with however few commands."""


@review.command("check")
@grouped
def check_reviews(*, as_json: options.AsJson = False, connection: options.Connection) -> None:
    """Try whether each channel and each reviewer can be reached, as an operator. Nobody is written to."""
    with exit_on_problem("review check", as_json=as_json), connection.broker() as broker:
        check = broker.check_reviews()
        if as_json:
            print_json(check.document())
        else:
            screen().reach(check)
        if not check.passed:
            raise typer.Exit(ClientProblem.exit_code)
