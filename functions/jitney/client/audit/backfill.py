"""Sends CloudTrail events from S3 to the correlator's queue, for `jitney audit backfill`.

Events may be sent repeatedly: their ids identify them, and neither the time nor a repetition changes a verdict. The
starts of sessions are sent before the calls, day by day, from the day before the first day to the day after the last
one. So the correlator knows the session of a call's key within `MAX_EVENT_DELAY_SECONDS`, unless a day has more than
`MOST_HELD` characters of calls.

Needs the extra `audit`.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from jitney.adapters.delivery_streams import batches
from jitney.client.audit.aws import AGAIN, aws_clients, code_of, explaining, fix_of
from jitney.client.audit.record_lines import ReadingProgress
from jitney.client.audit.trail_files import (
    MOST_COMPRESSED,
    LogFile,
    MalformedLogFile,
    SelectedEvent,
    events_in,
    log_file,
    message_of,
    select_events,
)
from jitney.client.problems import Invalid, Unavailable
from jitney.core.quantities import quantity
from jitney.core.times import utc_date
from jitney.core.trail.event import RejectedEvent
from jitney.core.trail.join import grant_may_be_deleted

AT_ONCE = 8
FIRST_FILES = date(2013, 11, 13)
"""The day on which AWS announced CloudTrail. No file is older."""
MOST_HELD = 64 * 1024 * 1024
"""How many characters of calls are held back at most until the day's session starts are sent."""
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
MOST_IN_BATCH, MOST_BYTES = 10, 1_000_000
NEVER_TAKEN = ("InvalidMessageContents", "InvalidParameterValue")
"""SQS's error codes for a single invalid message. Other messages of the batch are not affected."""
ATTEMPTS = 5
DAY = 24 * 3600
TITLE, NOTHING_READ = "Not everything was sent", "Nothing was read"
MESSAGE_GROUP = "backfill"
"""The messages' own group: the queue is fair to groups, so a backfill does not delay new events."""


@dataclass(frozen=True, slots=True)
class BackfillOptions:
    """What to read, and at which rate to send the events. Days are days of delivery (UTC).

    `rate` is in events a second.

    Without `accounts`, all are read.
    """

    bucket: str
    prefix: str
    queue: str
    since: date
    until: date
    accounts: tuple[str, ...]
    rate: int
    dry_run: bool


@dataclass
class BackfillSummary:
    """The counts of a run. `skipped` counts events by reason. `unread` maps files to reasons.

    `files`, `events` and `skipped` count only the requested days.
    """

    files: int = 0
    events: int = 0
    sent: int = 0
    others: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unread: list[tuple[str, str]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether there were files, and every event of Jitney's roles in them was sent."""
        return bool(self.files) and not self.unread and not self.skipped

    def document(self) -> dict[str, Any]:
        """Return the summary as JSON."""
        unread = [{"file": key, "reason": reason} for key, reason in self.unread]
        known = {"files": self.files, "events": self.events, "other_files": self.others, "sent": self.sent}
        return known | {"skipped": dict(self.skipped), "unread": unread}


class Backfill:
    """One run. Its `summary` is valid even after a failure. `now` is in epoch seconds.

    `pause` waits for some seconds.
    """

    def __init__(
        self,
        options: BackfillOptions,
        progress: ReadingProgress,
        now: int,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.summary = BackfillSummary()
        self._options, self._progress, self._pause = options, progress, pause
        self._today = utc_date(now)
        self._judged_by = now + DAY  # events may wait in the queue for a day
        (self._s3,) = aws_clients(NOTHING_READ, "s3", at_once=AT_ONCE)
        region = re.match(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.", options.queue)
        (self._sqs,) = aws_clients(NOTHING_READ, "sqs", region=region[1] if region else None)

    def run(self) -> BackfillSummary:
        """Read and send the events.

        Raises Invalid if the bucket cannot be listed or has no folder for a requested CloudTrail. Raises Unavailable if
        the queue stops accepting messages.
        """
        roots = self._roots()
        first = max(self._options.since, FIRST_FILES) - timedelta(days=1)
        last = min(self._options.until, self._today) + timedelta(days=1)
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            files = [each for root in roots for each in self._files(root, day)]
            self._day(day, files)
        return self.summary

    def _day(self, day: date, files: Sequence[LogFile]) -> None:
        """Send the events of a day. For a day before or after the requested ones, send only the starts of sessions.

        CloudTrail may deliver the start of a session after its calls, and on the next day.
        """
        counts = self._options.since <= day <= self._options.until
        calls: list[str] = []
        held = 0
        done = 0
        for start in range(0, len(files), AT_ONCE):
            some = files[start : start + AT_ONCE]
            starts = []
            for found in self._read(some, counts=counts):
                if not (counts or found.seen.issue):
                    continue
                message = message_of(found)
                if len(message) > MOST_BYTES:  # characters are bytes: a message is ASCII
                    self.summary.skipped[f"larger than {MOST_BYTES} bytes: event {found.seen.event_id}"] += 1
                elif found.seen.issue:
                    starts.append(message)
                else:
                    calls.append(message)
                    held += len(message)
            self._send(starts)
            done += len(some)
            self._progress(f"files of {day}", done, len(files))
            if held > MOST_HELD:
                self._send(calls)
                calls, held = [], 0
        self._send(calls)

    def _read(self, files: Sequence[LogFile], *, counts: bool) -> Iterator[SelectedEvent]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for file, body in zip(files, pool.map(self._body, files), strict=True):
                try:
                    events = events_in(body) if isinstance(body, bytes) else body
                except MalformedLogFile as malformed:
                    events = malformed.reason
                if isinstance(events, str):
                    self.summary.unread.append((file.key, events))
                    continue
                if counts:
                    self.summary.files += 1
                    self.summary.events += len(events)
                yield from self._usable(select_events(events, file.account), counts=counts)

    def _usable(self, found: Iterator[SelectedEvent | RejectedEvent], *, counts: bool) -> Iterator[SelectedEvent]:
        for each in found:
            if isinstance(each, SelectedEvent):
                if not all(grant_may_be_deleted(seen.session, seen.at, self._judged_by) for seen in each.sessions):
                    yield each
                elif counts:
                    self.summary.skipped["older than the retention of grants"] += 1
            elif counts:
                self.summary.skipped[f"malformed: {each.code}"] += 1

    def _body(self, file: LogFile) -> bytes | str:
        try:
            answer = self._s3.get_object(Bucket=self._options.bucket, Key=file.key)
            if answer["ContentLength"] > MOST_COMPRESSED:
                answer["Body"].close()
                return f"is larger than {MOST_COMPRESSED // 1024 // 1024} MiB"
            return bytes(answer["Body"].read())
        except (ClientError, BotoCoreError) as error:
            return f"could not be read: {code_of(error)}"

    def _roots(self) -> list[str]:
        """Return the folders of the accounts' Regions, also those in an organization's folder. Raises Invalid."""
        prefix = self._options.prefix.strip("/")
        top = f"{prefix}/AWSLogs/" if prefix else "AWSLogs/"
        folders = self._folders(top)
        below = [each for org in folders if org[len(top) :].startswith("o-") for each in self._folders(org)]
        roots: list[str] = []
        missing = set(self._options.accounts)
        for folder in folders + below:
            account = folder.rstrip("/").rpartition("/")[2]
            if re.fullmatch(r"\d{12}", account) and (not self._options.accounts or account in self._options.accounts):
                found = self._folders(f"{folder}CloudTrail/")
                roots += found
                missing -= {account} if found else set()
        if missing or not roots:
            whose = f" for account {', '.join(sorted(missing))}" if missing else ""
            detail = f"Bucket {self._options.bucket} has no CloudTrail folder{whose} below {top}."
            raise Invalid("no_files_found", NOTHING_READ, detail, "Check --prefix and --account.")
        return roots

    def _files(self, root: str, day: date) -> Iterator[LogFile]:
        for page in self._pages(Prefix=f"{root}{day:%Y/%m/%d}/"):
            for each in page.get("Contents", []):
                file = log_file(each["Key"])
                if file:
                    yield file
                else:
                    self.summary.others += 1

    def _folders(self, prefix: str) -> list[str]:
        pages = self._pages(Prefix=prefix, Delimiter="/")
        return [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]

    def _pages(self, **parameters: str) -> list[dict[str, Any]]:
        with explaining(NOTHING_READ, self._unlisted):
            return list(self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._options.bucket, **parameters))

    def _unlisted(self, error: ClientError) -> Invalid:
        code = code_of(error)
        detail = f"AWS answered {code} for listing bucket {self._options.bucket}."
        fix = fix_of(code, "Check the bucket's name and Region. docs/trail.md lists the permissions.")
        return Invalid("bucket_unreadable", NOTHING_READ, detail, fix)

    def _send(self, messages: Sequence[str]) -> None:
        """Send messages at the requested rate."""
        for batch in batches(messages, len, MOST_IN_BATCH, MOST_BYTES):  # characters are bytes: a message is ASCII
            refused = 0
            if not self._options.dry_run:
                refused = self._send_batch(batch)
                self._pause(len(batch) / self._options.rate)
            self.summary.sent += len(batch) - refused

    def _send_batch(self, batch: Sequence[str]) -> int:
        """Send a batch. Return how many messages the queue refused permanently."""
        refused = 0
        left = {str(number): body for number, body in enumerate(batch)}
        for attempt in range(ATTEMPTS):
            entries = [
                {"Id": number, "MessageBody": body, "MessageGroupId": MESSAGE_GROUP} for number, body in left.items()
            ]
            try:
                answer = self._sqs.send_message_batch(QueueUrl=self._options.queue, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise self._stopped(code_of(error)) from error
            failed = {each["Id"]: each for each in answer.get("Failed", [])}
            for number in [each for each, why in failed.items() if why.get("Code") in NEVER_TAKEN]:
                self.summary.skipped[f"refused by the queue: {failed.pop(number)['Code']}"] += 1
                refused += 1
            left = {number: body for number, body in left.items() if number in failed}
            if not left:
                return refused
            if any(each.get("SenderFault") for each in failed.values()):
                break
            self._pause(2**attempt)
        raise self._stopped(str(next(iter(failed.values())).get("Code")))

    def _stopped(self, code: str) -> Unavailable:
        detail = f"The queue answered {code} after {quantity(self.summary.sent, 'event')}."
        fix = f"docs/trail.md lists the permissions. {AGAIN}"
        return Unavailable("queue_unavailable", TITLE, detail, fix)
