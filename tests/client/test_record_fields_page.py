"""docs/record-fields.md lists every event, outcome and column that an auditor's SQL can meet, and no others."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jitney.adapters.record_items import record_in
from jitney.audit_database.glue_tables import CALL_COLUMNS, RECORD_COLUMNS
from jitney.audit_database.views import VIEWS
from jitney.core.records.audit import AuditEvent, Outcome
from tests.upgrade.corpora import corpora

PACKAGE = Path(__file__).resolve().parents[2] / "functions" / "jitney"
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "record-fields.md").read_text("utf-8")


def listed(section: str, column: int) -> list[str]:
    """Return the code spans in a column of the section's table."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    rows = text.partition("| --- |")[2].splitlines()[1:]
    return [name for row in rows if row.startswith("| ") for name in re.findall(r"`(\w+)`", row.split(" | ")[column])]


def test_every_event_and_outcome_is_on_the_page():
    assert sorted(listed("Events", 0)) == sorted(AuditEvent)
    assert set(listed("Events", 1)) == set(Outcome)


def test_every_column_is_on_the_page():
    for section, view in (("Columns of records", "unique_records"), ("Columns of calls", "unique_calls")):
        (columns,) = (each.columns for each in VIEWS if each.name == view)
        assert sorted(listed(section, 0)) == sorted(name for name, _ in columns), section


def members() -> dict[str, set[str]]:
    """Return the members of `detail` on the page, by event."""
    table = PAGE.partition("## Members of detail\n")[2].partition("| --- |")[2].partition("\n## ")[0]
    found: dict[str, set[str]] = {"": set()}
    for row in table.splitlines()[1:]:
        if row.startswith("| "):
            events, names = (set(re.findall(r"`(\w+)`", cell)) for cell in row.strip("| ").split(" | "))
            found |= {event: found.get(event, set()) | names for event in events or {""}}
    return found


def recorded() -> list[dict[str, Any]]:
    """Return the records that every released version stored."""
    items = [item for corpus in corpora() for item in corpus.tables["audit"] if "record" in item]
    return [json.loads(record_in({"record": {"B": base64.b64decode(each["record"]["B"])}})) for each in items]


def called() -> list[dict[str, Any]]:
    """Return the calls that every released version stored."""
    return [json.loads(item["line"]["S"]) for corpus in corpora() for item in corpus.tables["audit"] if "line" in item]


KINDS: dict[str, type] = {"string": str, "int": int, "bigint": int, "boolean": bool, "array<string>": list}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def texts(value: Any) -> Iterator[str]:
    """Yield each text in a JSON value."""
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(each)
    if isinstance(value, str):
        yield value


@pytest.mark.parametrize(
    ("lines", "columns"), [(recorded, RECORD_COLUMNS), (called, CALL_COLUMNS)], ids=["records", "calls"]
)
def test_every_line_has_every_column_with_its_type(lines: Callable[[], list[dict[str, Any]]], columns: Any):
    found = lines()
    assert found
    for line in found:
        assert {name: type(value) for name, value in line.items()} == {name: KINDS[kind] for name, kind in columns}


def test_all_times_have_one_form():
    for line in (*recorded(), *called()):
        assert TIME.fullmatch(line["time"])
        assert TIME.fullmatch(line.get("expires_at") or line.get("correlated_at") or line["time"])
        for text in texts(json.loads(line.get("detail", "{}"))):
            assert TIME.fullmatch(text) or not re.match(r"\d{4}-\d\d-\d\dT", text), text


def test_every_member_of_detail_is_on_the_page():
    listed, records = members(), recorded()
    assert len({each["event"] for each in records}) > 15
    for record in records:
        assert json.loads(record["detail"]).keys() <= listed.get(record["event"], set()), record


def test_every_listed_member_of_detail_is_written_by_a_function():
    text = "".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    unknown = {name for names in members().values() for name in names if not re.search(rf"\b{name}\b", text)}
    assert not unknown
    assert members().keys() - {""} <= set(AuditEvent)
