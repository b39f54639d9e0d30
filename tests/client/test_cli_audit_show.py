"""`jitney audit show`, over published lines that DuckDB reads with the very SQL that Athena is asked (row AUD 4)."""

import json
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from jitney.client import grant_report
from jitney.client.athena import QueryResult
from jitney.client.cli import app
from jitney.client.commands import audit_report as command
from jitney.core.audit import AuditEvent, Outcome
from local.engine import opened
from tests.core.report.recorded_grants import LATER, call, requested
from tests.core.report.test_telling import CALLS, reviewed
from tests.fakes import GRANT, PENDING

DAY = "2026-11-24"
TOLD = f"Told 2026-11-24 14:00 UTC from Athena database jitney, records since {DAY}"
HOSTILE = "</bdi><script>alert(1)</script>\x1b[2J\u202e $(id) 'x'"


class Ledger:
    """Tables over lines of JSON, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, ...]] = []
        self.database = "jitney"

    def publish(self, table: str, lines: Sequence[dict[str, Any]], day: str = DAY) -> None:
        path = self.folder / table / f"dt={day}" / "1.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{json.dumps(each)}\n" for each in lines), encoding="utf-8")

    def run(self, sql: str, parameters: Sequence[str] = ()) -> QueryResult:
        self.asked.append(tuple(parameters))
        connection = opened(self.folder)
        result = connection.execute(sql, list(parameters))
        names = tuple(column[0] for column in result.description)
        kinds = [str(column[1]) for column in result.description]
        rows = tuple(
            tuple(json.loads(cell) if kind == "JSON" and cell else cell for cell, kind in zip(row, kinds, strict=True))
            for row in result.fetchall()
        )
        connection.close()
        return QueryResult(names, rows, 0, 0.0)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    made = Ledger(tmp_path)
    made.publish("records", reviewed().lines)
    made.publish("calls", CALLS)
    monkeypatch.setattr(grant_report, "connected", lambda *_: made)
    monkeypatch.setattr(command, "time", SimpleNamespace(time=lambda: LATER + 0.9))
    return made


def show(*more: str, grant: str = GRANT.id) -> Any:
    return CliRunner().invoke(app, ["audit", "show", grant, "--since", DAY, *more], env={"COLUMNS": "80"})


def test_aud_04_the_whole_story_is_told_on_one_screen(ledger: Ledger):
    result = show()
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[:2] == [f"Taken back {GRANT.id}", TOLD]
    for line in (
        "who local.reader-agent, of https://idp.example.com", "for local.hal", "from 198.51.100.7, 198.51.100.8",
        "why “monthly report”", "ticket “OPS-12”", "granted s3:GetObject on arn:aws:s3:::reports/2026/*",
        "told staff.alice, staff.bob by mail at 12:00:01; failed: slack: not_here",
        "issued 12:01:05, and 1 more time, last at 12:01:40", "ended 12:03:20: taken back by staff.olga: “enough”",
        "measured AWS denied its credentials 1.43 s after the call",
        "1 × s3:DeleteObject denied: AccessDenied, 12:01:30, on",
        "left behind user x (iam:CreateUser at 12:01:50)", "suggested s3:GetObject on arn:aws:s3:::reports/2026/q3.csv",
    ):  # fmt: skip
        assert line in lines
    assert len(lines) <= 66
    assert ledger.asked == [(GRANT.id, DAY)] * 2


@pytest.mark.parametrize("columns", [80, 120])
def test_nothing_is_wider_than_the_terminal_but_what_is_copied(ledger: Ledger, columns: int):
    text = CliRunner().invoke(app, ["audit", "show", GRANT.id, "--since", DAY], env={"COLUMNS": str(columns)}).stdout
    assert [line for line in text.splitlines() if line.endswith(" ")] == []
    wide = [line for line in text.splitlines() if len(line) > columns]
    assert all(line.startswith(("jitney request ", "when { ")) for line in wide)


def test_what_is_to_be_copied_stands_whole_at_the_beginning_of_its_line(ledger: Ledger):
    lines = show().stdout.splitlines()
    told = json.loads(show("--json").stdout)["suggestion"]
    assert told["request"] in lines
    start = lines.index(told["policy"].splitlines()[0])
    assert lines[start : start + len(told["policy"].splitlines())] == told["policy"].splitlines()


def test_aud_04_as_json_it_has_the_same(ledger: Ledger):
    told = json.loads(show("--json").stdout)
    assert (told["grant"], told["state"], told["end"]["denied_after_milliseconds"]) == (GRANT.id, "revoked", 1432)
    assert told["times"]["ended"] == "2026-11-24T12:03:20Z"
    assert told["sessions_started"] == 1
    assert told["source"] == {"at": "2026-11-24T14:00:00Z", "database": "jitney", "since": DAY}
    assert [(each["name"], each["code"], each["times"]) for each in told["calls"]] == [
        ("s3:GetObject", "", 2), ("s3:GetObject", "NoSuchKey", 1), ("iam:CreateUser", "", 1),
    ]  # fmt: skip
    assert told["suggestion"]["terms"]["permissions"] == [
        {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/q3.csv"]}
    ]


class Read(HTMLParser):
    """The tags of a page, what links and scripts it has, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.said += data


def hostile(ledger: Ledger) -> None:
    told = reviewed()
    lines = [line | {"reason": HOSTILE, "ticket": HOSTILE, "principal": HOSTILE} for line in told.lines]
    ledger.publish("records", lines)
    denied = {"resources": [f"arn:aws:s3:::reports/2026/{HOSTILE}"]}
    ledger.publish("calls", [each | (denied if each["error_code"] == "AccessDenied" else {}) for each in CALLS])


def test_the_page_has_the_same_and_needs_and_runs_nothing(ledger: Ledger, tmp_path: Path):
    hostile(ledger)
    file = tmp_path / "story.html"
    result = show("--html", str(file))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"Wrote {file}\n")
    text = file.read_text("utf-8")
    read = Read(text)
    assert not read.tags & {"script", "link", "img", "iframe", "object", "form", "a"}
    assert not {name for name in read.attributes if name.startswith(("on", "src", "href"))}
    assert "default-src 'none'" in text
    assert "alert(1)" in read.said
    said = " ".join(read.said.split())
    for words in ("Taken back", TOLD, "staff.olga", "1.43 s after the call", "user x", "as a policy", "left behind"):
        assert words in said


def test_on_the_page_what_is_copied_breaks_between_words_and_stays_whole(ledger: Ledger, tmp_path: Path):
    file = tmp_path / "story.html"
    assert show("--html", str(file)).exit_code == 0
    text = file.read_text("utf-8")
    told = json.loads(show("--json").stdout)["suggestion"]
    said = Read(text).said.splitlines()
    assert all(any(row.endswith(line) for row in said) for line in (told["request"], *told["policy"].splitlines()))
    assert ".copy span{display:inline-block;" in text
    assert "<span>--reason</span> <span>" in text


def test_what_agents_wrote_cannot_steer_the_terminal_or_the_command_to_paste(ledger: Ledger):
    hostile(ledger)
    text = show().stdout
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[U+001B]" in text
    (line,) = [each for each in text.splitlines() if each.startswith("jitney request")]
    assert "$(id) '\"'\"'x'\"'\"'" in line


@pytest.mark.parametrize("grant", ["g-abc", "G-AAAAAAAAAAAAAA", "g-aaaaaaaaaaaaaa' OR '1'='1", "", "g-aaaaaaaaaaaaa1"])
def test_an_id_that_cannot_be_one_is_refused_before_anything_is_asked(ledger: Ledger, grant: str):
    result = show("--json", grant=grant)
    assert (result.exit_code, json.loads(result.stdout)["code"]) == (2, "grant_id_invalid")
    assert ledger.asked == []


def test_a_grant_of_which_nothing_was_published_is_told_with_what_to_do(ledger: Ledger):
    result = show(grant="g-cccccccccccccc")
    assert result.exit_code == 7
    assert "Athena has no record of g-cccccccccccccc that was published on 2026-11-24 or later." in result.stderr
    assert "Records arrive a minute after they are written" in result.stderr


def test_only_the_days_that_are_asked_for_are_read(ledger: Ledger):
    result = CliRunner().invoke(app, ["audit", "show", GRANT.id, "--since", "2026-11-25"])
    assert result.exit_code == 7
    (day,) = {day for _, day in ledger.asked}
    assert day == "2026-11-25"


def test_what_was_published_twice_is_told_once_and_a_call_of_nobody_is_not_told(ledger: Ledger):
    before = json.loads(show("--json").stdout)
    ledger.publish("records", reviewed().lines, "2026-11-25")
    ledger.publish("calls", [*CALLS, call(99) | {"grant_id": "g-cccccccccccccc"}], "2026-11-25")
    assert json.loads(show("--json").stdout) == before


def test_a_file_that_cannot_be_written_is_a_problem(ledger: Ledger, tmp_path: Path):
    result = show("--html", str(tmp_path / "no" / "story.html"))
    assert result.exit_code == 2
    assert "The page was not written" in result.stderr


UNLUCKY: dict[str, Callable[[Any], Any]] = {
    "no calls": lambda told: told,
    "failed": lambda told: told.say(AuditEvent.ISSUE, Outcome.FAILED, code="issue_refused"),
}


@pytest.mark.parametrize("name", UNLUCKY)
def test_a_grant_without_calls_has_a_story_too(ledger: Ledger, name: str):
    ledger.publish("records", UNLUCKY[name](requested()).lines)
    ledger.publish("calls", [])
    result = show()
    assert result.exit_code == 0
    assert "CloudTrail told of no session and no call" in " ".join(result.stdout.split())


def test_several_stories_are_told_one_after_another(ledger: Ledger, tmp_path: Path):
    other = requested(PENDING, Outcome.REVIEW)
    ledger.publish("records", [*reviewed().lines, *other.lines])
    result = show(PENDING.id, GRANT.id)
    heads = [line for line in result.stdout.splitlines() if line.endswith((GRANT.id, PENDING.id))]
    assert [head.split()[-1] for head in heads] == [GRANT.id, PENDING.id]
    told = json.loads(show(PENDING.id, "--json").stdout)["reports"]
    assert [each["grant"] for each in told] == [GRANT.id, PENDING.id]
    assert told[0] == json.loads(show("--json").stdout)
    file = tmp_path / "both.html"
    assert show(PENDING.id, "--html", str(file)).exit_code == 0
    assert file.read_text("utf-8").count("<h1>") == 2
    assert show("g-cccccccccccccc").exit_code == 7
