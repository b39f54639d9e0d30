"""The named queries, over records and calls as the functions write them (rows AUD 4, AUD 5)."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from benchmarks.queries import PARAMETERS
from jitney.audit_database.definitions import QUERIES
from jitney.audit_database.views import VIEWS, first_comment
from jitney.client.audit.named_queries import parameters_of
from jitney.client.audit.periods import within
from jitney.client.audit.trail_silence import READ_CALLS, reads_calls
from jitney.core.delegation import Delegation
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome
from jitney.core.report.published_lines import parse_call
from jitney.core.report.usage import DENIAL_CODES, is_denied, usage_of
from jitney.core.times import iso
from jitney.core.trail.call import CloudTrailCall
from jitney.core.trail.call_line import line_of
from jitney.core.trail.join import NEVER_DENIED, CallVerdict, Purpose
from jitney.handlers.grant.issuance import PERMANENT_FAILURES
from local.engine import opened
from local.scans import scans
from tests.fakes import GRANT
from tests.identities import identity

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
FILES = {path.stem: path.read_text(encoding="utf-8") for path in QUERIES.glob("*.sql")}
EXPLAINED = CallVerdict(Purpose.GRANT, GRANT.id, ())
CALL = CloudTrailCall(
    **dict.fromkeys(CloudTrailCall.__slots__, "")
    | {"event_id": "e-0", "time": 0, "account": "444455556666", "service": "s3", "operation": "GetObject"}
    | {"actions": ("s3:GetObject",), "resources": ("arn:aws:s3:::reports/a",), "read_only": True}
    | {"bytes_in": 0, "bytes_out": 0, "created": (), "deleted": (), "source_identity": "corp.a"}
)


def seconds(*, days_ago: float = 0, later: int = 0) -> int:
    return int((NOW - timedelta(days=days_ago)).timestamp()) + later


class Lake:
    """Lines of records and calls where Firehose puts them: records by day of delivery, calls by their own day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def line(self, table: str, day: str, text: str) -> None:
        self.count += 1
        path = self.folder / table / f"dt={day[:10]}" / f"{self.count}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")

    def record(self, event, outcome, *, days_ago=0.0, later=0, seq=0, chain="", times=1, **members):
        at = seconds(days_ago=days_ago, later=later)
        values = {"actions": ("s3:GetObject",), "resources": ("arn:aws:s3:::reports/a",), "principal": "corp.a"}
        values["unit"] = members.get("principal", values["principal"])
        linked = audit.chain_record(
            AuditRecord(at, event, outcome, **values | members),
            chain or members.get("grant_id") or f"r-{self.count}",
            seq,
        )
        for _ in range(times):
            self.line("records", json.loads(linked.text)["time"], linked.text)

    def call(self, number, *, grant="g-1", human=None, bypass=(), days_ago=0.0, later=0, times=1, judged=0, **members):
        made = (members.pop("call_id", ""), members.pop("record_match", ""))
        verdict = CallVerdict(members.pop("purpose", Purpose.GRANT), grant, tuple(bypass), *made)
        call = replace(CALL, event_id=f"e-{number}", time=seconds(days_ago=days_ago, later=later), **members)
        of = replace(GRANT, id=grant, human=human and identity(human))
        text = line_of(call, verdict, of, "analytics-prod", call.time + judged)
        for _ in range(times):
            self.line("calls", json.loads(text)["time"], text)

    def ask(self, name, *parameters):
        return self.run(FILES[name], *parameters)

    def run(self, sql, *parameters):
        """Return the rows by column, with lists for JSON, like `jitney.client.audit.athena`."""
        with opened(self.folder) as connection:
            result = connection.execute(sql, list(parameters))
            columns = [(each[0], str(each[1])) for each in result.description]
            return [
                {
                    name: json.loads(value) if kind == "JSON" and value is not None else value
                    for (name, kind), value in zip(columns, row, strict=True)
                }
                for row in result.fetchall()
            ]


def gateway_call(call_id: str, outcome: Outcome, *, seq: int = 0, **answer: Any) -> dict[str, Any]:
    """Return the members of a record of a call through the gateway, for `Lake.record`."""
    parameters = {} if seq else {"parameters": {"Bucket": "reports", "Key": "a", "Token": "[masked credential]"}}
    call = {"service": "s3", "operation": "GetObject", "region": "eu-west-1", **parameters, **answer}
    return {"event": AuditEvent.CALL, "outcome": outcome, "chain": call_id, "seq": seq, "detail": {"call": call}}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_aud_05_every_query_limits_its_days():
    for name, sql in FILES.items():
        question, *rest = sql.splitlines()
        assert question.startswith("-- "), name
        assert 20 < len(question) < 118, name
        described = [line for line in rest if line.startswith("-- ")]
        assert len(described) == sql.replace("'?'", "").count("?"), name
        assert all(": " in line for line in described), name
        read = scans(sql)
        assert read, name
        assert all(each.days is not None and each.days <= 90 for each in read), (name, read)


def test_aud_10_what_reads_calls_is_known():
    """Answers of these queries say when CloudTrail was silent."""
    views = {view.name for view in VIEWS if "calls" in {each.table for each in scans(view.sql)}}
    assert {*views, "calls"} == READ_CALLS
    for name, sql in FILES.items():
        assert reads_calls(sql) is ("calls" in {each.table for each in scans(sql)}), name


def test_aud_05_every_parameter_is_where_athena_allows_one():
    """Only in a WHERE: https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html."""
    assert {name: found for name, sql in FILES.items() if (found := clauses_of_parameters(sql) - {"WHERE"})} == {}


def clauses_of_parameters(sql: str) -> set[str]:
    found = set()
    clauses = [""]
    for word in re.findall(r"'[^']*'|--[^\n]*|[()?]|\w+", sql):
        if word == "(":
            clauses.append("")
        elif word == ")":
            clauses.pop()
        elif word in {"SELECT", "FROM", "WHERE", "ON", "GROUP", "HAVING", "ORDER"}:
            clauses[-1] = word
        elif word == "?":
            found.add(next(each for each in reversed(clauses) if each))
    return found


def test_aud_05_queries_use_every_view_and_no_table_directly():
    assert len(FILES) >= 14
    texts = "\n".join(FILES.values()) + "\n".join(view.sql for view in VIEWS if not view.name.endswith("_once"))
    assert all(f" {view.name}" in texts for view in VIEWS)
    assert not [name for name, sql in FILES.items() for table in ("records", "calls") if f"FROM {table}\n" in sql]


@pytest.mark.parametrize(
    ("sql", "days"),
    [
        ("SELECT 1 FROM calls", None),
        ("SELECT 1 FROM calls WHERE dt >= '2026-01-01'", None),
        ("SELECT 1 FROM calls WHERE dt >= {30} OR error_code = ''", None),
        ("SELECT 1 FROM calls AS a LEFT JOIN records AS b ON a.dt >= {30} WHERE b.dt >= {30}", None),
        ("SELECT 1 FROM calls AS a JOIN records AS b ON a.dt >= {30} WHERE b.dt >= {40}", 30),
        ("SELECT 1 FROM (SELECT 1 FROM calls WHERE dt >= {30} AND dt >= {7}) AS a", 7),
        ("SELECT 1 FROM calls AS a JOIN records AS b ON {30} <= a.dt WHERE {40} <= b.dt", 30),
        ("SELECT 1 FROM calls AS a WHERE {30} >= a.dt", None),
        ("SELECT 1 FROM calls AS a WHERE a.dt <= {30}", None),
    ],
)
def test_aud_05_only_lower_bounds_on_days_count(sql: str, days: int | None):
    for number in (7, 30, 40):
        since = f"CAST(CAST(current_date - INTERVAL '{number}' DAY AS DATE) AS VARCHAR)"
        sql = sql.replace(f"{{{number}}}", since)
    assert {each.days for each in scans(sql) if each.table == "calls"} == {days}


def test_aud_03_duplicates_count_once_and_late_explanations_are_no_bypass(lake: Lake):
    lake.record(AuditEvent.REFUSAL, Outcome.REFUSED, count=4, issuer="corp", source_ip="192.0.2.1", code="c", times=3)
    lake.call(1, times=2)
    lake.call(2, bypass=["key_not_issued"], judged=1800, times=2)
    lake.call(2, judged=4000)
    lake.call(3, bypass=["key_not_issued"], judged=1800)
    assert [row["event_id"] for row in lake.ask("bypasses")] == ["e-3"]
    (row,) = lake.ask("actions_by_day")
    assert (row["calls"], row["bypasses"], row["denied"]) == (3, 1, 0)
    assert [row["times"] for row in lake.ask("refusals")] == [4]


def test_aud_05_a_views_answer_for_a_day_does_not_depend_on_other_days(lake: Lake, tmp_path: Path):
    """So a condition on `dt` may be applied early, and only these days of the table are read."""
    for days_ago in (3, 2, 1):
        grant = f"g-{days_ago % 2}"
        lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id=grant, days_ago=days_ago, times=2)
        lake.record(
            AuditEvent.VOTE, Outcome.APPROVED, grant_id=grant, days_ago=days_ago, detail={"by": "corp.x"}, seq=1
        )
        lake.call(1, grant=grant, days_ago=days_ago, error_code="AccessDenied", times=2)
        lake.call(2, grant=grant, days_ago=days_ago, bypass=["unknown_grant"])
        lake.call(3, days_ago=days_ago, created=("user x",))
        lake.call(4, days_ago=days_ago, deleted=("user x",), later=days_ago - 2)
    day = (NOW - timedelta(days=2)).strftime("%Y-%m-%d")
    alone = Lake(tmp_path / "alone")
    for table in ("records", "calls"):
        for path in (lake.folder / table / f"dt={day}").iterdir():
            alone.line(table, day, path.read_text(encoding="utf-8").rstrip())
    for view in VIEWS:
        sql = f"SELECT * FROM {view.name} WHERE dt = '{day}' ORDER BY ALL"  # noqa: S608
        found = lake.run(sql)
        assert found, view.name
        assert found == alone.run(sql), view.name


def test_aud_01_who_requested_what_lists_requests_and_results(lake: Lake):
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", ticket="OPS-1", reason='it\'s "due"', days_ago=2)
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-2", days_ago=1)
    lake.record(AuditEvent.REQUEST, Outcome.DENIED, code="denied", policies=("never-restricted",), policy_version="v7")
    lake.record(AuditEvent.PREVIEW, Outcome.DENIED, principal="corp.b")
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-old", days_ago=45)
    rows = lake.ask("who_requested_what")
    assert [(row["grant_id"], row["outcome"]) for row in rows] == [
        ("", "denied"),
        ("g-2", "review"),
        ("g-1", "allowed"),
    ]
    assert (rows[2]["actions"], rows[2]["ticket"], rows[2]["reason"]) == (["s3:GetObject"], "OPS-1", 'it\'s "due"')
    denied = {row["event"]: (row["policies"], row["policy_version"]) for row in lake.ask("denied_requests")}
    assert denied == {"request": (["never-restricted"], "v7"), "preview": ([], "")}


def test_aud_01_denied_requests_have_the_time_windows_of_their_decisions(lake: Lake):
    inputs = {"version": 1, "effect": "deny", "kind": "agent"}
    for windows in ({"time_windows": [["hours"], ["freeze", "hours"]]}, {}):
        lake.record(AuditEvent.REQUEST, Outcome.DENIED, code="denied", detail={"decision_inputs": inputs | windows})
    seen = [row["time_windows"] for row in lake.ask("denied_requests")]
    assert sorted(seen, key=str) == [None, [["hours"], ["freeze", "hours"]]]


def test_aud_04_calls_renewals_and_approvals_that_policy_denied_are_listed_with_the_denied_requests(lake: Lake):
    lake.record(AuditEvent.CALL, Outcome.DENIED, code="denied", grant_id="g-1", policies=("never-salaries",))
    lake.record(AuditEvent.ISSUE, Outcome.DENIED, code="denied", grant_id="g-2", policies=("freeze",), days_ago=1)
    lake.record(AuditEvent.CALL, Outcome.REFUSED, code="call_outside_grant", grant_id="g-1")
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-1")
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, code="denied", grant_id="g-3", policies=("freeze",), days_ago=2)
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, code="denied", grant_id="g-old", days_ago=32)
    rows = [(row["event"], row["actions"], row["policies"], row["grant_id"]) for row in lake.ask("denied_requests")]
    assert rows == [
        ("call", ["s3:GetObject"], ["never-salaries"], "g-1"),
        ("issue", ["s3:GetObject"], ["freeze"], "g-2"),
        ("vote", ["s3:GetObject"], ["freeze"], "g-3"),
    ]


def test_aud_01_configurations_are_listed_with_their_decisions(lake: Lake):
    old, new = "a" * 32, "b" * 32
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-1", configuration=old, policy_version="v1", days_ago=9)
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-1", configuration=new, policy_version="v1", days_ago=8)
    lake.record(AuditEvent.PREVIEW, Outcome.DENIED, configuration=new, policy_version="v2", days_ago=7)
    lake.record(AuditEvent.REQUEST, Outcome.DENIED, configuration=new, policy_version="v2", days_ago=6)
    lake.record(AuditEvent.EXPIRY, Outcome.EXPIRED, grant_id="g-1")  # by the clock, or of an earlier version
    lake.record(AuditEvent.REQUEST, Outcome.DENIED, configuration="c" * 32, days_ago=100)
    counted = ("requests", "granted", "decisions_of_people", "call_records", "grants")
    rows = lake.ask("configurations")
    assert [(row["configuration"], row["policy_version"]) for row in rows] == [(new, "v2"), (old, "v1")]
    assert [tuple(row[name] for name in counted) for row in rows] == [(1, 1, 1, 0, 1), (1, 0, 0, 0, 1)]
    assert rows[0]["first_used"] < rows[0]["last_used"]


def test_pol_14_the_shadows_differences_and_errors_are_listed(lake: Lake):
    other = {"policy_version": "v2", "effect": "review", "policies": ["new"], "reviews": [["owners"]]}
    answers = [other, {"policy_version": "v2"}, {"policy_version": "v2", "error": "InvalidPolicies"}, None]
    for number, shadow in enumerate(answers):
        detail = {"decision_inputs": {"version": 1, "effect": "allow", "kind": "agent"}}
        detail |= {"shadow": shadow} if shadow else {}
        lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id=f"g-{number}", policies=("read",), detail=detail)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, days_ago=45, detail={"shadow": other})
    rows = {row["grant_id"]: row for row in lake.ask("shadow_differences")}
    assert rows.keys() == {"g-0", "g-2"}
    assert (rows["g-0"]["effect"], rows["g-0"]["policies"], rows["g-0"]["shadow_effect"]) == (
        "allow",
        ["read"],
        "review",
    )
    assert json.loads(rows["g-0"]["shadow_policies"]) == ["new"]
    assert (rows["g-2"]["shadow_error"], rows["g-2"]["shadow_version"]) == ("InvalidPolicies", "v2")


def test_aud_01_refusals_are_counted_by_issuer_address_and_code(lake: Lake):
    for number, address in ((4, "192.0.2.1"), (3, "192.0.2.1"), (5, "192.0.2.2")):
        lake.record(
            AuditEvent.REFUSAL, Outcome.REFUSED, code="token_expired", issuer="corp", source_ip=address, count=number
        )
    lake.record(AuditEvent.REFUSAL, Outcome.REFUSED, code="token_expired", issuer="corp", count=9, days_ago=9)
    assert [(row["source_ip"], row["times"]) for row in lake.ask("refusals")] == [("192.0.2.1", 7), ("192.0.2.2", 5)]


def test_aud_01_refusals_name_the_caller_if_it_is_known(lake: Lake):
    refused = {"code": "target_unknown", "issuer": "corp", "source_ip": "192.0.2.1"}
    lake.record(AuditEvent.REQUEST, Outcome.REFUSED, principal="corp.a", human="corp.alice", count=2, **refused)
    lake.record(AuditEvent.REQUEST, Outcome.REFUSED, principal="corp.b", **refused)
    lake.record(AuditEvent.REFUSAL, Outcome.REFUSED, principal="", code="token_expired", later=-60)
    rows = [(row["principal"], row["human"], row["times"]) for row in lake.ask("refusals")]
    assert rows == [("corp.a", "corp.alice", 2), ("corp.b", "", 1), ("", "", 1)]


def test_aud_01_nothing_is_counted_twice_after_its_day_was_published_again(lake: Lake):
    about = {"days_ago": 1, "configuration": "c" * 32}
    lake.record(AuditEvent.REQUEST, Outcome.REFUSED, code="target_unknown", count=4, **about)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", expires_at=iso_of(), **about)
    lake.record(AuditEvent.ISSUE, Outcome.ALLOWED, grant_id="g-1", seq=1, expires_at=iso_of(), **about)
    lake.record(**gateway_call("c-1", Outcome.ANSWERED, bytes_out=7), grant_id="g-1", days_ago=1)
    for path in list(lake.folder.rglob("records/*/*")):
        lake.line("records", NOW.isoformat(), path.read_text("utf-8").strip())
    (row,) = lake.ask("requests_by_unit")
    assert (row["requests"], row["refused"], row["allowed"]) == (5, 4, 1)
    assert [row["times"] for row in lake.ask("refusals")] == [4]
    assert [(row["requests"], row["granted"]) for row in lake.ask("configurations")] == [(2, 1)]
    assert [row["issued"] for row in lake.ask("access_periods")] == [1]
    assert [(row["bytes_read"], row["calls"]) for row in lake.ask("biggest_readers")] == [(7, 1)]


def test_aud_01_refused_calls_and_requests_are_counted_among_the_refusals(lake: Lake):
    for event, code in ((AuditEvent.CALL, "grant_not_found"), (AuditEvent.REQUEST, "target_unknown")):
        lake.record(event, Outcome.REFUSED, code=code, issuer="corp", source_ip="192.0.2.1", count=3)
        lake.record(event, Outcome.ALLOWED, issuer="corp", source_ip="192.0.2.1")
    rows = {(row["event"], row["code"], row["times"]) for row in lake.ask("refusals")}
    assert rows == {("call", "grant_not_found", 3), ("request", "target_unknown", 3)}


MEASURED = {"g-1": 812, "g-2": 640}
"""The times of two measured targets. The later one counts."""


def test_end_08_suspensions_have_both_reasons_and_what_they_ended(lake: Lake):
    about = {"suspension": "s-1", "kind": "issuer", "name": "github"}
    done = about | {"complete": True, "grants_ended": 500}
    done |= {"written_after_milliseconds": 412}
    for grant_id, times in MEASURED.items():
        detail = {"denied_after_milliseconds": times, "suspension": "s-1"}
        lake.record(AuditEvent.CANARY, Outcome.DENIED, grant_id=grant_id, detail=detail)
    detail = {"denied_after_milliseconds": 9000, "suspension": "s-2"}
    lake.record(AuditEvent.CANARY, Outcome.DENIED, grant_id="g-other", detail=detail)
    steps = [(Outcome.SET, "leak", about), (Outcome.REVOKED, "", done), (Outcome.ENDED, "rotated", about)]
    for later, (outcome, reason, detail) in enumerate(steps):
        lake.record(AuditEvent.SUSPENSION, outcome, later=later, reason=reason, detail=detail, principal="corp.olga")
    lake.record(AuditEvent.SUSPENSION, Outcome.SET, days_ago=100, detail=about)
    rows = lake.ask("suspensions")
    assert {(row["suspension_id"], row["suspended"], row["operator"]) for row in rows} == {
        ("s-1", "issuer github", "corp.olga")
    }
    shown = ("outcome", "reason", "grants_ended", "written_after_milliseconds", "denied_after_milliseconds")
    assert [tuple(row[name] for name in shown) for row in rows] == [
        ("ended", "rotated", None, None, None),
        ("revoked", "", 500, 412, 812),
        ("set", "leak", None, None, None),
    ]


def test_end_08_a_target_that_did_not_deny_leaves_a_suspension_without_a_time(lake: Lake):
    detail = {"suspension": "s-1", "kind": "issuer", "name": "github"}
    lake.record(AuditEvent.SUSPENSION, Outcome.REVOKED, detail=detail)
    for grant_id, outcome, times in (("g-1", Outcome.DENIED, 812), ("g-2", Outcome.FAILED, None)):
        measured = {"denied_after_milliseconds": times, "suspension": "s-1"}
        lake.record(AuditEvent.CANARY, outcome, grant_id=grant_id, detail=measured)
    assert [row["denied_after_milliseconds"] for row in lake.ask("suspensions")] == [None]


def test_end_08_a_step_of_a_suspension_names_the_targets_that_deny_and_the_ones_that_failed(lake: Lake):
    about = {"suspension": "s-1", "kind": "issuer", "name": "github"}
    first = about | {"targets_denied": ["reports"], "targets_failed": {"billing": "revocation_incomplete"}}
    lake.record(AuditEvent.SUSPENSION, Outcome.SET, detail=about)
    lake.record(AuditEvent.SUSPENSION, Outcome.FAILED, later=1, code="suspension_incomplete", detail=first)
    repeated = about | {"targets_denied": ["reports", "billing"], "targets_failed": {}}
    lake.record(AuditEvent.SUSPENSION, Outcome.REVOKED, later=2, detail=repeated)
    shown = ("outcome", "targets_denied", "targets_failed")
    assert [tuple(row[name] for name in shown) for row in lake.ask("suspensions")] == [
        ("revoked", ["reports", "billing"], {}),
        ("failed", ["reports"], {"billing": "revocation_incomplete"}),
        ("set", None, None),
    ]


ISSUED = (AuditEvent.REQUEST, Outcome.ALLOWED, {})
REVOKED = (AuditEvent.REVOCATION, Outcome.REVOKED, {"detail": {"by": "corp.ops"}})
RELEASED = (AuditEvent.RELEASE, Outcome.RELEASED, {"detail": {"by": "corp.a"}})
SUSPENDED = (AuditEvent.REVOCATION, Outcome.REVOKED, {"code": "suspended", "detail": {"suspension": "s-1"}})
UNDENIED = (AuditEvent.DENY_ENTRY, Outcome.FAILED, {"code": "revocation_incomplete"})
DENIED = (AuditEvent.DENY_ENTRY, Outcome.SET, {})
MEASURED_DENIED = (AuditEvent.CANARY, Outcome.DENIED, {"detail": {"denied_after_milliseconds": 900}})
MEASURED_ALLOWED = (AuditEvent.CANARY, Outcome.FAILED, {"detail": {"denied_after_milliseconds": None}})
UNFETCHED = (AuditEvent.REVOCATION, Outcome.REVOKED, {"detail": {"no_denial": "not_issued"}})
ASKED = (AuditEvent.REQUEST, Outcome.REVIEW, {})
APPROVED = (AuditEvent.VOTE, Outcome.APPROVED, {"detail": {"state": "active"}})
HALF_APPROVED = (AuditEvent.VOTE, Outcome.APPROVED, {"detail": {"state": "pending"}})


@pytest.mark.parametrize(
    ("records", "listed"),
    [
        ((ISSUED,), []),
        ((ISSUED, REVOKED), [("revocation", "")]),
        ((ISSUED, REVOKED, UNDENIED), [("revocation", "revocation_incomplete")]),
        ((ISSUED, REVOKED, UNDENIED, MEASURED_ALLOWED), [("revocation", "revocation_incomplete")]),
        ((ISSUED, REVOKED, UNDENIED, DENIED), []),
        ((ISSUED, REVOKED, DENIED), []),
        ((ISSUED, REVOKED, MEASURED_DENIED), []),
        ((ISSUED, UNFETCHED), []),
        ((ISSUED, RELEASED), []),  # a release that IAM has at once is not recorded
        ((ISSUED, RELEASED, UNDENIED), [("release", "revocation_incomplete")]),
        ((ISSUED, RELEASED, UNDENIED, DENIED), []),
        ((ISSUED, RELEASED, DENIED, REVOKED), [("revocation", "")]),
        ((ISSUED, SUSPENDED), [("revocation", "")]),
        ((ASKED, REVOKED), []),
        ((ASKED, HALF_APPROVED, REVOKED), []),
        ((ASKED, APPROVED, REVOKED), [("revocation", "")]),
        ((ASKED, SUSPENDED), []),
    ],
)
def test_end_07_ends_not_denied_lists_the_ends_without_a_denial_on_record(lake: Lake, records, listed):
    for seq, (event, outcome, members) in enumerate(records):
        lake.record(event, outcome, grant_id="g-1", target="reports", seq=seq, later=seq, **members)
    assert [(row["event"], row["failure"]) for row in lake.ask("ends_not_denied")] == listed


@pytest.mark.parametrize(
    ("suspension", "denied", "listed"),
    [
        ("s-1", ["billing", "reports"], []),
        ("s-1", ["billing", "reports-eu"], ["g-1"]),
        ("s-1", [], ["g-1"]),
        ("s-2", ["reports"], ["g-1"]),
    ],
)
def test_end_07_a_suspension_denies_on_the_targets_that_its_records_name(lake: Lake, suspension, denied, listed):
    for seq, (event, outcome, members) in enumerate((ISSUED, SUSPENDED)):
        lake.record(event, outcome, grant_id="g-1", target="reports", seq=seq, days_ago=1, **members)
    detail = {"suspension": suspension, "kind": "agent", "name": "corp.a", "targets_denied": denied}
    lake.record(AuditEvent.SUSPENSION, Outcome.FAILED, detail=detail)
    lake.record(AuditEvent.SUSPENSION, Outcome.FAILED, later=1, detail=detail)
    assert [row["grant_id"] for row in lake.ask("ends_not_denied")] == listed


def test_end_07_ends_not_denied_shows_the_longest_living_credentials_first(lake: Lake):
    for number in (1, 3, 2):
        for seq, (event, outcome, members) in enumerate((ISSUED, REVOKED)):
            expires_at = f"2027-01-0{number}T00:00:00Z"
            lake.record(event, outcome, grant_id=f"g-{number}", seq=seq, expires_at=expires_at, **members)
    assert [row["grant_id"] for row in lake.ask("ends_not_denied")] == ["g-3", "g-2", "g-1"]


def test_aud_01_a_query_takes_its_parameter_as_a_value(lake: Lake):
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", human="people.h")
    assert [row["grant_id"] for row in lake.ask("agents_of_human", "people.h")] == ["g-1"]
    assert lake.ask("agents_of_human", "' OR ''='") == []


def test_aud_02_the_history_of_a_grant_is_its_chain(lake: Lake):
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", times=2)
    lake.record(AuditEvent.EXPIRY, Outcome.EXPIRED, grant_id="g-1", seq=1)
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-1", code="joined", chain="r-repeat")
    assert [(row["seq"], row["event"]) for row in lake.ask("history_of_grant", "g-1")] == [
        (0, "request"),
        (1, "expiry"),
    ]


def test_aud_04_the_timeline_of_a_grant_has_its_records_and_its_calls_in_order(lake: Lake):
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", reason="report")
    lake.call(1, later=1, request='{"key":"a"}')
    lake.call(2, later=2, error_code="AccessDenied")
    lake.call(3, later=3, error_code="NoSuchKey")
    lake.call(4, later=4, bypass=["after_the_end"])
    lake.call(5, later=4, grant="g-2")
    lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, grant_id="g-1", seq=1, later=5, detail={"by": "corp.ops"})
    assert [
        (row["activity"], row["outcome"], row["code"], row["person"]) for row in lake.ask("timeline_of_grant", "g-1")
    ] == [
        ("request", "allowed", "", ""),
        ("s3:GetObject", "done", "", ""),
        ("s3:GetObject", "denied", "AccessDenied", ""),
        ("s3:GetObject", "failed", "NoSuchKey", ""),
        ("s3:GetObject", "bypass", "", ""),
        ("revocation", "revoked", "", "corp.ops"),
    ]


@pytest.mark.parametrize("purpose", [Purpose.GRANT, Purpose.CANARY])
def test_aud_04_the_timeline_names_no_bypass_as_the_brokers_own_call(lake: Lake, purpose: Purpose):
    lake.call(1, purpose=purpose, bypass=["not_issued_by_jitney"], error_code="AccessDenied")
    (row,) = lake.ask("timeline_of_grant", "g-1")
    assert (row["outcome"], row["code"], row["person"]) == ("bypass", "AccessDenied", "")


REQUESTER = {
    "name": "octo-org/octo-repo · environment production (github)",
    "human_name": "ada@example.com (people.ada)",
}
SHOWS_REQUESTER = ("who_requested_what", "who_approved", "break_glass", "unusual_approvals")


def test_id_12_queries_name_the_requester_as_its_request_did(lake: Lake):
    lake.record(
        AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-1", detail={"requester": REQUESTER}, human="people.a1b2"
    )
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-1", later=1, seq=1, detail={"by": "people.a1b2"})
    lake.record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, grant_id="g-1", later=2, seq=2, detail={"by": "people.carol"})
    for name in SHOWS_REQUESTER:
        rows = lake.ask(name)
        assert rows, name
        assert {row["requester"] for row in rows} == {REQUESTER["name"]}, name
        assert {row.get("human_name", REQUESTER["human_name"]) for row in rows} == {REQUESTER["human_name"]}, name
    denied = {"code": "denied", "detail": {"requester": REQUESTER}, "human": "people.a1b2"}
    lake.record(AuditEvent.REQUEST, Outcome.DENIED, later=3, **denied)
    lake.record(AuditEvent.PREVIEW, Outcome.DENIED, later=4)  # of a caller whose record names no requester
    rows = lake.ask("denied_requests")
    assert [(row["requester"], row["human_name"]) for row in rows] == [("corp.a", ""), tuple(REQUESTER.values())]
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, later=5, actions=("s3:PutObject",), human="people.a1b2")
    assert [row["requester"] for row in lake.ask("granted_after_denial")] == [REQUESTER["name"]]


def test_aud_01_a_grant_without_an_end_record_is_found(lake: Lake):
    earlier = (NOW - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    later = (NOW + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-ended", expires_at=earlier, days_ago=2)
    lake.record(AuditEvent.EXPIRY, Outcome.EXPIRED, grant_id="g-ended", expires_at=earlier, days_ago=1, seq=1)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-lost", expires_at=earlier, days_ago=2)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-failed", expires_at=earlier, days_ago=2)
    refused = {"grant_id": "g-failed", "code": "policy_too_large", "seq": 1}
    lake.record(AuditEvent.ISSUE, Outcome.FAILED, expires_at=earlier, days_ago=2, **refused)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-live", expires_at=later)
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-waits", expires_at=earlier, days_ago=2)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-old", expires_at=earlier, days_ago=200)
    review = {"expires_at": earlier, "days_ago": 2}
    for grant, event in (
        ("g-glass", AuditEvent.BREAK_GLASS),
        ("g-voted", AuditEvent.VOTE),
        ("g-used", AuditEvent.VOTE),
    ):
        lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id=grant, expires_at=later, days_ago=2)
        lake.record(event, Outcome.APPROVED, grant_id=grant, seq=1, later=1, detail={"state": "active"}, **review)
    lake.record(AuditEvent.USE, Outcome.SENT, grant_id="g-used", seq=2, later=2, **review)
    lost = {row["grant_id"] for row in lake.ask("grants_missing_end_record")}
    assert lost == {"g-lost", "g-glass", "g-voted"}  # the gateway issues no credentials for the last two


@pytest.mark.parametrize(
    ("event", "code", "ends"),
    [
        *((AuditEvent.ISSUE, code, True) for code in sorted(PERMANENT_FAILURES)),
        *((AuditEvent.ISSUE, code, False) for code in ("issue_refused", "issue_throttled", "unavailable")),
        (AuditEvent.NOTICE, "no_reviewer_notified", False),
        (AuditEvent.CANARY, "", False),
    ],
)
def test_aud_01_a_temporary_failure_does_not_hide_a_missing_end_record(
    lake: Lake, event: AuditEvent, code: str, ends: bool
):
    earlier = (NOW - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", expires_at=earlier, days_ago=3)
    lake.record(event, Outcome.FAILED, code=code, grant_id="g-1", expires_at=earlier, days_ago=3, seq=1, later=1)
    assert [row["grant_id"] for row in lake.ask("grants_missing_end_record")] == ([] if ends else ["g-1"])


def test_rev_08_break_glass_lists_every_use_and_its_follow_up(lake: Lake):
    broke = {"by": "corp.gina", "reason": '"by":"corp.x"', "follow_up_due_at": "2026-12-01T00:00:00Z"}
    lake.record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, grant_id="g-broken", detail=broke)
    said = {"by": "corp.alice", "comment": "it was down"}
    lake.record(AuditEvent.FOLLOW_UP, Outcome.CONFIRMED, grant_id="g-broken", seq=1, detail=said)
    lake.record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, grant_id="g-owed", days_ago=1, detail=broke)
    lake.record(AuditEvent.BREAK_GLASS, Outcome.REFUSED, code="own_request", detail={"grant": "g-owed"})
    lake.record(AuditEvent.FOLLOW_UP, Outcome.REFUSED, code="own_request", detail={"grant": "g-owed"})
    rows = {row["grant_id"]: row for row in lake.ask("break_glass")}
    assert set(rows) == {"g-broken", "g-owed"}
    assert {(row["break_glass_by"], row["reason"]) for row in rows.values()} == {("corp.gina", '"by":"corp.x"')}
    assert {row["follow_up_due_at"] for row in rows.values()} == {"2026-12-01T00:00:00Z"}
    found = {name: (row["judgement"], row["followed_up_by"], row["comment"]) for name, row in rows.items()}
    assert found == {"g-broken": ("confirmed", "corp.alice", "it was down"), "g-owed": (None, None, None)}


def test_aud_03_bypasses_have_reasons(lake: Lake):
    lake.call(1)
    lake.call(2, bypass=["unknown_session_name"], source_ip="192.0.2.9")
    (row,) = lake.ask("bypasses")
    assert (row["event_id"], row["reasons"], row["source_ip"]) == ("e-2", ["unknown_session_name"], "192.0.2.9")


def test_aud_04_denied_calls_are_those_of_grants_that_aws_denied(lake: Lake):
    lake.call(1)
    lake.call(2, error_code="AccessDenied", times=2)
    lake.call(3, error_code="Client.UnauthorizedOperation", operation="RunInstances", actions=("ec2:RunInstances",))
    lake.call(4, error_code="NoSuchKey")
    lake.call(5, error_code="AccessDenied", bypass=["unknown_grant"])
    rows = lake.ask("denied_calls")
    assert sorted((row["operation"], row["actions"]) for row in rows) == [
        ("GetObject", ["s3:GetObject"]),
        ("RunInstances", ["ec2:RunInstances"]),
    ]


@pytest.mark.parametrize(
    ("code", "denied"),
    [
        *((each, True) for each in DENIAL_CODES),
        *((f"Client.{each}Exception", True) for each in DENIAL_CODES),
        # Services' own: Cognito and SSM, SNS, Direct Connect and FSx, EC2, IoT, VPC endpoints, API Gateway, Chime.
        *((each, True) for each in ("NotAuthorizedException", "AuthorizationErrorException", "AuthorizationError")),
        *((each, True) for each in ("AccessDeniedFault", "Client.UnauthorizedOperation", "ForbiddenException")),
        *((each, True) for each in ("VpceAccessDenied", "UnauthorizedException", "UnauthorizedClientException")),
        *((each, False) for each in ("", "NoSuchKey", "ThrottlingException", "accessdenied", "InvalidAccess%Denied")),
    ],
)
def test_aud_04_queries_and_report_agree_on_denied_calls(lake: Lake, code: str, denied: bool):
    lake.call(1, error_code=code)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", later=-9)
    answers = {
        "report": is_denied(parse_call({"event_id": "e-1", "error_code": code})),
        "denied_calls": [row["error_code"] for row in lake.ask("denied_calls")] == [code],
        "actions_by_day": lake.ask("actions_by_day")[0]["denied"] == 1,
        "timeline_of_grant": lake.ask("timeline_of_grant", "g-1")[1]["outcome"] == "denied",
    }
    assert answers == dict.fromkeys(answers, denied)


def test_aud_04_used_versus_granted_counts_calls_in_any_spelling(lake: Lake):
    actions = ("s3:Get*", "s3:ListBucket", "s3:getobjec?")
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", actions=actions, days_ago=1)
    lake.record(AuditEvent.ISSUE, Outcome.ALLOWED, grant_id="g-1", actions=actions, seq=1, days_ago=1)
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-2", actions=("s3:PutObject",))
    lake.call(1, days_ago=1)
    lake.call(2, times=2)
    lake.call(3, error_code="AccessDenied")
    lake.call(4, actions=("s3:GetBucketAcl",))
    lake.call(5, grant="g-2")
    lake.call(6, bypass=["after_the_end"])
    found = {(row["grant_id"], row["action"]): (row["calls"], row["failed"]) for row in lake.ask("used_versus_granted")}
    assert found == {("g-1", "s3:Get*"): (4, 1), ("g-1", "s3:ListBucket"): (0, 0), ("g-1", "s3:getobjec?"): (3, 1)}


def test_aud_08_calls_beyond_a_grant_are_neither_its_use_nor_bypasses(lake: Lake):
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1")
    lake.call(1)
    lake.call(2, bypass=["resource_not_granted"], times=2)
    lake.call(3, bypass=["action_not_granted"], operation="CreateUser", actions=("iam:CreateUser",))
    lake.call(4, bypass=["action_not_granted"], actions=("iam:CreateRole",))
    lake.call(4, bypass=["key_issued_twice"], actions=("iam:CreateRole",), judged=4000)
    rows = {row["event_id"]: (row["operation"], row["reasons"]) for row in lake.ask("beyond_grant")}
    assert rows == {"e-2": ("GetObject", ["resource_not_granted"]), "e-3": ("CreateUser", ["action_not_granted"])}
    assert [row["event_id"] for row in lake.ask("bypasses")] == ["e-4"]
    used = [(row["action"], row["granted"], row["calls"]) for row in lake.ask("used_versus_granted")]
    assert used == [("s3:GetObject", True, 1), ("iam:CreateUser", False, 1), ("s3:GetObject", False, 1)]
    outcomes = [row["outcome"] for row in lake.ask("timeline_of_grant", "g-1") if row["kind"] == "call"]
    assert sorted(outcomes) == ["beyond_grant", "beyond_grant", "bypass", "done"]
    assert sum(row["beyond_grant"] for row in lake.ask("actions_by_day")) == 2


def test_aud_03_a_dispute_about_the_key_replaces_a_verdict_of_an_unrecorded_call(lake: Lake):
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1")
    lake.call(1, bypass=["unrecorded"])
    lake.call(1, bypass=["key_issued_twice"], judged=4000)
    assert [row["reasons"] for row in lake.ask("bypasses")] == [["key_issued_twice"]]


def approved(lake: Lake) -> None:
    """Write grants that people approved, in which no credentials were issued."""
    for name in ("voted", "first", "used"):
        lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id=f"g-{name}", actions=("s3:GetObject", "s3:PutObject"))
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-voted", seq=1, detail={"state": "active"})
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-first", seq=1, detail={"state": "pending"})
    lake.record(AuditEvent.VOTE, Outcome.REFUSED, grant_id="g-first", seq=2)
    lake.record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, grant_id="g-glass", seq=1)
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-used", seq=1, detail={"state": "active"})
    lake.record(AuditEvent.USE, Outcome.SENT, grant_id="g-used", seq=2)


def test_aud_04_what_people_approved_is_granted_even_if_no_credentials_were_issued(lake: Lake):
    approved(lake)
    used = [(row["grant_id"], row["action"], row["calls"]) for row in lake.ask("used_versus_granted")]
    assert used == [("g-glass", "s3:GetObject", 0), ("g-used", "s3:GetObject", 1), ("g-voted", "s3:GetObject", 0)]
    rows = lake.ask("who_accessed", "arn:aws:s3:::reports/a")
    assert sorted((row["grant_id"], row["access_type"], row["activity"]) for row in rows) == [
        ("g-glass", "granted", "break_glass"),
        ("g-used", "granted", "vote"),
        ("g-voted", "granted", "vote"),
    ]


def test_aud_04_grants_without_a_call_are_listed(lake: Lake):
    approved(lake)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", actions=("s3:GetObject", "s3:PutObject"))
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-idle", actions=("s3:GetObject", "s3:PutObject"))
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-old", days_ago=40)
    lake.call(1)
    lake.call(2, grant="g-idle", bypass=["after_the_end"])
    lake.call(3, grant="g-idle", purpose=Purpose.CANARY)
    rows = [(row["grant_id"], row["actions"]) for row in lake.ask("unused_grants")]
    assert rows == [("g-glass", 1), ("g-idle", 2), ("g-voted", 1)]


def test_aud_04_uses_that_no_decision_allows_are_listed(lake: Lake):
    """As after a change of the state table by hand: a grant without a decision, a wider one, one of another agent."""
    wide = {"resources": ("arn:aws:s3:::reports/*",)}
    lake.record(AuditEvent.ISSUE, Outcome.ALLOWED, grant_id="g-none")
    lake.record(**gateway_call("c-none", Outcome.ANSWERED), grant_id="g-none-2", later=1)
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-pending", later=2)
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-pending", seq=1, later=2, detail={"state": "pending"})
    lake.record(AuditEvent.ISSUE, Outcome.ALLOWED, grant_id="g-pending", seq=2, later=3)
    for number, changed in enumerate((wide, {"principal": "corp.b"}, {"target": "other"}, {})):
        grant = {"grant_id": f"g-{number}", "later": 4 + number}
        lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, days_ago=1, **grant)
        lake.record(AuditEvent.ISSUE, Outcome.ALLOWED, seq=1, **grant | changed)
    lake.record(**gateway_call("c-3", Outcome.SENT), grant_id="g-3", resources=("arn:aws:s3:::reports/b",))
    lake.record(**gateway_call("c-4", Outcome.REFUSED), grant_id="g-none-3")
    lake.record(AuditEvent.ISSUE, Outcome.DENIED, grant_id="g-none-4")
    found = [row["grant_id"] for row in lake.ask("uses_without_decision")]
    assert found == ["g-2", "g-1", "g-0", "g-pending", "g-none-2", "g-none"]


def test_aud_04_all_decisions_of_a_person_are_listed(lake: Lake):
    by = {"by": "corp.olga"}
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-1", seq=1, detail=by | {"comment": "fine"})
    lake.record(AuditEvent.VOTE, Outcome.REJECTED, grant_id="g-2", seq=1, later=1, detail=by)
    lake.record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, grant_id="g-3", seq=1, later=2, detail=by)
    lake.record(AuditEvent.FOLLOW_UP, Outcome.CONFIRMED, grant_id="g-3", seq=2, later=3, detail=by)
    lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, grant_id="g-1", seq=2, later=4, detail=by | {"reason": "odd"})
    suspended = {"suspension": "s-1", "kind": "agent", "name": "corp.a"}
    lake.record(AuditEvent.SUSPENSION, Outcome.SET, principal="corp.olga", reason="leak", later=5, detail=suspended)
    refused = {"grant": "g-4"}
    lake.record(AuditEvent.VOTE, Outcome.REFUSED, principal="corp.olga", code="own_request", later=6, detail=refused)
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-5", seq=1, later=7, detail={"by": "corp.bob"})
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, principal="corp.olga", grant_id="g-6", later=8)
    away = {"out_of_office": {"delegates": {"owners": "corp.bob"}}}
    lake.record(AuditEvent.OUT_OF_OFFICE, Outcome.SET, principal="corp.olga", later=9, detail=away)
    assert [
        (row["event"], row["outcome"], row["grant_id"], row["principal"], row["comment"])
        for row in lake.ask("decisions_of_person", "corp.olga")
    ] == [
        ("out_of_office", "set", "", "corp.olga", '{"delegates":{"owners":"corp.bob"}}'),
        ("vote", "refused", "g-4", "", ""),
        ("suspension", "set", "", "corp.a", "leak"),
        ("revocation", "revoked", "g-1", "corp.a", "odd"),
        ("follow_up", "confirmed", "g-3", "corp.a", ""),
        ("break_glass", "approved", "g-3", "corp.a", ""),
        ("vote", "rejected", "g-2", "corp.a", ""),
        ("vote", "approved", "g-1", "corp.a", "fine"),
    ]


def test_aud_04_permissions_that_people_approved_may_be_unused(lake: Lake):
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-voted", seq=1, detail={"state": "active"})
    assert [(row["action"], row["grants"]) for row in lake.ask("unused_permissions")] == [("s3:GetObject", 1)]


def test_aud_04_unused_permissions_span_all_grants_of_a_principal(lake: Lake):
    asked = {"actions": ("s3:GetObject", "s3:PutObject"), "target": "analytics-prod"}
    for number in (1, 2):
        lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id=f"g-{number}", days_ago=40 * number, **asked)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-3", principal="corp.b", **asked)
    lake.call(1, days_ago=40)
    rows = lake.ask("unused_permissions")
    assert [(row["principal"], row["action"], row["grants"]) for row in rows] == [
        ("corp.a", "s3:PutObject", 2),
        ("corp.b", "s3:GetObject", 1),
        ("corp.b", "s3:PutObject", 1),
    ]


def test_aud_04_a_call_that_became_a_bypass_is_no_use(lake: Lake):
    actions = {"actions": ("s3:GetObject", "s3:PutObject")}
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", **actions)
    lake.call(1)
    lake.call(1, bypass=["key_issued_twice"], judged=4000)
    lake.call(2, actions=("s3:PutObject",), bypass=["key_not_issued"], judged=1800)
    lake.call(2, actions=("s3:PutObject",), judged=4000, error_code="NoSuchBucket")
    used = {row["action"]: (row["calls"], row["failed"]) for row in lake.ask("used_versus_granted")}
    assert used == {"s3:GetObject": (0, 0), "s3:PutObject": (1, 1)}
    assert [row["action"] for row in lake.ask("unused_permissions")] == ["s3:GetObject"]


def test_aud_04_leftover_resources_were_created_and_not_deleted_since(lake: Lake):
    lake.call(1, created=("user x", "role y"), operation="CreateUser", days_ago=5)
    lake.call(2, deleted=("role y",), days_ago=1)
    lake.call(3, created=("bucket z",), later=5)
    lake.call(4, deleted=("bucket z",))  # the one before
    lake.call(5, created=("table t",))
    lake.call(6, deleted=("table t",), later=1)
    lake.call(7, created=("user x",), account="111122223333")
    lake.call(8, deleted=("user x",), account="111122223333", days_ago=2)
    lake.call(9, created=("role ended",), error_code="", days_ago=99)
    rows = lake.ask("leftover_resources")
    assert {(row["account"][:3], row["resource"], row["grant_id"]) for row in rows} == {
        ("444", "user x", "g-1"),
        ("444", "bucket z", "g-1"),
        ("111", "user x", "g-1"),
    }


@pytest.mark.parametrize("last", ["created", "deleted"])
def test_aud_04_a_deletion_in_the_second_of_the_creation_hides_nothing(lake: Lake, last: str):
    """CloudTrail has whole seconds, so the order within one is unknown. The agent may have created it again."""
    orders = {"created": ("created", "deleted", "created"), "deleted": ("created", "deleted")}
    for number, what in enumerate(orders[last]):
        lake.call(number, **{what: ("user x",)}, grant=f"g-{what}", days_ago=2)
    assert [(row["resource"], row["grant_id"]) for row in lake.ask("leftover_resources")] == [("user x", "g-created")]
    lake.call(9, deleted=("user x",), days_ago=2, later=1)
    assert lake.ask("leftover_resources") == []


def test_aud_04_query_and_report_agree_on_leftover_resources(lake: Lake):
    """This holds for all sequences of events on a resource, in two seconds of one day and one second of the next."""
    happening = list(product(("created", "deleted"), ({"days_ago": 1}, {"days_ago": 1, "later": 1}, {})))
    lives = [life for count in range(7) for life in combinations(range(len(happening)), count)]
    for number, (what, when) in enumerate(happening):
        lake.call(number, **{what: tuple(f"user {life}" for life in lives if number in life)}, **when)
    lines = [json.loads(path.read_text(encoding="utf-8")) for path in (lake.folder / "calls").glob("*/*")]
    found = usage_of(map(parse_call, lines), None).leftover_resources
    left = {row["resource"] for row in lake.ask("leftover_resources")}
    assert left == {each.resource for each in found}
    assert 0 < len(left) < len(lives)


def test_aud_04_a_leftover_resource_names_the_grant_that_explains_its_creation(lake: Lake):
    lake.call(1, created=("user x",), bypass=["key_not_issued"], grant="g-x", judged=1800)
    lake.call(1, created=("user x",), judged=4000)
    assert [row["grant_id"] for row in lake.ask("leftover_resources")] == ["g-1"]


def test_aud_04_who_approved_what_and_how_fast(lake: Lake):
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-1", days_ago=32)
    lake.record(
        AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-1", seq=1, days_ago=29, human="corp.h",
        detail={"by": "corp.alice", "comment": "fine", "via": "slack", "delegations": []},
    )  # fmt: skip
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-2")
    lake.record(
        AuditEvent.VOTE, Outcome.REJECTED, grant_id="g-2", seq=1, later=42, detail={"by": "corp.bob", "via": "page"}
    )
    lake.record(AuditEvent.VOTE, Outcome.REFUSED, principal="corp.eve", code="own_request", detail={"grant": "g-2"})
    lake.record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, grant_id="g-2", seq=2, detail={"by": "corp.gina"})
    assert [
        (row["person"], row["outcome"], row["seconds"], row["principal"], row["human"], row["comment"], row["via"])
        for row in lake.ask("who_approved")
    ] == [
        ("corp.bob", "rejected", 42, "corp.a", "", "", "page"),
        ("corp.alice", "approved", 3 * 86400, "corp.a", "corp.h", "fine", "slack"),
    ]


def test_aud_04_who_approved_says_what_each_vote_changed(lake: Lake):
    asked = {"permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/*"]}]}
    less = {"permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/a"]}]}
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-1", duration_seconds=900, detail=asked)
    votes = (
        ("first", asked, "pending", {}),
        ("late", asked, "pending", {"code": "review_changed"}),
        ("less", less, "pending", {}),
        ("shorter", asked, "active", {"duration_seconds": 600}),
    )
    for seq, (person, terms, state, members) in enumerate(votes, start=1):
        detail = terms | {"by": person, "state": state} | ({"this_time_only": True} if person == "less" else {})
        about = {"grant_id": "g-1", "seq": seq, "later": seq, "detail": detail, "duration_seconds": 900}
        lake.record(AuditEvent.VOTE, Outcome.APPROVED, **about | members)
    lake.record(
        AuditEvent.VOTE, Outcome.REJECTED, grant_id="g-2", later=9, detail=less | {"by": "no", "state": "rejected"}
    )
    shown = ("person", "state", "code", "narrowed", "this_time_only", "duration_seconds")
    assert [tuple(row[name] for name in shown) for row in lake.ask("who_approved")] == [
        ("no", "rejected", "", False, False, 0),
        ("shorter", "active", "", True, False, 600),
        ("less", "pending", "", True, True, 900),
        ("late", "pending", "review_changed", False, False, 900),
        ("first", "pending", "", False, False, 900),
    ]


def iso_of(**when: Any) -> str:
    return datetime.fromtimestamp(seconds(**when), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def open_grants(lake: Lake) -> None:
    """Record a grant by policy, by review, by an earlier approval and by break-glass, and how each ended."""
    expires = {"expires_at": iso_of(later=300)}

    def granted(grant, event=AuditEvent.REQUEST, outcome=Outcome.ALLOWED, seq=0, **members):
        lake.record(event, outcome, grant_id=grant, seq=seq, policies=("p",), **{"later": seq} | expires | members)

    owned = REQUESTER | {"owners": ["corp.owner"]}
    granted("g-policy", duration_seconds=300, detail={"way": "credentials", "requester": owned})
    granted("g-policy", AuditEvent.EXPIRY, Outcome.EXPIRED, 1, later=3000, times=2)
    granted("g-review", AuditEvent.REQUEST, Outcome.REVIEW, days_ago=1, duration_seconds=900)
    for seq, (person, content, state, code) in enumerate(
        (
            ("corp.old", "c0", "pending", ""),
            ("corp.void", "c1", "pending", "review_changed"),
            ("corp.bob", "c1", "pending", ""),
            ("corp.al", "c1", "active", ""),
        ),
        start=1,
    ):
        detail = {"by": person, "content": content, "state": state}
        granted("g-review", AuditEvent.VOTE, Outcome.APPROVED, seq, detail=detail, code=code, duration_seconds=300)
    granted("g-review", AuditEvent.ISSUE, Outcome.ALLOWED, 5)
    granted("g-review", AuditEvent.REVOCATION, Outcome.REVOKED, 60, detail={"by": "corp.ops"})
    granted("g-review", AuditEvent.DENY_ENTRY, Outcome.SET, 61, detail={"written_at": iso_of(later=90)})
    earlier = {"earlier_approvals": [{"grant": "g-review", "groups": ["owners"], "at": iso_of(days_ago=20)}]}
    granted("g-earlier", detail=earlier | {"reveal": True})
    granted("g-glass", AuditEvent.REQUEST, Outcome.REVIEW)
    granted("g-glass", AuditEvent.BREAK_GLASS, Outcome.APPROVED, 1, detail={"by": "corp.gina"})
    for seq, end in ((2, AuditEvent.EXPIRY), (9, AuditEvent.REVOCATION)):  # the revocation ends the approval only
        granted("g-glass", end, Outcome.REVOKED if seq == 9 else Outcome.EXPIRED, seq, later=1000 * seq)
    granted("g-pending", AuditEvent.REQUEST, Outcome.REVIEW)
    granted("g-failed", detail={"way": "credentials"})
    granted("g-failed", AuditEvent.ISSUE, Outcome.FAILED, 1, code="policy_too_large")
    granted("g-old", days_ago=40)


def test_aud_04_each_access_has_what_allowed_it_who_approved_and_when_it_ended(lake: Lake):
    open_grants(lake)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, chain="r-1", grant_id="g-joined")  # joined another request
    against = {"by": "corp.no", "content": "c1"}
    lake.record(AuditEvent.VOTE, Outcome.REJECTED, grant_id="g-review", seq=70, detail=against)
    found = lake.ask("access_periods")
    rows = {row["grant_id"]: row for row in found}
    assert sorted(row["grant_id"] for row in found) == ["g-earlier", "g-failed", "g-glass", "g-policy", "g-review"]
    shown = ("allowed_by", "people", "earlier_grant", "began_at", "ended_at", "ending", "ended_by")
    expired = iso_of(later=300)
    assert {grant: tuple(row[name] for name in shown) for grant, row in rows.items()} == {
        "g-policy": ("policy", None, None, iso_of(), expired, "expired", None),
        "g-review": ("review", ["corp.al", "corp.bob"], None, iso_of(later=4), iso_of(later=60), "revoked", "corp.ops"),
        "g-earlier": ("earlier approval", None, "g-review", iso_of(), None, None, None),
        "g-glass": ("break-glass", ["corp.gina"], None, iso_of(later=1), expired, "expired", None),
        "g-failed": ("policy", None, None, iso_of(), iso_of(later=1), "failed", None),
    }
    assert rows["g-earlier"]["earlier_approved_at"] == iso_of(days_ago=20)
    terms = ("requested_seconds", "granted_seconds", "policies")
    assert tuple(rows["g-review"][name] for name in terms) == (900, 300, ["p"])
    assert (rows["g-policy"]["owners"], rows["g-review"]["owners"]) == (["corp.owner"], None)
    assert {grant for grant, row in rows.items() if row["reveal"]} == {"g-earlier"}
    assert [rows[f"g-{each}"]["issued"] for each in ("policy", "review", "glass", "failed")] == [1, 1, 0, 0]
    assert (rows["g-policy"]["requester"], rows["g-policy"]["way"]) == (REQUESTER["name"], "credentials")


def test_aud_04_an_approval_after_which_policies_denied_the_request_gave_no_access(lake: Lake):
    about = {"grant_id": "g-1", "expires_at": iso_of(later=300)}
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, **about)
    failed = {"by": "corp.al", "state": "failed"}
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, seq=1, code="denied", detail=failed, **about)
    lake.record(AuditEvent.ISSUE, Outcome.ALLOWED, seq=2, later=9, **about)  # by hand
    assert lake.ask("access_periods") == lake.ask("who_could_access", "arn:aws:s3:::reports/a") == []
    assert [row["grant_id"] for row in lake.ask("uses_without_decision")] == ["g-1"]


def test_rev_17_accesses_whose_approval_may_count_again_are_marked(lake: Lake):
    for grant, votes, ended in (
        ("g-again", {}, AuditEvent.EXPIRY),
        ("g-once", {"this_time_only": True}, AuditEvent.EXPIRY),
        ("g-revoked", {}, AuditEvent.REVOCATION),
    ):
        about = {"grant_id": grant, "expires_at": iso_of(later=300)}
        lake.record(AuditEvent.REQUEST, Outcome.REVIEW, detail={"counts_again": True}, **about)
        detail = {"by": "corp.al", "state": "active"} | votes
        lake.record(AuditEvent.VOTE, Outcome.APPROVED, seq=1, later=1, detail=detail, **about)
        lake.record(ended, Outcome.EXPIRED, seq=2, later=300, **about)
    open_grants(lake)
    assert {row["grant_id"] for row in lake.ask("access_periods") if row["may_count_again"]} == {"g-again"}


def test_aud_10_no_person_ended_what_expired_although_its_approval_was_revoked_then(lake: Lake):
    about = {"grant_id": "g-1", "expires_at": iso_of(later=300)}
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, **about)
    lake.record(AuditEvent.EXPIRY, Outcome.EXPIRED, seq=1, later=310, **about)
    lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, seq=2, later=900, detail={"by": "corp.olga"}, **about)
    open_grants(lake)
    (row,) = [each for each in lake.ask("access_periods") if each["grant_id"] == "g-1"]
    assert (row["ending"], row["ended_by"], row["ended_at"]) == ("expired", None, iso_of(later=300))


def test_aud_10_who_could_access_has_what_was_open_and_since_when(lake: Lake):
    open_grants(lake)
    wide, other = ("arn:aws:s3:::rep*", "arn:aws:sqs:eu-west-1:444455556666:jobs"), ("arn:aws:s3:::report",)
    for grant, resources in (("g-wide", wide), ("g-other", other)):
        lake.record(
            AuditEvent.REQUEST, Outcome.ALLOWED, grant_id=grant, expires_at=iso_of(later=300), resources=resources
        )
    rows = lake.ask("who_could_access", "arn:aws:s3:::reports")
    shown = ("grant_id", "ended_at", "ending", "denied_at", "resource")
    expired, named = iso_of(later=300), "arn:aws:s3:::reports/a"
    assert {tuple(row[name] for name in shown) for row in rows} == {
        ("g-policy", expired, "expired", None, named),
        ("g-review", iso_of(later=60), "revoked", iso_of(later=90), named),
        ("g-earlier", expired, None, None, named),
        ("g-glass", expired, "expired", None, named),
        ("g-failed", iso_of(later=1), "failed", None, named),
        ("g-wide", expired, None, None, wide[0]),
    }
    assert {row["grant_id"] for row in lake.ask("who_could_access", "arn:aws:s3:::reports/b")} == {"g-wide"}


def test_aud_10_who_could_access_has_a_grant_of_the_day_before_that_was_open_overnight(lake: Lake):
    day = (NOW - timedelta(days=5)).date()
    before = day - timedelta(days=1)
    later = int((datetime.fromisoformat(f"{before}T23:50:00+00:00") - NOW).total_seconds())
    for grant, expires_at in (("g-over", f"{day}T00:05:00Z"), ("g-ended", f"{before}T23:55:00Z")):
        lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id=grant, expires_at=expires_at, later=later)
    of_day = within(FILES["who_could_access"], day, day, NOW.date())
    assert [row["grant_id"] for row in lake.run(of_day, "arn:aws:s3:::reports/a")] == ["g-over"]


def test_aud_10_who_could_access_has_a_grant_at_the_end_of_a_day_whose_record_was_published_on_the_next(lake: Lake):
    day = (NOW - timedelta(days=5)).date()
    later = int((datetime.fromisoformat(f"{day}T23:57:00+00:00") - NOW).total_seconds())
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", expires_at=f"{day}T23:59:00Z", later=later)
    published = lake.folder / "records" / f"dt={day}"
    published.rename(published.with_name(f"dt={day + timedelta(days=1)}"))
    for first, found in ((day - timedelta(days=1), 0), (day, 1), (day + timedelta(days=1), 0)):
        of_day = within(FILES["who_could_access"], first, first, NOW.date())
        assert len(lake.run(of_day, "arn:aws:s3:::reports/a")) == found


def test_aud_10_who_could_access_has_a_revoked_grant_until_aws_denied_its_credentials(lake: Lake):
    day = (NOW - timedelta(days=5)).date()
    before = day - timedelta(days=1)
    later = int((datetime.fromisoformat(f"{before}T23:50:00+00:00") - NOW).total_seconds())
    for grant, denied_at in (("g-denied", f"{before}T23:56:00Z"), ("g-late", f"{day}T00:01:00Z"), ("g-never", "")):
        about = {"grant_id": grant, "expires_at": f"{day}T00:05:00Z"}
        lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, later=later, **about)
        lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, seq=1, later=later + 300, **about)
        if denied_at:
            entry = {"detail": {"written_at": denied_at}}
            lake.record(AuditEvent.DENY_ENTRY, Outcome.SET, seq=2, later=later + 360, **about | entry)
    of_day = within(FILES["who_could_access"], day, day, NOW.date())
    rows = {row["grant_id"]: row["denied_at"] for row in lake.run(of_day, "arn:aws:s3:::reports/a")}
    assert rows == {"g-late": f"{day}T00:01:00Z", "g-never": None}


def test_aud_10_everything_that_an_access_key_did_is_listed(lake: Lake):
    key = "ASIAAAAAAAAAAAAAAAA2"
    lake.call(1, access_key_id=key, service="sts", operation="AssumeRole", later=1)
    lake.call(2, access_key_id=key, error_code="AccessDenied", later=2, times=2)
    lake.call(3, access_key_id=key, bypass=["wrong_source_identity"], later=3)
    lake.call(4, access_key_id=key, service="sts", operation="AssumeRole", issued_access_key_id="ASIANEXT", later=4)
    lake.call(5, access_key_id="ASIAOTHER", later=5)
    call = gateway_call("c-1", Outcome.ANSWERED, access_key_id=key)
    lake.record(**call, grant_id="g-2", later=6)
    shown = ("kind", "activity", "outcome", "verdict", "grant_id")
    assert [tuple(row[name] for name in shown) for row in lake.ask("calls_of_key", key)] == [
        ("issued", "sts:AssumeRole", "done", "explained", "g-1"),
        ("call", "s3:GetObject", "denied", "explained", "g-1"),
        ("call", "s3:GetObject", "done", "bypass", "g-1"),
        ("call", "sts:AssumeRole", "done", "explained", "g-1"),
        ("gateway", "s3:GetObject", "answered", "", "g-2"),
    ]
    assert [(row["kind"], row["activity"]) for row in lake.ask("calls_of_key", "ASIANEXT")] == [
        ("issued", "sts:AssumeRole")
    ]


def test_gw_08_the_pages_sql_lists_gateway_calls_that_may_have_run(lake: Lake):
    def made(call_id, *steps, **answer):
        for seq, (outcome, code, state) in enumerate(steps):
            record = gateway_call(call_id, outcome, seq=seq, state=state, **answer)
            lake.record(**record, grant_id="g-1", later=seq, code=code)

    sent = (Outcome.SENT, "", "in_progress")
    made("c-lost", sent)
    made("c-maybe", sent, (Outcome.FAILED, "call_may_have_run", "may_have_run"))
    made("c-done", sent, (Outcome.ANSWERED, "", "answered"))
    made("c-failed", sent, (Outcome.FAILED, "upstream_unreached", "failed"))
    made("c-denied", (Outcome.DENIED, "denied", ""))
    made("c-ticket", sent, ticket=True)
    page = (Path(__file__).parents[2] / "docs" / "gateway-records.md").read_text("utf-8")
    (sql,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    rows = lake.run(sql.replace("CAST(current_date AS VARCHAR)", f"'{NOW.date()}'"))
    assert {(row["call_id"], row["code"], row["activity"]) for row in rows} == {
        ("c-lost", "", "s3:GetObject"),
        ("c-maybe", "call_may_have_run", "s3:GetObject"),
        ("c-ticket", "", "s3:GetObject"),
    }


def delegations(*delegators: str) -> list[dict[str, Any]]:
    """Return the delegations of a vote, as records have them."""
    return [Delegation("owners", identity(each), "a-1", seconds(), seconds(later=900)).view() for each in delegators]


def test_rev_03_unusual_approvals_have_reasons(lake: Lake):
    def vote(grant, detail, outcome=Outcome.APPROVED, **members):
        about = {"grant_id": grant, "seq": 1, "later": 9, "detail": {"delegations": []} | detail}
        lake.record(AuditEvent.VOTE, outcome, **about | members)

    vote("g-plain", {"by": "corp.alice"})
    vote("g-own", {"by": "corp.h"}, human="corp.h")
    vote("g-place", {"by": "corp.alice", "delegations": delegations("corp.bob")})
    vote("g-places", {"by": "corp.alice", "delegations": delegations("corp.one", "corp.two")})
    vote("g-many", {"by": "corp.alice", "delegations": delegations("corp.one", "corp.two", "corp.three")})
    owned = {"requester": REQUESTER | {"owners": ["corp.owner", "corp.other"]}}
    for person in ("owner", "own"):
        lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id=f"g-of-{person}", detail=owned)
        vote(f"g-of-{person}", {"by": f"corp.{person}"})
    repeated = {"repeated": {"by": "corp.no", "grant": "g-no", "changed": "a copy"}}
    for grant, outcome in (("g-yes", Outcome.APPROVED), ("g-again", Outcome.REJECTED)):
        lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id=grant, detail=repeated)
        vote(grant, {"by": "corp.alice"}, outcome)
    for grant, later in (("g-late", 5), ("g-after", 20)):
        found = {"notice": "escalated"}
        lake.record(AuditEvent.NOTICE, Outcome.SENT, grant_id=grant, later=later, seq=2, detail=found)
        vote(grant, {"by": "corp.alice"})
    lake.record(AuditEvent.NOTICE, Outcome.SENT, grant_id="g-plain", seq=2, detail={"notice": "requested"})
    lake.record(
        AuditEvent.VOTE, Outcome.REFUSED, principal="corp.eve", code="own_request", detail={"grant": "g-x"}, later=9
    )
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-mine", human="corp.h", target="orders-prod")
    mine = {"principal": "corp.h", "detail": {"grant": "g-mine"}, "later": 9}
    lake.record(AuditEvent.VOTE, Outcome.REFUSED, code="own_request", **mine)
    lake.record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, grant_id="g-glass", detail={"by": "corp.gina"}, later=9)
    away = {"from": iso(seconds()), "until": iso(seconds(later=30)), "delegates": {"owners": "corp.bob"}}
    lake.record(AuditEvent.OUT_OF_OFFICE, Outcome.SET, principal="corp.away", detail={"out_of_office": away})
    lake.record(
        AuditEvent.OUT_OF_OFFICE, Outcome.ENDED, principal="corp.away", later=20, detail={"out_of_office": away}
    )
    for later in (8, 9, 20, 31):
        vote(f"g-away-{later}", {"by": "corp.away"}, later=later)
    gone = {"suspension": "s-1", "kind": "human", "name": "corp.gone"}
    lake.record(AuditEvent.SUSPENSION, Outcome.SET, principal="corp.olga", later=9, detail=gone)
    for kind, name in (("agent", "corp.stays"), ("human", "corp.a")):
        other = {"suspension": f"s-{name}", "kind": kind, "name": name}
        lake.record(AuditEvent.SUSPENSION, Outcome.SET, principal="corp.olga", later=90, detail=other)
    for name, later in (("gone", 8), ("gone", 10), ("stays", 8)):
        vote(f"g-{name}-{later}", {"by": f"corp.{name}"}, later=later)
    rows = {row["grant_id"]: row for row in lake.ask("unusual_approvals")}
    assert [rows["g-mine"][name] for name in ("principal", "human", "target")] == ["corp.a", "corp.h", "orders-prod"]
    found = {row["grant_id"]: (row["person"], row["why"]) for row in lake.ask("unusual_approvals")}
    assert found == {
        "g-own": ("corp.h", "By the requester."),
        "g-place": ("corp.alice", "As a delegate of corp.bob."),
        "g-places": ("corp.alice", "As a delegate of corp.one and corp.two."),
        "g-many": ("corp.alice", "As a delegate of corp.one and corp.two and others."),
        "g-away-8": ("corp.away", "While out of office."),
        "g-away-9": ("corp.away", "While out of office."),
        "g-gone-8": ("corp.gone", "By a person suspended later."),
        "g-of-owner": ("corp.owner", "By an owner of the agent."),
        "g-yes": ("corp.alice", "After a rejection by corp.no in grant g-no."),
        "g-late": ("corp.alice", "After escalation."),
        "g-x": ("corp.eve", "refused (own_request)."),
        "g-mine": ("corp.h", "refused (own_request). By the requester."),
        "g-glass": ("corp.gina", "Break-glass."),
    }


def test_aud_04_agents_of_human_lists_all_agents(lake: Lake):
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", human="corp.h")
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-2", human="corp.h", principal="corp.b", later=1)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-3", human="corp.other")
    lake.call(1, human="corp.h", later=2)
    lake.call(2, grant="g-3", human="corp.other")
    rows = lake.ask("agents_of_human", "corp.h")
    assert [(row["principal"], row["grant_id"], row["activity"]) for row in rows] == [
        ("corp.a", "g-1", "request"),
        ("corp.b", "g-2", "request"),
        ("corp.a", "g-1", "s3:GetObject"),
    ]


def test_aud_04_agents_of_human_lists_denials_and_bypasses(lake: Lake):
    """It includes events without a grant, and calls that the named grant does not explain."""
    theirs = {"human": "corp.h"}
    lake.record(AuditEvent.PREVIEW, Outcome.DENIED, code="denied", **theirs)
    lake.record(AuditEvent.REQUEST, Outcome.DENIED, code="denied", later=1, times=2, **theirs)
    lake.record(AuditEvent.REFUSAL, Outcome.REFUSED, code="wrong_grant", later=2, count=7, **theirs)
    lake.record(AuditEvent.REQUEST, Outcome.DENIED, human="corp.other")
    lake.call(1, later=3, times=2, **theirs)
    lake.call(2, later=4, purpose=Purpose.CANARY, error_code="AccessDenied", **theirs)
    lake.call(3, later=5, bypass=["after_the_end"], **theirs)
    lake.call(4, later=6, purpose=Purpose.CANARY, bypass=["not_issued_by_jitney"], **theirs)
    lake.call(5, bypass=["after_the_end"], human="corp.other")
    names = ("activity", "outcome", "times", "verdict", "reasons", "person")
    assert [tuple(row[name] for name in names) for row in lake.ask("agents_of_human", "corp.h")] == [
        ("preview", "denied", 1, "", None, ""),
        ("request", "denied", 1, "", None, ""),
        ("refusal", "refused", 7, "", None, ""),
        ("s3:GetObject", "done", 1, "explained", [], ""),
        ("s3:GetObject", "denied", 1, "explained", [], "jitney"),
        ("s3:GetObject", "done", 1, "bypass", ["after_the_end"], ""),
        ("s3:GetObject", "done", 1, "bypass", ["not_issued_by_jitney"], ""),
    ]


def test_aud_04_who_accessed_lists_grants_calls_and_bypasses(lake: Lake):
    def granted(grant, *resources, outcome=Outcome.ALLOWED):
        lake.record(AuditEvent.REQUEST, outcome, grant_id=grant, resources=resources)

    granted("g-exact", "arn:aws:s3:::my_bucket/a%b")
    granted("g-star", "arn:aws:s3:::my_bucket/*", "arn:aws:s3:::other/*")
    granted("g-sign", "arn:aws:s3:::my?bucket/a*")
    granted("g-all", "*")
    granted("g-not", "arn:aws:s3:::myXbucket/*")
    granted("g-nor", "arn:aws:s3:::my_bucket/aXb")
    granted("g-denied", "arn:aws:s3:::my_bucket/*", outcome=Outcome.REVIEW)
    lake.call(1, resources=("arn:aws:s3:::my_bucket/a%b", "arn:aws:s3:::my_bucket"))
    lake.call(2, grant="g-x", resources=("arn:aws:s3:::my_bucket/a%b",), bypass=["unknown_grant"])
    rows = lake.ask("who_accessed", "arn:aws:s3:::my_bucket/a%b")
    assert sorted((row["access_type"], row["grant_id"]) for row in rows) == [
        ("bypass", "g-x"),
        ("called", "g-1"),
        *(("granted", f"g-{name}") for name in ("all", "exact", "sign", "star")),
    ]
    other = lake.ask("who_accessed", "arn:aws:s3:::myXbucket/a%b")
    assert {row["grant_id"] for row in other} == {"g-not", "g-sign", "g-all"}
    other = lake.ask("who_accessed", "arn:aws:s3:::my_bucket/aXXb")
    assert {row["grant_id"] for row in other} == {"g-star", "g-sign", "g-all"}
    below = lake.ask("who_accessed", "arn:aws:s3:::my_bucket")
    assert {row["grant_id"] for row in below} == {"g-exact", "g-star", "g-sign", "g-all", "g-nor", "g-1", "g-x"}


def test_gw_08_who_accessed_lists_calls_through_the_gateway_without_an_event(lake: Lake):
    """CloudTrail logs data events only where a trail is set to."""
    lake.record(**gateway_call("c-1", Outcome.ANSWERED, status=200), grant_id="g-1")
    (row,) = lake.ask("who_accessed", "arn:aws:s3:::reports")
    assert (row["access_type"], row["activity"], row["outcome"]) == ("gateway", "s3:GetObject", "answered")


def test_aud_04_who_accessed_takes_wildcards_in_the_name_literally(lake: Lake):
    for number, resource in enumerate(("report?/*", "*/2026/payroll.csv", "reports-*", "repor?/*")):
        lake.record(
            AuditEvent.REQUEST, Outcome.ALLOWED, grant_id=f"g-{number}", resources=(f"arn:aws:s3:::{resource}",)
        )

    def reached(name: str) -> set[str]:
        return {row["grant_id"] for row in lake.ask("who_accessed", f"arn:aws:s3:::{name}")}

    assert reached("reports") == {"g-0", "g-1"}
    assert reached("reports/2026") == {"g-0", "g-1"}
    assert reached("reports/2026/payroll.csv") == {"g-0", "g-1"}
    assert reached("reports-x/2026") == {"g-1", "g-2"}


def test_aud_04_who_accessed_matches_exactly_what_a_pattern_covers(lake: Lake):
    """All patterns of up to three letters are tried with all names of up to seven letters, at or below the resource."""
    patterns = ["".join(letters) for count in (1, 2, 3) for letters in product("a/*?", repeat=count)]
    for number, pattern in enumerate(patterns):
        lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id=f"g-{number}", resources=(pattern,))
    names = ["".join(letters) for count in range(1, 8) for letters in product("a/", repeat=count)]
    for asked in ("a", "aa", "a/a", "aaa"):
        there = [name for name in names if name == asked or name.startswith(f"{asked}/")]
        found = {row["resource"] for row in lake.ask("who_accessed", asked)}
        assert found == {each for each in patterns if any(fnmatchcase(name, each) for name in there)}
        assert 0 < len(found) < len(patterns)


@pytest.mark.parametrize("query", ["who_accessed", "who_could_access"])
def test_aud_04_a_path_of_parameters_reaches_the_parameters_below_it(lake: Lake, query: str):
    """AWS returns all parameters below the path of `ssm:GetParametersByPath`."""
    path = "arn:aws:ssm:eu-west-1:444455556666:parameter/team"
    granted = {
        "g-path": ("ssm:GetParametersByPath", path),
        "g-slash": ("ssm:GetParametersByPath", f"{path}/"),
        "g-any": ("ssm:Get*", path),
        "g-name": ("ssm:GetParameter", path),
        "g-other": ("ssm:GetParametersByPath", f"{path}s"),
        "g-bucket": ("ssm:GetParametersByPath", "arn:aws:s3:::team"),
    }
    for grant, (action, resource) in granted.items():
        about = {"actions": (action,), "resources": (resource,), "expires_at": iso_of(later=300)}
        lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id=grant, **about)

    def reached(arn: str) -> set[str]:
        return {row["grant_id"] for row in lake.ask(query, arn)}

    assert reached(f"{path}/db/password") == {"g-path", "g-slash", "g-any"}
    assert reached(path) == {"g-path", "g-slash", "g-any", "g-name"}
    assert reached("arn:aws:s3:::team/a") == set()


def test_aud_04_who_accessed_omits_calls_without_resources(lake: Lake):
    lake.call(1, resources=())
    lake.call(2, resources=(), bypass=["unknown_grant"], later=1)
    assert lake.ask("who_accessed", "arn:aws:s3:::reports") == []
    assert [row["outcome"] for row in lake.ask("timeline_of_grant", "g-1")] == ["done", "bypass"]
    guide = (Path(__file__).parents[2] / "docs" / "queries.md").read_text(encoding="utf-8")
    assert "Other calls that name no resource are only in `timeline_of_grant` and `bypasses`." in " ".join(
        guide.split()
    )


def test_end_02_time_to_deny_has_measurement_and_last_call(lake: Lake):
    taken = {"by": "corp.ops", "reason": "odd"}
    lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, grant_id="g-1", detail=taken)
    lake.record(AuditEvent.CANARY, Outcome.DENIED, grant_id="g-1", seq=1, detail={"denied_after_milliseconds": 1234})
    lake.call(1, later=-5)
    lake.call(2, later=2)
    lake.call(3, later=3)
    lake.call(4, later=9, error_code="AccessDenied")
    lake.record(AuditEvent.RELEASE, Outcome.RELEASED, grant_id="g-2", later=1, detail={"by": "corp.a", "reason": ""})
    lake.record(AuditEvent.CANARY, Outcome.FAILED, grant_id="g-2", seq=1, detail={"denied_after_milliseconds": None})
    lake.record(AuditEvent.EXPIRY, Outcome.EXPIRED, grant_id="g-3")
    rows = lake.ask("time_to_deny")
    assert [
        (
            row["event"],
            row["person"],
            row["denied_after_milliseconds"],
            row["calls_afterwards"],
            row["last_call_seconds"],
        )
        for row in rows
    ] == [("release", "corp.a", None, 0, None), ("revocation", "corp.ops", 1234, 2, 3)]


def test_end_02_a_suspended_grant_ended_with_its_suspension_and_not_with_its_record(lake: Lake):
    ended_at = datetime.fromtimestamp(seconds(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    detail = {"by": "corp.ops", "suspension": "s-1", "ended_at": ended_at}
    lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, grant_id="g-1", later=240, code="suspended", detail=detail)
    for number, later in enumerate((-5, 3, 90)):
        lake.call(number, later=later)
    (row,) = lake.ask("time_to_deny")
    assert (row["time"], row["calls_afterwards"], row["last_call_seconds"]) == (ended_at, 2, 90)


def test_end_08_time_to_deny_has_when_iam_accepted_the_deny_entry(lake: Lake):
    for grant in ("g-late", "g-never"):
        lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, grant_id=grant, detail={"by": "corp.ops"})
        lake.record(AuditEvent.DENY_ENTRY, Outcome.FAILED, grant_id=grant, seq=1, code="revocation_incomplete")
    written = {"written_at": datetime.fromtimestamp(seconds(later=300), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    lake.record(AuditEvent.DENY_ENTRY, Outcome.SET, grant_id="g-late", seq=2, later=310, detail=written)
    rows = {row["grant_id"]: (row["deny_entry_seconds"], row["deny_entry_failure"]) for row in lake.ask("time_to_deny")}
    assert rows == {"g-late": (300, "revocation_incomplete"), "g-never": (None, "revocation_incomplete")}


def test_end_08_a_deny_entry_counts_for_the_ends_before_it_only(lake: Lake):
    """A revocation after a release ends only what the approval allows."""
    lake.record(AuditEvent.RELEASE, Outcome.RELEASED, grant_id="g-1")
    lake.record(AuditEvent.DENY_ENTRY, Outcome.SET, grant_id="g-1", seq=1, later=2)
    lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, grant_id="g-1", seq=2, later=600)
    rows = {row["event"]: row["deny_entry_seconds"] for row in lake.ask("time_to_deny")}
    assert rows == {"release": 2, "revocation": None}


def test_end_08_the_deny_entry_of_a_revocation_is_not_that_of_the_release_before_it(lake: Lake):
    lake.record(AuditEvent.RELEASE, Outcome.RELEASED, grant_id="g-1")
    lake.record(AuditEvent.DENY_ENTRY, Outcome.FAILED, grant_id="g-1", seq=1, later=2, code="revocation_incomplete")
    lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, grant_id="g-1", seq=2, later=600)
    lake.record(AuditEvent.DENY_ENTRY, Outcome.SET, grant_id="g-1", seq=3, later=603)
    rows = {row["event"]: (row["deny_entry_seconds"], row["deny_entry_failure"]) for row in lake.ask("time_to_deny")}
    assert rows == {"release": (None, "revocation_incomplete"), "revocation": (3, None)}


def test_end_02_a_measurement_counts_for_the_end_before_it_only(lake: Lake):
    """A revocation after a release ends what the approval allows. Nothing measures it again."""
    lake.record(AuditEvent.RELEASE, Outcome.RELEASED, grant_id="g-1")
    lake.record(
        AuditEvent.CANARY, Outcome.DENIED, grant_id="g-1", seq=1, later=1, detail={"denied_after_milliseconds": 800}
    )
    lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, grant_id="g-1", seq=2, later=600)
    rows = {row["event"]: row["denied_after_milliseconds"] for row in lake.ask("time_to_deny")}
    assert rows == {"release": 800, "revocation": None}


def test_end_02_calls_that_iam_never_denies_do_not_count(lake: Lake):
    lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, grant_id="g-1", detail={"by": "corp.ops"})
    for number, (service, operation) in enumerate(sorted(NEVER_DENIED)):
        lake.call(number, later=30, service=service, operation=operation)
    lake.call("sts", later=4, service="sts", operation="GetFederationToken")
    (row,) = lake.ask("time_to_deny")
    assert (row["calls_afterwards"], row["last_call_seconds"]) == (1, 4)
    (listed,) = re.findall(r"called\.service \|\| ':' \|\| called\.operation NOT IN \((.*)\)", FILES["time_to_deny"])
    assert listed.split(", ") == [f"'{service}:{operation}'" for service, operation in sorted(NEVER_DENIED)]


def test_aud_01_the_result_of_a_request_is_its_last_event(lake: Lake):
    def request_with(grant, *events):
        lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id=grant)
        for seq, (event, outcome, code) in enumerate(events, 1):
            lake.record(event, outcome, grant_id=grant, seq=seq, code=code, later=seq)

    approved = (AuditEvent.VOTE, Outcome.APPROVED, "")
    request_with("g-open", (AuditEvent.NOTICE, Outcome.SENT, ""))
    request_with("g-approved", approved, (AuditEvent.NOTICE, Outcome.FAILED, "no_reviewer_notified"))
    request_with(
        "g-rejected", (AuditEvent.VOTE, Outcome.REFUSED, "own_request"), (AuditEvent.VOTE, Outcome.REJECTED, "")
    )
    request_with(
        "g-issued", approved, (AuditEvent.ISSUE, Outcome.ALLOWED, ""), (AuditEvent.ISSUE, Outcome.FAILED, "unavailable")
    )
    request_with("g-denied", (AuditEvent.VOTE, Outcome.APPROVED, "denied"))
    request_with("g-failed", approved, (AuditEvent.ISSUE, Outcome.FAILED, "policy_too_large"))
    request_with(
        "g-revoked", approved, (AuditEvent.ISSUE, Outcome.ALLOWED, ""), (AuditEvent.REVOCATION, Outcome.REVOKED, "")
    )
    request_with("g-expired", (AuditEvent.EXPIRY, Outcome.EXPIRED, ""))
    lake.record(AuditEvent.REQUEST, Outcome.DENIED)
    rows = lake.ask("who_requested_what")
    assert {row["grant_id"]: row["result"] for row in rows} == {
        "": "denied",
        "g-open": "review",
        "g-approved": "approved",
        "g-rejected": "rejected",
        "g-issued": "issued",
        "g-denied": "failed",
        "g-failed": "failed",
        "g-revoked": "revoked",
        "g-expired": "expired",
    }
    assert {row["outcome"] for row in rows} == {"denied", "review"}


def test_aud_01_a_vote_without_a_decision_is_no_result(lake: Lake):
    half = {"by": "corp.a", "state": "pending"}
    lake.record(AuditEvent.REQUEST, Outcome.DENIED, resources=("arn:aws:s3:::b/*",))
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-half", later=1)
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-half", seq=1, later=2, detail=half)
    assert {row["grant_id"]: row["result"] for row in lake.ask("who_requested_what")} == {
        "": "denied",
        "g-half": "review",
    }
    assert lake.ask("granted_after_denial") == []


class TestWhatCameLater:
    """The queried days end 3 days ago. Later events about them are on record (`jitney.client.audit.periods`)."""

    LAST = (NOW - timedelta(days=3)).date()

    def asked(self, lake: Lake, name: str) -> list[dict[str, Any]]:
        return lake.run(within(FILES[name], None, self.LAST, NOW.date()))

    def test_rev_08_a_follow_up_after_until_is_included(self, lake: Lake):
        lake.record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, grant_id="g-1", days_ago=3, detail={"by": "corp.gina"})
        lake.record(
            AuditEvent.FOLLOW_UP, Outcome.OBJECTED, grant_id="g-1", seq=1, days_ago=2, detail={"by": "corp.alice"}
        )
        lake.record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, grant_id="g-2", days_ago=2, detail={"by": "corp.gina"})
        assert [(row["grant_id"], row["judgement"]) for row in self.asked(lake, "break_glass")] == [("g-1", "objected")]

    def test_rev_03_a_suspension_after_until_is_included(self, lake: Lake):
        lake.record(AuditEvent.VOTE, Outcome.APPROVED, grant_id="g-1", seq=1, days_ago=3, detail={"by": "corp.gone"})
        gone = {"suspension": "s-1", "kind": "human", "name": "corp.gone"}
        lake.record(AuditEvent.SUSPENSION, Outcome.SET, principal="corp.olga", days_ago=2, detail=gone)
        assert [row["grant_id"] for row in self.asked(lake, "unusual_approvals")] == ["g-1"]

    def test_aud_01_an_end_after_until_is_included(self, lake: Lake):
        over = (NOW - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for grant, days_ago in (("g-1", 3), ("g-lost", 3), ("g-since", 2)):
            lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id=grant, expires_at=over, days_ago=days_ago)
        lake.record(AuditEvent.EXPIRY, Outcome.EXPIRED, grant_id="g-1", expires_at=over, days_ago=2, seq=1)
        assert [row["grant_id"] for row in self.asked(lake, "grants_missing_end_record")] == ["g-lost"]

    def test_aud_01_a_result_after_until_is_included(self, lake: Lake):
        lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-1", days_ago=3)
        lake.record(AuditEvent.VOTE, Outcome.REJECTED, grant_id="g-1", days_ago=2, seq=1, detail={"by": "corp.alice"})
        lake.record(AuditEvent.REQUEST, Outcome.REVIEW, grant_id="g-since", days_ago=2)
        rows = self.asked(lake, "who_requested_what")
        assert [(row["grant_id"], row["result"]) for row in rows] == [("g-1", "rejected")]

    def test_end_02_a_call_after_until_is_included(self, lake: Lake):
        lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, grant_id="g-1", days_ago=3, detail={"by": "corp.ops"})
        lake.record(
            AuditEvent.CANARY,
            Outcome.DENIED,
            grant_id="g-1",
            days_ago=2,
            seq=1,
            detail={"denied_after_milliseconds": 7},
        )
        lake.call(1, days_ago=2)
        lake.record(AuditEvent.REVOCATION, Outcome.REVOKED, grant_id="g-2", days_ago=2, detail={"by": "corp.ops"})
        rows = self.asked(lake, "time_to_deny")
        assert [(row["grant_id"], row["denied_after_milliseconds"], row["last_call_seconds"]) for row in rows] == [
            ("g-1", 7, 86400)
        ]

    def test_aud_04_a_deletion_after_until_is_included(self, lake: Lake):
        lake.call(1, created=("user gone", "user left", "user again", "role more"), days_ago=4)
        lake.call(2, deleted=("user gone", "user again"), days_ago=2)
        lake.call(3, created=("user again", "role more", "role since"), grant="g-2", days_ago=1)
        rows = self.asked(lake, "leftover_resources")
        assert {(row["resource"], row["grant_id"], row["created_at"][:10]) for row in rows} == {
            (thing, "g-1", str(self.LAST - timedelta(days=1))) for thing in ("user left", "role more")
        }
        assert {(row["resource"], row["grant_id"]) for row in lake.ask("leftover_resources")} == {
            ("user left", "g-1"),
            *((thing, "g-2") for thing in ("user again", "role more", "role since")),
        }

    def test_aud_04_a_use_after_until_is_included(self, lake: Lake):
        of_target = {"target": "analytics-prod"}
        lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1", days_ago=3, **of_target)
        lake.call(1, days_ago=2)
        lake.record(
            AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-2", days_ago=2, actions=("s3:PutObject",), **of_target
        )
        rows = self.asked(lake, "used_versus_granted")
        assert [(row["grant_id"], row["calls"]) for row in rows] == [("g-1", 1)]
        assert self.asked(lake, "unused_permissions") == []

    def test_pol_06_a_grant_after_until_is_included(self, lake: Lake):
        midnight = datetime(self.LAST.year, self.LAST.month, self.LAST.day, tzinfo=UTC) + timedelta(days=1)
        to_midnight = int(midnight.timestamp()) - seconds(days_ago=3)
        for outcome, later, seconds_asked in ((Outcome.DENIED, -600, 900), (Outcome.ALLOWED, 600, 300)):
            lake.record(
                AuditEvent.REQUEST, outcome, days_ago=3, later=to_midnight + later, duration_seconds=seconds_asked,
                grant_id="g-1" if outcome is Outcome.ALLOWED else "",
            )  # fmt: skip
        lake.record(AuditEvent.REQUEST, Outcome.DENIED, days_ago=3, later=to_midnight + 60, duration_seconds=900)
        rows = self.asked(lake, "granted_after_denial")
        assert [(row["denied_seconds"], row["grant_id"]) for row in rows] == [(900, "g-1")]


def test_aud_04_the_brokers_own_calls_are_not_counted_as_the_agents(lake: Lake):
    lake.call(1)
    lake.call(2, purpose=Purpose.CANARY, later=1)
    assert [row["person"] for row in lake.ask("timeline_of_grant", "g-1")] == ["", "jitney"]
    assert [row["calls"] for row in lake.ask("actions_by_day")] == [1]


def test_aud_04_calls_are_counted_by_day_and_account(lake: Lake):
    lake.call(1, times=2)
    lake.call(2, error_code="AccessDenied", source_identity="corp.b")
    lake.call(3, error_code="NoSuchKey")
    lake.call(4, days_ago=1, account="111122223333")
    rows = lake.ask("actions_by_day")
    assert [
        (row["account"][:3], row["calls"], row["denied"], row["failed"], row["bypasses"], row["principals"])
        for row in rows
    ] == [("444", 3, 1, 1, 0, 2), ("111", 1, 0, 0, 0, 1)]
    assert rows[0]["day"] == NOW.strftime("%Y-%m-%d")


def test_aud_04_biggest_readers_are_sorted_by_bytes(lake: Lake):
    lake.call(1, bytes_out=10_000_000_000, times=2)
    lake.call(2, bytes_out=5)
    lake.call(3, bytes_out=70, source_identity="corp.b", grant="g-2")
    lake.call(4, bytes_in=10**12)
    rows = lake.ask("biggest_readers")
    assert [(row["principal"], row["bytes_read"], row["max_bytes_per_call"], row["calls"]) for row in rows] == [
        ("corp.a", 10_000_000_005, 10_000_000_000, 2),
        ("corp.b", 70, 70, 1),
    ]


def test_aud_04_biggest_readers_include_reads_through_the_gateway_once(lake: Lake):
    """A trail may not log data events, so the records count, and the events only where a record has no answer."""
    for number, outcome in enumerate((Outcome.SENT, Outcome.ANSWERED)):
        answer = {"bytes_out": 500} if number else {}
        made = gateway_call("c-1", outcome, seq=number, **answer)
        lake.record(**made, grant_id="g-1", target="analytics-prod", times=2)
    reads = {"purpose": Purpose.READS, "bytes_out": 500}
    lake.call(1, call_id="c-1", record_match="recorded", **reads)
    lake.call(2, record_match="no_request_id", **reads)
    lake.call(3, call_id="c-2", record_match="ticket", **reads | {"bytes_out": 40})
    lake.call(4, call_id="c-3", record_match="answer_lost", **reads | {"bytes_out": 2})
    lake.call(5, bypass=["unrecorded"], **reads | {"bytes_out": 1})
    lake.record(**gateway_call("c-4", Outcome.FAILED, bytes_out=7000), grant_id="g-1")  # its answer was withheld
    (row,) = lake.ask("biggest_readers")
    assert (row["bytes_read"], row["calls"]) == (500 + 40 + 2 + 1, 4)


def test_aud_04_no_number_of_readers_hides_another(lake: Lake):
    for number in range(101):
        lake.call(number, bytes_out=1000 - number, source_identity=f"corp.reader-{number}")
    assert len(lake.ask("biggest_readers")) == 101


def test_pol_06_granted_after_denial_pairs_denials_and_grants(lake: Lake):
    wide, narrow = ("arn:aws:s3:::reports/*",), ("arn:aws:s3:::reports/a",)

    def asked(outcome, resources, **members):
        lake.record(AuditEvent.REQUEST, outcome, resources=resources, duration_seconds=300, **members)

    asked(Outcome.DENIED, wide)
    asked(Outcome.ALLOWED, narrow, grant_id="g-less", later=60)
    asked(Outcome.ALLOWED, narrow, grant_id="g-other", later=60, principal="corp.b")
    asked(Outcome.ALLOWED, narrow, grant_id="g-late", later=4000)
    asked(Outcome.ALLOWED, narrow, grant_id="g-sibling", later=80, principal="corp.another-branch", unit="corp.a")
    asked(Outcome.ALLOWED, narrow, grant_id="g-before", later=-60)
    asked(Outcome.ALLOWED, wide, grant_id="g-same", later=90)
    lake.record(AuditEvent.VOTE, Outcome.APPROVED, resources=narrow, duration_seconds=300, grant_id="g-voted", later=70)
    lake.record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, resources=narrow, grant_id="g-glass", later=99)
    less, voted, sibling, glass = lake.ask("granted_after_denial")
    assert (less["grant_id"], less["denied_resources"], less["allowed_resources"]) == ("g-less", [*wide], [*narrow])
    assert (voted["grant_id"], sibling["grant_id"], glass["grant_id"]) == ("g-voted", "g-sibling", "g-glass")


def test_aud_04_requests_are_counted_by_accountable_unit(lake: Lake):
    for number in range(3):
        lake.record(
            AuditEvent.REQUEST, Outcome.REVIEW, principal=f"ci.branch-{number}", unit="ci.repository", seq=number
        )
    lake.record(AuditEvent.REQUEST, Outcome.REVIEW, principal="ci.branch-0", unit="ci.repository", code="joined")
    lake.record(AuditEvent.PREVIEW, Outcome.DENIED, principal="ci.branch-0", unit="ci.repository", times=2)
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, days_ago=1)
    lake.record(AuditEvent.REQUEST, Outcome.REFUSED, days_ago=40)
    lake.record(AuditEvent.VOTE, Outcome.APPROVED)
    for count in (1, 1, 2, 4):  # eight refusals of a minute
        lake.record(AuditEvent.REQUEST, Outcome.REFUSED, principal="ci.branch-0", unit="ci.repository", count=count)
    counted = ("unit", "agents", "requests", "allowed", "reviews", "denied", "refused", "dry_runs")
    assert [tuple(row[name] for name in counted) for row in lake.ask("requests_by_unit")] == [
        ("ci.repository", 3, 12, 0, 3, 0, 8, 1),
        ("corp.a", 1, 1, 1, 0, 0, 0, 0),
    ]
    assert lake.ask("requests_by_unit")[-1]["last_time"] == iso_of(days_ago=1)  # not that of the vote


def test_rev_13_messages_that_a_channel_did_not_take_are_listed_with_their_codes(lake: Lake):
    codes = [("slack", "#owners", "unreachable"), ("mail", "corp.alice", ""), ("mail", "corp.bob", "no_answer")]
    sent = [{"channel": channel, "to": to, "code": code} for channel, to, code in codes]
    again = [
        {"channel": "mail", "to": "corp.alice", "code": "already_sent"},
        {"channel": "mail", "to": "corp.carol", "code": "throttled", "again": True},
    ]
    lake.record(AuditEvent.NOTICE, Outcome.SENT, grant_id="g-1", detail={"notice": "requested", "sent": sent}, times=2)
    lake.record(AuditEvent.NOTICE, Outcome.SENT, grant_id="g-2", detail={"notice": "reminded", "sent": again})
    one_message = {"notice": "requested", "sent": sent[:1]}
    lake.record(
        AuditEvent.NOTICE, Outcome.FAILED, grant_id="g-3", code="no_reviewer_notified", detail=one_message, later=1
    )
    lake.record(AuditEvent.NOTICE, Outcome.SENT, grant_id="g-old", detail=one_message, days_ago=45)
    shown = ("grant_id", "notice", "channel", "recipient", "code", "reached_no_reviewer")
    assert [tuple(row[name] for name in shown) for row in lake.ask("failed_messages")] == [
        ("g-3", "requested", "slack", "#owners", "unreachable", True),
        ("g-1", "requested", "slack", "#owners", "unreachable", False),
        ("g-1", "requested", "mail", "corp.bob", "no_answer", False),
    ]


def test_rev_13_no_number_of_messages_hides_a_failed_one(lake: Lake):
    sent = [
        {"channel": "mail", "to": f"corp.{number}", "code": "" if number < 300 else "no_answer"}
        for number in range(301)
    ]
    lake.record(AuditEvent.NOTICE, Outcome.SENT, grant_id="g-1", detail={"notice": "break_glass_used", "sent": sent})
    lake.record(AuditEvent.NOTICE, Outcome.SENT, grant_id="g-2", detail={"notice": "requested"})
    lake.record(AuditEvent.NOTICE, Outcome.SENT, grant_id="g-3", detail={"notice": "requested", "sent": []})
    assert [row["recipient"] for row in lake.ask("failed_messages")] == ["corp.300"]


def test_aud_04_times_without_cloudtrail_are_listed_with_their_ends(lake: Lake):
    first, second = {"since": "2026-11-20T10:00:00Z"}, {"since": "2026-11-21T10:00:00Z"}
    ended = first | {"until": "2026-11-20T11:30:20Z"}
    where = {"target": "analytics-prod", "account": "444455556666"}
    lake.record(AuditEvent.TRAIL_GAP, Outcome.SET, chain="r-1", detail=first, times=2, **where)
    lake.record(AuditEvent.TRAIL_GAP, Outcome.ENDED, chain="r-1", seq=1, detail=ended, later=1, **where)
    lake.record(AuditEvent.TRAIL_GAP, Outcome.SET, chain="r-2", detail=second, later=2)
    lake.record(AuditEvent.TRAIL_GAP, Outcome.SET, chain="r-3", detail={"since": "soon", "until": "2026"}, **where)
    shown = ("since", "until", "minutes", "target", "account")
    assert [tuple(row[name] for name in shown) for row in lake.ask("trail_gaps")] == [
        ("soon", "2026", None, "analytics-prod", "444455556666"),  # one bad record does not hide the others
        ("2026-11-21T10:00:00Z", "", None, "Jitney's own account", ""),
        ("2026-11-20T10:00:00Z", "2026-11-20T11:30:20Z", 90, "analytics-prod", "444455556666"),
    ]


def test_a_line_is_one_line():
    text = line_of(CALL, EXPLAINED, GRANT, "analytics-prod", 0)
    assert "\n" not in text
    assert json.loads(text)["reasons"] == []


def test_gw_08_the_calls_of_a_grant_come_in_order_with_parameters_answers_and_events(lake: Lake):
    answer = {"status": 200, "aws_request_id": "R2", "bytes_out": 12, "masked": ["/Token"]}
    for later, call in (
        (1, gateway_call("c-write", Outcome.SENT)),
        (2, gateway_call("c-write", Outcome.ANSWERED, seq=1, **answer)),
        (3, gateway_call("c-read", Outcome.ANSWERED, status=404, aws_request_id="R3", bytes_out=5, masked=[])),
        (4, gateway_call("c-lost", Outcome.SENT)),
    ):
        lake.record(**call, grant_id="g-1", later=later, times=2)
    lake.record(**gateway_call("c-other", Outcome.SENT), grant_id="g-2")
    lake.call(1, purpose=Purpose.CALL, call_id="c-write", record_match="recorded", later=2, times=2)
    lake.call(2, purpose=Purpose.CALL, call_id="c-write", record_match="by_aws", later=2)
    rows = lake.ask("calls_of_grant", "g-1")
    assert [(each["call_id"], each["outcome"], each["status"], each["events"]) for each in rows] == [
        ("c-write", "answered", 200, 2),
        ("c-read", "answered", 404, 0),
        ("c-lost", "sent", None, 0),
    ]
    assert json.loads(rows[0]["parameters"]) == {"Bucket": "reports", "Key": "a", "Token": "[masked credential]"}
    assert (rows[0]["service"], rows[0]["operation"], rows[0]["aws_request_id"]) == ("s3", "GetObject", "R2")
    assert (rows[0]["bytes_out"], json.loads(rows[0]["masked"]), rows[0]["record_match"]) == (
        12,
        ["/Token"],
        "recorded",
    )


def test_gw_08_a_call_through_the_gateway_counts_once_with_or_without_an_event(lake: Lake):
    """CloudTrail logs data events only where a trail is set to."""
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1")
    lake.record(**gateway_call("c-seen", Outcome.ANSWERED, status=200), grant_id="g-1")
    lake.record(**gateway_call("c-unseen", Outcome.ANSWERED, status=403), grant_id="g-1")
    lake.record(**gateway_call("c-lost", Outcome.SENT), grant_id="g-1")
    lake.call(1, purpose=Purpose.READS, call_id="c-seen", record_match="recorded")
    lake.call(2, purpose=Purpose.GRANT)
    (used,) = lake.ask("used_versus_granted")
    assert (used["action"], used["calls"]) == ("s3:GetObject", 3)


def test_gw_08_the_timeline_of_a_grant_has_its_calls_through_the_gateway(lake: Lake):
    lake.record(AuditEvent.REQUEST, Outcome.ALLOWED, grant_id="g-1")
    lake.record(**gateway_call("c-1", Outcome.ANSWERED), grant_id="g-1", later=1)
    lake.call(1, purpose=Purpose.READS, call_id="c-1", later=2)
    lake.call(2, purpose=Purpose.CANARY, later=3)
    rows = [
        (row["kind"], row["activity"], row["outcome"], row["person"]) for row in lake.ask("timeline_of_grant", "g-1")
    ]
    assert rows == [
        ("record", "request", "allowed", ""),
        ("gateway", "s3:GetObject", "answered", ""),
        ("call", "s3:GetObject", "done", ""),
        ("call", "s3:GetObject", "done", "jitney"),
    ]


def test_gw_08_an_unrecorded_call_is_among_the_bypasses(lake: Lake):
    lake.call(1, purpose=Purpose.READS, bypass=["unrecorded"])
    (row,) = lake.ask("bypasses")
    assert row["reasons"] == ["unrecorded"]


def test_the_query_reference_lists_every_query_and_view():
    guide = (Path(__file__).parents[2] / "docs" / "queries.md").read_text(encoding="utf-8")
    found = {name: first_comment(sql) for name, sql in FILES.items()} | {view.name: view.description for view in VIEWS}
    assert [f"| `{name}` | {says} |" for name, says in found.items() if f"| `{name}` | {says} |" not in guide] == []


def test_ops_08_the_benchmark_has_a_value_for_each_query_with_a_parameter():
    asked = {each.stem for each in QUERIES.glob("*.sql") if parameters_of(each.read_text("utf-8"))}
    assert PARAMETERS.keys() == asked
