"""`jitney init`: sets up the programs in which people run agents, and undoes the setup."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from jitney.client.file_replacement import real_path
from jitney.client.inputs import options
from jitney.client.inputs.connection_options import xdg
from jitney.client.inputs.grouping import grouped
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import invalid
from jitney.client.inputs.setting_files import absolute_path
from jitney.client.problems import Invalid
from jitney.client.profiles.aws_profile import lacks_region, region_fix, require_own_credentials, section_name
from jitney.client.profiles.profile_settings import settings_for_request
from jitney.client.setup import selection
from jitney.client.setup.clients import AWS, AgentClient
from jitney.client.setup.file_changes import ClientFile, FileChange, addition, removal, unwritable
from jitney.client.setup.ledger import Ledger
from jitney.client.setup.setup_screen import SetupScreen
from jitney.client.terminal.command_result import exit_on_problem, print_json

Clients = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="CLIENT...", help="claude-code, codex, cursor, vscode, gemini-cli or aws (default: those found)."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")]
Remove = Annotated[bool, typer.Option("--remove", help="Remove Jitney from the clients' files.")]
Folder = Annotated[Path, typer.Option("--folder", metavar="FOLDER", help="The project's folder.")]
Profile = Annotated[str, typer.Option("--profile", metavar="NAME", help="With aws: the profile's name.")]
Target = Annotated[str, typer.Option("--target", metavar="TARGET", help="With aws: the target's alias.")]


@grouped
def init(
    clients: Clients = None,
    *,
    yes: Yes = False,
    remove: Remove = False,
    folder: Folder = Path(),
    profile: Profile = "jitney",
    target: Target = "",
    request: options.ProfileParameters,
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Set up Claude Code, Codex, Cursor and others to use Jitney.

    CLIENT is one of five agent programs, or aws for an AWS profile. Shows the change and asks before it writes. An
    agent program gets Jitney's MCP server, and `jitney init` checks that the server starts. An AWS profile needs
    --target, --reason and what to request. With --remove, a file that was not changed since is restored byte by byte.
    With --json, nothing is written without --yes.

    Example: jitney init claude-code
    """
    with exit_on_problem("init", as_json=as_json):
        project = absolute_path(folder)
        chosen = selection.selected(clients or (), project, os.environ)
        ledger = Ledger(xdg(os.environ, "XDG_DATA_HOME", ".local/share") / "init.json")
        if AWS in chosen and not remove:
            require_own_credentials(os.environ, profile)
        entries = {} if remove else _entries(chosen, connection, request, target)
        changes = [_planned(_file(each, project, profile), ledger, entries.get(each.name)) for each in chosen]
        if not as_json:
            for client, change in zip(chosen, changes, strict=True):
                SetupScreen().file_change(client.title, change)
        write = any(change.changes for change in changes) and (yes or (not as_json and _agreed()))
        for change in changes if write else ():
            if change.changes:
                change.make(ledger)
                _read_back(change)
        if as_json:
            print_json({"written": write, "clients": [_row(*each) for each in zip(chosen, changes, strict=True)]})
        elif write:
            SetupScreen().clients_set_up(chosen, changes, removed=remove)
            if AWS.name in entries and lacks_region(entries[AWS.name], os.environ):
                SetupScreen().note(f"jitney: Profile {profile} has no Region. {region_fix(profile)}")


def _entries(
    chosen: Sequence[AgentClient], connection: options.Connection, request: options.RequestParameters, target: str
) -> dict[str, Any]:
    """Return the entry for each client's file. Starts the MCP server once before anything is written."""
    found: dict[str, Any] = {}
    if AWS in chosen:
        written = selection.written_connection(connection, os.environ)
        found[AWS.name] = settings_for_request(target or None, request, written)
    if served := [each for each in chosen if each is not AWS]:
        words = selection.server_command(connection, os.environ)
        check = load_extra("jitney.client.setup.server_check", "mcp", "Nothing was changed")
        with SetupScreen().working(f"Starting {' '.join(words[:2])}"):
            check.tools_of(words)
        found |= {each.name: each.server(words) for each in served}
    return found


def _file(client: AgentClient, project: Path, profile: str) -> ClientFile:
    """Return the client's file.

    Raises Invalid when a link in the project leads outside it, because others may have set the link.
    """
    place, path = client.place or (section_name(profile),), client.path(project, os.environ)
    own, real = client.file.startswith("~"), real_path(path)
    if not own and not real.is_relative_to(real_path(project)):
        detail = f"{path} is a link that leads out of the project, to {real}."
        fix = "Remove the link, or write the entry yourself."
        raise Invalid("client_file_outside", "The client's file is outside of the project", detail, fix)
    return ClientFile(path, real, client.read, place, 0o600 if own else 0o644)


def _planned(file: ClientFile, ledger: Ledger, entry: dict[str, Any] | None) -> FileChange:
    record = ledger.record(file.path, file.place)
    return removal(file, record) if entry is None else addition(file, entry, record)


def _agreed() -> bool:
    if not _terminal():
        raise invalid("There is no terminal to ask on.", "Give --yes to write the change that is shown.")
    return typer.confirm("Write this?", err=True)


def _terminal() -> bool:
    return sys.stdin.isatty()


def _read_back(change: FileChange) -> None:
    """Read the written file, as its client does. Raises Invalid if the file is not as planned."""
    path = change.file.path
    there = path.read_bytes() if path.exists() else None
    if there != (None if change.after is None else change.after.encode("utf-8")):
        fix = "Another program writes this file. Close it, and run the command again."
        raise unwritable(path, "does not hold what was written", fix)
    if change.after is not None:
        change.file.read(change.after)


def _row(client: AgentClient, change: FileChange) -> dict[str, Any]:
    return {
        "client": client.name,
        "file": str(change.file.path),
        "changes": change.changes,
        "diff": change.diff(),
        "note": change.note,
    }
