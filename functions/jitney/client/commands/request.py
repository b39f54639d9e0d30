"""`jitney request`: request access, or ask in a dry run what policy would decide."""

from typing import Annotated

import typer

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.problems import Denied, ReviewPending
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen, show, wait_with_progress

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what policy would decide. Issues nothing, notifies no reviewer.")
]

# A dry run has the exit code of the request.
_EFFECTS = {"allow": 0, "review": ReviewPending.exit_code}


@grouped
def request(
    target: options.RequiredTarget,
    *,
    access: options.RequestParameters,
    dry_run: DryRun = False,
    waiting: options.WaitParameters,
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Request access to TARGET. Prints the grant, never its keys: use it with `jitney run --grant ID`.

    If the request needs a review and --wait is not given, the exit code is 4.

    Example: jitney request analytics-prod --call "aws s3 ls s3://reports" --reason "monthly report"
    """
    with exit_on_problem("request", as_json=as_json):
        wanted, at_most = access.grant_request(target), waiting.at_most
        with connection.broker() as broker:
            if dry_run:
                _preview(broker, wanted, as_json=as_json)
            else:
                answer = broker.request(wanted)
                show(broker, wait_with_progress(broker, answer, at_most) if waiting.waits else answer, as_json=as_json)


def _preview(broker: Broker, wanted: GrantRequest, *, as_json: bool) -> None:
    decision = broker.decision(wanted)
    print_result(decision.document(), lambda: screen().decision(decision, wanted), as_json=as_json)
    raise typer.Exit(_EFFECTS.get(decision.effect, Denied.exit_code))
