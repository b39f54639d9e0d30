"""The environment of a sample agent's shell, and the files that set it in a person's shell."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jitney.client.file_replacement import replace_file
from local.identity import AGENTS
from local.settings import ROOT, LocalSettings

AWS_CLI = ROOT / ".local" / "aws-cli" / "bin" / "aws"
SAMPLE = "reader-agent"
"""The agent that the policies allow to read."""
_OF_NO_AGENT = {"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "JITNEY_TOKEN_FILE", "JITNEY_TOKEN_COMMAND"}
DEVELOPER = "developer"
"""A developer, who signs in with `jitney login`. The file holds no secret."""
DEVELOPER_ISSUER = "developers"
"""The alias, in the sample configuration, of the issuer whose tokens developers get."""
AUDITOR = "auditor"
ADMINISTRATOR = "administrator"
"""The administrator of the broker's account. In the emulator, auditor and administrator both have root's keys."""


def variables(stack: Mapping[str, Any], agent: str) -> dict[str, str]:
    """Return an agent's variables: the addresses of broker and AWS, and its client credentials, but no AWS key.

    `stack` is stack.json. The auditor's shell has AWS keys and no broker.
    """
    if agent in (AUDITOR, ADMINISTRATOR):
        return _of_auditor(stack)
    return {
        "JITNEY_API_URL": stack["api_url"],
        **_token_variables(stack, agent),
        **({"JITNEY_REVIEW_CLIENT_ID": stack["review_client"]["client_id"]} if agent == DEVELOPER else {}),
        "AWS_ENDPOINT_URL": stack["aws_endpoint"],
        "AWS_DEFAULT_REGION": stack["region"],
        "AWS_REGION": stack["region"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _token_variables(stack: Mapping[str, Any], agent: str) -> dict[str, str]:
    """Return the variables that name the source of the token."""
    resource = {"JITNEY_TOKEN_RESOURCE": stack["token_resource"]}
    if agent == DEVELOPER:
        issuer, client = stack["people"]["issuer"], stack["cli_client"]["client_id"]
        return {"JITNEY_TOKEN_ISSUER": issuer, "JITNEY_CLIENT_ID": client, **resource}
    known = stack["agents"][agent]
    secret = {"JITNEY_CLIENT_ID": known["client_id"], "JITNEY_CLIENT_SECRET": known["client_secret"]}
    return {"JITNEY_TOKEN_URL": stack["token_url"], **secret, **resource}


def connection_files(stack: Mapping[str, Any], agent: str) -> dict[str, str]:
    """Return the text of the settings file and, for an agent, of the file with its secret, by the files' suffixes."""
    found = _token_variables(stack, agent)
    secret = found.pop("JITNEY_CLIENT_SECRET", None)
    token = {name.removeprefix("JITNEY_").removeprefix("TOKEN_").lower(): value for name, value in found.items()}
    if secret:
        token["client_secret_file"] = _beside(stack, agent, "secret")
    lines = [f"api = {json.dumps(stack['api_url'])}", "", "[token]"]
    lines += [f"{name} = {json.dumps(value)}" for name, value in token.items()]
    settings = {"toml": "\n".join(lines) + "\n"}
    return settings | {"secret": secret} if secret else settings


def shell_variables(stack: Mapping[str, Any], agent: str) -> dict[str, str]:
    """Return the variables of a person's shell.

    The source of the token is in files, for programs that the shell starts.
    """
    found = variables(stack, agent)
    if agent in (AUDITOR, ADMINISTRATOR):
        return found
    of_file = _token_variables(stack, agent)
    kept = {name: value for name, value in found.items() if name not in of_file}
    return {"JITNEY_SETTINGS_FILE": _beside(stack, agent, "toml"), **kept}


def _beside(stack: Mapping[str, Any], agent: str, end: str) -> str:
    return str(Path(stack["env"][agent]).with_suffix(f".{end}"))


def _of_auditor(stack: Mapping[str, Any]) -> dict[str, str]:
    """Return the auditor's variables: root's keys of the emulated account, and the fingerprint of the trusted key."""
    return {
        "JITNEY_LOCAL": "1",
        "JITNEY_RECORDS_BUCKET": stack["buckets"]["records"],
        "JITNEY_SEALS_BUCKET": stack["buckets"]["seals"],
        "JITNEY_SEAL_KEY": stack["seal_key"],
        "JITNEY_AUDIT_TABLE": stack["tables"]["audit"],
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
    """Return variables that may already be set in this shell, by another agent's file or by the person."""
    of_files = {name for agent in stack["env"] for name in (*variables(stack, agent), *shell_variables(stack, agent))}
    return of_files | {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} | _OF_NO_AGENT


def programs() -> Iterator[Path]:
    """Yield the folders of `jitney` and, if it is installed, of the unmodified AWS CLI."""
    yield Path(sys.executable).parent
    if AWS_CLI.exists():
        yield AWS_CLI.parent


def files(settings: LocalSettings) -> dict[str, Path]:
    """Return the path of each file: the sample agents', the developer's and the auditor's."""
    return {name: settings.state / f"{name}.env" for name in (*AGENTS, DEVELOPER, AUDITOR)}


def accepted(settings: LocalSettings, issuers: Mapping[str, str], agents: str, people: str) -> dict[str, str]:
    """Return the paths of the files that work: those whose tokens the configuration accepts.

    `issuers` are those of the configuration, by alias. `agents` and `people` are the local providers' issuers.
    """
    if agents not in issuers.values():
        return {}
    signs_in = issuers.get(DEVELOPER_ISSUER) == people
    return {name: str(path) for name, path in files(settings).items() if signs_in or name != DEVELOPER}


def write(stack: Mapping[str, Any]) -> None:
    """Write the files that `stack["env"]` names.

    Some contain agents' secrets, so only their owner can read them.

    A POSIX shell reads them with `.`.
    """
    for agent, name in stack["env"].items():
        of_token = {} if agent == AUDITOR else connection_files(stack, agent)
        for end, text in of_token.items():
            replace_file(Path(_beside(stack, agent, end)), text.encode())
        replace_file(Path(name), _text(stack, agent).encode())


def remove(settings: LocalSettings) -> None:
    """Remove all agents' files."""
    for path in files(settings).values():
        for end in (".env", ".toml", ".secret"):
            path.with_suffix(end).unlink(missing_ok=True)


def _text(stack: Mapping[str, Any], agent: str) -> str:
    folders = ":".join(shlex.quote(str(folder)) for folder in programs())
    lines = [f"# {agent}'s shell, until make down:  . {shlex.quote(stack['env'][agent])}"]
    lines += [f'export PATH={folders}:"$PATH"']
    given = shell_variables(stack, agent)
    lines += [f"unset {' '.join(sorted(_competing(stack) - given.keys()))}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in given.items()]
    return "\n".join(lines) + "\n"
