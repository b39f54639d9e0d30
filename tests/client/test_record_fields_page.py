"""docs/record-fields.md lists every event, outcome and column that an auditor's SQL can meet, and no others."""

import re
from pathlib import Path

from jitney.audit_database.views import VIEWS
from jitney.core.records.audit import AuditEvent, Outcome

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
