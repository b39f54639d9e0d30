"""`jitney doctor`: says what is wrong."""

import os
import time

import typer

from jitney.client.doctor.broker_checks import BrokerChecks
from jitney.client.doctor.doctor_screen import DoctorScreen
from jitney.client.doctor.findings import Finding, Verdict
from jitney.client.doctor.machine_checks import MachineChecks
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.problems import ClientProblem
from jitney.client.terminal.command_result import exit_on_problem, print_result


@grouped
def doctor(*, as_json: options.AsJson = False, connection: options.Connection) -> None:
    """Find out what is wrong, and what to do about it. Changes nothing.

    Checks the broker, your token, the clock, proxies, profiles and packages.

    Exits with 1 when a check finds a fault. Warnings do not change the exit code.

    Example: jitney doctor
    """
    with exit_on_problem("doctor", as_json=as_json):
        found: list[Finding] = []
        screen = DoctorScreen()
        with screen.working("Checking"):
            found += BrokerChecks(connection, os.environ, time.time()).findings()
            found += MachineChecks(os.environ).findings()
        healthy = all(each.verdict is not Verdict.FAULT for each in found)
        document = {"healthy": healthy, "checks": [each.document() for each in found]}
        print_result(document, lambda: screen.findings(found), as_json=as_json)
        if not healthy:
            raise typer.Exit(ClientProblem.exit_code)
