"""Reads the buckets of records and of seals, with read-only permissions."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from jitney.client.audit.aws import aws_clients, code_of, explaining, fix_of
from jitney.client.audit.record_lines import LineKind, ReadingProgress, is_within
from jitney.client.problems import Invalid
from jitney.core.integrity.contents import read_contents
from jitney.core.integrity.object_names import RECORDS, day_of, is_read_by_athena
from jitney.core.integrity.published_calls import FOLDER as CALLS
from jitney.core.integrity.published_calls import CallContents, read_calls
from jitney.core.integrity.seal_chain import Keys, SealFile, check_seals
from jitney.core.integrity.seals import FOLDER, KEYS_FOLDER, number_of, public_key_path
from jitney.core.integrity.verification import Evidence
from jitney.core.times import iso

AT_ONCE = 16
TITLE = "Nothing could be verified"
SEALED_WITHIN = timedelta(days=3)
"""A day's object is sealed within this time, unless sealing has stopped."""

Parsed = TypeVar("Parsed")
Period: TypeAlias = tuple[date | None, date | None]
"""The first and the last day, or None for all days."""

_READABLE = frozenset({"STANDARD", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "REDUCED_REDUNDANCY"})
_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Athena does not read objects of these storage classes, even if a copy was restored. It skips those in GLACIER.

https://docs.aws.amazon.com/athena/latest/ug/querying-glacier.html
"""


class _Listed(NamedTuple):
    """An object of records or calls as S3 lists it. `wanted` are the arguments that read it."""

    changed: datetime
    tag: str
    size: int
    storage: str
    wanted: dict[str, str]

    def is_unchanged_since(self, time: str) -> bool:
        """Return whether the list proves that nothing wrote the object at `time` (ISO 8601) or later.

        For an object of a multipart upload, `changed` is when the upload began, and its content can be later. Of other
        storage classes, the list does not say whether the object can be read.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
        """
        return iso(int(self.changed.timestamp())) < time and "-" not in self.tag and self.storage in _READABLE


class CallObjects(NamedTuple):
    """Objects of calls by key, or None if there are too many, and why Athena or this program cannot read others.

    `hidden` are those whose names Athena may skip. `older` counts those that are too old to compare.
    """

    contents: dict[str, CallContents] | None
    unreadable: dict[str, str]
    hidden: tuple[str, ...]
    older: int


class Archive:
    """The buckets of records and of seals, read with the environment's AWS credentials.

    Raises Invalid if they cannot be listed.

    With `first_versions`, objects of records and calls are read as they were first written, also if a later version or
    a delete marker hides that. Seals are always read as first written.
    """

    def __init__(
        self,
        records: str,
        seals: str,
        progress: ReadingProgress,
        title: str = TITLE,
        *,
        first_versions: bool = False,
    ) -> None:
        self._records, self._seals, self._progress, self._title = records, seals, progress, title
        self._first_versions = first_versions
        (self._s3,) = aws_clients(title, "s3", at_once=AT_ONCE)

    def public_key(self, fingerprint: str) -> bytes:
        """Return the copy of a public key (PEM) in the bucket of seals. Raises Invalid if there is none."""

        def refused(error: ClientError) -> Invalid:
            if not isinstance(error, self._s3.exceptions.NoSuchKey):
                return _unreadable(self._seals, error, f"the public key {fingerprint}", self._title)
            detail = f"The bucket of seals has no public key {fingerprint}, so no seal was signed with it."
            fix = "Wait for the first seal, which is made within an hour, or give the key as a PEM file."
            return Invalid("key_missing", TITLE, detail, fix)

        with explaining(self._title, refused):
            return self._body(self._seals, Key=public_key_path(fingerprint))

    def fingerprints(self) -> list[str]:
        """Return the names of the copies of public keys in the bucket of seals. These names are not verified."""
        listed = self._pages("list_objects_v2", "Contents", self._seals, KEYS_FOLDER)
        return [each["Key"].removeprefix(KEYS_FOLDER).removesuffix(".pem") for each in listed]

    def evidence(self, period: Period, now: int, keys: Keys, most_read: int | None = None) -> Evidence:
        """Return the objects of the days of `period`, and the seals of that time, as read at `now`.

        If there are more than `most_read` objects, an object is not read if it has a valid seal and S3 lists no later
        change.

        The seals are read first. So an object that is sealed during the reading counts as waiting for its seal.
        """
        since, until = period
        files = self._seal_files(since, until + SEALED_WITHIN if until else None)
        read = tuple(each for each in files.values() if isinstance(each, SealFile))
        unread_seals = frozenset(number for number, each in files.items() if isinstance(each, str))
        seals = check_seals(read, keys, whole=since is None, unread=unread_seals)
        listed = self._listed(RECORDS, period)
        unread: frozenset[str] = frozenset()
        if most_read is not None and len(listed) > most_read:
            sealed = seals.by_key()
            unread = frozenset(
                key for key, each in listed.items() if key in sealed and each.is_unchanged_since(sealed[key][0].time)
            )
        contents, unreadable = self._parsed(
            "records", [each for key, each in listed.items() if key not in unread], read_contents
        )
        unreadable |= {f"seals/{number}": reason for number, reason in files.items() if isinstance(reason, str)}
        return Evidence(seals, contents, unreadable, since, until, now, unread)

    def calls(self, period: Period, first: date, most_read: int | None = None) -> CallObjects:
        """Return the objects of calls of these days, with the contents of those from the day `first` on."""
        listed = self._listed(CALLS, period)
        later = [each for key, each in listed.items() if (day_of(key) or first) >= first]
        hidden = tuple(key for key, each in listed.items() if each.size and not is_read_by_athena(key))
        more = hidden, len(listed) - len(later)
        if most_read is not None and len(later) > most_read:
            return CallObjects(None, _archived(listed.values()), *more)
        return CallObjects(*self._parsed("calls", later, read_calls), *more)

    def _listed(self, folder: str, period: Period) -> dict[str, _Listed]:
        """Return the days' objects by key."""
        found: dict[str, _Listed] = {}
        operation, kind = (
            ("list_object_versions", "Versions") if self._first_versions else ("list_objects_v2", "Contents")
        )
        # S3 lists the newest version of a key first, so the first version is the last in the list.
        for each in self._pages(operation, kind, self._records, folder):
            wanted: dict[str, str] = {name: each[name] for name in ("Key", "VersionId") if name in each}
            storage = "STANDARD" if self._first_versions else each.get("StorageClass", "STANDARD")
            found[each["Key"]] = _Listed(each["LastModified"], each["ETag"], each["Size"], storage, wanted)
        days = {key: day_of(key) for key in found}
        return {key: found[key] for key, day in days.items() if day is None or is_within(day, *period)}

    def _parsed(
        self, what: str, listed: Collection[_Listed], parse: Callable[[bytes], Parsed]
    ) -> tuple[dict[str, Parsed], dict[str, str]]:
        """Return the contents of objects of records or calls, and why others cannot be read.

        Deleted objects are in neither.
        """
        found: dict[str, Parsed] = {}
        unreadable = _archived(listed)
        wanted = [each.wanted for each in listed if each.storage not in _ARCHIVED]
        for key, body in self._bodies(what, self._records, wanted):
            if isinstance(body, bytes):
                found[key] = parse(body)
            elif body != "NoSuchKey":  # deleted after it was listed
                unreadable[key] = body
        return found, unreadable

    def bodies(self, what: LineKind, since: date | None, until: date | None) -> Iterator[bytes]:
        """Yield the objects of the days from `since` to `until`. Raises Invalid if one cannot be read."""
        folder = RECORDS if what == "records" else CALLS
        wanted = [each.wanted for each in self._listed(folder, (since, until)).values()]
        for key, body in self._bodies(what, self._records, wanted):
            if isinstance(body, str):
                detail = f"AWS answered {body} when reading {key} in bucket {self._records}."
                fix = "Try again. docs/integrity.md lists the permissions."
                raise Invalid("bucket_unreadable", self._title, detail, fix)
            yield body

    def _seal_files(self, since: date | None, until: date | None) -> dict[int, SealFile | str]:
        """Return the first version of each seal, which Object Lock keeps, or why it cannot be read."""
        versions: dict[str, list[dict[str, Any]]] = {}
        deleted: set[str] = set()
        for kind in ("Versions", "DeleteMarkers"):
            for each in self._pages("list_object_versions", kind, self._seals, FOLDER):
                if kind == "Versions":
                    versions.setdefault(each["Key"], []).append(each)
                elif each["IsLatest"]:
                    deleted.add(each["Key"])
        # S3 lists the newest version of a key first.
        first = {key: each[-1] for key, each in versions.items() if number_of(key) is not None}
        made = {key: each["LastModified"].date() for key, each in first.items()}
        wanted = [{"Key": key, "VersionId": first[key]["VersionId"]} for key in seals_of(made, since, until)]
        files: dict[int, SealFile | str] = {}
        for key, body in self._bodies("seals", self._seals, wanted):
            number = number_of(key) or 0
            known = SealFile(number, body, len(versions[key]), key in deleted) if isinstance(body, bytes) else body
            files[number] = known
        return files

    def _bodies(self, what: str, bucket: str, wanted: list[dict[str, str]]) -> Iterator[tuple[str, bytes | str]]:
        """Yield the objects' bodies by key, or AWS's error code if one cannot be read. They are read in parallel."""

        def read(each: dict[str, str]) -> bytes | str:
            try:
                return self._body(bucket, **each)
            except (ClientError, BotoCoreError) as error:
                return code_of(error)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for count, (each, body) in enumerate(zip(wanted, pool.map(read, wanted), strict=True), 1):
                self._progress(what, count, len(wanted))
                yield each["Key"], body

    def _body(self, bucket: str, **each: str) -> bytes:
        return bytes(self._s3.get_object(Bucket=bucket, **each)["Body"].read())

    def _pages(self, operation: str, kind: str, bucket: str, prefix: str) -> Iterable[dict[str, Any]]:
        with explaining(self._title, lambda error: _unreadable(bucket, error, "the list of objects", self._title)):
            pages = self._s3.get_paginator(operation).paginate(Bucket=bucket, Prefix=prefix)
            return [each for page in pages for each in page.get(kind, [])]


def _archived(listed: Collection[_Listed]) -> dict[str, str]:
    """Return why Athena does not read archived objects, by key."""
    archived = (each for each in listed if each.storage in _ARCHIVED)
    return {each.wanted["Key"]: f"Athena does not read objects of storage class {each.storage}" for each in archived}


def seals_of(made: Mapping[str, date], since: date | None, until: date | None) -> list[str]:
    """Return the keys of the seals made in a period, of the last seal before it, and of the first seal after it.

    The last seal before shows when sealing stopped, if none was made in the period. If sealing stopped during the
    period, the first seal after it covers objects of the period. If sealing never continued, there is no such seal.
    """
    before = sorted(key for key, day in made.items() if since is not None and day < since)
    after = sorted(key for key, day in made.items() if until is not None and day > until)
    return [*before[-1:], *(key for key, day in made.items() if is_within(day, since, until)), *after[:1]]


def _unreadable(bucket: str, error: ClientError, what: str, title: str) -> Invalid:
    code = code_of(error)
    detail = f"AWS answered {code} when reading {what} in bucket {bucket}."
    fix = fix_of(code, "docs/integrity.md lists the permissions.")
    fix = "Check the bucket's name." if code == "NoSuchBucket" else fix
    return Invalid("bucket_unreadable", title, detail, fix)
