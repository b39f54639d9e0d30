"""`jitney review`: list and show requests, vote on them, and check how reviewers are reached."""

from typing import Annotated

import typer

from jitney.client.api.reviews import ApiShownReview
from jitney.client.commands.review_rejections import reject_all
from jitney.client.commands.review_votes import approve_review, reject_review
from jitney.client.inputs import options
from jitney.client.inputs.command_group import command_group
from jitney.client.inputs.grouping import grouped
from jitney.client.problems import ClientProblem
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen
from jitney.client.terminal.review_screen import show_list, show_next, show_review

review = command_group("Review requests in a terminal, as a reviewer.")

_Request = Annotated[str, typer.Argument(metavar="ID", help="The request's id: g-…")]


@review.command("list")
@grouped
def list_reviews(*, as_json: options.AsJson = False, connection: options.Connection) -> None:
    """List the requests that you may review.

    Example: jitney review list
    """
    with exit_on_problem("review list", as_json=as_json), connection.reviewer() as broker:
        found = broker.reviews()
        print_result(dict(found.whole), lambda: show_list(found), as_json=as_json)


@review.command("show")
@grouped
def show_request(request: _Request, *, as_json: options.AsJson = False, connection: options.Connection) -> None:
    """Show one request, with everything that its page shows.

    Example: jitney review show g-abcdefghijklm2
    """
    with exit_on_problem("review show", as_json=as_json), connection.reviewer() as broker:
        found = broker.review(request)
        print_result(dict(found.whole), lambda: _show(found), as_json=as_json)


def _show(found: ApiShownReview) -> None:
    show_review(found, details=True)
    show_next(found)


review.command("approve")(approve_review)
review.command("reject")(reject_review)
review.command("reject-all")(reject_all)


@review.command("check")
@grouped
def check_reviews(*, as_json: options.AsJson = False, connection: options.Connection) -> None:
    """Test whether each channel and each reviewer can be reached. For operators. Sends no message.

    Example: jitney review check
    """
    with exit_on_problem("review check", as_json=as_json), connection.broker() as broker:
        check = broker.check_reviews()
        print_result(check.document(), lambda: screen().contacts(check), as_json=as_json)
        if not check.passed:
            raise typer.Exit(ClientProblem.exit_code)
