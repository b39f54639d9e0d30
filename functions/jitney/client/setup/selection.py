"""Which clients `jitney init` changes, and the command that it writes into their files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.request_options import invalid
from jitney.client.inputs.setting_files import absolute_path, user_path
from jitney.client.inputs.setting_names import SETTINGS
from jitney.client.problems import Invalid
from jitney.client.processes.own_program import own_program
from jitney.client.setup.clients import AWS, CLIENTS, AgentClient

_NAMES = (*(each.name for each in CLIENTS), AWS.name)
# Claude Code, Cursor, VS Code and Gemini CLI replace $NAME or ${NAME} in their files.
_EXPANDED = "$"
_WRITTEN = ("settings_file", "api", "token_file", "token_command")
"""The settings that become options of the command in a client's file."""


def selected(names: Sequence[str], project: Path, environment: Mapping[str, str]) -> tuple[AgentClient, ...]:
    """Return the named clients, or all clients that are found.

    Raises Invalid for an unknown name, and when none is found.
    """
    for name in names:
        if name not in _NAMES:
            raise invalid(f"{name!r} is not a client.", f"Clients are {', '.join(_NAMES)}.")
    if names:
        return tuple(each for each in (*CLIENTS, AWS) if each.name in names)
    found = tuple(each for each in CLIENTS if each.found(project, environment))
    if not found:
        fix = f"Name one: {', '.join(_NAMES)}."
        raise Invalid(
            "client_not_found", "No client found", f"No known client is installed, or used in {project}.", fix
        )
    return found


def server_command(connection: ConnectionOptions, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command that starts Jitney's MCP server. It names the settings that clients do not pass on.

    Raises Invalid for an argument that a client would change.
    """
    words = [own_program(), "mcp", *written_connection(connection, environment).arguments()]
    for word in words:
        if _EXPANDED in word:
            fix = "Write that setting to config.toml instead."
            raise invalid(f"{word!r} holds a $, which clients replace in their files.", fix)
    return tuple(words)


def written_connection(connection: ConnectionOptions, environment: Mapping[str, str]) -> ConnectionOptions:
    """Return the options, completed from the environment. Files get absolute paths.

    Raises Invalid for another setting in the environment: no option can name it, and a client would not pass it on.
    """
    shell_only = [
        variable for name, (variable, _) in SETTINGS.items() if name not in _WRITTEN and environment.get(variable)
    ]
    if shell_only:
        detail = f"Clients do not pass on {', '.join(shell_only)}, which only this shell has."
        fix = "Write them into a file in the form of config.toml, unset them, and give --settings-file FILE."
        raise Invalid("settings_of_shell", "Some settings are in this shell only", detail, fix)

    def given(name: str) -> str:
        return str(getattr(connection, name)) or environment.get(SETTINGS[name][0], "")

    # An option for one token source overrides the other source in the environment.
    chosen = connection.token_file or connection.token_command
    file, command = (getattr(connection, name) if chosen else given(name) for name in ("token_file", "token_command"))
    return ConnectionOptions(given("api"), _absolute(file), command, _absolute(given("settings_file")))


def _absolute(file: str) -> str:
    return str(absolute_path(user_path(file))) if file else ""
