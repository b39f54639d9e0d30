"""S3 replicates records and seals to buckets of another Region, under another key, with their lock, and no deletion."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from conformance.check import CheckFailedError, Observation
from conformance.checks.grants import waited
from conformance.configuration import MADE
from conformance.system import ConformanceSystem

REPLICATED_SECONDS, FIRST_SECONDS = 900.0, 300.0
"""S3 replicates most objects within minutes. A role's new permissions may take minutes until S3 has them."""
WATCHED_SECONDS, PAUSE_SECONDS = 120.0, 10.0


def replication(system: ConformanceSystem) -> Observation:
    """Return what the replicas of an object and of a seal have, and whether a deletion was replicated."""
    if system.replicate is None:
        raise CheckFailedError("this place cannot replicate")
    to = system.replicate()
    here, there = system.client("s3"), system.client("s3", region=to["region"])
    records, seals = system.outputs["RecordsBucket"], system.outputs["SealsBucket"]
    began = time.monotonic()
    key = _first_replicated(here, records)
    first = time.monotonic() - began
    system.client("lambda").invoke(FunctionName="jitney-sealer")
    newest = max(each["Key"] for page in here.get_paginator("list_objects_v2").paginate(Bucket=seals, Prefix="seals/")
                 for each in page["Contents"])  # fmt: skip
    status = _status(here, seals, newest)
    facts = {
        "seal": status,
        "same_version": _differing(here, seals, there, to["seals_bucket"], newest) == [],
        "own_key": there.head_object(Bucket=to["records_bucket"], Key=key).get("SSEKMSKeyId") == to["key_arn"],
        "deletion_replicated": _deletion_is_replicated(here, records, there, to, key),
    }
    if facts != {"seal": "COMPLETED", "same_version": True, "own_key": True, "deletion_replicated": False}:
        raise CheckFailedError(f"S3 does not replicate as expected: {facts}", facts)
    return Observation(facts, {"first_replica_seconds": round(first)})


def _first_replicated(s3: Any, bucket: str) -> str:
    """Return the key of a new object that S3 replicated. S3 does not repeat a replication that failed."""
    until = time.monotonic() + FIRST_SECONDS
    while True:
        key = f"records-errors/{MADE}{uuid.uuid4()}"
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
        status = _status(s3, bucket, key)
        if status == "COMPLETED":
            return key
        if time.monotonic() > until:
            raise CheckFailedError(f"S3 replicates no object: {status}")
        time.sleep(PAUSE_SECONDS)


def _status(s3: Any, bucket: str, key: str) -> str:
    """Return the final status of an object's replication, "none" if no rule covers it."""

    def final() -> str:
        status = str(s3.head_object(Bucket=bucket, Key=key).get("ReplicationStatus", "none"))
        return "" if status == "PENDING" else status

    return str(waited(final, "the replication", REPLICATED_SECONDS, PAUSE_SECONDS))


def _differing(here: Any, bucket: str, there: Any, replica: str, key: str) -> list[str]:
    """Return in what a seal and its replica differ: version, time, lock or end of the lock."""
    kept = ("VersionId", "LastModified", "ObjectLockMode", "ObjectLockRetainUntilDate")
    seal, copy = here.head_object(Bucket=bucket, Key=key), there.head_object(Bucket=replica, Key=key)
    return [name for name in kept if seal.get(name) != copy.get(name)]


def _deletion_is_replicated(here: Any, bucket: str, there: Any, to: Mapping[str, str], key: str) -> bool:
    here.delete_object(Bucket=bucket, Key=key)
    time.sleep(WATCHED_SECONDS)
    try:
        there.head_object(Bucket=to["records_bucket"], Key=key)
    except ClientError:
        return True
    return False
