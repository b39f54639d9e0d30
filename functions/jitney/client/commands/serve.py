"""`jitney serve`: an endpoint on this machine, for programs that `jitney run` does not start."""

import os
import shlex
import signal
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.background.asking import ask
from jitney.client.background.need import SERVE, EndpointNeed, endpoints_folder, shell_identity
from jitney.client.background.starting import start_and_ask
from jitney.client.commands.run import WaitByDefault
from jitney.client.credentials.credentials_access import ServedCredentials, credentials_endpoint
from jitney.client.credentials.gateway_access import gateway_endpoint
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.inputs.request_options import invalid
from jitney.client.problems import ClientProblem
from jitney.client.processes.child import (
    ended_by_signals,
    excluded_from_proxy,
    heeded,
    hidden_configuration,
    overriding_variables,
)
from jitney.client.processes.end_flag import EndFlag
from jitney.client.terminal.command_result import exit_on_problem, print_json, print_result, screen
from jitney.core.quantities import quantity

if TYPE_CHECKING:
    from jitney.client.gateway.running import RunningEndpoint

Gateway = Annotated[
    bool,
    typer.Option("--gateway", help="Let the broker make the calls: programs get an endpoint for AWS, and no keys."),
]
Keep = Annotated[bool, typer.Option("--keep", help="Do not release the grant at the end.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the environment as JSON, and problems too.")]
Background = Annotated[bool, typer.Option("--background", help="Return, and leave the endpoint running.")]
Stop = Annotated[bool, typer.Option("--stop", help="Stop your background endpoints, and release their grants.")]

_ENDING = (signal.SIGINT, signal.SIGTERM)


@grouped
def serve(
    target: options.Target = None,
    *,
    grant: options.GrantId = None,
    request: options.RequestParameters,
    waiting: WaitByDefault,
    keep: Keep = False,
    gateway: Gateway = False,
    background: Background = False,
    stop: Stop = False,
    as_json: AsJson = False,
    connection: options.Connection,
) -> None:
    """Serve AWS credentials to programs on this machine.

    Prints the environment that programs need, with the endpoint's token, and serves until you interrupt it. AWS SDKs
    then get keys from the endpoint, for a few minutes at a time. With --gateway, they get an endpoint for AWS and no
    keys. At the end, the grant is released, unless you give --grant or --keep.

    Example: jitney serve analytics-prod --call "aws s3 ls s3://reports" --reason "monthly report"
    """
    with exit_on_problem("serve", as_json=as_json):
        if stop:
            _stop_all(as_json=as_json)
            return
        if grant:
            request.require_nothing(target)
        asked = replace(request, way="gateway") if gateway else request
        access = grant or asked.grant_request(target)
        if background:
            if isinstance(access, GrantRequest) and (access.way == "gateway" or keep):
                raise invalid("--background cannot be combined with --gateway or --keep.", "Leave out one of them.")
            _in_background(EndpointNeed(SERVE, access, connection), as_json=as_json)
            return
        with ended_by_signals(), connection.broker() as broker:
            endpoint = _endpoint(broker, access, waiting, by_gateway=asked.way == "gateway", keep=keep or bool(grant))
            with endpoint as served:
                _serve(served, as_json=as_json)


def _serve(served: "ServedCredentials | RunningEndpoint", *, as_json: bool) -> None:
    """Print the environment, and serve until a signal ends the process."""
    ended = EndFlag()
    for number in (*_ENDING, *heeded([signal.SIGHUP])):
        signal.signal(number, lambda *_: ended.set())
    served.start()
    _print_environment(served.variables(), served.grant.id, as_json=as_json)
    screen().note(f"jitney: serving {served.grant.id} at port {served.port}; press Ctrl+C to stop")
    ended.wait()


def _endpoint(
    broker: Broker, access: GrantRequest | str, waiting: WaitByDefault, *, by_gateway: bool, keep: bool
) -> "AbstractContextManager[ServedCredentials | RunningEndpoint]":
    endpoint = gateway_endpoint if by_gateway else credentials_endpoint
    return endpoint(broker, access, waiting, keep=keep, user="the programs that use the endpoint")


def _in_background(need: EndpointNeed, *, as_json: bool) -> None:
    answer = start_and_ask(endpoints_folder(), need, "GET", "/.jitney/environment").content()
    _print_environment(answer["environment"], answer["grant"], as_json=as_json)
    screen().note(f"jitney: serving {answer['grant']} in process {answer['process']}; stop it with jitney serve --stop")


def _stop_all(*, as_json: bool) -> None:
    """Stop all background endpoints. Then raise the first problem, if there was one."""
    folder = endpoints_folder()
    stopped, problems = [], []
    for key in sorted(each.stem for each in folder.glob("*.sock")):
        try:
            if answer := ask(folder, key, "POST", "/.jitney/stop"):
                stopped.append(answer.content()["grant"])
        except ClientProblem as problem:
            problems.append(problem)
    if problems:
        raise problems[0]
    text = f"jitney: stopped {quantity(len(stopped), 'background endpoint')}"
    print_result({"stopped": stopped}, lambda: screen().note(text), as_json=as_json)


def _print_environment(variables: Mapping[str, str], grant: str, *, as_json: bool) -> None:
    if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in variables:
        variables = {**variables, **hidden_configuration(os.environ), **shell_identity(os.environ)}
    variables = {**variables, **excluded_from_proxy(os.environ), "JITNEY_GRANT_ID": grant}
    unset = overriding_variables(os.environ, variables)
    if "AWS_ENDPOINT_URL" in variables:
        from jitney.client.gateway.environment import redirecting_variables  # noqa: PLC0415 - only the gateway needs it

        unset = sorted({*unset, *redirecting_variables(os.environ, variables)})
    if as_json:
        print_json({"grant": grant, "environment": dict(variables), "unset": unset})
    else:
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
        sys.stdout.write("".join([*([f"unset {' '.join(unset)}\n"] if unset else []), *lines]))
    sys.stdout.flush()
