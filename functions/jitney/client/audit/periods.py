"""The days that a query covers: its own number of days, or the days that an auditor names.

A query limits the days of each table with one of two expressions, which mean the same to Athena.

`dt >= <n days before today>` limits the events that the query is about: `--until` is the last day of these. `<n days
before today> <= dt` limits later events that belong to them, such as an end or a follow-up review: that range always
ends today.

If a query reads one table some days further back than the others, it does so in every period.
"""

import re
from datetime import date, timedelta

_FIRST = r"CAST\(CAST\(current_date - INTERVAL '(?P<days>[0-9]{1,5})' DAY AS DATE\) AS VARCHAR\)"
BOUND = re.compile(rf"(?P<about>dt >= )?{_FIRST}(?(about)| <=)", re.ASCII)


def days_of(sql: str) -> int | None:
    """Return the length of the query's own period in days; None if it has no period."""
    return min((int(found["days"]) for found in BOUND.finditer(sql)), default=None)


def period(sql: str, since: date | None, until: date | None, today: date) -> tuple[date, date] | None:
    """Return the first and last day of the query's period under these options; None if it has no period."""
    days = days_of(sql)
    return None if days is None else (since or (until or today) - timedelta(days=days), until or today)


def first_day_read(sql: str, first: date) -> date:
    """Return the first day that any table of the query is read for, if its period starts on `first`."""
    days = [int(found["days"]) for found in BOUND.finditer(sql)]
    return first - timedelta(days=max(days) - min(days)) if days else first


def within(sql: str, since: date | None, until: date | None, today: date) -> str:
    """Return the query for the days from `since` to `until`; unchanged if neither is given.

    Without `since`, the period starts the query's own number of days before `until`. Raises ValueError if the query has
    no period, or if the period is empty or in the future.
    """
    days = days_of(sql)
    if since is None and until is None:
        return sql
    if days is None:
        raise ValueError("it has no period")
    first = since or (until or today) - timedelta(days=days)
    if first > today:
        raise ValueError(f"the period starts after today, {today} in UTC")
    if until and until < first:
        raise ValueError("the period ends before it starts")

    def bound(found: re.Match[str]) -> str:
        earlier = first - timedelta(days=int(found["days"]) - days)
        if not found["about"]:
            return f"'{earlier}' <="
        return f"dt BETWEEN '{earlier}' AND '{until}'" if until else f"dt >= '{earlier}'"

    return BOUND.sub(bound, sql)
