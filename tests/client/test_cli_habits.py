"""Habits of every command of `jitney`: help, examples, JSON, exit codes, and plain output in pipes."""

import errno
import json
import os
import pty
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import typer.main

from jitney.client import main, problems
from jitney.client.cli import build_app
from jitney.client.terminal import command_result
from jitney.client.terminal.command_result import show_lost_output
from jitney.client.terminal.exit_codes import EXIT_CODES, INTERRUPTED
from tests.cli import invoke
from tests.client.fake_broker import GRANT_ID, FakeBroker, ended, grant, issued
from tests.quiet_server import QuietServer
from tests.running_systems import PATIENCE

JITNEY = str(Path(sys.executable).with_name("jitney"))
ROOT: Any = typer.main.get_command(build_app())
CODES = {each.code for each in EXIT_CODES}
NO_JSON = {
    "credentials": "its output is JSON in AWS's form already",
    "mcp": "its output is the protocol's",
}
"""Commands without --json, and why."""


def walk(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each command that runs something, with the words that name it."""
    if not hasattr(command, "commands"):
        yield words, command
        return
    for name, each in command.commands.items():
        yield from walk(each, (*words, name))


COMMANDS = dict(walk(ROOT))


def named(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)


every_command = pytest.mark.parametrize("words", COMMANDS, ids=named)


@every_command
def test_cli_07_help_begins_with_what_the_command_does(words: tuple[str, ...]):
    first = COMMANDS[words].help.split(".")[0]
    assert re.match(r"[A-Z][a-z]+ ", first), first
    assert first.split()[0] not in {"The", "This", "A", "An", "It"}
    for option in ("-h", "--help"):
        shown = invoke([*words, option])
        assert shown.exit_code == 0
        assert first.split()[0] in shown.stdout


@pytest.mark.parametrize(
    "group", [name for name, each in {"": ROOT, **ROOT.commands}.items() if hasattr(each, "commands")]
)
def test_cli_07_a_list_of_commands_cuts_no_sentence(group: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = invoke([*group.split(), "-h"]).stdout
    listed = shown.partition("Commands:")[2].strip().splitlines()
    assert listed
    assert not [line for line in listed if line.endswith("...")]


@every_command
def test_cli_07_an_example_breaks_no_word(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    """A word that is broken at a hyphen would be pasted as two."""
    monkeypatch.setenv("COLUMNS", "80")
    example = invoke([*words, "-h"]).stdout.partition("Example: ")[2].partition("\n\n")[0]
    assert example
    assert not [line for line in example.splitlines() if line.endswith("-")]


@every_command
def test_cli_07_every_help_has_an_example_that_the_parser_takes(words: tuple[str, ...]):
    (example,) = re.findall(r"Example: (.*)\Z", COMMANDS[words].help.replace("\n", " ").strip())
    program, *given = shlex.split(example)
    assert program == "jitney"
    assert tuple(given[: len(words)]) == words
    command, context = ROOT, None
    for word in (*words, None):
        context = command.make_context(word, given[:1] if word else given, parent=context, resilient_parsing=bool(word))
        if word:
            _, command, _ = command.resolve_command(context, given)
            given = given[1:]


@every_command
def test_cli_07_every_command_has_json(words: tuple[str, ...]):
    has = any("--json" in each.opts for each in COMMANDS[words].params)
    assert has != (named(words) in NO_JSON)


GARBAGE = ["--nope", "\udcff\udcfe", "", "é" * 5000, "../$(id)\x07%s{}'"]


@every_command
def test_cli_07_garbage_is_a_problem_and_no_traceback(
    words: tuple[str, ...], home: Path, tmp_path: Path, monkeypatch: Any
):
    monkeypatch.chdir(tmp_path)
    lines = [[each] for each in GARBAGE] + [["x"] * 9]
    options = [each for each in COMMANDS[words].params if each.opts[0].startswith("--") and not each.is_flag]
    lines += [[each.opts[0], GARBAGE[index % 4 + 1]] for index, each in enumerate(options)]
    for line in lines:
        result = invoke([*words, *line])
        assert result.exception is None or isinstance(result.exception, SystemExit), (line, result.exception)
        assert result.exit_code in CODES, (line, result.output)
        assert "Traceback" not in result.output


@pytest.mark.parametrize("words", [words for words in COMMANDS if named(words) not in NO_JSON], ids=named)
def test_cli_07_with_json_a_problem_is_one_object(words: tuple[str, ...], home: Path):
    result = invoke([*words, "--json", "--nope"])
    assert result.exit_code == 2
    printed, empty = (result.stderr, result.stdout) if words == ("run",) else (result.stdout, result.stderr)
    assert (json.loads(printed).keys(), empty) == ({"code", "title", "detail", "fix"}, "")


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (["--nope"], "No such option: --nope"),
        (["--json", "grants", "list"], "No such option: --json (Possible options: --version)"),
        (["suspend", "agnt", "x", "--reason", "y"], "'agnt' is not one of"),
        (["grants", "revoke", "g-abcdefghijklm2"], "Fix: See `jitney grants revoke --help`."),
        (["audit", "query", "--nope"], "Fix: See `jitney audit query --help`."),
        (["audit", "verify", "--expect-last", ""], "--expect-last has an empty value"),
        (["audit", "verify", "--table="], "--table has an empty value"),
        (["restore", "--state-table", "a", "--earlier-state-table", "", "--audit-table", "b"], "--earlier-state-table"),
        (["request", "prod", "--access-profile", "", "--action", "s3:*", "--resource", "*"], "--access-profile has an"),
        (["credentials", "prod", "--grant", ""], "--grant has an empty value"),
    ],
)
def test_cli_07_an_option_before_the_command_and_a_value_are_problems_like_any_other(line: list[str], detail: str):
    result = invoke(line)
    assert (result.exit_code, detail in result.output, "Fix: See" in result.output or '"fix"' in result.output) == (
        2, True, True,
    )  # fmt: skip
    assert "Value error" not in result.output


def test_cli_07_text_that_is_not_utf_8_is_named_before_anything_is_sent(connected: FakeBroker):
    words = ["request", "analytics-prod", "--action", "s3:GetObject", "--resource", "*", "--reason", "r\udcff\udcfe"]
    result = invoke(words)
    assert (result.exit_code, connected.asked) == (2, [])
    assert r"text that is not UTF-8: " in result.stderr
    assert r"r\udcff\udcfe" in result.stderr


def test_cli_07_with_json_run_leaves_standard_output_to_its_command(home: Path):
    result = invoke(["run", "--json", "analytics-prod", "--", "nowhere-at-all"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert json.loads(result.stderr)["code"] == "usage"


def test_cli_07_a_profile_as_json_says_what_and_where(home: Path):
    line = ["profile", "q3", "analytics-prod", "--call", "aws s3 ls s3://reports", "--reason", "report", "--json"]
    printed = json.loads(invoke(line).stdout)
    assert (printed["profile"], printed["file"]) == ("q3", None)
    assert "credentials analytics-prod" in printed["settings"]["credential_process"]
    assert json.loads(invoke([*line, "--write"]).stdout)["file"] == str(home / ".aws" / "config")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["request", "analytics-prod", "--call", "aws s3 ls s3://reports", "--reason", "report"], "grants release ID"),
        (["suspend", "agent", "github.a", "--reason", "leak"], "`jitney suspensions list`. Repeat the command"),
        (["suspensions", "lift", "s-abcdefghijklm2", "--reason", "done"], "Repeat the command"),
        (["grants", "revoke", "g-abcdefghijklm2", "--reason", "leak"], "repeating it is safe"),
        (["grants", "list"], "jitney: interrupted.\n"),
    ],
)
def test_cli_06_an_interruption_says_what_may_remain(
    connected: FakeBroker, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("jitney.client.api.broker.Broker._call", interrupted)
    result = invoke(words)
    assert (result.exit_code, result.stdout) == (INTERRUPTED, "")
    assert result.stderr.startswith("jitney: interrupted.")
    assert says in result.stderr


def test_cli_06_what_may_remain_is_said_of_commands_that_exist():
    folder = Path(command_result.__file__).parents[1]
    text = "".join(each.read_text(encoding="utf-8") for each in folder.rglob("*.py"))
    assert set(re.findall(r'exit_on_problem\(\s*"([^"]+)"', text)) >= command_result._REMAINS.keys() > {"suspend"}


def test_cli_07_one_table_has_all_exit_codes():
    kinds = [problems.ClientProblem, *problems.ClientProblem.__subclasses__()]
    assert {0, INTERRUPTED, *(kind.exit_code for kind in kinds)} == CODES
    shown = " ".join(invoke(["--help"]).stdout.split())
    assert all(f"{each.code} {each.meaning}" in shown for each in EXIT_CODES)
    page = (Path(__file__).parents[2] / "docs" / "agent-reference.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| (.*) \| ?(.*?) ?\|$", page, re.MULTILINE)
    assert rows == [(str(each.code), each.meaning, each.next_step) for each in EXIT_CODES]


def on_terminal(words: list[str], **environment: str) -> str:
    """Return what the command writes to a terminal."""
    master, slave = pty.openpty()
    variables = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [JITNEY, *words], stdin=slave, stdout=slave, stderr=slave, env=variables | {"TERM": "xterm"} | environment
    )
    os.close(slave)
    read = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the terminal is closed
            break
        if not piece:
            break
        read += piece
    process.wait(PATIENCE)
    os.close(master)
    return read.decode()


def test_cli_07_frames_and_colours_are_for_terminals(home: Path):
    line = ["explain", "--", "aws", "s3", "ls", "s3://reports"]
    assert "\x1b[" in on_terminal(line)
    assert "─" in on_terminal(["--help"])
    assert "\x1b[3" not in on_terminal(line, NO_COLOR="1")
    for words in (line, ["--help"], ["grants", "list", "--nope"]):
        done = subprocess.run([JITNEY, *words], capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert not re.search(r"[\x1b─│╭]", done.stdout + done.stderr)


@pytest.mark.parametrize(
    "words", [["--version"], ["--help"], ["explain", "--", "aws", "s3", "ls"], ["doctor", "--json"]]
)
def test_cli_07_a_closed_pipe_is_no_traceback(home: Path, words: list[str]):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [JITNEY, *words], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False
    )
    os.close(writing)
    assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_cli_07_a_reason_that_the_terminal_cannot_show_hides_no_grant(connected: FakeBroker, encoding: str):
    grants = [grant(reason="\u2615 report"), grant(id="g-bbbbbbbbbbbbbb")]
    connected.say("GET", "/v1/grants", 200, {"grants": grants, "next": None})
    done = subprocess.run(
        [JITNEY, "grants", "list"],
        capture_output=True, timeout=PATIENCE, check=False, env=os.environ | {"PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert ("\u2615 report" if encoding == "utf-8" else r"\u2615 report") in done.stdout.decode(encoding)
    assert b"g-bbbbbbbbbbbbbb" in done.stdout


@pytest.mark.parametrize("columns", ["0", "3", "-1", "x", "\u0664"])
def test_cli_07_any_width_shows_the_answer(home: Path, columns: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", columns)
    shown = invoke(["explain", "--", "aws", "s3", "ls", "s3://reports"])
    assert (shown.exit_code, "s3:ListBucket" in shown.stdout) == (0, True)


REQUEST = ["request", "analytics-prod", "--call", "aws s3 ls s3://reports", "--reason", "report"]


@pytest.mark.parametrize(
    ("words", "may_be_granted"),
    [(REQUEST, True), ([*REQUEST, "--json"], True), (["--help"], False), (["--version"], False)],
)
def test_cli_07_a_full_disk_for_the_output_is_no_traceback(
    connected: FakeBroker, words: list[str], may_be_granted: bool
):
    connected.say("POST", "/v1/grants", 201, issued())
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [JITNEY, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith("jitney: the output cannot be written: No space left on device")
    assert ("jitney grants release ID" in done.stderr) == may_be_granted
    assert len(done.stderr.splitlines()) == 1


def test_cli_07_a_background_endpoint_whose_output_is_lost_can_be_stopped(capsys: pytest.CaptureFixture[str]):
    show_lost_output(["serve", "analytics-prod"], OSError(errno.ENOSPC, "No space left on device"))
    assert "`jitney serve --stop`" in capsys.readouterr().err.replace("\n", " ")


def test_cli_07_a_failure_of_the_network_is_not_taken_for_one_of_the_output(monkeypatch: pytest.MonkeyPatch):
    def fail(_words: list[str]) -> None:
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    monkeypatch.setattr(main, "_run", fail)
    with pytest.raises(ConnectionResetError):
        main.main()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_cli_07_a_closed_stream_is_no_traceback_and_gets_no_other_output(connected: FakeBroker, closed: str):
    seen = 'import os, sys; sys.exit(sum(os.fstat(number) != os.stat("/dev/null") for number in NUMBERS))'
    numbers = [number for number, sign in enumerate(("<&-", " >&-", "2>&-")) if sign in f" {closed}"]
    run = ["run", *REQUEST[1:], "--", sys.executable, "-c", seen.replace("NUMBERS", str(numbers))]
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("DELETE", f"/v1/grants/{GRANT_ID}", 200, ended())
    for words in (["--version"], run):
        line = f"{shlex.join([JITNEY, *words])} {closed}"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


INTERRUPT = """
import sys
from importlib.abc import MetaPathFinder

module, words = sys.argv[1], sys.argv[2:]

class Interrupt(MetaPathFinder):
    def find_spec(self, name, *_):
        if name == module:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
from jitney.client.main import main
sys.argv = ["jitney", "credentials", "analytics-prod", *words]
main()
"""


@pytest.mark.parametrize(
    "module",
    [
        "typer",
        "jitney.client.cli",
        "jitney.client.commands.credentials",
        "jitney.client.credentials.credential_process",
    ],
)
def test_cli_06_an_interruption_while_the_program_loads_is_no_traceback(home: Path, module: str):
    line = [sys.executable, "-c", INTERRUPT, module, "--help"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (INTERRUPTED, "")


class Slow(BaseHTTPRequestHandler):
    """Answers after two seconds."""

    def do_GET(self) -> None:
        time.sleep(2)
        content = json.dumps({"grants": [grant()]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_cli_07_a_long_wait_is_shown_on_a_terminal_and_nowhere_else(
    connected: FakeBroker, monkeypatch: pytest.MonkeyPatch
):
    server = QuietServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    connected.say("GET", "/v1/grants", 200, {"grants": [grant()]})
    assert "Waiting for the broker" not in on_terminal(["grants", "list"])
    monkeypatch.setenv("JITNEY_API_URL", f"http://127.0.0.1:{server.server_port}")
    shown = on_terminal(["grants", "list"])
    assert "Waiting for the broker" in shown
    assert shown.rstrip().endswith("monthly report")
    piped = subprocess.run([JITNEY, "grants", "list"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert piped.stderr == ""
    server.shutdown()
    server.server_close()


def test_cli_07_a_result_in_a_pipe_has_no_progress(connected: FakeBroker):
    connected.say("GET", "/v1/grants", 200, {"grants": [grant()]})
    done = subprocess.run([JITNEY, "grants", "list"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stderr == ""
    assert done.stdout.startswith("g-")
