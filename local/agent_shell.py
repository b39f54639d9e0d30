"""The environment of a sample agent's shell, and the files that set it in a person's shell."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.identity import AGENTS
from local.settings import ROOT, LocalSettings

AWS_CLI = ROOT / ".local" / "aws-cli" / "bin" / "aws"
SAMPLE = "reader-agent"
"""The agent that the policies allow to read."""
_OF_NOBODY = {"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "JITNEY_TOKEN_FILE", "JITNEY_TOKEN_COMMAND"}
AUDITOR = "auditor"
ADMINISTRATOR = "administrator"
"""The administrator of the broker's account. In the emulator, auditor and administrator both have root's keys."""


def variables(stack: Mapping[str, Any], agent: str) -> dict[str, str]:
    """Return an agent's variables: the addresses of broker and AWS, and its client credentials, but no AWS key.

    `stack` is stack.json. The auditor's shell has AWS keys and no broker.
    """
    if agent in (AUDITOR, ADMINISTRATOR):
        return _of_auditor(stack)
    known = stack["agents"][agent]
    return {
        "JITNEY_API_URL": stack["api_url"],
        "JITNEY_TOKEN_URL": stack["token_url"],
        "JITNEY_TOKEN_RESOURCE": stack["token_resource"],
        "JITNEY_CLIENT_ID": known["client_id"],
        "JITNEY_CLIENT_SECRET": known["client_secret"],
        "AWS_ENDPOINT_URL": stack["aws_endpoint"],
        "AWS_DEFAULT_REGION": stack["region"],
        "AWS_REGION": stack["region"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _of_auditor(stack: Mapping[str, Any]) -> dict[str, str]:
    """Return the auditor's variables: root's keys of the emulated account, and the fingerprint of the trusted key."""
    return {
        "JITNEY_RECORDS_BUCKET": stack["buckets"]["records"],
        "JITNEY_SEALS_BUCKET": stack["buckets"]["seals"],
        "JITNEY_SEAL_KEY": stack["seal_key"],
        "JITNEY_TRAIL_QUEUE": stack["trail_queue"],
        "JITNEY_ATHENA_WORKGROUP": stack["athena"]["workgroup"],
        "JITNEY_ATHENA_DATABASE": stack["athena"]["database"],
        "AWS_ACCESS_KEY_ID": stack["account"],
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_ENDPOINT_URL": stack["aws_endpoint"],
        "AWS_DEFAULT_REGION": stack["region"],
        "AWS_REGION": stack["region"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _competing(stack: Mapping[str, Any]) -> set[str]:
    """Return variables that may already be set in this shell, by another agent's file or by the person's own work."""
    of_files = {name for agent in stack["env"] for name in variables(stack, agent)}
    return of_files | {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} | _OF_NOBODY


def programs() -> Iterator[Path]:
    """Yield the folders of `jitney` and, if it is installed, of the unmodified AWS CLI."""
    yield Path(sys.executable).parent
    if AWS_CLI.exists():
        yield AWS_CLI.parent


def files(settings: LocalSettings) -> dict[str, Path]:
    """Return the path of each sample agent's file, and of the auditor's."""
    return {agent: settings.state / f"{agent}.env" for agent in (*AGENTS, AUDITOR)}


def write(stack: Mapping[str, Any]) -> None:
    """Write the files that `stack["env"]` names.

    They contain the agents' secrets, so only their owner can read them.

    A POSIX shell reads them with `.`.
    """
    for agent, name in stack["env"].items():
        fresh = Path(f"{name}-{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(_text(stack, agent))
        fresh.replace(name)


def remove(settings: LocalSettings) -> None:
    """Remove all agents' files."""
    for path in files(settings).values():
        path.unlink(missing_ok=True)


def _text(stack: Mapping[str, Any], agent: str) -> str:
    folders = ":".join(shlex.quote(str(folder)) for folder in programs())
    lines = [f"# {agent}'s shell, until make down:  . {shlex.quote(stack['env'][agent])}"]
    lines += [f'export PATH={folders}:"$PATH"']
    lines += [f"unset {' '.join(sorted(_competing(stack) - variables(stack, agent).keys()))}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables(stack, agent).items()]
    return "\n".join(lines) + "\n"
