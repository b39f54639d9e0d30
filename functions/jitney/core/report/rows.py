"""The rows of a report: plain text, escaped and shortened."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from jitney.core.access.conditions import conditions_in_words
from jitney.core.access.request import Permission
from jitney.core.quantities import format_list
from jitney.core.report.grant_report import GrantReport, Terms
from jitney.core.review.safe_text import escape_invisible, middle_cut, quote
from jitney.core.times import format_duration

MOST_ARN, MOST_WORDS, MOST_NAME, MOST_SHOWN, MOST_PEOPLE, MOST_ROWS = 200, 500, 100, 3, 8, 40


class Tone(StrEnum):
    """How a row is shown: plain, as good news, as bad news, or as text to copy."""

    PLAIN = ""
    GOOD = "good"
    BAD = "bad"
    COPY = "copy"


class ReportRow(NamedTuple):
    """One fact: its name and its text."""

    name: str
    text: str
    tone: Tone = Tone.PLAIN


class Section(NamedTuple):
    """Rows under a title."""

    title: str
    rows: tuple[ReportRow, ...]


def terms_rows(name: str, terms: Terms) -> Iterator[ReportRow]:
    """Yield rows for permissions and duration. Only the first row has the name."""
    for each in terms.permissions[:MOST_ROWS]:
        yield ReportRow(name, allows(each))
        name = ""
    if len(terms.permissions) > MOST_ROWS:
        yield ReportRow("", f"and {len(terms.permissions) - MOST_ROWS} more")
    yield ReportRow(name, f"for {format_duration(terms.duration_seconds)}")


def allows(permission: Permission) -> str:
    """Return a permission as one line."""
    arns = [middle_cut(each, MOST_ARN) for each in permission.resources]
    names = ", ".join(map(escape_invisible, permission.actions))
    limits = " and ".join(middle_cut(each, MOST_WORDS) for each in conditions_in_words(permission.conditions))
    return f"{names} on {format_list(arns, MOST_SHOWN * 2)}{f', only if {limits}' if limits else ''}"


def quoted(text: str, most: int = MOST_WORDS) -> str:
    """Return text in quotation marks, or "nothing"."""
    return quote(text, most) if text else "nothing"


def after(moment: int, before: int) -> str:
    """Return ", <duration> later"; "" if it was not later."""
    return f", {format_duration(moment - before)} later" if before and moment > before else ""


def moment(seconds: int) -> str:
    """Return a time with its date."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(seconds: int, report: GrantReport) -> str:
    """Return a time of day, with its date unless that is the date of the request."""
    if not seconds:
        return "an unknown time"
    whole = moment(seconds)
    asked = moment(report.times.requested) if report.times.requested else ""
    return whole[11:19] if whole[:10] == asked[:10] else whole
