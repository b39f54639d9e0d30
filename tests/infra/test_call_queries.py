"""The auditor's questions about calls, over lines as the correlator writes them (rows AUD 4, 5)."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pytest

from core.audit import AuditRecord, Event, Outcome, link
from core.trail.call import Call
from core.trail.join import Purpose, Verdict
from core.trail.line import line_of
from infra.queries import QUERIES
from tests.fakes import GRANT

NOW = int(datetime.now(UTC).timestamp()) - 60
TODAY = datetime.now(UTC).date()
EXPLAINED, BYPASS = Verdict(Purpose.GRANT, GRANT.id, ()), Verdict(Purpose.GRANT, GRANT.id, ("key_not_issued",))
CALL = Call(
    **dict.fromkeys(Call.__slots__, "")
    | {"event_id": "e-0", "time": NOW, "account": "444455556666", "service": "s3", "operation": "GetObject"}
    | {"actions": ("s3:GetObject",), "resources": ("arn:aws:s3:::reports/a",), "read_only": True}
    | {"bytes_in": 0, "bytes_out": 0, "made": (), "taken": ()}
)


def call(number, verdict=EXPLAINED, **members):
    return line_of(replace(CALL, event_id=f"e-{number}", **members), verdict, GRANT, "analytics-prod", NOW)


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    granted = AuditRecord(
        NOW, Event.REQUEST, Outcome.ALLOWED, grant_id=GRANT.id, principal=GRANT.principal, target="analytics-prod",
        actions=("s3:GetObject", "s3:ListBucket"),
    )  # fmt: skip
    lines = [
        call(1), call(1), call(2, error_code="AccessDenied"),  # the first came twice
        call(3, error_code="AccessDenied", operation="PutObject", actions=("s3:PutObject",)),
        call(4, BYPASS), call(5, BYPASS), call(5),  # the last was explained late
        call(6, made=("user x", "role y"), operation="CreateUser"), call(7, taken=("role y",), time=NOW + 1),
        call(8, made=("bucket z",), time=NOW + 5), call(9, taken=("bucket z",), time=NOW),
    ]  # fmt: skip
    for name, texts in (("records", [link(granted, GRANT.id).text]), ("calls", lines)):
        path = folder / name / f"dt={TODAY}" / "1.json"
        path.parent.mkdir(parents=True)
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    connection = duckdb.connect(":memory:")
    for name in ("records", "calls"):
        connection.execute(
            f"CREATE VIEW {name} AS SELECT * FROM read_json_auto('{folder}/{name}/*/*.json', "  # noqa: S608
            "union_by_name = true, hive_partitioning = true, hive_types = {'dt': VARCHAR})"
        )

    def answer(name):
        result = connection.execute((QUERIES / f"{name}.sql").read_text(encoding="utf-8"))
        columns = [column[0] for column in result.description]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    yield answer
    connection.close()


def test_aud_04_what_was_granted_and_how_often_it_was_used(ask):
    found = {row["action"]: (row["calls"], row["failed"]) for row in ask("used_versus_granted")}
    assert found == {"s3:GetObject": (7, 1), "s3:ListBucket": (0, 0)}


def test_aud_04_what_was_denied(ask):
    assert {(row["operation"], row["event_id"]) for row in ask("denied_calls")} == {
        ("GetObject", "e-2"),
        ("PutObject", "e-3"),
    }


def test_aud_03_bypasses_are_those_that_nothing_explained_later(ask):
    (row,) = ask("bypasses")
    assert (row["event_id"], row["reasons"]) == ("e-4", ["key_not_issued"])


def test_aud_04_what_was_left_behind(ask):
    assert {row["thing"] for row in ask("left_behind")} == {"user x", "bucket z"}


def test_a_line_is_one_line():
    assert "\n" not in call(1)
    assert json.loads(call(1))["reasons"] == []
