"""`jitney request`: ask for access, and be told the grant; or, as a dry run, what policy would say."""

from typing import Annotated

import typer

from jitney.client import options
from jitney.client.broker import Broker
from jitney.client.command_result import exit_on_problem, print_json, screen, show, wait_with_progress
from jitney.client.grant_request import GrantRequest
from jitney.client.grouping import grouped
from jitney.client.problems import Denied, ReviewPending

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what policy would decide. Issues nothing, asks nobody.")
]

# A dry run ends as the request would.
_EFFECTS = {"allow": 0, "review": ReviewPending.exit_code}


@grouped
def request(
    target: options.RequiredTarget,
    *,
    asking: options.RequestOptions,
    dry_run: DryRun = False,
    waiting: options.WaitOptions,
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Ask for access to TARGET. Prints the grant, never its keys: `jitney run --grant ID` uses it.

    While a review is open, and without --wait, the exit code is 4.
    """
    with exit_on_problem("request", as_json=as_json):
        ask, at_most = asking.ask(target), waiting.at_most
        with connection.broker() as broker:
            if dry_run:
                _preview(broker, ask, as_json=as_json)
            else:
                answer = broker.request(ask)
                show(wait_with_progress(broker, answer, at_most) if waiting.wait else answer, as_json=as_json)


def _preview(broker: Broker, ask: GrantRequest, *, as_json: bool) -> None:
    decision = broker.decision(ask)
    if as_json:
        print_json(decision.document())
    else:
        screen().decision(decision, ask)
    raise typer.Exit(_EFFECTS.get(decision.effect, Denied.exit_code))
