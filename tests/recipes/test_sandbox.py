"""docs/recipes/sandbox.sh: the agent in it reaches Jitney's endpoint and nothing else."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.quiet_server import QuietServer
from tests.running_systems import PATIENCE

SCRIPT = Path(__file__).parents[2] / "docs" / "recipes" / "sandbox.sh"
AGENT = """
import json, os, socket, sys, urllib.request
def reached(host, port):
    try:
        socket.create_connection((host, int(port)), 2).close()
        return True
    except OSError:
        return False
home = os.environ["HOME"]
print(json.dumps({
    "endpoint": urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"], timeout=10).read().decode(),
    "again": urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"], timeout=10).read().decode(),
    "reached": [name for name, (host, port) in {
        "metadata": ("169.254.169.254", 80), "container": ("169.254.170.2", 80), "eks": ("169.254.170.23", 80),
        "other": ("127.0.0.1", sys.argv[1]), "internet": ("1.1.1.1", 443)}.items() if reached(host, port)],
    "home": sorted(os.listdir(home)),
    "environment": sorted(os.environ),
    "processes": len([each for each in os.listdir("/proc") if each.isdigit()]),
    "files": [each for each in sys.argv[2:] if os.path.exists(each)],
}))
open("written", "w").write("x")
sys.exit(7)
"""
missing = [program for program in ("bwrap", "socat") if shutil.which(program) is None]
pytestmark = pytest.mark.skipif(
    bool(missing) and "JITNEY_BWRAP" not in os.environ,  # which says that they have to be there
    reason=f"needs {' and '.join(missing)}",
)


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"jitney")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    """The ports of Jitney's endpoint, and of another server on this machine."""
    servers = [QuietServer(("127.0.0.1", 0), Answer) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield servers[0].server_port, servers[1].server_port
    for server in servers:
        server.shutdown()
        server.server_close()


def sandbox(
    folder: Path,
    home: Path,
    endpoint: str,
    *words: str,
    script: Path = SCRIPT,
    tools: str = "",
    more: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "placeholder",
        "JITNEY_GRANT_ID": "g-abcdefghijklm2",
        "JITNEY_TOKEN": "canary",
        "TMPDIR": str(home / "temporary"),
        "GITHUB_TOKEN": "canary",
        "SANDBOX_TOOLS": tools,
    } | (more or {})
    return subprocess.run(
        [str(script), *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A project, and the home folder with keys."""
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text("[default]\naws_access_key_id = canary\n")
    (home / "project").mkdir()
    (home / "temporary").mkdir()
    return home / "project", home


def test_gw_the_sandbox_reaches_jitney_and_nothing_else(ports: tuple[int, int], places: tuple[Path, Path]):
    project, home = places
    keys = str(home / ".aws" / "credentials")
    own = [str(each) for each in Path.home().iterdir() if not project.is_relative_to(each)]
    line = ["/usr/bin/python3", "-c", AGENT, str(ports[1]), keys, *own, "/etc/shadow", "/run/jitney/jitney"]
    done = sandbox(project, home, f"http://127.0.0.1:{ports[0]}", *line)
    assert done.returncode == 7, done.stderr
    found = json.loads(done.stdout)
    assert (found["endpoint"], found["again"], found["reached"]) == ("jitney", "jitney", [])
    assert found["home"] == ["project"]
    assert found["files"] == ["/run/jitney/jitney"]
    given = {"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "HOME", "JITNEY_GRANT_ID", "PATH"}
    assert given <= set(found["environment"]) <= given | {"PWD", "OLDPWD", "SHLVL", "LC_CTYPE", "TERM", "_"}
    assert found["processes"] < 10
    assert (project / "written").read_text() == "x"


def test_gw_the_sandbox_leaves_nothing_running(ports: tuple[int, int], places: tuple[Path, Path]):
    project, home = places
    assert sandbox(project, home, f"http://127.0.0.1:{ports[0]}", "/bin/true").returncode == 0
    assert list((home / "temporary").iterdir()) == []
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"TCP:127.0.0.1:{ports[0]}" not in listed


@pytest.mark.parametrize("above", ["", "..", "/"])
def test_gw_the_sandbox_refuses_the_home_folder_and_those_above_it(places: tuple[Path, Path], above: str):
    _, home = places
    done = sandbox(home / above, home, "http://127.0.0.1:1", "/bin/true")
    assert (done.returncode, "project's folder" in done.stderr) == (2, True)


@pytest.mark.parametrize("link", [False, True])
def test_gw_the_sandbox_refuses_a_script_that_its_command_could_change(places: tuple[Path, Path], link: bool):
    project, home = places
    copy, started = project / "sandbox.sh", home / "sandbox.sh" if link else project / "sandbox.sh"
    shutil.copy(SCRIPT, copy)
    if link:
        started.symlink_to(copy)
    done = sandbox(project, home, "http://127.0.0.1:1", "/bin/true", script=started)
    assert (done.returncode, "move it out of this folder" in done.stderr) == (2, True)


def test_gw_an_agent_in_the_sandbox_may_only_read_its_tools(ports: tuple[int, int], places: tuple[Path, Path]):
    project, home = places
    tool = project / ".venv" / "bin" / "agent"
    tool.parent.mkdir(parents=True)
    tool.write_text(
        "#!/bin/sh\necho started; echo worse >$0; mv .venv other; mkdir -p .venv/bin; echo worse >.venv/bin/agent\n"
    )
    tool.chmod(0o755)
    before = tool.read_bytes()
    done = sandbox(project, home, f"http://127.0.0.1:{ports[0]}", str(tool), tools=str(project / ".venv"))
    assert done.stdout == "started\n", done.stderr
    assert tool.read_bytes() == before


@pytest.mark.parametrize("endpoint", ["", "https://sts.example.com", "http://127.0.0.2:80", "http://127.0.0.1:80/x"])
def test_gw_the_sandbox_needs_the_gateways_endpoint(places: tuple[Path, Path], endpoint: str):
    project, home = places
    done = sandbox(project, home, endpoint, "/bin/true")
    assert (done.returncode, "jitney run --gateway" in done.stderr) == (2, True)


@pytest.mark.parametrize("name", ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_SESSION_TOKEN"])
def test_gw_the_sandbox_gets_no_keys_and_no_endpoint_for_keys(
    ports: tuple[int, int], places: tuple[Path, Path], name: str
):
    project, home = places
    done = sandbox(project, home, f"http://127.0.0.1:{ports[0]}", "/bin/echo", "started", more={name: "canary"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "jitney run --gateway" in done.stderr


def test_gw_the_sandbox_works_in_long_paths_with_blanks(ports: tuple[int, int], tmp_path: Path):
    home = tmp_path / "my home"
    project, tool = home / "a project", home / "a project" / "my tools" / "say"
    tool.parent.mkdir(parents=True)
    long = home / "temporary" / ("x" * 110)  # longer than the path of a socket can be
    long.mkdir(parents=True)
    tool.write_text('#!/bin/sh\ntouch "$0" 2>/dev/null || echo read-only\n')
    tool.chmod(0o755)
    script = home / "sandbox.sh"
    shutil.copy(SCRIPT, script)
    tools = f"my tools:{project / 'my tools'}"
    more = {"TMPDIR": str(long)}
    done = sandbox(project, home, f"http://127.0.0.1:{ports[0]}", str(tool), script=script, tools=tools, more=more)
    assert (done.returncode, done.stdout) == (0, "read-only\n"), done.stderr
    assert list(long.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "more", "said"),
    [
        ([], {}, "name the command to run"),
        (["/bin/true"], {"HOME": ""}, "set HOME"),
        (["/bin/true"], {"HOME": "/"}, "set HOME to another folder than /"),
        (["/bin/true"], {"SANDBOX_TOOLS": "none"}, "none of SANDBOX_TOOLS does not exist"),
        (["/bin/true"], {"PATH": "PROGRAMS"}, "install socat"),
        (["/bin/true"], {"PATH": "BROKEN:PROGRAMS"}, "socat does not start"),
    ],
)
def test_gw_the_sandbox_says_why_it_does_not_start(
    ports: tuple[int, int], places: tuple[Path, Path], words: list[str], more: dict[str, str], said: str
):
    project, home = places
    programs, broken = home / "programs", home / "broken"
    for folder in (programs, broken):
        folder.mkdir()
    for name in ("bash", "bwrap", "realpath", "mktemp", "sleep", "rm"):
        (programs / name).symlink_to(shutil.which(name) or "")
    (broken / "socat").symlink_to("/bin/false")
    made = {
        name: value.replace("PROGRAMS", str(programs)).replace("BROKEN", str(broken)) for name, value in more.items()
    }
    done = sandbox(project, home, f"http://127.0.0.1:{ports[0]}", *words, more=made)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
