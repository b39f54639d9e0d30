"""The stores of the records in memory: buckets with versions, the audit table with its stream, and Firehose."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from jitney.core.times import iso
from tests.core.integrity.world import SIGNER
from tests.stream_images import stream_image

DAY = 24 * 3600


class FakeKms:
    """The signing key."""

    def get_public_key(self, **_: str) -> dict[str, bytes]:
        formats = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return {"PublicKey": SIGNER.key.public_key().public_bytes(*formats)}

    def sign(self, *, Message: bytes, **_: str) -> dict[str, bytes]:  # noqa: N803
        return {"Signature": SIGNER.key.sign(Message, ec.ECDSA(Prehashed(hashes.SHA256())))}


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an object. Without a body, it is a delete marker."""

    name: str
    at: int
    body: bytes | None


class FakeS3:
    """Buckets with versions. `now` is S3's clock. `unreadable` are the keys whose objects S3 does not give."""

    class exceptions:  # noqa: N801 - as boto3 names it
        NoSuchKey = KeyError

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.buckets: dict[str, dict[str, list[Version]]] = {"records": {}, "seals": {}}
        self.unreadable: frozenset[str] = frozenset()
        self.fault = ""

    def current(self, bucket: str = "records") -> dict[str, bytes]:
        """Return the newest versions, without deleted objects."""
        newest = {key: versions[-1].body for key, versions in self.buckets[bucket].items() if versions}
        return {key: body for key, body in newest.items() if body is not None}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "") -> None:  # noqa: N803
        if self.fault == "before":
            raise EndpointConnectionError(endpoint_url="https://aws.invalid")
        if IfNoneMatch and Key in self.current(Bucket):
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        versions = self.buckets[Bucket].setdefault(Key, [])
        versions.append(Version(f"v{len(versions)}", self._now(), Body))
        if self.fault == "after":
            raise EndpointConnectionError(endpoint_url="https://aws.invalid")

    def hide_object(self, bucket: str, key: str) -> None:
        """Add a delete marker."""
        versions = self.buckets[bucket][key]
        versions.append(Version(f"v{len(versions)}", self._now(), None))

    def erase_object(self, key: str) -> None:
        """Delete all versions of an object of records, as an administrator can."""
        del self.buckets["records"][key]

    def get_object(self, *, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:  # noqa: N803
        versions = self.buckets[Bucket].get(Key, [])
        found = next((each for each in reversed(versions) if VersionId in ("", each.name)), None)
        code = "SlowDown" if Key in self.unreadable else "" if found and found.body is not None else "NoSuchKey"
        if code or not found:
            raise ClientError({"Error": {"Code": code}}, "GetObject")
        return {"Body": io.BytesIO(found.body or b"")}

    def list_objects_v2(self, *, Bucket: str, Prefix: str) -> dict[str, list[dict[str, Any]]]:  # noqa: N803
        listed = [
            {
                "Key": key,
                "LastModified": _time(self.buckets[Bucket][key][-1].at),
                "ETag": "0",
                "Size": len(body),
            }
            for key, body in sorted(self.current(Bucket).items())
            if key.startswith(Prefix)
        ]
        return {"Contents": listed}

    def list_object_versions(self, *, Bucket: str, Prefix: str) -> dict[str, list[dict[str, Any]]]:  # noqa: N803
        found: dict[str, list[dict[str, Any]]] = {"Versions": [], "DeleteMarkers": []}
        for key, versions in sorted(self.buckets[Bucket].items()):
            for each in reversed(versions if key.startswith(Prefix) else []):
                kind = "DeleteMarkers" if each.body is None else "Versions"
                latest = each is versions[-1]
                listed = {"Key": key, "VersionId": each.name, "LastModified": _time(each.at), "IsLatest": latest}
                found[kind].append(listed)
        return found

    def get_paginator(self, operation: str) -> Any:
        return _Pages(getattr(self, operation))


class FakeTable:
    """The audit table and its stream. `now` is DynamoDB's clock. `changes` are what the publisher has not read yet."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.added: list[tuple[int, dict[str, Any]]] = []
        self.changes: list[dict[str, Any]] = []
        self._numbers = 0

    def put(self, item: dict[str, Any]) -> None:
        key = item["pk"]["S"], item["sk"]["S"]
        event = "MODIFY" if key in self.items else "INSERT"
        self.items[key] = item
        if event == "INSERT":
            self.added.append((self._now(), item))
        self._change(event, key, {"NewImage": stream_image(item)})

    def delete(self, key: tuple[str, str]) -> None:
        del self.items[key]
        self._change("REMOVE", key, {})

    def _change(self, event: str, key: tuple[str, str], image: dict[str, Any]) -> None:
        keys = {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
        self._numbers += 1
        number = {"SequenceNumber": str(self._numbers)}
        at = {"ApproximateCreationDateTime": float(self._now())}
        self.changes.append({"eventName": event, "dynamodb": {**number, **at, "Keys": keys, **image}})

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        wanted = [(each["pk"]["S"], each["sk"]["S"]) for each in RequestItems["audit"]["Keys"]]
        return {"Responses": {"audit": [self.items[each] for each in wanted if each in self.items]}}

    def describe_table(self, **_: str) -> dict[str, Any]:
        return {"Table": {"LatestStreamArn": "stream"}}

    def scan(self, **_: Any) -> dict[str, Any]:
        return {"Items": [item for _, item in sorted(self.items.items())]}

    def get_paginator(self, operation: str) -> Any:
        return _Pages(getattr(self, operation))

    def describe_stream(self, **_: str) -> dict[str, Any]:
        return {"StreamDescription": {"Shards": [{"ShardId": "0"}]}}

    def get_shard_iterator(self, **_: str) -> dict[str, str]:
        return {"ShardIterator": "0"}

    def get_records(self, **_: str) -> dict[str, Any]:
        recent = [item for at, item in self.added if at > self._now() - DAY]
        return {"Records": [{"eventName": "INSERT", "dynamodb": {"NewImage": each}} for each in recent]}


class FakeFirehose:
    """Firehose: it buffers lines with the day of their arrival. It refuses the next `refusing` lines.

    With `lost`, it accepts lines and its answer is lost.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.lines: list[tuple[int, bytes]] = []
        self.refusing: frozenset[int] = frozenset()
        self.lost = False

    def put_record_batch(self, *, Records: list[dict[str, bytes]], **_: str) -> dict[str, Any]:  # noqa: N803
        refused = [index in self.refusing for index in range(len(Records))]
        self.lines += [(self._now(), each["Data"]) for each, no in zip(Records, refused, strict=True) if not no]
        if self.lost:
            raise EndpointConnectionError(endpoint_url="https://aws.invalid")
        return {"RequestResponses": [{"ErrorCode": "Slow"} if no else {} for no in refused]}

    def taken(self, count: int | None = None, *, newest: bool = False) -> dict[str, bytes]:
        """Return the content of the next objects by day, with at most `count` lines."""
        at = max(0, len(self.lines) - (count or 0)) if newest else count or len(self.lines)
        first, last = self.lines[:at], self.lines[at:]
        chosen, self.lines = (last, first) if newest else (first, last)
        found: dict[str, bytes] = {}
        for at, line in chosen:
            found[iso(at)[:10]] = found.get(iso(at)[:10], b"") + line
        return found


class _Pages:
    def __init__(self, operation: Callable[..., dict[str, Any]]) -> None:
        self._operation = operation

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        yield self._operation(**asked)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
