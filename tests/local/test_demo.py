"""`make demo`: it is told as it is, it ends with an error where it is not, and it can be interrupted."""

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
from local.demo import asking
from local.demo.audit_queries import AuditQueries, Rows
from local.demo.runner import CommandResult, DemoRun, DemoStepFailedError, settings_beside
from local.settings import DEFAULT_CONFIG, ROOT, from_environment
from local.timeouts import scaled_timeout
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


def test_the_demo_runs_in_the_state_folder_with_the_checkouts_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("JITNEY_LOCAL_DIR", str(tmp_path))
    monkeypatch.setenv("JITNEY_CONFIG", str(DEFAULT_CONFIG))
    assert settings_beside(tmp_path / "aside").state == tmp_path


def test_another_configuration_gives_the_demo_a_system_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("JITNEY_LOCAL_DIR", str(tmp_path))
    monkeypatch.setenv("JITNEY_CONFIG", "missing.yaml")
    monkeypatch.setenv("JITNEY_AWS_PORT", "4566")
    settings = settings_beside(tmp_path / "aside")
    assert (settings.config, settings.state, settings.ports) == (DEFAULT_CONFIG, tmp_path / "aside", {})
    assert "missing.yaml" in capsys.readouterr().out


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording(DemoRun):
    """A stage that keeps what its commands said."""

    ran: list[tuple[str, CommandResult]]
    meanwhiles: list[list[str]]
    mails: list[dict[str, Any]]

    def mail_to(self, name: str, about: str) -> dict[str, Any]:
        self.mails.append(DemoRun.mail_to(self, name, about))
        return self.mails[-1]

    def _ran(self, agent: str, command: Sequence[str], more: Mapping[str, str]) -> CommandResult:
        ran = DemoRun._ran(self, agent, command, more)
        self.ran.append((" ".join(command), ran))
        return ran

    @contextmanager
    def meanwhile(self, agent: str, *command: str) -> Iterator[Iterator[str]]:
        self.meanwhiles.append(said := [])
        with DemoRun.meanwhile(self, agent, *command) as lines:
            yield (said.append(line) or line for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaying(DemoRun):
    """A stage on which nothing runs: its commands say again what they said, in their order."""

    ran: Iterator[CommandResult]
    meanwhiles: Iterator[Sequence[str]]
    mails: Iterator[dict[str, Any]]

    def mail_to(self, name: str, about: str) -> dict[str, Any]:
        return next(self.mails)

    def _ran(self, agent: str, command: Sequence[str], more: Mapping[str, str]) -> CommandResult:
        return next(self.ran)

    @contextmanager
    def meanwhile(self, agent: str, *command: str) -> Iterator[Iterator[str]]:
        said = next(self.meanwhiles)
        yield (line if line[:1] != "{" else json.dumps(json.loads(line) | {"at": time.time()}) for line in said)


@dataclass
class Seen:
    """One showing of the demo, as it was seen: commands with what they said, also beside others, the auditor's rows."""

    ran: list[tuple[str, CommandResult]]
    meanwhiles: list[list[str]]
    rows: dict[str, Rows]
    mails: list[dict[str, Any]]

    @property
    def waiting(self) -> list[str]:
        """The lines of the command that waits for its review."""
        return self.meanwhiles[0]

    @property
    def lines(self) -> list[str]:
        """The loop's lines."""
        return self.meanwhiles[-1]

    def at(self, words: str) -> int:
        """The place of the one command that holds `words`."""
        (place,) = (place for place, (command, _) in enumerate(self.ran) if words in command)
        return place

    def says(self, words: str, old: str, new: str) -> None:
        """Change what the command that holds `words` said."""
        place = self.at(words)
        command, ran = self.ran[place]
        assert old in ran.said
        self.ran[place] = (command, CommandResult(ran.code, ran.out.replace(old, new), ran.err.replace(old, new)))

    def verifies(self, number: int, old: str, new: str) -> None:
        """Change what `jitney audit verify` said, the first or a later time."""
        place = [place for place, (command, _) in enumerate(self.ran) if "audit verify" in command][number]
        command, ran = self.ran[place]
        assert old in ran.said
        self.ran[place] = (command, CommandResult(ran.code, ran.out.replace(old, new), ran.err))

    def told_again(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Tell the story to what was seen, changed or not. Raises NotAsTold."""
        monkeypatch.setattr(AuditQueries, "wait_for", lambda _ledger, name, *_: self.rows[name])
        monkeypatch.setattr(AuditQueries, "text", lambda *_: "SELECT 1")
        stack = {"aws_endpoint": "http://127.0.0.1:1", "region": "eu-west-1", "account": "111122223333"}
        stack |= {"buckets": {"records": "records"}, "athena": {"workgroup": "jitney", "database": "jitney"}}
        ran = iter([ran for _, ran in self.ran])
        demo.play(
            Replaying(stack, folder, stays_up=True, ran=ran, meanwhiles=iter(self.meanwhiles), mails=iter(self.mails))
        )


@pytest.fixture(scope="module")
def showing(stack: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The demo as it is, on the run's own system."""
    seen = Seen([], [], {}, [])
    wait_for = AuditQueries.wait_for

    def kept(ledger: AuditQueries, name: str, *more: Any) -> Rows:
        seen.rows[name] = wait_for(ledger, name, *more)
        return seen.rows[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AuditQueries, "wait_for", kept)
        # Other tests run at the same time, and the grant must outlast four steps.
        patch.setattr(asking, "SECONDS", round(scaled_timeout(30)))
        folder = tmp_path_factory.mktemp("demo")
        stage = Recording(stack, folder, stays_up=True, ran=seen.ran, meanwhiles=seen.meanwhiles, mails=seen.mails)
        with alone(PEOPLE):
            demo.play(stage)
    return seen


@pytest.fixture
def seen(showing: Seen) -> Seen:
    """What was seen, to change it."""
    return copy.deepcopy(showing)


# The demo revokes a grant: see tests/system/test_ending.py.
in_its_turn = pytest.mark.xdist_group("deny-document")


@in_its_turn
def test_the_demo_goes_as_it_is_told(seen: Seen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    seen.told_again(monkeypatch, tmp_path)


@in_its_turn
def test_another_exit_code_of_any_command_ends_it(seen: Seen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for place, (command, ran) in enumerate(seen.ran):
        broken = copy.deepcopy(seen)
        broken.ran[place] = (command, CommandResult(ran.code + 1, ran.out, ran.err))
        with pytest.raises(DemoStepFailedError, match=f"exit code {ran.code + 1}, not {ran.code}"):
            broken.told_again(monkeypatch, tmp_path)


@in_its_turn
def test_a_command_that_says_nothing_ends_it(seen: Seen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """But for those whose effect is seen at the next step."""
    silent = ("jitney profile", "grants revoke", "jitney-sealer", "aws s3 sync", "sed -i", "--only-show-errors")
    for place, (command, ran) in enumerate(seen.ran):
        broken = copy.deepcopy(seen)
        broken.ran[place] = (command, CommandResult(ran.code, "", ""))
        if not any(words in command for words in silent):
            with pytest.raises(DemoStepFailedError):
                broken.told_again(monkeypatch, tmp_path)


def _calls(seen: Seen, change: Callable[[list[dict[str, Any]]], None]) -> None:
    calls = [json.loads(line) for line in seen.lines]
    change(calls)
    seen.lines[:] = [json.dumps(call) for call in calls]


def _rows(seen: Seen, change: Callable[[Rows], Rows]) -> None:
    seen.rows["who_requested_what"] = change(seen.rows["who_requested_what"])


OBJECT = "arn:aws:s3:::reports/2026/q3.csv"
BREAKS: dict[str, tuple[Callable[[Seen], Any], str]] = {
    "the session policy allows more": (
        lambda seen: seen.says("explain", OBJECT, "arn:aws:s3:::reports/*"),
        "and nothing",
    ),
    "the grant allows more": (
        lambda seen: seen.says("grants list", OBJECT, "arn:aws:s3:::reports/*"),
        "and nothing else",
    ),
    "the neighbour is denied by something else": (
        lambda seen: seen.says("--key 2026/q4.csv", "no session policy allows", "a bucket policy denies"),
        "IAM itself denies it",
    ),
    "nobody is named who could review": (lambda seen: seen.says("s3 rm", "data-owners", "somebody"), "says by whom"),
    "the denial does not say why": (lambda seen: seen.says("create-user", "code review", "prayer"), "says why"),
    "the command does not wait": (lambda seen: seen.waiting.clear(), "does not wait"),
    "the mail says something else": (lambda seen: seen.mails[0].update(subject="Hello"), "The mail says who asks"),
    "the mail has no link": (lambda seen: seen.mails[0].update(text="Hello"), "leads to the request"),
    "the page says something else": (
        lambda seen: seen.says("browser.py", "for write access", "for read access"),
        "who asks for what",
    ),
    "nothing is unchecked": (lambda seen: seen.says("browser.py", "[ ] on", "[x] on"), "is unchecked"),
    "the command does not go on": (lambda seen: seen.waiting.__delitem__(slice(1, None)), "went on by itself"),
    "nobody tells the command that it got less": (
        lambda seen: seen.waiting.__setitem__(
            slice(None), [line for line in seen.waiting if "for less than you asked" not in line]
        ),
        "got less than it asked for",
    ),
    "the other object is denied by something else": (
        lambda seen: seen.says("s3 cp new.csv s3://reports/2026/q4.csv", "no session policy allows", "it is locked"),
        "IAM itself denies it",
    ),
    "the loop is denied too early": (
        lambda seen: _calls(seen, lambda calls: calls[3].update(denied="AccessDenied")),
        "calls worked so far",
    ),
    "the loop is never denied": (
        lambda seen: _calls(seen, lambda calls: [call.update(denied="") for call in calls]),
        "calls are denied",
    ),
    "a call works after the denial": (
        lambda seen: _calls(seen, lambda calls: calls[-1].update(denied="")),
        "were denied, by AWS",
    ),
    "the loop fails for another reason": (
        lambda seen: _calls(seen, lambda calls: calls[-1].update(denied="SlowDown")),
        "were denied, by AWS",
    ),
    "the loop breaks": (lambda seen: seen.lines.insert(12, "Traceback"), "the loop says Traceback"),
    "the loop does not start": (lambda seen: seen.lines.clear(), "calls worked so far"),
    "no kill time is kept": (
        lambda seen: seen.says("grants show", '"denied_after_milliseconds"', '"other"'),
        "canary session",
    ),
    "somebody else revoked": (
        lambda seen: seen.says("grants show", "incident-bot", "alice"),
        "who took the grant back",
    ),
    "a request is not on record": (
        lambda seen: _rows(seen, lambda rows: [row for row in rows if "iam:CreateUser" not in row["actions"]]),
        "Every request is there",
    ),
    "a request is on record, but of another showing": (
        lambda seen: _rows(seen, lambda rows: [row | {"time": f"2001{row['time'][4:]}"} for row in rows]),
        "Every request is there",
    ),
    "the records are not proven": (
        lambda seen: seen.verifies(0, ": all as they were sealed", ""),
        "Every record is as it was sealed",
    ),
    "the change is not named": (lambda seen: seen.verifies(1, "record 0 of", "something about"), "found, and named"),
    "the change stays": (lambda seen: seen.verifies(2, ": all as they were sealed", ""), "those that were written"),
    "the changed record is not found": (
        lambda seen: seen.says("grep -rl", "records/", "elsewhere/"),
        "no object holds the request",
    ),
    "the story does not say what IAM denied": (
        lambda seen: seen.says("audit show", "denied: AccessDenied", "lost"),
        "Who approved less",
    ),
    "the story does not say who took it back": (
        lambda seen: seen.says("audit show", "incident-bot", "alice"),
        "Who took it back",
    ),
    "the canary is not on record": (lambda seen: seen.rows["history_of_grant"].pop(), "seen to be denied"),
}


@in_its_turn
@pytest.mark.parametrize("name", BREAKS)
def test_what_is_not_as_told_ends_it_and_is_said(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
):
    change, said = BREAKS[name]
    change(seen)
    with pytest.raises(DemoStepFailedError, match=said):
        seen.told_again(monkeypatch, tmp_path)


def test_the_demo_then_exits_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def play(_stage: object) -> None:
        raise DemoStepFailedError("IAM itself denies it")

    monkeypatch.setattr(demo, "on_stage", nullcontext)
    monkeypatch.setattr(demo, "play", play)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        assert demo.main() == 1
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert "Not as told: IAM itself denies it" in capsys.readouterr().out
