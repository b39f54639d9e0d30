"""Starts and stops the local system."""

import contextlib
import fcntl
import shutil
from collections.abc import Callable, Iterator, Mapping
from subprocess import CalledProcessError
from typing import Any

from local import agent_shell, description, identity, ports, probes, processes, restored, seed, slack, stack_file
from local.deploy import assembly, deployment
from local.deploy.assembly import Stack
from local.emulator import launch
from local.processes import log_tail, running, wait_until
from local.progress import Progress
from local.settings import LocalSettings

NAMES = (launch.NAME, identity.NAME, identity.PEOPLE, slack.NAME)
READY_SECONDS = 180.0
"""The time limit for a process to become ready on an idle machine: far more than any process needs.

A process that has ended is reported at once.
"""
SAMPLE_TARGET = "analytics-prod"


class StartupError(Exception):
    """The system did not start. The message says why."""


def up(settings: LocalSettings, progress: Progress) -> dict[str, Any]:
    """Start the system, unless it runs with the wanted configuration. Return its stack.json.

    Raises StartupError. After an error or an interruption, the processes that were started are ended. A running system
    stays up if its replacement cannot be synthesized.
    """
    with alone(settings):
        known = stack_file.read(settings.stack_file)
        if known and well(known, settings) and _as_wanted(known, settings, progress):
            progress.say("The system is already up.")
            agent_shell.write(known)
            return known
        _clean(settings)
        try:
            written = _start(settings, progress)
        except (OSError, CalledProcessError, assembly.SynthesisError, deployment.DeploymentError) as problem:
            _clean(settings)
            raise StartupError(_failure_text(problem)) from problem
        except BaseException:
            _clean(settings)
            raise
        agent_shell.write(written)
        stack_file.write(settings.stack_file, written)
        return written


def down(settings: LocalSettings) -> bool:
    """Stop the system. Return whether any of it was running."""
    with alone(settings):
        was_up = any(running(name, settings) for name in NAMES)
        _clean(settings)
        return was_up


def status(settings: LocalSettings) -> dict[str, Any] | None:
    """Return stack.json if the whole system runs and answers, otherwise None."""
    known = stack_file.read(settings.stack_file)
    return known if known and well(known, settings) else None


def _failure_text(problem: Exception) -> str:
    if isinstance(problem, CalledProcessError):
        return f"`{' '.join(map(str, problem.cmd))}` failed:\n{problem.stdout or ''}{problem.stderr or ''}".strip()
    return str(problem)


@contextlib.contextmanager
def alone(settings: LocalSettings) -> Iterator[None]:
    """Wait for other commands that change this system."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "command.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def well(known: Mapping[str, Any], settings: LocalSettings) -> bool:
    """Return whether all processes run, and the API in stack.json answers."""
    return all(running(name, settings) for name in NAMES) and probes.healthy(known["api_url"])


def _as_wanted(known: Mapping[str, Any], settings: LocalSettings, progress: Progress) -> bool:
    """Return whether the running system has the wanted configuration. If not, say why. Raises StartupError."""
    variables = description.known_variables(known)
    variables |= restored.variables(settings, variables, known)
    if known.get("upstream") != settings.upstream:
        progress.say("The system is up with another upstream. It is restarted and loses its grants and records.")
        return False
    if known.get("assembly") == assembly.wanted(settings, variables):
        return True
    try:
        with progress.step("templates and functions"):
            assembly.synthesize(settings, variables)
    except assembly.SynthesisError as problem:
        message = f"{problem}\nThe running system goes on with its own configuration."
        raise StartupError(message) from problem
    same = known.get("config") == str(settings.config)
    why = "its sources have changed" if same else f"it runs with {known.get('config')}"
    progress.say(
        f"The system is up, but {why}. It is restarted with {settings.config} and loses its grants and records."
    )
    return False


def _clean(settings: LocalSettings) -> None:
    settings.stack_file.unlink(missing_ok=True)
    agent_shell.remove(settings)
    processes.stop(NAMES, settings)
    shutil.rmtree(settings.run, ignore_errors=True)


def _start(settings: LocalSettings, progress: Progress) -> dict[str, Any]:
    chosen = ports.choose(settings.ports, settings.state / "ports.json")
    endpoint = f"http://127.0.0.1:{chosen['emulator']}"
    agents, app = identity.agents(chosen["identity"]), slack.app(chosen["slack"])
    of_agents, of_people = (identity.addresses(chosen[name]) for name in (identity.NAME, identity.PEOPLE))
    with progress.step("identity provider's packages"):
        identity.install()
    for process in (
        launch.process(settings, chosen["emulator"]),
        identity.process(settings, agents),
    ):
        processes.start(process, settings)
    with progress.step("templates and functions"):
        stacks = assembly.synthesize(settings, description.variables(of_agents, of_people, app.port))
    with progress.step("emulator and identity provider"):
        _await(launch.NAME, lambda: probes.answers(f"{endpoint}/_ministack/health"), settings)
        _await(identity.NAME, lambda: probes.answers(of_agents["jwks_uri"]), settings)
    for stack in stacks:
        with progress.step(f"stack {stack.name} in account {stack.account}"):
            deployment.deploy(stack, endpoint)
    with progress.step("sample data"):
        _plant(stacks, endpoint)
    issuers = assembly.issuers(stacks)
    made = description.deployed(stacks, endpoint)
    # The redirect address is known only after the deployment.
    people = identity.people(chosen["people"], [f"{made['reviews_url']}/callback"])
    processes.start(identity.process(settings, people, identity.PEOPLE), settings)
    slack.store_secrets(app, deployment.session(stacks[0].account, stacks[0].region), endpoint)
    processes.start(slack.process(settings, app, f"{made['api_url']}/slack/interactions"), settings)
    described = identity.description(agents, people)
    written = {
        **made,
        **described,
        "config": str(settings.config),
        "assembly": stacks[0].folder.name,
        "upstream": settings.upstream,
        "issuers": issuers,
        "env": agent_shell.accepted(settings, issuers, of_agents["issuer"], of_people["issuer"]),
        "mailbox_url": f"{endpoint}/_mailbox",
        "slack_url": app.url,
        "slack_token": app.bot_token,
        "slack_signing_secret": app.signing_secret,
        "pids": {name: running(name, settings) for name in NAMES},
    }
    with progress.step("API and tokens"):
        _await(launch.NAME, lambda: probes.healthy(written["api_url"]), settings)
        _await(identity.NAME, lambda: _has_tokens(described), settings)
        _await(identity.PEOPLE, lambda: probes.answers(of_people["jwks_uri"]), settings)
        _await(slack.NAME, lambda: probes.answers(f"{app.url}/messages"), settings)
    return written


def _has_tokens(described: Mapping[str, Any]) -> bool:
    return all(probes.token(described["token_url"], agent) for agent in described["agents"].values())


def _await(name: str, ready: Callable[[], bool], settings: LocalSettings) -> None:
    """Wait until `ready`. Raises StartupError if the process ends first or takes too long."""
    if wait_until(lambda: running(name, settings) is None or ready(), READY_SECONDS) and running(name, settings):
        return
    what = "does not become ready" if running(name, settings) else "has ended"
    raise StartupError(f"the {name} {what}; the end of {settings.logs / name}.log:\n{log_tail(name, settings)}")


def _plant(stacks: list[Stack], endpoint: str) -> None:
    targets = [stack for stack in stacks if stack.name.startswith(description.TARGET_STACK)]
    chosen = next((stack for stack in targets if stack.name == description.TARGET_STACK + SAMPLE_TARGET), None)
    if chosen := chosen or next(iter(targets), None):
        seed.plant(deployment.session(chosen.account, chosen.region), endpoint)
    if sender := assembly.sender(stacks):
        seed.verify(deployment.session(stacks[0].account, stacks[0].region), endpoint, sender)
