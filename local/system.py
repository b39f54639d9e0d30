"""The local system as a whole: brought up in order, described in stack.json, taken down without a trace."""

import json
import os
import secrets
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import identity, ports, processes, samples, slack
from local.deploy.assembly import assembly
from local.deploy.stacks import Deployed, deploy
from local.emulator import launch
from local.processes import Process
from local.settings import ACCOUNT, REGION, Settings

NAMES = (launch.NAME, identity.NAME, slack.NAME)
PATIENCE_SECONDS = 30

type Told = Callable[[str], None]


class StartError(Exception):
    """A part of the system did not come up; the message says which, with the end of its log."""


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Where the parts listen."""

    emulator: str
    issuer: str
    slack: str


def is_up(settings: Settings) -> bool:
    """Whether all processes of the system run and its stack.json is there."""
    return settings.stack_file.exists() and all(processes.running(name, settings) for name in NAMES)


def up(settings: Settings, told: Told) -> dict[str, Any]:
    """Bring the system up; the members of stack.json, which is written last. `told` hears of each step.

    Raises StartError, SynthesisError, DeploymentError or ConfigurationError, after ending what had been started.
    """
    down(settings)
    chosen = ports.choose(settings.ports, settings.state / "ports.json")
    addresses = _Addresses(*(f"http://127.0.0.1:{chosen[name]}" for name in ("emulator", "identity", "slack")))
    try:
        members = _start(settings, chosen, addresses, told)
        _write(settings.stack_file, members)
    except BaseException:  # Ctrl-C too must leave nothing running
        down(settings)
        raise
    return members


def down(settings: Settings) -> None:
    """End every process of the system and remove stack.json. Raises TimeoutError if one does not end."""
    settings.stack_file.unlink(missing_ok=True)
    processes.stop(NAMES, settings)


def _start(settings: Settings, chosen: Mapping[str, int], addresses: _Addresses, told: Told) -> dict[str, Any]:
    people = identity.population(chosen["identity"])
    described = identity.description(people)
    bot_token = f"xoxb-{secrets.token_hex(12)}"
    told("emulator, identity provider and Slack workspace")
    issuer = {"JITNEY_LOCAL_ISSUER": described["issuer"], "JITNEY_LOCAL_JWKS_URI": described["jwks_uri"]}
    with ThreadPoolExecutor() as pool:
        made = pool.submit(assembly, settings, issuer)
        identity.install()
        for process in (
            launch.process(settings, chosen["emulator"]),
            identity.process(settings, people),
            slack.process(settings, chosen["slack"], bot_token),
        ):
            _begin(process, settings)
        _wait(launch.NAME, lambda: launch.answers(addresses.emulator), settings)
        _wait(identity.NAME, lambda: _answers(described["issuer"] + "/.well-known/openid-configuration"), settings)
        _wait(slack.NAME, lambda: _answers(addresses.slack), settings)
        told("template of the stacks")
        folder = made.result()
    deployed = deploy(folder, addresses.emulator, told)
    members = _members(deployed, addresses, described) | {"slack_token": bot_token}
    told("sample data, first answer")
    for account in sorted({target["account"] for target in members["targets"].values()})[:1]:
        samples.seed(addresses.emulator, account, REGION)
    _wait(launch.NAME, lambda: _answers(f"{members['api_url']}/v1/health"), settings)
    return members


def _begin(process: Process, settings: Settings) -> None:
    processes.start(process, settings)


def _wait(name: str, condition: Callable[[], bool], settings: Settings) -> None:
    def settled() -> bool:
        return condition() or processes.running(name, settings) is None

    if not processes.wait_until(settled, PATIENCE_SECONDS) or processes.running(name, settings) is None:
        raise StartError(f"{name} does not answer. The end of its log:\n{processes.log_tail(name, settings)}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def _members(deployed: list[Deployed], addresses: _Addresses, described: Mapping[str, Any]) -> dict[str, Any]:
    """What stack.json says: everything that one needs to use, inspect and test the running system."""
    broker = next(stack for stack in deployed if stack.name == "Jitney")
    outputs = broker.outputs
    targets = {stack.name.removeprefix("JitneyTarget-"): stack for stack in deployed if stack is not broker}
    return {
        "api_url": f"{addresses.emulator}/_aws/execute-api/{outputs['ApiId']}/live",
        "aws_endpoint": addresses.emulator,
        "region": REGION,
        "account": ACCOUNT,
        **described,
        "mailbox_url": f"{addresses.emulator}/_ministack/ses/messages",
        "slack_url": addresses.slack,
        "athena": {"workgroup": outputs["AthenaWorkgroup"], "database": outputs["GlueDatabase"]},
        "tables": {"state": outputs["StateTable"], "audit": outputs["AuditTable"]},
        "buckets": {"records": outputs["RecordsBucket"], "athena_results": outputs["ResultsBucket"]},
        "token_resource": identity.RESOURCE,
        "approval_arn": outputs["ApprovalArn"],
        "targets": {
            alias: {"account": stack.account, "role_arn": stack.outputs["RoleArn"]} for alias, stack in targets.items()
        },
    }


def _write(path: Path, members: Mapping[str, Any]) -> None:
    """Whole or not at all, and for this user's eyes: it holds the sample agents' secrets."""
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(members, file, indent=2)
    scratch.rename(path)
