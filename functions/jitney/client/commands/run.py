"""`jitney run`: get access and run one command with it."""

import os
import shlex
import shutil
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from jitney.client import options
from jitney.client.child import child_environment, run_child
from jitney.client.command_result import exit_on_problem, screen
from jitney.client.credential_lookup import grant_by_id, wait_for_credentials
from jitney.client.grouping import grouped
from jitney.client.problems import ClientProblem

Keep = Annotated[bool, typer.Option("--keep", help="Do not give the grant back when COMMAND has ended.")]


class CommandAfterDashes(TyperCommand):
    """Keeps what stands after the first `--` from the parser: TARGET is optional, and the child has options too."""

    # A command without the dashes before it comes as extra arguments; `command_of` says so better than the parser.
    allow_extra_args = True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses up to `--`; the rest is in `ctx.meta["child"]`."""
        at = args.index("--") if "--" in args else len(args)
        ctx.meta["child"] = args[at + 1 :]
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line, with the command at its end."""
        return [*super().collect_usage_pieces(ctx), "-- COMMAND [ARGS]..."]


def command_of(context: typer.Context, example: str) -> list[str]:
    """The command after the dashes. Raises Invalid, saying how, when it is missing, quoted as one, or before them."""
    fix = f"Put it after two dashes: {example}"
    if context.args:
        raise options.invalid(f"{shlex.join(context.args)} stands before the two dashes, or they are missing.", fix)
    command: list[str] = context.meta["child"]
    if not command:
        raise options.invalid("There is no command.", fix)
    if len(command) == 1 and len(command[0].split()) > 1 and shutil.which(command[0]) is None:
        fix = "Drop the quotes around it: no shell reads it, so that pipes are refused."
        raise options.invalid("The command is one quoted argument.", fix)
    return command


@dataclass(frozen=True, slots=True)
class WaitByDefault(options.WaitOptions):
    """Here somebody waits for the command anyway."""

    wait: options.Wait = True


@grouped
def run(
    context: typer.Context,
    target: options.Target = None,
    *,
    grant: options.GrantId = None,
    asking: options.RequestOptions,
    waiting: WaitByDefault,
    keep: Keep = False,
    connection: options.Connection,
) -> None:
    """Run COMMAND with AWS credentials in its environment, and nowhere else.

    An AWS CLI command needs no --action, --resource or --call: the broker works out what it takes. Waits while the
    request is under review, then goes on by itself. The exit code is the command's own. Once the command has ended, the
    grant is given back, so that nothing is left of the keys; with --grant or --keep it is not.
    """
    with exit_on_problem("run", tail=["--", *context.meta["child"]]):
        child = command_of(context, "jitney run TARGET … -- aws s3 cp s3://reports/2026/q3.csv -")
        if shutil.which(child[0]) is None:
            raise options.invalid(f"{child[0]} is not a command here.", "Check its name and PATH.")
        if grant:
            asking.require_nothing(target)
        at_most = waiting.at_most
        with connection.broker() as broker:
            answer = grant_by_id(broker, grant) if grant else broker.request(asking.ask(target, child))
            issued = wait_for_credentials(broker, answer, wait=waiting.wait, at_most=at_most)
        try:
            code = run_child(child, child_environment(os.environ, issued))
        finally:
            if not grant and not keep:
                _release(issued.grant.id, connection)
        raise typer.Exit(code)


def _release(grant_id: str, connection: options.Connection) -> None:
    """Give the grant back; if that fails, the command's own exit code stays, and its end is near anyway."""
    try:
        with connection.broker() as broker:
            broker.release(grant_id)
    except ClientProblem as problem:
        screen().note(f"jitney: {grant_id} was not given back: {problem.title}. It ends by itself.")
