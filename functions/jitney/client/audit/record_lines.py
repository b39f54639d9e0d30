"""Reads the lines of published records and calls, from the bucket or from a local copy of it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from jitney.client.audit.stack_file import read_stack_file
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import invalid
from jitney.client.problems import Invalid
from jitney.core.json_object import json_object
from jitney.core.records.audit import AuditEvent

ReadingProgress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being read, the count so far and the total."""
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
    """Where lines are: a `folder` that `aws s3 sync` filled, or else the `bucket` or the outputs of a `stack`."""

    folder: Path | None = None
    bucket: str = ""
    stack: Path | None = None

    def lines(
        self, since: date | None, until: date | None, title: str, progress: ReadingProgress
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of the days from `since` to `until`; {} for a line that is not a JSON object.

        Raises Invalid, with `title`, for a source that is missing, empty on these days, or unreadable.
        """
        empty = True
        for line in self._lines(since, until, title, progress):
            empty = False
            yield line
        if empty:
            place = self.folder or self.bucket or "the bucket of records"
            fix = "Check --since and --until, and that the copy has folders such as dt=2026-11-26."
            raise Invalid("no_records", title, f"{place} has no records for these days.", fix)

    def calls(
        self, since: date | None, until: date | None, title: str, progress: ReadingProgress
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the lines of published calls of these days, as `lines` does. There may be no lines."""
        yield from self._lines(since, until, title, progress, calls=True)

    def outside_gaps(
        self, since: date | None, until: date | None, title: str, progress: ReadingProgress
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the lines about CloudTrail's gaps that were published before `since` or after `until`.

        A gap that covers these days may have all its records on other days.
        """
        before = [(day_after(since, -GAPS_BEFORE_DAYS), day_after(since, -1))] if since else []
        after = [(day_after(until, 1), day_after(until, GAPS_AFTER_DAYS))] if until else []
        for first, last in (*before, *after):
            for body in self._bodies(first, last, title, progress, calls=False):
                yield from (json_object(line) for line in body.split(b"\n") if _GAP in line)

    def _lines(
        self, since: date | None, until: date | None, title: str, progress: ReadingProgress, *, calls: bool = False
    ) -> Iterator[Mapping[str, Any]]:
        for body in self._bodies(since, until, title, progress, calls=calls):
            yield from (json_object(line) for line in body.split(b"\n") if line)

    def _bodies(
        self, since: date | None, until: date | None, title: str, progress: ReadingProgress, *, calls: bool
    ) -> Iterator[bytes]:
        if self.folder:
            yield from _files(self.folder, since, until, title, progress, "calls" if calls else "records")
            return
        bucket = self.bucket
        if self.stack and not bucket:
            with read_stack_file(self.stack, "bucket of records") as known:
                bucket = (known.local.get("buckets") or {}).get("records") or known.outputs["RecordsBucket"]
        if not bucket:
            fix = "Give --folder with a local copy, or --records or --stack for the bucket."
            raise invalid("No records are named.", fix)
        evidence = load_extra("jitney.client.audit.evidence", "audit", title)
        yield from evidence.Archive(bucket, "", progress, title).bodies(since, until, calls=calls)


def day_after(day: date, count: int) -> date:
    """Return the day that is `count` days after another one, or the first or the last day of the calendar."""
    return date.fromordinal(min(max(day.toordinal() + count, date.min.toordinal()), date.max.toordinal()))


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder; False if it cannot be looked up, for example because its name is too long."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _files(
    folder: Path, since: date | None, until: date | None, title: str, progress: ReadingProgress, what: str
) -> Iterator[bytes]:
    if not is_folder(folder):
        fix = f"Copy the {what} first: aws s3 sync s3://BUCKET/{what} FOLDER"
        raise Invalid("folder_missing", title, f"{folder} is not a folder.", fix)
    days = {path: _day(path) for path in folder.rglob(f"{_DAY}*") if path.is_dir()}
    wanted = [path for path, day in days.items() if day and (not since or since <= day) and (not until or day <= until)]
    files = sorted(file for path in wanted for file in path.rglob("*") if file.is_file())
    for count, file in enumerate(files, 1):
        progress(what, count, len(files))
        try:
            yield file.read_bytes()
        except OSError as error:
            fix = "Check its permissions, or copy the records again."
            raise Invalid("file_unreadable", title, f"{file}: {error.strerror}.", fix) from error


def _day(path: Path) -> date | None:
    try:
        return date.fromisoformat(path.name.removeprefix(_DAY))
    except ValueError:
        return None
