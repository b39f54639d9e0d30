"""Reads the lines of published records and calls, from the bucket or from a local copy of it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from jitney.client.audit.stack_file import read_stack_file
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import invalid
from jitney.client.problems import Invalid
from jitney.core.json_object import json_object
from jitney.core.records.audit import AuditEvent

ReadingProgress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being read, the count so far and the total."""
LineKind: TypeAlias = Literal["records", "calls"]
GAPS_BEFORE_DAYS = 30
"""Reports and suggestions also read the records of gaps published up to this long before their first day."""
GAPS_AFTER_DAYS = 2
"""Suggestions also read the records of gaps published up to this long after their last day.

A gap is on record within hours of its beginning, and published on that day or on the next.
"""
UNVERIFIED = "not compared with their seals: `jitney audit verify` does that"
"""The note beside results from lines that were read without verification (row AUD 9)."""
_DAY = "dt="
_GAP = AuditEvent.TRAIL_GAP.encode()


class RecordSource(NamedTuple):
    """Where lines are: a `folder` that `aws s3 sync` filled, or else the `bucket` or the outputs of a `stack`.

    Only the days from `since` to `until` are read, or all days.
    """

    folder: Path | None = None
    bucket: str = ""
    stack: Path | None = None
    since: date | None = None
    until: date | None = None

    def lines(self, title: str, progress: ReadingProgress) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of the records; {} for a line that is not a JSON object.

        Raises Invalid, with `title`, for a source that is missing, empty on its days, or unreadable.
        """
        empty = True
        for line in self._lines("records", title, progress):
            empty = False
            yield line
        if empty:
            place = self.folder or self.bucket or "the bucket of records"
            fix = "Check --since and --until, and that the copy has folders such as dt=2026-11-26."
            raise Invalid("no_records", title, f"{place} has no records for these days.", fix)

    def calls(self, title: str, progress: ReadingProgress) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of published calls, as `lines` does. There may be no lines."""
        yield from self._lines("calls", title, progress)

    def outside_gaps(self, title: str, progress: ReadingProgress) -> Iterator[Mapping[str, Any]]:
        """Yield the lines about CloudTrail's gaps that were published before `since` or after `until`.

        A gap that covers these days may have all its records on other days.
        """
        since, until = self.since, self.until
        before = [(day_after(since, -GAPS_BEFORE_DAYS), day_after(since, -1))] if since else []
        after = [(day_after(until, 1), day_after(until, GAPS_AFTER_DAYS))] if until else []
        for first, last in (*before, *after):
            for body in self._replace(since=first, until=last).bodies("records", title, progress):
                yield from (json_object(line) for line in body.split(b"\n") if _GAP in line)

    def _lines(self, what: LineKind, title: str, progress: ReadingProgress) -> Iterator[Mapping[str, Any]]:
        for body in self.bodies(what, title, progress):
            yield from (json_object(line) for line in body.split(b"\n") if line)

    def bodies(self, what: LineKind, title: str, progress: ReadingProgress) -> Iterator[bytes]:
        """Yield the content of each file of these lines."""
        if self.folder:
            yield from self._files(self.folder, what, title, progress)
            return
        bucket = self.bucket
        if self.stack and not bucket:
            with read_stack_file(self.stack, "bucket of records") as known:
                bucket = (known.local.get("buckets") or {}).get("records") or known.outputs["RecordsBucket"]
        if not bucket:
            fix = "Give --folder with a local copy, or --records or --stack for the bucket."
            raise invalid("No records are named.", fix)
        evidence = load_extra("jitney.client.audit.evidence", "audit", title)
        archive = evidence.Archive(bucket, "", progress, title)
        yield from archive.bodies(what, self.since, self.until)

    def _files(self, folder: Path, what: LineKind, title: str, progress: ReadingProgress) -> Iterator[bytes]:
        if not is_folder(folder):
            fix = f"Copy the {what} first: aws s3 sync s3://BUCKET/{what} FOLDER"
            raise Invalid("folder_missing", title, f"{folder} is not a folder.", fix)
        days = [path for path in folder.rglob(f"{_DAY}*") if path.is_dir() and self._has(_day(path))]
        files = sorted(file for path in days for file in path.rglob("*") if file.is_file())
        for count, file in enumerate(files, 1):
            progress(what, count, len(files))
            try:
                yield file.read_bytes()
            except OSError as error:
                fix = "Check its permissions, or copy the records again."
                raise Invalid("file_unreadable", title, f"{file}: {error.strerror}.", fix) from error

    def _has(self, day: date | None) -> bool:
        return day is not None and is_within(day, self.since, self.until)


def day_after(day: date, count: int) -> date:
    """Return the day that is `count` days after another one, or the first or the last day of the calendar."""
    return date.fromordinal(min(max(day.toordinal() + count, date.min.toordinal()), date.max.toordinal()))


def is_within(day: date, since: date | None, until: date | None) -> bool:
    """Return whether a day is in the period from `since` to `until`. None stands for no limit."""
    return (since or day) <= day <= (until or day)


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder; False if it cannot be looked up, for example because its name is too long."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _day(path: Path) -> date | None:
    try:
        return date.fromisoformat(path.name.removeprefix(_DAY))
    except ValueError:
        return None
