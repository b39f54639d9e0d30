"""Updates the running local system in place, as `cdk deploy` updates a deployed one: its state stays."""

from collections.abc import Mapping, Sequence
from typing import Any

from local import agent_shell, description, restored, seed, stack_file, system
from local.deploy import assembly, deployment
from local.deploy.assembly import Stack
from local.progress import Progress
from local.settings import LocalSettings


class UpdateError(Exception):
    """The system was not updated, or only some of its stacks. The message says why, and what to do."""


def update(settings: LocalSettings, progress: Progress, names: Sequence[str] = ()) -> dict[str, Any]:
    """Deploy the configuration and the code into the running system. Return its stack.json.

    `names` are the stacks to deploy; none means all. Raises UpdateError. CloudFormation then has restored the earlier
    state of the stack that failed, and later stacks are not deployed.
    """
    with system.alone(settings):
        known = stack_file.read(settings.stack_file)
        if not known or not system.well(known, settings):
            raise UpdateError("The system is not up. To start it: make up")
        if settings.upstream and settings.upstream != known.get("upstream"):
            raise UpdateError("The upstream of a running system cannot change. To start another: make up")
        stacks = _synthesized(settings, progress, known)
        chosen = [stack for stack in stacks if not names or stack.name in names]
        if unknown := set(names).difference(stack.name for stack in stacks):
            listed = ", ".join(stack.name for stack in stacks)
            raise UpdateError(f"{', '.join(sorted(unknown))} is not a stack of {settings.config}. It has: {listed}")
        before = known["targets"]
        try:
            for stack in chosen:
                _deploy(stack, known["aws_endpoint"], progress)
        finally:
            known = known | description.deployed(stacks, known["aws_endpoint"])
            stack_file.write(settings.stack_file, known)
        for alias in before.keys() - known["targets"].keys():
            name = f"{description.TARGET_STACK}{alias} in account {before[alias]['account']}"
            progress.say(f"{name} stays, because CDK deletes no stack: docs/target-changes.md says what to do with it.")
        return _finished(known, stacks, settings)


def _synthesized(settings: LocalSettings, progress: Progress, known: Mapping[str, Any]) -> list[Stack]:
    variables = description.known_variables(known)
    variables |= restored.variables(settings, variables, known)
    if missing := restored.missing(settings, variables, known):
        progress.say(f"restored_tables is ignored, because the emulator does not have {' and '.join(missing)}.")
    try:
        with progress.step("templates and functions"):
            return assembly.synthesize(settings, variables)
    except assembly.SynthesisError as problem:
        raise UpdateError(f"{problem}\nThe running system goes on with its own configuration.") from problem


def _deploy(stack: Stack, endpoint: str, progress: Progress) -> None:
    try:
        with progress.step(f"stack {stack.name} in account {stack.account}"):
            deployment.deploy(stack, endpoint)
    except deployment.DeploymentError as problem:
        lost = "ROLLBACK_FAILED" in str(problem)
        fix = "Start a new system: make down, then make up." if lost else "Correct this, and run make update again."
        raise UpdateError(f"{problem}\n{fix}") from problem


def _finished(known: dict[str, Any], stacks: list[Stack], settings: LocalSettings) -> dict[str, Any]:
    """Write what follows from the configuration: the verified sender, stack.json and the files of shells."""
    if sender := assembly.sender(stacks):
        seed.verify(deployment.session(stacks[0].account, stacks[0].region), known["aws_endpoint"], sender)
    issuers = assembly.issuers(stacks)
    people = known.get("people", known)["issuer"]
    written = {
        **known,
        "config": str(settings.config),
        "assembly": stacks[0].folder.name,
        "issuers": issuers,
        "env": agent_shell.accepted(settings, issuers, known["issuer"], people),
    }
    agent_shell.write(written)
    stack_file.write(settings.stack_file, written)
    return written
