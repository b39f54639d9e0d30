"""Starts and stops the local system."""

import contextlib
import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from subprocess import CalledProcessError
from typing import Any
from urllib.parse import urlsplit

from local import agent_shell, identity, ports, probes, processes, seed, slack, stack_file
from local.deploy import assembly, deployment
from local.deploy.assembly import Stack
from local.emulator import launch
from local.processes import log_tail, running, wait_until
from local.progress import Progress
from local.settings import LocalSettings
from local.timeouts import scaled_timeout

NAMES = (launch.NAME, identity.NAME, identity.PEOPLE, slack.NAME)
READY_SECONDS = 180.0
"""The time limit for a process to become ready on an idle machine: far more than any process needs.

A process that has ended is reported at once.
"""
TARGET_STACK = "JitneyTarget-"
SAMPLE_TARGET = "analytics-prod"


class StartupError(Exception):
    """The system did not start. The message says why."""


def up(settings: LocalSettings, progress: Progress) -> dict[str, Any]:
    """Start the system, unless it runs with the wanted configuration. Return its stack.json.

    Raises StartupError. After an error or an interruption, the processes that were started are ended. A running system
    stays up if its replacement cannot be synthesized.
    """
    with _alone(settings):
        known = stack_file.read(settings.stack_file)
        if known and _well(known, settings) and _as_wanted(known, settings, progress):
            progress.say("The system is already up.")
            agent_shell.write(known)
            return known
        _clean(settings)
        try:
            description = _start(settings, progress)
        except (OSError, CalledProcessError, assembly.SynthesisError, deployment.DeploymentError) as problem:
            _clean(settings)
            raise StartupError(_failure_text(problem)) from problem
        except BaseException:
            _clean(settings)
            raise
        agent_shell.write(description)
        stack_file.write(settings.stack_file, description)
        return description


def down(settings: LocalSettings) -> bool:
    """Stop the system. Return whether any of it was running."""
    with _alone(settings):
        was_up = any(running(name, settings) for name in NAMES)
        _clean(settings)
        return was_up


def status(settings: LocalSettings) -> dict[str, Any] | None:
    """Return stack.json if the whole system runs and answers, otherwise None."""
    known = stack_file.read(settings.stack_file)
    return known if known and _well(known, settings) else None


def _failure_text(problem: Exception) -> str:
    if isinstance(problem, CalledProcessError):
        return f"`{' '.join(map(str, problem.cmd))}` failed:\n{problem.stdout or ''}{problem.stderr or ''}".strip()
    return str(problem)


@contextlib.contextmanager
def _alone(settings: LocalSettings) -> Iterator[None]:
    """Wait for other commands that change this system."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "command.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _well(known: Mapping[str, Any], settings: LocalSettings) -> bool:
    return all(running(name, settings) for name in NAMES) and probes.healthy(known["api_url"])


def _as_wanted(known: Mapping[str, Any], settings: LocalSettings, progress: Progress) -> bool:
    """Return whether the running system has the wanted configuration. If not, say why. Raises StartupError."""
    variables = _variables(known, known.get("people", known), urlsplit(str(known["slack_url"])).port or 0)
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


def _variables(of_agents: Mapping[str, Any], of_people: Mapping[str, Any], slack_port: int) -> dict[str, str]:
    """Return the variables of the local identity providers and the local Slack that a configuration can use."""
    return {
        **slack.variables(slack_port),
        "JITNEY_LOCAL_ISSUER": of_agents["issuer"],
        "JITNEY_LOCAL_JWKS_URI": of_agents["jwks_uri"],
        "JITNEY_PEOPLE_ISSUER": of_people["issuer"],
        "JITNEY_PEOPLE_JWKS_URI": of_people["jwks_uri"],
        "JITNEY_PEOPLE_AUTHORIZATION_URL": of_people["authorization_url"],
        "JITNEY_PEOPLE_TOKEN_URL": of_people["token_url"],
    }


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
        stacks = assembly.synthesize(settings, _variables(of_agents, of_people, app.port))
    with progress.step("emulator and identity provider"):
        _await(launch.NAME, lambda: probes.answers(f"{endpoint}/_ministack/health"), settings)
        _await(identity.NAME, lambda: probes.answers(of_agents["jwks_uri"]), settings)
    outputs = {}
    for stack in stacks:
        with progress.step(f"stack {stack.name} in account {stack.account}"):
            outputs[stack.name] = deployment.deploy(stack, endpoint)
    with progress.step("sample data"):
        _plant(stacks, endpoint)
    issuers = assembly.issuers(stacks)
    made = _description(stacks, outputs, endpoint)
    # The redirect address is known only after the deployment.
    people = identity.people(chosen["people"], [f"{made['reviews_url']}/callback"])
    processes.start(identity.process(settings, people, identity.PEOPLE), settings)
    slack.store_secrets(app, deployment.session(stacks[0].account, stacks[0].region), endpoint)
    processes.start(slack.process(settings, app, f"{made['api_url']}/slack/interactions"), settings)
    described = identity.description(agents, people)
    description = {
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
        _await(launch.NAME, lambda: probes.healthy(description["api_url"]), settings)
        _await(identity.NAME, lambda: _has_tokens(described), settings)
        _await(identity.PEOPLE, lambda: probes.answers(of_people["jwks_uri"]), settings)
        _await(slack.NAME, lambda: probes.answers(f"{app.url}/messages"), settings)
    return description


def _has_tokens(described: Mapping[str, Any]) -> bool:
    return all(probes.token(described["token_url"], agent) for agent in described["agents"].values())


def _await(name: str, ready: Callable[[], bool], settings: LocalSettings) -> None:
    """Wait until `ready`. Raises StartupError if the process ends first or takes too long."""
    if wait_until(lambda: running(name, settings) is None or ready(), scaled_timeout(READY_SECONDS)) and running(
        name, settings
    ):
        return
    what = "does not become ready" if running(name, settings) else "has ended"
    raise StartupError(f"the {name} {what}; the end of {settings.logs / name}.log:\n{log_tail(name, settings)}")


def _plant(stacks: list[Stack], endpoint: str) -> None:
    targets = [stack for stack in stacks if stack.name.startswith(TARGET_STACK)]
    chosen = next((stack for stack in targets if stack.name == TARGET_STACK + SAMPLE_TARGET), None)
    if chosen := chosen or next(iter(targets), None):
        seed.plant(deployment.session(chosen.account, chosen.region), endpoint)
    if sender := assembly.sender(stacks):
        seed.verify(deployment.session(stacks[0].account, stacks[0].region), endpoint, sender)


def _fingerprint(broker: Stack, key_arn: str, endpoint: str) -> str:
    """Return the SHA-256 of the public key that verifies seals. An auditor trusts this key."""
    kms = deployment.session(broker.account, broker.region).client("kms", endpoint_url=endpoint)
    return hashlib.sha256(kms.get_public_key(KeyId=key_arn)["PublicKey"]).hexdigest()


def _description(stacks: list[Stack], outputs: Mapping[str, Mapping[str, str]], endpoint: str) -> dict[str, Any]:
    """Return what stack.json says about AWS."""
    broker, made = stacks[0], outputs[stacks[0].name]
    stage = urlsplit(made["ApiUrl"]).path.strip("/")
    api_url = f"{endpoint}/_aws/execute-api/{made['ApiId']}/{stage}"
    return {
        "api_url": api_url,
        "calls_url": f"{api_url}/v1/calls",
        "reviews_url": f"{api_url}/reviews",
        "aws_endpoint": endpoint,
        "region": broker.region,
        "account": broker.account,
        "tables": {"state": made["StateTable"], "audit": made["AuditTable"]},
        "buckets": {
            "records": made["RecordsBucket"],
            "seals": made["SealsBucket"],
            "athena_results": made["ResultsBucket"],
        },
        "trail_queue": made["TrailQueue"],
        "trail_dead_letters": made["TrailDeadLetters"],
        "dead_letters": made["RecordDeadLetters"],
        "seal_key_arn": made["SealKeyArn"],
        "seal_key": _fingerprint(broker, made["SealKeyArn"], endpoint),
        "athena": {"workgroup": made["AthenaWorkgroup"], "database": made["GlueDatabase"]},
        "approval_arn": made["ApprovalArn"],
        "targets": {
            stack.name.removeprefix(TARGET_STACK): {
                "account": stack.account,
                "region": stack.region,
                "role_arn": outputs[stack.name]["RoleArn"],
            }
            for stack in stacks[1:]
        },
    }
