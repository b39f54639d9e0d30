"""A project and a home folder, with a `jitney` on PATH whose `jitney mcp` is a small MCP server."""

import sys
from pathlib import Path

import pytest

from jitney.client.setup import server_check

SERVER = f"""#!{sys.executable}
import os, sys
if sys.argv[1:2] != ["mcp"] or "--broken" in sys.argv or "JITNEY_API_URL" in os.environ:
    sys.exit("no server here")
from mcp.server import MCPServer
server = MCPServer("jitney")

@server.tool()
def list_targets() -> str:
    return ""

server.run()
"""


@pytest.fixture
def project(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "jitney").write_text(SERVER)
    (programs / "jitney").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    if "starts_server" not in request.keywords:  # starting it takes seconds
        monkeypatch.setattr(server_check, "tools_of", lambda words: ("list_targets",))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
