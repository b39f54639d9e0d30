"""`jitney run`: get access and run one command with it."""

import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from client import options
from client.child import child_environment, run_child
from client.obtaining import by_id, usable
from client.problems import Problem
from client.reporting import reporting, screen
from client.settings import Options, connect

Keep = Annotated[bool, typer.Option("--keep", help="Do not give the grant back when COMMAND has ended.")]


class CommandAfterDashes(TyperCommand):
    """Keeps what stands after the first `--` from the parser: TARGET is optional, and the child has options too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses up to `--`; the rest is in `ctx.meta["child"]`."""
        at = args.index("--") if "--" in args else len(args)
        ctx.meta["child"] = args[at + 1 :]
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line, with the command at its end."""
        return [*super().collect_usage_pieces(ctx), "-- COMMAND [ARGS]..."]


def aws_calls(command: Sequence[str]) -> tuple[str, ...]:
    """The command line to ask with, when the command is the AWS CLI; () for any other, which must be told."""
    if not command or Path(command[0]).name != "aws":
        return ()
    return (shlex.join(["aws", *command[1:]]),)


def run(
    context: typer.Context,
    target: options.Target = None,
    *,
    grant: options.GrantId = None,
    action: options.Actions = None,
    resource: options.Resources = None,
    permissions: options.Permissions = None,
    duration: options.For = "5m",
    reason: options.Reason = "",
    ticket: options.Ticket = "",
    wait: options.Wait = True,
    wait_at_most: options.WaitAtMost = None,
    keep: Keep = False,
    api: options.Api = "",
    token_file: options.TokenFile = "",
    token_command: options.TokenCommand = "",
) -> None:
    """Run COMMAND with AWS credentials in its environment, and nowhere else.

    An AWS CLI command needs no --action and --resource: the broker works out what it takes. Waits while the request is
    under review, then goes on by itself. The exit code is the command's own. Once the command has ended, the grant is
    given back, so that nothing is left of the keys; with --grant or --keep it is not.
    """
    child: list[str] = context.meta["child"]
    with reporting("run", tail=["--", *child]):
        if not child:
            fix = "Put it after two dashes: jitney run TARGET … -- aws s3 cp s3://reports/2026/q3.csv ."
            raise options.invalid("There is no command to run.", fix)
        if shutil.which(child[0]) is None:
            raise options.invalid(f"{child[0]} is not a command here.", "Check its name and PATH.")
        at_most = options.seconds("--wait-at-most", wait_at_most) if wait_at_most else None
        with connect(Options(api, token_file, token_command), os.environ) as broker:
            if grant:
                answer = by_id(broker, grant)
            else:
                calls = aws_calls(child)
                ask = options.make_ask(target, action, resource, permissions, duration, reason, ticket, calls)
                answer = broker.request(ask)
            issued = usable(broker, answer, wait=wait, at_most=at_most)
        code = run_child(child, child_environment(os.environ, issued))
        if not grant and not keep:
            _release(issued.grant.id, Options(api, token_file, token_command))
        raise typer.Exit(code)


def _release(grant_id: str, chosen: Options) -> None:
    """Give the grant back; if that fails, the command's own exit code stays, and its end is near anyway."""
    try:
        with connect(chosen, os.environ) as broker:
            broker.release(grant_id)
    except Problem as problem:
        screen().note(f"jitney: {grant_id} was not given back: {problem.title}. It ends by itself.")
