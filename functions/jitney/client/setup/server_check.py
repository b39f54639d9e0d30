"""Starts an MCP server as a client would, once, and lists its tools. Needs the extra `mcp`."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from jitney.client.problems import Unavailable

_SECONDS = 30.0
_LINES_SHOWN = 3


def tools_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the tools that a server lists, after starting it with this command.

    The server gets only HOME, PATH and a few more variables: several clients pass no others. Raises Unavailable, with
    the last lines that the server wrote, if it does not start or answer.
    """
    with _complaints() as complaints:

        async def listed() -> tuple[str, ...]:
            with anyio.fail_after(_SECONDS):
                server = StdioServerParameters(command=words[0], args=list(words[1:]))
                async with Client(stdio_client(server, errlog=complaints)) as client:
                    return tuple(tool.name for tool in (await client.list_tools()).tools)

        try:
            return anyio.run(listed)
        except Exception as error:
            complaints.seek(0)
            lines = [line.strip() for line in complaints.read().splitlines() if line.strip()][-_LINES_SHOWN:]
            said = " ".join(line if line.endswith((".", ":")) else f"{line}." for line in lines)
            detail = f"`{' '.join(words)}` does not answer as an MCP server. {said or _named(error)}"
            fix = "Run `jitney doctor`. A client does not pass on your shell's variables: use config.toml instead."
            raise Unavailable("mcp_server_failed", "The MCP server does not start", detail, fix) from error


def _complaints() -> TextIO:
    """Return a file for what the server writes. Without a folder for temporary files, that is lost."""
    try:
        return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
    except OSError:
        return Path(os.devnull).open("w+", encoding="utf-8")


def _named(error: BaseException) -> str:
    """Return the error in a few words; for a group of errors, its first error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return "no answer in time." if isinstance(error, TimeoutError) else f"{type(error).__name__} {error}".strip()
