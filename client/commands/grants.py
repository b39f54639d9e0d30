"""`jitney grants`: one's own grants."""

import os
from typing import Annotated

import typer

from client import options
from client.answers import Answer
from client.reporting import print_json, reporting, screen, show, waited
from client.settings import Options, connect

grants = typer.Typer(no_args_is_help=True, help="Your own grants: what they allow, until when, what became of them.")

Cursor = Annotated[str, typer.Option("--cursor", metavar="CURSOR", help="Continue an earlier list: its `next`.")]


@grants.command("list")
def list_grants(
    *,
    cursor: Cursor = "",
    as_json: options.AsJson = False,
    api: options.Api = "",
    token_file: options.TokenFile = "",
    token_command: options.TokenCommand = "",
) -> None:
    """List your grants."""
    with (
        reporting("grants list", as_json=as_json),
        connect(Options(api, token_file, token_command), os.environ) as broker,
    ):
        page = broker.grants(cursor)
        if as_json:
            print_json(page.document())
        else:
            screen().page(page)


@grants.command("release")
def release_grant(
    grant: Annotated[str, typer.Argument(metavar="ID", help="The grant's id: g-…")],
    *,
    as_json: options.AsJson = False,
    api: options.Api = "",
    token_file: options.TokenFile = "",
    token_command: options.TokenCommand = "",
) -> None:
    """Give one grant back: its credentials stop working, within seconds, wherever they are."""
    with (
        reporting("grants release", as_json=as_json),
        connect(Options(api, token_file, token_command), os.environ) as broker,
    ):
        _show_ended(broker.release(grant), as_json=as_json)


@grants.command("revoke")
def revoke_grant(
    grant: Annotated[str, typer.Argument(metavar="ID", help="The grant's id: g-…")],
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the agent and the auditor.")],
    as_json: options.AsJson = False,
    api: options.Api = "",
    token_file: options.TokenFile = "",
    token_command: options.TokenCommand = "",
) -> None:
    """Take anybody's grant back, as an operator: its credentials stop working, within seconds, wherever they are."""
    with (
        reporting("grants revoke", as_json=as_json),
        connect(Options(api, token_file, token_command), os.environ) as broker,
    ):
        _show_ended(broker.revoke(grant, reason), as_json=as_json)


def _show_ended(answer: Answer, *, as_json: bool) -> None:
    """The grant on standard output: that it has ended is what was asked for."""
    if as_json:
        print_json(answer.document())
    else:
        screen().answer(answer)


@grants.command("show")
def show_grant(
    grant: Annotated[str, typer.Argument(metavar="ID", help="The grant's id: g-…")],
    *,
    wait: options.Wait = False,
    wait_at_most: options.WaitAtMost = None,
    as_json: options.AsJson = False,
    api: options.Api = "",
    token_file: options.TokenFile = "",
    token_command: options.TokenCommand = "",
) -> None:
    """Show one grant; with --wait, once its review is over. The exit code says what became of it."""
    with (
        reporting("grants show", as_json=as_json),
        connect(Options(api, token_file, token_command), os.environ) as broker,
    ):
        at_most = options.seconds("--wait-at-most", wait_at_most) if wait_at_most else None
        answer = broker.grant(grant)
        show(waited(broker, answer, at_most) if wait else answer, as_json=as_json)
