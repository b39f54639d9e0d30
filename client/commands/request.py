"""`jitney request`: ask for access, and be told the grant; or, as a dry run, what policy would say."""

import os
from typing import Annotated

import typer

from client import options
from client.asking import Ask
from client.broker import Broker
from client.problems import Denied, Pending
from client.reporting import print_json, reporting, screen, show, waited
from client.settings import Options, connect

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what policy would decide. Issues nothing, asks nobody.")
]

# A dry run ends as the request would.
_EFFECTS = {"allow": 0, "review": Pending.exit_code}


def request(
    target: options.RequiredTarget,
    *,
    action: options.Actions = None,
    resource: options.Resources = None,
    permissions: options.Permissions = None,
    call: options.Calls = None,
    duration: options.For = "5m",
    reason: options.Reason = "",
    ticket: options.Ticket = "",
    dry_run: DryRun = False,
    wait: options.Wait = False,
    wait_at_most: options.WaitAtMost = None,
    as_json: options.AsJson = False,
    api: options.Api = "",
    token_file: options.TokenFile = "",
    token_command: options.TokenCommand = "",
) -> None:
    """Ask for access to TARGET. Prints the grant, never its keys: `jitney run --grant ID` uses it.

    While a review is open, and without --wait, the exit code is 4.
    """
    with reporting("request", as_json=as_json):
        ask = options.make_ask(target, action, resource, permissions, duration, reason, ticket, call or ())
        at_most = options.seconds("--wait-at-most", wait_at_most) if wait_at_most else None
        with connect(Options(api, token_file, token_command), os.environ) as broker:
            if dry_run:
                _preview(broker, ask, as_json=as_json)
            else:
                answer = broker.request(ask)
                show(waited(broker, answer, at_most) if wait else answer, as_json=as_json)


def _preview(broker: Broker, ask: Ask, *, as_json: bool) -> None:
    decision = broker.decision(ask)
    if as_json:
        print_json(decision.document())
    else:
        screen().decision(decision, ask)
    raise typer.Exit(_EFFECTS.get(decision.effect, Denied.exit_code))
