"""`jitney run`: get access, run one command with it, and release it."""

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
from jitney.client.request_options import invalid

Keep = Annotated[bool, typer.Option("--keep", help="Do not release the grant when COMMAND has ended.")]


class CommandAfterDashes(TyperCommand):
    """Hides what follows the first `--` from the parser, since TARGET is optional and the command has options too."""

    # A command without the dashes comes as extra arguments: `command_of` explains that better than the parser.
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
    """The command after the dashes. Raises Invalid when it is missing, quoted as one argument, or before the dashes."""
    fix = f"Put it after two dashes: {example}"
    if context.args:
        raise invalid(f"{shlex.join(context.args)} comes before the two dashes, or they are missing.", fix)
    command: list[str] = context.meta["child"]
    if not command:
        raise invalid("The command is missing.", fix)
    if len(command) == 1 and len(command[0].split()) > 1 and shutil.which(command[0]) is None:
        fix = "Remove the quotes around it. No shell runs it, so pipes and variables do not work."
        raise invalid("The command is one quoted argument.", fix)
    return command


@dataclass(frozen=True, slots=True)
class WaitByDefault(options.WaitParameters):
    """Waits unless --no-wait is given, since the command cannot run before."""

    wait: options.Wait = True


@grouped
def run(
    context: typer.Context,
    target: options.Target = None,
    *,
    grant: options.GrantId = None,
    request: options.RequestParameters,
    waiting: WaitByDefault,
    keep: Keep = False,
    connection: options.Connection,
) -> None:
    """Run COMMAND with AWS credentials in its environment, and nowhere else.

    An AWS CLI command needs no --action, --resource or --call: the broker works out its permissions. If the request
    needs a review, this waits for it. The exit code is the command's own. When the command has ended, the grant is
    released and its keys stop working, unless you give --grant or --keep.
    """
    with exit_on_problem("run", tail=["--", *context.meta["child"]]):
        child = command_of(context, "jitney run TARGET … -- aws s3 cp s3://reports/2026/q3.csv -")
        if shutil.which(child[0]) is None:
            raise invalid(f"The command {child[0]} was not found.", "Check its name and PATH.")
        if grant:
            request.require_nothing(target)
        at_most = waiting.at_most
        with connection.broker() as broker:
            answer = grant_by_id(broker, grant) if grant else broker.request(request.grant_request(target, child))
            issued = wait_for_credentials(broker, answer, wait=waiting.wait, at_most=at_most)
        try:
            code = run_child(child, child_environment(os.environ, issued))
        finally:
            if not grant and not keep:
                _release(issued.grant.id, connection)
        raise typer.Exit(code)


def _release(grant_id: str, connection: options.Connection) -> None:
    """Release the grant, and note what outlives it.

    If the release fails, a note says so. The exit code stays the command's own.
    """
    try:
        with connection.broker() as broker:
            answer = broker.release(grant_id)
        for effect in answer.outlives:
            screen().note(f"jitney: {effect.sentence} {effect.left_to_do}")
    except ClientProblem as problem:
        screen().note(f"jitney: {grant_id} was not released: {problem.title}. It ends by itself at its expiry.")
