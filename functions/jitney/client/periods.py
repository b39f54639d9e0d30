"""The days that a query looks at: its own, or those that an auditor asks for.

A query bounds each table that it reads by one of two texts. `dt >= <so many days before today>` is of what it is
about, and ends with the last day asked for. `<so many days before today> <= dt`, the same to Athena, is of what came of
that: it begins with the other, and ends today, for an end or a judgement may be on record later. What looks further
back than the others, as for the beginning of what ended in the period, goes on doing so by as many days.
"""

import re
from datetime import date, timedelta

_FIRST = r"CAST\(CAST\(current_date - INTERVAL '(?P<days>[0-9]{1,5})' DAY AS DATE\) AS VARCHAR\)"
BOUND = re.compile(rf"(?P<about>dt >= )?{_FIRST}(?(about)| <=)", re.ASCII)


def days_of(sql: str) -> int | None:
    """How many days before today the query's own period begins; None for a query without one."""
    return min((int(found["days"]) for found in BOUND.finditer(sql)), default=None)


def period(sql: str, since: date | None, until: date | None, today: date) -> tuple[date, date] | None:
    """The first and the last day of the query's period, if it has one, with what was asked for."""
    days = days_of(sql)
    return None if days is None else (since or (until or today) - timedelta(days=days), until or today)


def within(sql: str, since: date | None, until: date | None, today: date) -> str:
    """The query about the days from `since` to `until`, and what came of it later; as it is when neither is given.

    Without `since`, its own number of days before `until`. Raises ValueError for a query without a period, and for one
    that would end before it begins or that lies ahead.
    """
    days = days_of(sql)
    if since is None and until is None:
        return sql
    if days is None:
        raise ValueError("it has no period of its own")
    first = since or (until or today) - timedelta(days=days)
    if first > today:
        raise ValueError(f"the period begins after today, {today} in UTC")
    if until and until < first:
        raise ValueError("the period ends before it begins")

    def bound(found: re.Match[str]) -> str:
        earlier = first - timedelta(days=int(found["days"]) - days)
        if not found["about"]:
            return f"'{earlier}' <="
        return f"dt BETWEEN '{earlier}' AND '{until}'" if until else f"dt >= '{earlier}'"

    return BOUND.sub(bound, sql)
