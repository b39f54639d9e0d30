"""OPS 4: the check of replication passes only if the replicas are as they must be."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conformance.check import CheckFailedError
from conformance.checks import replication
from conformance.system import ConformanceSystem
from tests.conformance.test_aws import REPLICATION
from tests.conformance.test_results import system

NEWEST = "seals/0000000007.json"
LOCK = {
    "VersionId": "v7",
    "LastModified": datetime(2026, 11, 29, tzinfo=UTC),
    "ObjectLockMode": "COMPLIANCE",
    "ObjectLockRetainUntilDate": datetime(2028, 1, 1, tzinfo=UTC),
}


class S3:
    """Both Regions. `failing` replications fail before one succeeds, `spoil` changes what a replica has."""

    def __init__(
        self, failing: int = 0, spoil: Callable[[dict[str, Any]], Any] = dict, *, deletes: bool = False
    ) -> None:
        self.failing, self.spoil, self.deletes, self.deleted, self.put = failing, spoil, deletes, False, 0

    def put_object(self, **_: Any) -> None:
        self.put += 1

    def delete_object(self, **_: Any) -> None:
        self.deleted = self.deletes

    def invoke(self, **_: Any) -> None:
        """Seal."""

    def get_paginator(self, _name: str) -> Any:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": "seals/0000000006.json"}, {"Key": NEWEST}]}]

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if Bucket.endswith("-replica"):
            if self.deleted:
                raise ClientError({"Error": {"Code": "404", "Message": "no"}}, "HeadObject")
            found = LOCK if Key == NEWEST else {"SSEKMSKeyId": REPLICATION["key_arn"]}
            self.spoil(found := dict(found))
            return found
        status = "FAILED" if Key != NEWEST and self.put <= self.failing else "COMPLETED"
        return {**LOCK, "ReplicationStatus": status}


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[S3], ConformanceSystem]:
    monkeypatch.setattr(replication.time, "sleep", lambda _: None)

    def made(s3: S3) -> ConformanceSystem:
        monkeypatch.setattr(ConformanceSystem, "client", lambda *_, **__: s3)
        outputs = {"RecordsBucket": "records", "SealsBucket": "seals"}
        return replace(system(on_aws=True, folder=tmp_path), outputs=outputs, replicate=lambda: REPLICATION)

    return made


def test_ops_04_replicas_with_key_and_lock_pass_also_after_first_failures(placed: Callable[[S3], ConformanceSystem]):
    s3 = S3(failing=2)
    seen = replication.replication(placed(s3))
    assert seen.facts == {"seal": "COMPLETED", "same_version": True, "own_key": True, "deletion_replicated": False}
    assert s3.put == 3


@pytest.mark.parametrize(
    ("s3", "fact"),
    [
        (S3(spoil=lambda found: found.update(SSEKMSKeyId="another")), "own_key"),
        (S3(spoil=lambda found: found.pop("ObjectLockMode", None)), "same_version"),
        (S3(spoil=lambda found: found.update(VersionId="another")), "same_version"),
        (S3(deletes=True), "deletion_replicated"),
    ],
    ids=["key", "lock", "version", "deletion"],
)
def test_ops_04_other_replicas_fail(placed: Callable[[S3], ConformanceSystem], s3: S3, fact: str):
    with pytest.raises(CheckFailedError) as failed:
        replication.replication(placed(s3))
    assert failed.value.observed[fact] is (fact == "deletion_replicated")


def test_ops_04_replications_that_all_fail_end_the_check(
    placed: Callable[[S3], ConformanceSystem], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(replication, "FIRST_SECONDS", 0.0)
    with pytest.raises(CheckFailedError, match="replicates no object: FAILED"):
        replication.replication(placed(S3(failing=99)))


def test_ops_04_a_place_that_cannot_replicate_fails(tmp_path: Path):
    with pytest.raises(CheckFailedError, match="cannot replicate"):
        replication.replication(system(on_aws=True, folder=tmp_path))
