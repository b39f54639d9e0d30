"""Seals in S3 and signatures by KMS, both by moto."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from jitney.adapters.published_records import PublishedRecords
from jitney.adapters.seals import SealReader, Seals
from jitney.core.integrity.contents import Contents
from jitney.core.integrity.seals import SignedSeal, next_seal, public_key_path, read_seal, seal_key
from jitney.core.integrity.signatures import is_signed_by, read_public_key
from jitney.core.problems import Problem
from jitney.core.records.audit import GENESIS_HASH
from tests.core.integrity.world import chain
from tests.fakes import NOW
from tests.moto_clients import moto_client

REGION = "eu-west-1"


@pytest.fixture
def aws() -> Iterator[Callable[[str], Any]]:
    with mock_aws():
        yield moto_client


@pytest.fixture
def s3(aws: Any) -> Any:
    client = aws("s3")
    for bucket in ("seals", "published"):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def seals(aws: Any, s3: Any) -> Seals:
    kms = aws("kms")
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    return Seals(s3, kms, "seals", key)


def body(s3: Any, key: str) -> bytes:
    return bytes(s3.get_object(Bucket="seals", Key=key)["Body"].read())


def test_aud_02_the_public_key_lies_beside_the_seals_under_its_fingerprint(seals: Seals, s3: Any):
    fingerprint = seals.signer()
    assert seals.signer() == fingerprint  # again, where it is already
    assert read_public_key(body(s3, public_key_path(fingerprint)))[0] == fingerprint


def test_aud_02_a_seal_is_added_signed_by_kms_and_read_again(seals: Seals, s3: Any):
    assert seals.newest() is None
    made = next_seal(None, [("records/dt=2026-11-24/a", Contents("ab" * 32, ()))], seals.signer(), NOW)
    assert made.previous == GENESIS_HASH
    assert seals.add(made)
    assert seals.newest() == seals.read(0) == made
    s3.put_object(Bucket="seals", Key="seals/0000000009.json.tmp", Body=b"no seal's place")
    assert seals.newest() == made
    assert read_seal(body(s3, seal_key(0))).seal == made


def test_aud_02_a_seal_is_never_written_over(seals: Seals, s3: Any):
    one = next_seal(None, [], seals.signer(), NOW)
    another = next_seal(None, [], seals.signer(), NOW + 1)
    assert seals.add(one)
    before = body(s3, seal_key(0))
    assert not seals.add(another)
    assert seals.add(one)  # its answer had been lost
    assert body(s3, seal_key(0)) == before


def test_aud_02_the_newest_of_many_seals_is_found(seals: Seals, s3: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")  # S3 lists 1,000 at once
    made = next_seal(None, [], seals.signer(), NOW)
    assert seals.add(made)
    for number in range(1, 12):
        s3.put_object(Bucket="seals", Key=seal_key(number), Body=body(s3, seal_key(0)) if number > 10 else b"")
    assert seals.newest() == made


def test_aud_02_what_is_no_seal_stops_the_sealing(seals: Seals, s3: Any):
    s3.put_object(Bucket="seals", Key=seal_key(0), Body=b"{}")
    with pytest.raises(ValueError, match="not a seal file"):
        seals.newest()


class Refusing:
    """S3 that refuses, as without permission."""

    def put_object(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")


def test_aud_02_a_seal_that_may_not_be_added_is_no_seal(seals: Seals):
    made = next_seal(None, [], seals.signer(), NOW)
    seals._s3 = Refusing()  # type: ignore[assignment]
    with pytest.raises(Problem):
        seals.add(made)


def test_aud_02_the_signature_of_kms_is_verified_with_the_public_key_alone(seals: Seals, s3: Any):
    # moto 5.2.5 hashes a digest once more for any MessageType; the emulator's KMS signs as AWS's does, which
    # tests/system/test_integrity.py verifies.
    fingerprint = seals.signer()
    seals.add(next_seal(None, [], fingerprint, NOW))
    _, key = read_public_key(body(s3, public_key_path(fingerprint)))
    signed = read_seal(body(s3, seal_key(0)))
    assert len(signed.signature) in range(68, 73)
    assert not is_signed_by(signed, key)


def test_aud_02_objects_are_listed_by_their_days_and_read(s3: Any):
    published = PublishedRecords(s3, "published")
    text = chain("g-a", 1)[0].text.encode()
    for day in (22, 23, 24):
        for name in ("a", "b"):
            s3.put_object(Bucket="published", Key=f"records/dt=2026-11-{day}/{name}", Body=text)
    s3.put_object(Bucket="published", Key="records-errors/dt=2026-11-24/x", Body=b"")
    some = published.keys(date(2026, 11, 23), date(2026, 11, 24))
    assert some == [f"records/dt=2026-11-{day}/{name}" for day in (23, 24) for name in ("a", "b")]
    assert len(published.keys(None, date(2026, 11, 24))) == 6
    assert published.keys(None, date(2026, 11, 22)) == [f"records/dt=2026-11-22/{name}" for name in ("a", "b")]
    (entry,) = published.contents(some[0]).entries
    assert (str(entry.position), entry.intact) == ("record 0 of g-a", True)
    with pytest.raises(Problem):
        published.contents("records/none")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 40])
def test_rev_19_the_last_seals_are_found_by_few_reads(s3: Any, monkeypatch: pytest.MonkeyPatch, count: int):
    """The texts are not signed here. Other objects of the bucket do not count."""
    seal = None
    for _ in range(count):
        seal = next_seal(seal, [], "f" * 64, NOW)
        s3.put_object(Bucket="seals", Key=seal_key(seal.number), Body=SignedSeal(seal, b"x").text.encode())
    s3.put_object(Bucket="seals", Key="seals/readme", Body=b"x")
    s3.put_object(Bucket="seals", Key=public_key_path("a" * 64), Body=b"x")
    reads, list_objects = [], s3.list_objects_v2
    monkeypatch.setattr(s3, "list_objects_v2", lambda **given: reads.append(given) or list_objects(**given))
    found = [each.number for each in SealReader(s3, "seals").last(3)]
    assert found == list(range(count - 1, max(count - 4, -1), -1))
    assert len(reads) <= 2 + 2 * count.bit_length()
    assert {each["MaxKeys"] for each in reads} == {1}
