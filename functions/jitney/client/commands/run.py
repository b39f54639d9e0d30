"""`jitney run`: get access, run one command with it, and release it."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.responses import GrantWithCredentials
from jitney.client.credentials.credentials_access import credentials_endpoint, note_end
from jitney.client.credentials.gateway_access import gateway_endpoint
from jitney.client.holding.holding import holding
from jitney.client.holding.slices import WHOLE_GRANT
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.inputs.request_options import invalid
from jitney.client.processes.child import child_environment, ended_by_signals, run_child
from jitney.client.terminal.command_result import exit_on_problem

Gateway = Annotated[
    bool, typer.Option("--gateway", help="Let the broker make the calls: COMMAND gets an endpoint instead of keys.")
]
StaticKeys = Annotated[
    bool,
    typer.Option(
        "--static-keys",
        help="Put the keys into COMMAND's environment, for programs that read them only there. Not renewed.",
    ),
]
Keep = Annotated[bool, typer.Option("--keep", help="Do not release the grant when COMMAND has ended.")]


AsJson = Annotated[bool, typer.Option("--json", help="Print problems as JSON, on standard error.")]


class CommandAfterDashes(TyperCommand):
    """Hides the words after the first `--` from the parser. TARGET is optional, and the command has options too."""

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
    """Return the command after the dashes.

    Raises Invalid when it is missing, quoted as one argument, or before the dashes.
    """
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
    """Waits unless --no-wait is given, because the command cannot run before the decision."""

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
    gateway: Gateway = False,
    as_json: AsJson = False,
    static_keys: StaticKeys = False,
    connection: options.Connection,
) -> None:
    """Run COMMAND with AWS credentials of its own.

    An AWS CLI command needs no --action, --resource or --call: the broker works out its permissions. If the request
    needs a review, `jitney run` waits for it. AWS SDKs in COMMAND get keys from an endpoint on this machine, for a few
    minutes at a time. The exit code is the command's own. When the command has ended, the grant is released and its
    keys stop working, unless you give --grant or --keep. With --gateway, COMMAND gets no keys.

    Example: jitney run analytics-prod --reason "monthly report" -- aws s3 cp s3://reports/2026/q3.csv .
    """
    with exit_on_problem("run", as_json=as_json, tail=["--", *context.meta["child"]], output=sys.stderr):
        child = command_of(context, "jitney run TARGET … -- aws s3 cp s3://reports/2026/q3.csv -")
        if shutil.which(child[0]) is None:
            raise invalid(f"The command {child[0]} was not found.", "Check its name and PATH.")
        if grant:
            request.require_nothing(target)
        asked = replace(request, way="gateway") if gateway else request
        with connection.broker() as broker:
            access = grant or asked.grant_request(target, child)
            if static_keys and asked.way == "gateway":
                raise invalid("--static-keys cannot be combined with --gateway, which gives no keys.", "Leave out one.")
            run_with = _with_gateway if asked.way == "gateway" else _with_keys if static_keys else _with_endpoint
            with ended_by_signals():
                raise typer.Exit(run_with(broker, access, child, waiting, keep=keep or bool(grant)))


def _with_endpoint(
    broker: Broker, access: GrantRequest | str, child: list[str], waiting: WaitByDefault, *, keep: bool
) -> int:
    """Run the command with an endpoint for credentials. `access` is the request, or the id of a grant."""
    with credentials_endpoint(broker, access, waiting, keep=keep, user=child[0]) as served:
        return run_child(child, served.environment(os.environ), started=served.start)


def _with_keys(
    broker: Broker, access: GrantRequest | str, child: list[str], waiting: WaitByDefault, *, keep: bool
) -> int:
    """Run the command with keys in its environment, which end with the grant."""
    with holding(broker, access, waiting, way="credentials", keep=keep, user=child[0], slices=WHOLE_GRANT) as held:
        issued = GrantWithCredentials(held.grant(), held.credentials())
        watch = partial(note_end, broker, child[0], issued)
        return run_child(child, child_environment(os.environ, issued), started=watch)


def _with_gateway(
    broker: Broker, access: GrantRequest | str, child: list[str], waiting: WaitByDefault, *, keep: bool
) -> int:
    """Run the command with an endpoint that sends its calls to the broker, instead of credentials."""
    with gateway_endpoint(broker, access, waiting, keep=keep, user=child[0]) as served:
        return run_child(child, served.environment(os.environ), started=served.start)
