"""The days of a query: given days replace its own days on every table, and change nothing else (row AUD 5)."""

from datetime import date, timedelta

import pytest

from jitney.audit_database.definitions import QUERIES
from jitney.client.audit.periods import BOUND, days_of, within
from local.scans import scans

FILES = {path.stem: path.read_text(encoding="utf-8") for path in QUERIES.glob("*.sql")}
TODAY = date(2026, 11, 26)


def since(days: int) -> str:
    return f"dt >= CAST(CAST(current_date - INTERVAL '{days}' DAY AS DATE) AS VARCHAR)"


def later(days: int) -> str:
    return f"CAST(CAST(current_date - INTERVAL '{days}' DAY AS DATE) AS VARCHAR) <= c.dt"


SQL = f"-- Q\nSELECT 1 FROM a WHERE a.{since(30)} AND b.{since(37)}"


@pytest.mark.parametrize(
    ("first", "last", "bounds"),
    [
        (date(2026, 1, 10), None, ("dt >= '2026-01-10'", "dt >= '2026-01-03'")),
        (
            None,
            date(2026, 2, 1),
            ("dt BETWEEN '2026-01-02' AND '2026-02-01'", "dt BETWEEN '2025-12-26' AND '2026-02-01'"),
        ),
        (
            date(2026, 1, 10),
            date(2026, 1, 10),
            ("dt BETWEEN '2026-01-10' AND '2026-01-10'", "dt BETWEEN '2026-01-03' AND '2026-01-10'"),
        ),
    ],
)
def test_aud_05_the_given_days_replace_the_querys_own(first, last, bounds):
    assert within(SQL, first, last, TODAY) == f"-- Q\nSELECT 1 FROM a WHERE a.{bounds[0]} AND b.{bounds[1]}"


@pytest.mark.parametrize("last", [None, date(2026, 2, 1)])
def test_aud_05_what_came_later_is_looked_for_up_to_today(last):
    first = date(2026, 1, 10)
    moved = within(f"{SQL} AND {later(30)} AND {later(37)}", first, last, TODAY)
    assert moved == f"{within(SQL, first, last, TODAY)} AND '2026-01-10' <= c.dt AND '2026-01-03' <= c.dt"
    assert days_of(f"SELECT 1 WHERE {later(7)}") == 7


def test_aud_05_without_days_the_query_stays_as_it_is():
    assert within(SQL, None, None, TODAY) == SQL
    assert within("SELECT 1", None, None, TODAY) == "SELECT 1"


@pytest.mark.parametrize(
    ("sql", "first", "last", "why"),
    [
        ("SELECT 1", date(2026, 1, 1), None, "it has no period"),
        (SQL, date(2026, 1, 2), date(2026, 1, 1), "ends before it starts"),
        (SQL, TODAY + timedelta(days=1), None, "starts after today"),
        (SQL, TODAY + timedelta(days=1), TODAY + timedelta(days=2), "starts after today"),
    ],
)
def test_aud_05_invalid_days_are_refused(sql, first, last, why):
    with pytest.raises(ValueError, match=why):
        within(sql, first, last, TODAY)


@pytest.mark.parametrize("name", FILES)
def test_aud_05_every_bound_of_every_query_is_one_that_can_be_moved(name: str):
    own = sorted(int(found["days"]) for found in BOUND.finditer(FILES[name]))
    assert own
    assert own[0] == days_of(FILES[name])
    # Tables are read within these bounds. A query may limit the days of what it found further.
    read = {each.days for each in scans(FILES[name])}
    assert read <= set(own)
    assert max(read) == own[-1]
    moved = within(FILES[name], date(2026, 1, 1), date(2026, 1, 31), TODAY)
    assert moved.count("dt BETWEEN '") == moved.count("AND '2026-01-31'") > 0
    assert moved.count("AND '2026-01-31'") + moved.count("' <= ") == len(own)
    assert "current_date - " not in moved
