"""`make demo`: it succeeds, it fails at any check that does not hold, and it can be interrupted."""

import copy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import processes, system
from local.demo import __main__ as demo
from local.demo import ending, runner
from local.demo.audit_queries import AuditQueries, Rows
from local.demo.runner import CommandResult, DemoRun, DemoStepFailedError, demo_settings
from local.seed import PASSWORD
from local.settings import DEFAULT_CONFIG, ROOT, from_environment
from tests.reviewer_browser import PEOPLE
from tests.running_systems import PATIENCE, RUN_VARIABLE, alone


def test_an_interrupted_demo_says_so_and_leaves_nothing_running(tmp_path: Path):
    own = {name: value for name, value in os.environ.items() if not name.startswith("JITNEY_")}
    own |= {"JITNEY_LOCAL_DIR": str(tmp_path), "JITNEY_LOCAL_LIFELINE": str(Path(os.environ[RUN_VARIABLE], "lifeline"))}
    settings = from_environment(own)
    alive = lambda: [name for name in system.NAMES if processes.running(name, settings)]  # noqa: E731
    with subprocess.Popen(
        [sys.executable, "-m", "local.demo"],
        cwd=ROOT,
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as demo:
        assert processes.wait_until(lambda: alive() != [], PATIENCE)
        os.killpg(demo.pid, signal.SIGINT)
        said, _ = demo.communicate()
    assert demo.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert alive() == []


def test_the_demo_uses_the_state_folder_and_the_checkouts_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JITNEY_LOCAL_DIR", str(tmp_path))
    monkeypatch.setenv("JITNEY_CONFIG", str(DEFAULT_CONFIG))
    assert demo_settings().state == tmp_path


def test_another_configuration_gives_the_demo_a_system_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("JITNEY_LOCAL_DIR", str(tmp_path))
    monkeypatch.setenv("JITNEY_CONFIG", "missing.yaml")
    monkeypatch.setenv("JITNEY_AWS_PORT", "4566")
    settings = demo_settings()
    assert (settings.config, settings.state, settings.ports) == (DEFAULT_CONFIG, tmp_path / "demo", {})
    assert "missing.yaml" in capsys.readouterr().out


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording(DemoRun):
    """A run that keeps its commands' outputs."""

    ran: list[tuple[str, CommandResult]]
    backgrounds: list[list[str]]
    mails: list[dict[str, Any]]

    def mail_to(self, name: str, about: str) -> dict[str, Any]:
        self.mails.append(DemoRun.mail_to(self, name, about))
        return self.mails[-1]

    def _run(self, name: str, command: Sequence[str], more: Mapping[str, str], until: str) -> CommandResult:
        ran = DemoRun._run(self, name, command, more, until)
        self.ran.append((" ".join(command), ran))
        return ran

    @contextmanager
    def background(self, name: str, *command: str) -> Iterator[Iterator[str]]:
        self.backgrounds.append(said := [])
        with DemoRun.background(self, name, *command) as lines:
            yield (said.append(line) or line for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaying(DemoRun):
    """A run that starts no process. Its commands return recorded outputs in order."""

    ran: Iterator[CommandResult]
    backgrounds: Iterator[Sequence[str]]
    mails: Iterator[dict[str, Any]]

    def mail_to(self, name: str, about: str) -> dict[str, Any]:
        return next(self.mails)

    def _run(self, name: str, command: Sequence[str], more: Mapping[str, str], until: str) -> CommandResult:
        return next(self.ran)

    @contextmanager
    def background(self, name: str, *command: str) -> Iterator[Iterator[str]]:
        said = next(self.backgrounds)
        yield (line if line[:1] != "{" else json.dumps(json.loads(line) | {"at": time.time()}) for line in said)


@dataclass
class Recorded:
    """One recorded run of the demo: the outputs of its commands, the auditor's rows, and the mails."""

    ran: list[tuple[str, CommandResult]]
    backgrounds: list[list[str]]
    rows: dict[str, Rows]
    mails: list[dict[str, Any]]

    @property
    def waiting(self) -> list[str]:
        """Return the lines of the command that waits for its review."""
        return self.backgrounds[0]

    @property
    def lines(self) -> list[str]:
        """Return the lines of the loop."""
        return self.backgrounds[1]

    @property
    def deleting(self) -> list[str]:
        """Return the lines of the command whose call is reviewed."""
        return self.backgrounds[2]

    @property
    def gateway_lines(self) -> list[str]:
        """Return the lines of the loop through the gateway."""
        return self.backgrounds[4]

    def at(self, words: str) -> int:
        """Return the position of the only command with `words`."""
        (place,) = (place for place, (command, _) in enumerate(self.ran) if words in command)
        return place

    def says(self, words: str, old: str, new: str) -> None:
        """Change the output of the command with `words`."""
        self._change(self.at(words), old, new)

    def verifies(self, number: int, old: str, new: str) -> None:
        """Change the output of the `jitney audit verify` command with this number."""
        self.says_of("audit verify", number, old, new)

    def says_of(self, words: str, number: int, old: str, new: str) -> None:
        """Change the output of the command with this number among those with `words`."""
        self._change([place for place, (command, _) in enumerate(self.ran) if words in command][number], old, new)

    def _change(self, place: int, old: str, new: str) -> None:
        command, ran = self.ran[place]
        assert old in ran.text
        self.ran[place] = (command, CommandResult(ran.code, ran.out.replace(old, new), ran.err.replace(old, new)))

    def replay(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Run the demo on the recorded outputs. Raises DemoStepFailedError when a check fails."""
        monkeypatch.setattr(AuditQueries, "wait_for", lambda _queries, name, *_: self.rows[name])
        monkeypatch.setattr(AuditQueries, "text", lambda *_: "SELECT 1")
        stack = {"aws_endpoint": "http://127.0.0.1:1", "region": "eu-west-1", "account": "111122223333"}
        stack |= {"buckets": {"records": "records"}, "athena": {"workgroup": "jitney", "database": "jitney"}}
        ran = iter([ran for _, ran in self.ran])
        demo.play(
            Replaying(stack, folder, stays_up=True, ran=ran, backgrounds=iter(self.backgrounds), mails=iter(self.mails))
        )


@pytest.fixture(scope="module")
def recorded_once(stack: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Run the demo on the tests' shared system and record it."""
    recorded = Recorded([], [], {}, [])
    wait_for = AuditQueries.wait_for

    def record(queries: AuditQueries, name: str, *more: Any) -> Rows:
        recorded.rows[name] = wait_for(queries, name, *more)
        return recorded.rows[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AuditQueries, "wait_for", record)
        run = Recording(
            stack,
            tmp_path_factory.mktemp("demo"),
            stays_up=True,
            ran=recorded.ran,
            backgrounds=recorded.backgrounds,
            mails=recorded.mails,
        )
        with alone(PEOPLE):
            demo.play(run)
    return recorded


@pytest.fixture
def recorded(recorded_once: Recorded) -> Recorded:
    """Return a copy of the recorded run that may be changed."""
    return copy.deepcopy(recorded_once)


# The demo revokes a grant: see tests/system/test_ending.py.
in_its_turn = pytest.mark.xdist_group("deny-document")


@in_its_turn
def test_every_check_of_the_demo_holds(recorded: Recorded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    recorded.replay(monkeypatch, tmp_path)


@in_its_turn
def test_another_exit_code_of_any_command_fails_the_demo(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for place, (command, ran) in enumerate(recorded.ran):
        broken = copy.deepcopy(recorded)
        broken.ran[place] = (command, CommandResult(ran.code + 1, ran.out, ran.err))
        with pytest.raises(DemoStepFailedError, match=rf"exits with {ran.code}\b(?s:.*)exit code {ran.code + 1}:"):
            broken.replay(monkeypatch, tmp_path)


@in_its_turn
def test_a_command_without_output_fails_the_demo(recorded: Recorded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Commands whose effect a later step checks are exempt."""
    silent = (
        "jitney profile",
        "grants revoke",
        "suspensions lift",
        "jitney-sealer",
        "aws s3 sync",
        "sed -i",
        "--only-show-errors",
    )
    for place, (command, ran) in enumerate(recorded.ran):
        broken = copy.deepcopy(recorded)
        broken.ran[place] = (command, CommandResult(ran.code, "", ""))
        if not any(words in command for words in silent):
            with pytest.raises(DemoStepFailedError):
                broken.replay(monkeypatch, tmp_path)


def _calls(recorded: Recorded, change: Callable[[list[dict[str, Any]]], None]) -> None:
    calls = [json.loads(line) for line in recorded.lines]
    change(calls)
    recorded.lines[:] = [json.dumps(call) for call in calls]


def _gateway_calls(recorded: Recorded, change: Callable[[list[dict[str, Any]]], None]) -> None:
    calls = [json.loads(line) for line in recorded.gateway_lines]
    change(calls)
    recorded.gateway_lines[:] = [json.dumps(call) for call in calls]


def _rows(recorded: Recorded, change: Callable[[Rows], Rows]) -> None:
    recorded.rows["who_requested_what"] = change(recorded.rows["who_requested_what"])


OBJECT = "arn:aws:s3:::reports/2026/q3.csv"
BREAKS: dict[str, tuple[Callable[[Recorded], Any], str]] = {
    "the session policy allows more": (
        lambda recorded: recorded.says("explain", OBJECT, "arn:aws:s3:::reports/*"),
        "and nothing",
    ),
    "the grant allows more": (
        lambda recorded: recorded.says("grants list", OBJECT, "arn:aws:s3:::reports/*"),
        "and nothing else",
    ),
    "the neighbour is denied by something else": (
        lambda recorded: recorded.says("--key 2026/q4.csv", "no session policy allows", "a bucket policy denies"),
        "IAM itself denies it",
    ),
    "the reviewers are not named": (
        lambda recorded: recorded.says("s3 rm", "data-owners", "others"),
        "names the group",
    ),
    "the denial does not say why": (lambda recorded: recorded.says("create-user", "code review", "prayer"), "says why"),
    "the command does not wait": (lambda recorded: recorded.waiting.clear(), "waits for a review"),
    "the mail says something else": (
        lambda recorded: recorded.mails[0].update(subject="Hello"),
        "The mail says how bad it is",
    ),
    "the mail has no link": (lambda recorded: recorded.mails[0].update(text="Hello"), "links to the request"),
    "the page says something else": (
        lambda recorded: recorded.says_of("browser.py", 0, "requests to write", "requests to read"),
        "who requests what",
    ),
    "nothing is unchecked": (
        lambda recorded: recorded.says_of("browser.py", 0, "[ ] on", "[x] on"),
        "unchecks one object",
    ),
    "the command does not go on": (
        lambda recorded: recorded.waiting.__delitem__(slice(1, None)),
        "continues by itself",
    ),
    "the command does not say that it got less": (
        lambda recorded: recorded.waiting.__setitem__(
            slice(None), [line for line in recorded.waiting if "narrower than requested" not in line]
        ),
        "got less than it requested",
    ),
    "the other object is denied by something else": (
        lambda recorded: recorded.says(
            "s3 cp new.csv s3://reports/2026/q4.csv", "no session policy allows", "it is locked"
        ),
        "IAM itself denies it",
    ),
    "the loop is denied too early": (
        lambda recorded: _calls(recorded, lambda calls: calls[3].update(denied="AccessDenied")),
        "calls worked so far",
    ),
    "the loop is never denied": (
        lambda recorded: _calls(recorded, lambda calls: [call.update(denied="") for call in calls]),
        "denies the loop's calls",
    ),
    "a call works after the denial": (
        lambda recorded: _calls(recorded, lambda calls: calls[-1].update(denied="")),
        "were denied, by AWS",
    ),
    "the loop fails for another reason": (
        lambda recorded: _calls(recorded, lambda calls: calls[-1].update(denied="SlowDown")),
        "were denied, by AWS",
    ),
    "the loop breaks": (lambda recorded: recorded.lines.insert(12, "Traceback"), "Traceback"),
    "the loop does not start": (lambda recorded: recorded.lines.clear(), "calls worked so far"),
    "no kill time is kept": (
        lambda recorded: recorded.says("grants show", '"denied_after_milliseconds"', '"other"'),
        "canary session",
    ),
    "another person revoked": (
        lambda recorded: recorded.says("grants show", "incident-bot", "alice"),
        "says who revoked it",
    ),
    "the gateway does not copy": (lambda recorded: recorded.says("draft.csv", "copy:", "lost:"), "copies the file"),
    "the grant is for credentials": (
        lambda recorded: recorded.says("--way gateway", '"way": "gateway"', '"way": "credentials"'),
        "is for calls through the gateway",
    ),
    "the secret is not masked": (
        lambda recorded: recorded.says("get-secret-value", "masked credential", PASSWORD),
        "its value is masked",
    ),
    "AWS refuses what the gateway should": (
        lambda recorded: recorded.says_of("--key 2025/q4.csv", -1, "JitneyCallOutsideGrant", "AccessDenied"),
        "AWS got nothing",
    ),
    "the delete does not wait": (lambda recorded: recorded.deleting.clear(), "waits for its review"),
    "the page does not show the call": (
        lambda recorded: recorded.says_of("browser.py", 1, "2026/draft.csv", "something"),
        "shows the call",
    ),
    "the delete does not go on": (lambda recorded: recorded.deleting.__delitem__(slice(1, None)), "deletes it"),
    "the next delete is covered": (lambda recorded: recorded.backgrounds[3].clear(), "waits for its review"),
    "the calls do not work before the suspension": (
        lambda recorded: _gateway_calls(recorded, lambda calls: calls[1].update(denied="JitneySuspended")),
        "calls worked so far",
    ),
    "a call works after the suspension": (
        lambda recorded: _gateway_calls(recorded, lambda calls: calls[-1].update(denied="")),
        "next call fails",
    ),
    "AWS denies the calls instead": (
        lambda recorded: _gateway_calls(recorded, lambda calls: calls[-1].update(denied="AccessDenied")),
        "AWS gets nothing",
    ),
    "a request is not on record": (
        lambda recorded: _rows(recorded, lambda rows: [row for row in rows if "iam:CreateUser" not in row["actions"]]),
        "Every request of this demo is listed",
    ),
    "a request is on record, but of an earlier time": (
        lambda recorded: _rows(recorded, lambda rows: [row | {"time": f"2001{row['time'][4:]}"} for row in rows]),
        "Every request of this demo is listed",
    ),
    "the records do not verify": (
        lambda recorded: recorded.verifies(0, ": all verified", ""),
        "Every record is unchanged",
    ),
    "the change is not named": (
        lambda recorded: recorded.verifies(1, "record 0 of", "something about"),
        "names the changed record",
    ),
    "the change stays": (lambda recorded: recorded.verifies(2, ": all verified", ""), "verify again"),
    "the changed record is not found": (
        lambda recorded: recorded.says("grep -rl", "records/", "elsewhere/"),
        "An object holds the request",
    ),
    "the report does not say what IAM denied": (
        lambda recorded: recorded.says("audit show", "denied: AccessDenied", "lost"),
        "who approved a part",
    ),
    "the report does not say who revoked it": (
        lambda recorded: recorded.says("audit show", "incident-bot", "alice"),
        "who revoked the grant",
    ),
    "the canary is not on record": (lambda recorded: recorded.rows["history_of_grant"].pop(), "the first denial"),
}


@in_its_turn
@pytest.mark.parametrize("name", BREAKS)
def test_a_failed_check_ends_the_demo_and_is_named(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
):
    change, said = BREAKS[name]
    change(recorded)
    with pytest.raises(DemoStepFailedError, match=said):
        recorded.replay(monkeypatch, tmp_path)


def test_a_failed_check_is_shown_and_the_exit_code_is_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def play(_stage: object) -> None:
        raise DemoStepFailedError("IAM itself denies it", "AccessDenied, from a bucket policy")

    monkeypatch.setattr(demo, "demo_run", nullcontext)
    monkeypatch.setattr(demo, "play", play)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert demo.main() == 1
    finally:
        signal.signal(signal.SIGTERM, handler)
    shown = capsys.readouterr().out
    assert "Expected: IAM itself denies it\nGot: AccessDenied, from a bucket policy" in shown


def test_a_failed_step_is_named_with_the_logs_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(system, "status", lambda _: {"config": str(DEFAULT_CONFIG)})
    monkeypatch.setattr(system, "up", lambda *_: {})
    monkeypatch.setenv("JITNEY_LOCAL_DIR", str(tmp_path))

    def fail() -> None:
        with runner.demo_run() as run:
            run.step("An agent requests access")
            run.check("Policy allows it", holds=False, got="403")

    with pytest.raises(DemoStepFailedError) as caught:
        fail()
    assert str(caught.value).splitlines() == [
        "Step 1, “An agent requests access”, failed.",
        "Expected: Policy allows it",
        "Got: 403",
        f"Logs: {tmp_path / 'logs'}",
    ]


def test_a_malformed_answer_fails_its_step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(system, "status", lambda _: {"config": str(DEFAULT_CONFIG)})
    monkeypatch.setattr(system, "up", lambda *_: {})
    monkeypatch.setenv("JITNEY_LOCAL_DIR", str(tmp_path))

    def read() -> None:
        with runner.demo_run() as run:
            run.step("List")
            run.stack["grants"]

    with pytest.raises(DemoStepFailedError, match=r"Step 1, “List”, failed\.(?s:.*)KeyError\('grants'\)"):
        read()


@in_its_turn
def test_on_a_slow_machine_the_short_grant_is_requested_again_and_longer(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    place = recorded.at("--for 15s")
    request, issue = recorded.ran[place : place + 2]
    ended = ("credentials", CommandResult(7, "", "the grant has ended"))
    expired = ("get-object", CommandResult(255, "", "An error occurred (ExpiredToken)"))
    recorded.ran[place:place] = [request, ended, request, issue, expired]
    recorded.replay(monkeypatch, tmp_path)
    recorded.ran[place + 4] = ("get-object", CommandResult(255, "", "Connection refused"))
    with pytest.raises(DemoStepFailedError, match="only because they have ended"):
        recorded.replay(monkeypatch, tmp_path)


@in_its_turn
def test_no_grant_is_long_enough_on_a_machine_that_stands_still(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    place = recorded.at("--for 15s")
    ended = ("credentials", CommandResult(7, "", "the grant has ended"))
    recorded.ran[place:] = [recorded.ran[place], ended] * len(ending.LIFETIMES)
    with pytest.raises(DemoStepFailedError, match="every grant of up to 3600 s had ended"):
        recorded.replay(monkeypatch, tmp_path)
