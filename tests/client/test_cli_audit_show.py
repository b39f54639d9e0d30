"""`jitney audit show` over published lines; DuckDB runs the SQL that Athena gets (row AUD 4)."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jitney.client.audit import athena as athena_module
from jitney.client.audit import grant_report
from jitney.client.audit.athena import QueryResult
from jitney.client.commands import audit_show as command
from jitney.core.integrity.answer_integrity import AnswerIntegrity, unchecked
from jitney.core.records.audit import AuditEvent, Outcome, chain_record
from jitney.core.records.refusal_counts import RefusalKey
from jitney.core.trail.gaps import TrailWatch, change_of_gap
from local.engine import opened
from tests.cli import invoke
from tests.core.report.recorded_grants import LATER, call, requested
from tests.core.report.test_builder import CALLS, reviewed
from tests.fakes import GRANT, NOW, PENDING

DAY = "2026-11-24"
SOURCE = f"Built 2026-11-24 14:00 UTC from Athena database jitney, records since {DAY}"
HOSTILE = "</bdi><script>alert(1)</script>\x1b[2J\u202e $(id) 'x'"


class Ledger:
    """Tables over JSON lines. `queried` lists the parameters of the queries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.queried: list[tuple[str, ...]] = []
        self.database = "jitney"
        self.partition = "aws"

    def publish(self, table: str, lines: Sequence[dict[str, Any]], day: str = DAY) -> None:
        path = self.folder / table / f"dt={day}" / "1.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{json.dumps(each)}\n" for each in lines), encoding="utf-8")

    def run(self, sql: str, parameters: Sequence[str] = ()) -> QueryResult:
        self.queried.append(tuple(parameters))
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
    ledger = Ledger(tmp_path)
    ledger.publish("records", reviewed().lines)
    ledger.publish("calls", CALLS)
    monkeypatch.setattr(athena_module, "connected", lambda *_: ledger)
    monkeypatch.setattr(command, "time", SimpleNamespace(time=lambda: LATER + 0.9))
    return ledger


def show(*more: str, grant: str = GRANT.id) -> Any:
    return invoke(["audit", "show", grant, "--since", DAY, *more], env={"COLUMNS": "80"})


def test_aud_04_the_report_fits_on_one_screen(ledger: Ledger):
    result = show()
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[:2] == [f"Revoked {GRANT.id}", SOURCE]
    for line in (
        "requester reader-agent (corp)", "Subject: reader-agent", "on behalf of local.hal",
        "issuer https://idp.example.com", "identity local.reader-agent",
        "from 198.51.100.7, 198.51.100.8",
        "reason “monthly report”", "ticket “OPS-12”", "granted s3:GetObject on arn:aws:s3:::reports/2026/*",
        "notified staff.alice, staff.bob by mail at 12:00:01; failed: slack: not_here",
        "issued 12:01:05, renewed once, last at 12:01:40", "ended 12:03:20: revoked by staff.olga: “enough”",
        "measured AWS denied the credentials 1.43 s later",
        "1 × s3:DeleteObject denied: AccessDenied, 12:01:30, on",
        "left over user x (iam:CreateUser at 12:01:50)", "suggested s3:GetObject on arn:aws:s3:::reports/2026/q3.csv",
    ):  # fmt: skip
        assert line in lines
    assert len(lines) <= 76
    assert sorted(ledger.queried) == [("2026-10-25",), *[(GRANT.id, DAY)] * 2]


def test_aud_01_no_name_of_a_row_is_broken_within_a_word(ledger: Ledger):
    ledger.publish("records", [{**each, "configuration": "a" * 32} for each in reviewed().lines])
    shown = show()
    document = json.loads(show("--json").stdout)
    assert document["configurations"]
    assert f"config {'a' * 32}, since the request" in " ".join(shown.stdout.split())


@pytest.mark.parametrize("columns", [80, 120])
def test_only_lines_to_copy_are_wider_than_the_terminal(ledger: Ledger, columns: int):
    text = invoke(["audit", "show", GRANT.id, "--since", DAY], env={"COLUMNS": str(columns)}).stdout
    assert [line for line in text.splitlines() if line.endswith(" ")] == []
    wide = [line for line in text.splitlines() if len(line) > columns]
    assert all(line.startswith(("jitney request ", "when { ")) for line in wide)


def test_a_line_to_copy_starts_its_line_and_is_whole(ledger: Ledger):
    lines = show().stdout.splitlines()
    document = json.loads(show("--json").stdout)["suggestion"]
    assert document["request"] in lines
    start = lines.index(document["policy"].splitlines()[0])
    assert lines[start : start + len(document["policy"].splitlines())] == document["policy"].splitlines()


def test_aud_04_the_json_has_the_same(ledger: Ledger):
    document = json.loads(show("--json").stdout)
    assert (document["grant"], document["state"], document["end"]["denied_after_milliseconds"]) == (
        GRANT.id,
        "revoked",
        1432,
    )
    assert document["times"]["ended"] == "2026-11-24T12:03:20Z"
    assert document["sessions_started"] == 1
    assert document["source"] == {"at": "2026-11-24T14:00:00Z", "database": "jitney", "since": DAY}
    assert [(each["name"], each["code"], each["times"]) for each in document["calls"]] == [
        ("s3:GetObject", "", 2), ("s3:GetObject", "NoSuchKey", 1), ("iam:CreateUser", "", 1),
    ]  # fmt: skip
    assert document["suggestion"]["terms"]["permissions"] == [
        {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/q3.csv"]}
    ]


def test_rev_05_refused_votes_are_found_in_their_own_chains(ledger: Ledger):
    key = RefusalKey("", "", "own_request", "staff.eve", event=AuditEvent.VOTE, grant=GRANT.id)
    other = key._replace(grant="g-bbbbbbbbbbbbbb")
    lines = [json.loads(chain_record(each.record(3, NOW), f"r-{each.grant}").text) for each in (key, other)]
    ledger.publish("records", [*reviewed().lines, *lines])
    (refused,) = json.loads(show("--json").stdout)["refused_attempts"]
    assert (refused["event"], refused["by"], refused["code"], refused["times"]) == (
        "vote",
        "staff.eve",
        "own_request",
        3,
    )
    assert "refused 3 × vote by staff.eve at 12:00:00: own_request" in " ".join(show().stdout.split())


class Read(HTMLParser):
    """The tags, the attributes and the text of a page."""

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
    lines = [line | {"reason": HOSTILE, "ticket": HOSTILE, "principal": HOSTILE} for line in reviewed().lines]
    ledger.publish("records", lines)
    denied = {"resources": [f"arn:aws:s3:::reports/2026/{HOSTILE}"]}
    ledger.publish("calls", [each | (denied if each["error_code"] == "AccessDenied" else {}) for each in CALLS])


def test_the_page_is_self_contained_and_runs_no_script(ledger: Ledger, tmp_path: Path):
    hostile(ledger)
    file = tmp_path / "report.html"
    result = show("--html", str(file))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"Wrote {file}\n")
    text = file.read_text("utf-8")
    read = Read(text)
    assert not read.tags & {"script", "link", "img", "iframe", "object", "form", "a"}
    assert not {name for name in read.attributes if name.startswith(("on", "src", "href"))}
    assert "default-src 'none'" in text
    assert "alert(1)" in read.said
    said = " ".join(read.said.split())
    for words in ("Revoked", SOURCE, "staff.olga", "1.43 s later", "user x", "as a policy", "left over"):
        assert words in said


def test_the_page_wraps_text_to_copy_between_words(ledger: Ledger, tmp_path: Path):
    file = tmp_path / "report.html"
    assert show("--html", str(file)).exit_code == 0
    text = file.read_text("utf-8")
    document = json.loads(show("--json").stdout)["suggestion"]
    said = Read(text).said.splitlines()
    assert all(
        any(row.endswith(line) for row in said) for line in (document["request"], *document["policy"].splitlines())
    )
    assert ".copy span{display:inline-block;" in text
    assert "<span>--reason</span> <span>" in text


def test_agent_text_cannot_control_the_terminal_or_the_command_to_paste(ledger: Ledger):
    hostile(ledger)
    text = show().stdout
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[U+001B]" in text
    (line,) = [each for each in text.splitlines() if each.startswith("jitney request")]
    assert "$(id) '\"'\"'x'\"'\"'" in line


@pytest.mark.parametrize("grant", ["g-abc", "G-AAAAAAAAAAAAAA", "g-aaaaaaaaaaaaaa' OR '1'='1", "", "g-aaaaaaaaaaaaa1"])
def test_a_malformed_id_is_refused_before_any_query(ledger: Ledger, grant: str):
    result = show("--json", grant=grant)
    assert (result.exit_code, json.loads(result.stdout)["code"]) == (2, "grant_id_invalid")
    assert ledger.queried == []


def test_a_grant_without_published_records_is_a_problem_with_a_fix(ledger: Ledger):
    result = show(grant="g-cccccccccccccc")
    assert result.exit_code == 7
    assert "Athena has no record of g-cccccccccccccc published since 2026-11-24." in result.stderr
    assert "Records arrive within a minute" in result.stderr


def test_aud_10_an_unknown_grant_gets_the_closest_ids(ledger: Ledger):
    result = show(grant=f"{GRANT.id[:-1]}7")
    assert result.exit_code == 7
    assert f"Fix: Did you mean {GRANT.id}? Records arrive within a minute" in result.stderr


def test_since_limits_the_days_that_are_read(ledger: Ledger):
    result = invoke(["audit", "show", GRANT.id, "--since", "2026-11-25"])
    assert result.exit_code == 7
    assert {each[-1] for each in ledger.queried if each[0] == GRANT.id} == {"2026-11-25"}


def test_aud_04_a_time_without_cloudtrail_is_a_warning_and_no_proof(ledger: Ledger):
    before = json.loads(show("--json").stdout)
    assert (before["trail_gaps"], before["partial"], before["suggestion"]["verdict"]) == ([], False, "narrower")
    watch = TrailWatch("analytics-prod", NOW + 100)
    began = change_of_gap(watch, "r-1", GRANT.account, NOW + 2000)
    assert began
    ended = change_of_gap(began.after._replace(seen_at=NOW + 5000), "r-2", GRANT.account, NOW + 5300)
    assert ended
    other = change_of_gap(watch._replace(target="other"), "r-3", "111122223333", NOW + 2000)
    assert other
    records = [json.loads(each.record.text) for each in (began, ended, other)]
    ledger.publish("records", [*reviewed().lines, *records])
    document = json.loads(show("--json").stdout)
    since, until = "2026-11-24T12:01:40Z", "2026-11-24T13:23:20Z"
    assert document["trail_gaps"] == [{"target": "analytics-prod", "since": since, "until": until}]
    assert (document["partial"], document["unused_permissions"]) == (True, [])
    assert document["suggestion"]["verdict"] == "unknown"
    words = " ".join(show().stdout.split())
    assert f"CloudTrail was silent from {since} to {until}, for target analytics-prod." in words
    assert "CloudTrail was silent while the grant was open, so it is not known what was needed." in words


def test_aud_04_a_silence_that_began_before_the_first_day_and_lasts_is_known(ledger: Ledger):
    began = change_of_gap(TrailWatch("", NOW - 20 * 86_400), "r-1", "", NOW - 20 * 86_400 + 2000)
    assert began
    ledger.publish("records", [json.loads(began.record.text)], "2026-11-04")
    (gap,) = json.loads(show("--json").stdout)["trail_gaps"]
    assert gap == {"target": "", "since": "2026-11-04T12:00:00Z", "until": None}


@pytest.mark.parametrize(("target", "first"), [("", "2026-11-04"), ("analytics-prod", "2026-11-04"), ("other", DAY)])
def test_aud_09_the_days_of_the_records_of_gaps_are_checked_too(ledger: Ledger, target: str, first: str):
    """A forged end on another day would hide the gap."""
    since = NOW - 20 * 86_400
    began = change_of_gap(TrailWatch(target, since), "r-1", "", since + 2000)
    assert began
    ended = change_of_gap(began.after._replace(seen_at=since + 9000), "r-1", "", since + 9300)
    assert ended
    ledger.publish("records", [json.loads(each.record.text) for each in (began, ended)], "2026-11-04")
    checked: list[date] = []

    def check(since: date) -> AnswerIntegrity:
        checked.append(since)
        return unchecked("")

    grant_report.reports(ledger, [GRANT.id], date.fromisoformat(DAY), LATER, check)  # type: ignore[arg-type]
    assert checked == [date.fromisoformat(first)]


def test_duplicates_are_reported_once_and_calls_of_other_grants_are_not(ledger: Ledger):
    before = json.loads(show("--json").stdout)
    ledger.publish("records", reviewed().lines, "2026-11-25")
    ledger.publish("calls", [*CALLS, call(99) | {"grant_id": "g-cccccccccccccc"}], "2026-11-25")
    assert json.loads(show("--json").stdout) == before


def test_a_file_that_cannot_be_written_is_a_problem(ledger: Ledger, tmp_path: Path):
    result = show("--html", str(tmp_path / "no" / "report.html"))
    assert result.exit_code == 2
    assert "The page was not written" in result.stderr


UNLUCKY: dict[str, Callable[[Any], Any]] = {
    "no calls": lambda recorded: recorded,
    "failed": lambda recorded: recorded.write(AuditEvent.ISSUE, Outcome.FAILED, code="policy_too_large"),
}


@pytest.mark.parametrize("name", UNLUCKY)
def test_a_grant_without_calls_has_a_report(ledger: Ledger, name: str):
    ledger.publish("records", UNLUCKY[name](requested()).lines)
    ledger.publish("calls", [])
    result = show()
    assert result.exit_code == 0
    assert "no session and no call was seen" in " ".join(result.stdout.split())


def test_several_reports_follow_one_another(ledger: Ledger, tmp_path: Path):
    other = requested(PENDING, Outcome.REVIEW)
    ledger.publish("records", [*reviewed().lines, *other.lines])
    result = show(PENDING.id, GRANT.id)
    heads = [line for line in result.stdout.splitlines() if line.endswith((GRANT.id, PENDING.id))]
    assert [head.split()[-1] for head in heads] == [GRANT.id, PENDING.id]
    document = json.loads(show(PENDING.id, "--json").stdout)["reports"]
    assert [each["grant"] for each in document] == [GRANT.id, PENDING.id]
    assert document[0] == json.loads(show("--json").stdout)
    file = tmp_path / "both.html"
    assert show(PENDING.id, "--html", str(file)).exit_code == 0
    assert file.read_text("utf-8").count("<h1>") == 2
    assert show("g-cccccccccccccc").exit_code == 7
