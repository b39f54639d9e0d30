"""The clients that `jitney init` sets up: where each keeps its servers or profiles, and in which format.

Claude Code: https://code.claude.com/docs/en/mcp, Codex: https://developers.openai.com/codex/mcp, Cursor:
https://cursor.com/docs/context/mcp, VS Code: https://code.visualstudio.com/docs/copilot/reference/mcp-configuration,
Gemini CLI: https://geminicli.com/docs/tools/mcp-server, AWS: the AWS SDKs and Tools Reference Guide.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.setting_files import user_path
from jitney.client.profiles.aws_config_sections import config_path
from jitney.client.profiles.aws_profile import own_words
from jitney.client.setup.insertions import Insertion
from jitney.client.setup.profile_file import ProfileText

_UNREAD = "The client's file was not read"
SERVER = "jitney"
"""The name of Jitney's server in each client."""


class FileText(Protocol):
    """A client's file, parsed. Its constructor raises ValueError for a text that the client could not parse."""

    def entry(self, place: Sequence[str]) -> Any:
        """Return the entry at the place; None if there is none."""

    def insertions(self, place: Sequence[str], entry: Mapping[str, Any]) -> list[Insertion]:
        """Return the insertions that put the entry at the place, which must be free.

        Raises ValueError when that is impossible.
        """

    def without(self, place: Sequence[str]) -> str:
        """Return the text without the entry at the place."""


Reader = Callable[[str], FileText]


def _json_with_comments(text: str) -> FileText:
    text_of_json: FileText = load_extra("jitney.client.setup.json_file", "mcp", _UNREAD).JsonText(text)
    return text_of_json


def _strict_json(text: str) -> FileText:
    if text.strip():
        json.loads(text)
    return _json_with_comments(text)


def _toml(text: str) -> FileText:
    text_of_toml: FileText = load_extra("jitney.client.setup.toml_file", "mcp", _UNREAD).TomlText(text)
    return text_of_toml


@dataclass(frozen=True, slots=True)
class AgentClient:
    """A program that gets a server or a profile.

    `file` is relative to the project, or to the home folder if it begins with ~. The environment variable `variable`
    moves its folder or, for AWS, the file. If one of `programs` or `traces` exists, the client is installed.
    """

    name: str
    title: str
    file: str
    read: Reader
    place: tuple[str, ...]
    variable: str = ""
    programs: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    typed: bool = False
    next_step: str = ""

    def path(self, project: Path, environment: Mapping[str, str]) -> Path:
        """Return the file's path."""
        if not self.file.startswith("~"):
            return project / self.file
        if self.variable == "AWS_CONFIG_FILE":
            return config_path(environment)
        if moved := environment.get(self.variable, "") if self.variable else "":
            return Path(moved) / Path(self.file).name
        return user_path(self.file)

    def found(self, project: Path, environment: Mapping[str, str]) -> bool:
        """Return whether the client is on this machine, or the project has files of it."""
        path = environment.get("PATH", "")
        return any(shutil.which(program, path=path) for program in self.programs) or any(
            (user_path(trace) if trace.startswith("~") else project / trace).exists() for trace in self.traces
        )

    def server(self, words: Sequence[str]) -> dict[str, Any]:
        """Return the client's entry for a server that this command starts."""
        kind = {"type": "stdio"} if self.typed else {}
        return {**kind, "command": words[0], "args": list(words[1:])}


_CURSOR_AND_CLAUDE = ("mcpServers", SERVER)
CLIENTS = (
    AgentClient(
        "claude-code", "Claude Code", ".mcp.json", _strict_json, _CURSOR_AND_CLAUDE,
        programs=("claude",), traces=(".mcp.json", ".claude", "~/.claude"), typed=True,
        next_step="start `claude` in this folder and approve the server, or see it with /mcp",
    ),
    AgentClient(
        "codex", "Codex", "~/.codex/config.toml", _toml, ("mcp_servers", SERVER), variable="CODEX_HOME",
        programs=("codex",), traces=("~/.codex",),
        next_step="start `codex` and see the server with /mcp",
    ),
    AgentClient(
        "cursor", "Cursor", ".cursor/mcp.json", _json_with_comments, _CURSOR_AND_CLAUDE,
        programs=("cursor", "cursor-agent"), traces=(".cursor", "~/.cursor"), typed=True,
        next_step="open this folder in Cursor and switch the server on in Settings, Tools & MCP",
    ),
    AgentClient(
        "vscode", "VS Code", ".vscode/mcp.json", _json_with_comments, ("servers", SERVER),
        programs=("code",), traces=(".vscode", "~/.vscode"), typed=True,
        next_step="open this folder in VS Code and start the server with `MCP: List Servers`",
    ),
    AgentClient(
        "gemini-cli", "Gemini CLI", ".gemini/settings.json", _json_with_comments, _CURSOR_AND_CLAUDE,
        programs=("gemini",), traces=(".gemini", "~/.gemini"),
        next_step="start `gemini` in this folder and see the server with /mcp",
    ),
)  # fmt: skip
"""The clients that get an MCP server."""
AWS = AgentClient(
    "aws", "AWS profile", "~/.aws/config", ProfileText, (), variable="AWS_CONFIG_FILE",
    next_step="use it with `aws --profile NAME`, or AWS_PROFILE=NAME",
)  # fmt: skip
"""The AWS SDKs and the AWS CLI. The place of the entry is the profile's section."""


def is_ours(entry: Any) -> bool:
    """Return whether the entry runs `jitney mcp`, or is a profile that runs `jitney credentials`."""
    if not isinstance(entry, dict):
        return False
    if "credential_process" in entry:
        return bool(own_words(entry))
    words = [str(entry.get("command", "")), *_strings(entry.get("args"))]
    return words[1:2] == ["mcp"] and Path(words[0]).name == "jitney"


def _strings(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
