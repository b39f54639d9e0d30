"""`jitney audit verify` with buckets in moto, and that it fails closed."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from moto import mock_aws

from jitney.client import audit
from jitney.client.audit.evidence import Archive as Archives
from jitney.client.audit.evidence import seals_of
from jitney.core.integrity import seal_chain
from jitney.core.integrity.findings import Findings, VerificationResult
from jitney.core.integrity.seals import public_key_path, seal_key
from jitney.core.integrity.verification import verify as verify_evidence
from jitney.core.times import iso, utc_date
from tests.cli import invoke
from tests.core.integrity.world import HOUR, SIGNER, STRANGER, World, chain, key_of

REGION = "eu-west-1"
FIRST_SEAL_AGO = 60 + 2 * HOUR
TODAY = iso(int(time.time()) - FIRST_SEAL_AGO)[:10]
"""The day of the first seal, which covers no later day. In the first two hours of a day, that is yesterday."""


def pem(key: Any) -> bytes:
    formats = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_key().public_bytes(*formats))


class Archive:
    """The two buckets, with three seals over two objects. The last seal is a minute old."""

    def __init__(self) -> None:
        self.s3: Any = boto3.client("s3", region_name=REGION)
        for bucket in ("records", "seals"):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.world = World(start=int(time.time()) - FIRST_SEAL_AGO)
        for number, name in enumerate(("g-a", "g-b")):
            self.world.write(key_of(number, TODAY), [each.text.encode() for each in chain(name, 2)])
            self.world.seal()
        self.world.seal()
        for key, body in self.world.objects.items():
            self.put(key, body)
        for number, file in self.world.files.items():
            self.s3.put_object(Bucket="seals", Key=seal_key(number), Body=file.body)
        self.s3.put_object(Bucket="seals", Key=public_key_path(SIGNER.fingerprint), Body=pem(SIGNER.key))

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket="records", Key=key, Body=body)

    def change(self) -> None:
        """Change a record by hand."""
        key = key_of(0, TODAY)
        self.put(key, self.world.objects[key].replace(b"reason 1", b"reason 2"))


@pytest.fixture
def archive(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield Archive()


def verify(*more: str, key: str = SIGNER.fingerprint) -> Any:
    named = ["--records", "records", "--seals", "seals", *(["--key", key] if key else [])]
    return invoke(["audit", "verify", *named, *more])


def test_aud_02_a_verified_result_has_its_coverage(archive: Archive):
    result = verify()
    assert (result.exit_code, result.stderr) == (0, "")
    heading, seals, records, compared, not_compared, last = result.stdout.splitlines()
    assert heading == "Verified  records in S3, checked against their seals"
    first, newest = archive.world.seals[0], archive.world.seals[-1]
    assert seals.split(maxsplit=1) == ["seals", f"3 (numbers 0 to 2), from {first.time} to {newest.time}"]
    assert records.split(maxsplit=1) == ["records", "4 records of 2 chains, in 2 objects: all verified"]
    assert compared.split(maxsplit=1) == ["compared", "nothing with the audit table, which --table or --stack names"]
    assert not_compared.split(maxsplit=1)[1].startswith("not compared with this version's")
    assert newest.hash in last


def test_aud_09_a_noted_seal_must_still_be_there_unchanged(archive: Archive):
    middle = archive.world.seals[1]
    assert verify("--expect-last", f"1:{middle.hash.upper()}").exit_code == 0
    other = verify("--expect-last", f"1:{archive.world.seals[0].hash}", "--json")
    first = json.loads(other.stdout)["failures"][0]
    assert (other.exit_code, first["seal"]) == (1, 1)
    assert middle.hash in first["sentence"]
    later = verify("--expect-last", f"9:{middle.hash}")
    assert later.exit_code == 1
    assert "Seal 9 does not exist" in later.stdout
    for wrong in ("1", "1:abc", f"x:{middle.hash}"):
        assert verify("--expect-last", wrong).exit_code == 2
    assert verify("--expect-last", f"1:{middle.hash}", "--since", TODAY).exit_code == 2


def test_aud_02_unsealed_records_are_counted(archive: Archive):
    archive.put(key_of(7, TODAY), chain("g-c", 3)[0].text.encode())
    result = verify()
    assert result.exit_code == 0
    assert "1 record in 1 object, waiting for the next seal; not verifiable until then" in result.stdout


def test_aud_02_a_record_that_was_changed_is_named_and_the_exit_code_is_1(archive: Archive):
    archive.change()
    result = verify()
    assert result.exit_code == 1
    heading, first, *rest = result.stdout.splitlines()
    assert heading.startswith("Broken  ")
    sentence = f"In {key_of(0, TODAY)}, record 1 of g-a was changed after seal 0."
    assert first.split(maxsplit=1) == ["first", sentence]
    assert "all verified" not in "".join(rest)
    document = json.loads(verify("--json").stdout)
    assert document["verdict"] == "broken"
    assert document["failures"] == [
        {
            "sentence": sentence,
            "seal": 0,
            "object": key_of(0, TODAY),
            "records": [{"chain": "g-a", "seq": 1}],
            "grants": [],
        }
    ]


SEALS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "replaced": (
        lambda s3: s3.put_object(Bucket="seals", Key=seal_key(1), Body=b"{}"),
        "Seal 1 was replaced: 1 later version(s) hide the first.",
    ),
    "deleted": (
        lambda s3: s3.delete_object(Bucket="seals", Key=seal_key(1)),
        "Seal 1 was deleted: a delete marker hides it.",
    ),
    "gone": (
        lambda s3: [
            s3.delete_object(Bucket="seals", Key=seal_key(1), VersionId=each["VersionId"])
            for each in s3.list_object_versions(Bucket="seals", Prefix=seal_key(1))["Versions"]
        ],
        "Seal 1 is missing.",
    ),
}


@pytest.mark.parametrize("name", SEALS)
def test_aud_02_a_seal_that_was_replaced_hidden_or_deleted_is_named(archive: Archive, name: str):
    tamper, said = SEALS[name]
    tamper(archive.s3)
    document = json.loads(verify("--json").stdout)
    assert [each["sentence"] for each in document["failures"]] == [said]


def unreadable(patch: pytest.MonkeyPatch, *numbers: int) -> None:
    """Let S3 answer SlowDown to each request for one of these seals."""
    body = Archives._body

    def answer(archive: Archives, bucket: str, **each: str) -> bytes:
        if each["Key"] in map(seal_key, numbers):
            raise ClientError({"Error": {"Code": "SlowDown"}}, "GetObject")
        return body(archive, bucket, **each)

    patch.setattr(Archives, "_body", answer)


@pytest.mark.parametrize("numbers", [(0,), (1,), (2,), (1, 2), (0, 1, 2)])
def test_aud_02_a_seal_that_could_not_be_read_is_not_missing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, ...]
):
    unreadable(monkeypatch, *numbers)
    for more in ((), ("--expect-last", f"{numbers[-1]}:{archive.world.seals[numbers[-1]].hash}")):
        result = verify("--json", *more)
        document = json.loads(result.stdout)
        assert (result.exit_code, document["verdict"], document["failures"]) == (2, "unverified", [])
        assert {f"seals/{each} could not be read: SlowDown" for each in numbers} <= set(document["unverified"])


def test_aud_02_last_seals_that_could_not_be_read_do_not_end_too_early(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(seal_chain, "OVERDUE_SECONDS", HOUR)
    assert verify().exit_code == 0
    unreadable(monkeypatch, 1, 2)
    assert verify().exit_code == 2


def test_aud_02_a_missing_seal_is_named_beside_one_that_could_not_be_read(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
):
    SEALS["gone"][0](archive.s3)
    unreadable(monkeypatch, 2)
    document = json.loads(verify("--json").stdout)
    assert [each["sentence"] for each in document["failures"]] == ["Seal 1 is missing."]


def test_aud_02_all_pages_of_a_listing_are_read(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "1")
    document = json.loads(verify("--json").stdout)
    assert (document["verdict"], document["seals"]["count"], document["sealed"]["objects"]) == ("verified", 3, 2)


def erase(s3: Any, key: str) -> None:
    """Delete every version of an object of records."""
    for each in s3.list_object_versions(Bucket="records", Prefix=key)["Versions"]:
        s3.delete_object(Bucket="records", Key=key, VersionId=each["VersionId"])


HIDDEN: dict[str, Callable[[Archive], Any]] = {
    "changed": Archive.change,
    "changed twice": lambda archive: (archive.change(), archive.change()),
    "deleted": lambda archive: archive.s3.delete_object(Bucket="records", Key=key_of(0, TODAY)),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_aud_02_first_versions_are_verified_although_later_ones_hide_them(archive: Archive, name: str):
    HIDDEN[name](archive)
    assert verify().exit_code == 1
    document = json.loads(verify("--first-versions", "--json").stdout)
    assert (document["verdict"], document["sealed"]["objects"]) == ("verified", 2)
    erase(archive.s3, key_of(0, TODAY))
    assert verify("--first-versions").exit_code == 1


def replicate(s3: Any) -> None:
    """Do what S3 does by the rules of `infra.replication`: add each version to the replica, and delete nothing."""
    for bucket in ("records", "seals"):
        replica = f"{bucket}-replica"
        known = s3.list_object_versions(Bucket=replica).get("Versions", [])
        for each in reversed(s3.list_object_versions(Bucket=bucket).get("Versions", [])):
            body = s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])["Body"].read()
            if (each["Key"], each["ETag"]) not in {(other["Key"], other["ETag"]) for other in known}:
                s3.put_object(Bucket=replica, Key=each["Key"], Body=body)


def test_ops_02_replicas_prove_the_records_after_the_broker_s_account_changed_and_deleted_them(archive: Archive):
    there = "us-east-2"
    for bucket in ("records-replica", "seals-replica"):
        client = boto3.client("s3", region_name=there)
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": there})
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    replicate(archive.s3)
    archive.change()
    replicate(archive.s3)
    erase(archive.s3, key_of(1, TODAY))
    for each in archive.s3.list_object_versions(Bucket="seals")["Versions"]:
        archive.s3.delete_object(Bucket="seals", Key=each["Key"], VersionId=each["VersionId"])
    replicate(archive.s3)
    assert verify().exit_code == 2  # no seal is left
    command = ["audit", "verify", "--records", "records-replica", "--seals", "seals-replica"]
    command += ["--key", SIGNER.fingerprint, "--json"]
    latest = json.loads(invoke(command).stdout)
    assert [each["object"] for each in latest["failures"]] == [key_of(0, TODAY)]
    first = json.loads(invoke([*command, "--first-versions"]).stdout)
    assert (first["verdict"], first["seals"]["count"], first["sealed"]["records"]) == ("verified", 3, 4)


def test_ops_02_a_lost_object_is_whole_again_after_its_first_version_was_copied_back(archive: Archive):
    key = key_of(0, TODAY)
    original = archive.world.objects[key]
    archive.change()
    archive.s3.delete_object(Bucket="records", Key=key)
    assert verify().exit_code == 1
    archive.put(key, original)
    assert verify().exit_code == 0


def test_aud_02_since_and_until_limit_the_days(archive: Archive):
    archive.change()
    assert verify("--since", TODAY).exit_code == 1
    assert verify("--since", TODAY, "--until", TODAY).exit_code == 1
    document = json.loads(verify("--until", "2001-01-01", "--json").stdout)
    assert (document["verdict"], document["sealed"]["objects"]) == ("unverified", 0)
    document = verify("--since", "yesterday")
    assert (
        document.exit_code,
        "'yesterday' is not a day. Examples: 2026-11-26, and 7d" in document.stderr,
    ) == (2, True)


def test_aud_02_the_last_seal_before_a_period_and_the_first_after_it_are_read():
    """If sealing had stopped, the one shows that, and the other covers the objects of the period."""
    made = {seal_key(number): date(2026, 11, day) for number, day in enumerate((20, 21, 22, 28, 29, 30))}
    numbers = {name: number for number, name in enumerate(made)}

    def read(since: int | None, until: int | None) -> list[int]:
        days = [each and date(2026, 11, each) for each in (since, until)]
        return [numbers[key] for key in seals_of(made, *days)]

    assert (read(None, None), read(22, None), read(21, 22)) == ([0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [0, 1, 2, 3])
    assert (read(None, 19), read(24, 27), read(29, 30)) == ([0], [2, 3], [3, 4, 5])
    assert (read(20, 20), read(30, None)) == ([0, 1], [4, 5])


def since_the_day_of(archive: Archive, now: int) -> Findings:
    """Verify the day of a later time, which has one unsealed record."""
    archive.put(key_of(7, iso(now)[:10]), chain("g-c", 1)[0].text.encode())
    keys = {SIGNER.fingerprint: SIGNER.key.public_key()}
    return verify_evidence(Archives("records", "seals", lambda *_: None).evidence((utc_date(now), None), now, keys))


def test_aud_02_seals_that_end_before_the_first_day_are_a_failure(archive: Archive):
    """If sealing was stopped, unsealed records of later days are not only waiting for a seal."""
    (found,) = since_the_day_of(archive, int(time.time()) + 10 * 24 * HOUR).breaks
    assert found.sentence.startswith("The seals end too early: the last seal, number 2, was made at ")


def test_aud_02_records_of_a_day_that_has_just_begun_wait_for_their_seal(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(seal_chain, "OVERDUE_SECONDS", 48 * HOUR)
    findings = since_the_day_of(archive, (int(time.time()) // (24 * HOUR) + 1) * 24 * HOUR)
    assert (findings.verdict, findings.extent.unsealed_records) == (VerificationResult.VERIFIED, 1)


def test_aud_02_seals_that_end_too_early_are_a_failure_with_until(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    assert verify("--until", TODAY).exit_code == 0
    later = time.time() + 10 * 24 * HOUR
    monkeypatch.setattr("jitney.client.commands.audit.time", SimpleNamespace(time=lambda: later))
    document = verify("--until", TODAY)
    assert (document.exit_code, "The seals end too early" in document.stdout) == (1, True)


def test_aud_02_calls_are_under_no_seal_and_not_covered(archive: Archive):
    before = verify("--json").stdout
    archive.put(f"calls/dt={TODAY}/2026-11-24/made-up", b'{"event_id":"made up"}')
    assert verify("--json").stdout == before


def test_aud_02_without_seals_the_exit_code_is_2(archive: Archive):
    for each in archive.s3.list_object_versions(Bucket="seals")["Versions"]:
        archive.s3.delete_object(Bucket="seals", Key=each["Key"], VersionId=each["VersionId"])
    result = verify()
    assert result.exit_code == 2
    assert "no seal was signed with it" in result.stderr
    archive.s3.put_object(Bucket="seals", Key=public_key_path(SIGNER.fingerprint), Body=pem(SIGNER.key))
    result = verify()
    assert result.exit_code == 2
    assert result.stdout.startswith("Not verified  ")
    assert "There are no seals" in result.stdout


def test_aud_02_the_key_may_be_a_file(archive: Archive, tmp_path: Path):
    file = tmp_path / "seals.pem"
    file.write_bytes(pem(SIGNER.key))
    assert verify(key=str(file)).exit_code == 0
    file.write_bytes(pem(STRANGER.key))
    result = verify(key=str(file))
    assert result.exit_code == 1
    assert f"Seal 0 is forged: it names the key {SIGNER.fingerprint}, which is not trusted." in result.stdout
    file.write_bytes(pem(rsa.generate_private_key(65537, 2048)))
    assert verify(key=str(file)).exit_code == 2


def test_aud_02_the_copy_of_the_key_is_not_trusted(archive: Archive):
    result = verify(key="")
    assert (result.exit_code, result.stdout) == (2, "")
    assert SIGNER.fingerprint in result.stderr
    assert "aws kms get-public-key" in result.stderr


def test_aud_02_another_key_under_the_name_of_a_trusted_one_is_refused(archive: Archive):
    archive.s3.put_object(Bucket="seals", Key=public_key_path(SIGNER.fingerprint), Body=pem(STRANGER.key))
    result = verify()
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"is another key, {STRANGER.fingerprint}" in result.stderr


@pytest.mark.parametrize(
    "described",
    [
        {"Jitney": {"RecordsBucket": "records", "SealsBucket": "seals"}},
        {"buckets": {"records": "records", "seals": "seals"}, "seal_key": SIGNER.fingerprint},
    ],
    ids=["cdk", "local"],
)
def test_aud_02_the_stacks_outputs_name_the_buckets(archive: Archive, tmp_path: Path, described: dict[str, Any]):
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(described))
    key = [] if "seal_key" in described else ["--key", SIGNER.fingerprint]
    assert invoke(["audit", "verify", "--stack", str(file), *key]).exit_code == 0
    file.write_text("[]")
    result = invoke(["audit", "verify", "--stack", str(file), *key])
    assert (result.exit_code, "does not name the buckets" in result.stderr) == (2, True)


def test_aud_02_a_missing_bucket_is_a_problem(archive: Archive):
    result = invoke(["audit", "verify", "--records", "nope", "--seals", "seals", "--key", SIGNER.fingerprint, "--json"])
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert document["code"] == "bucket_unreadable"
    assert "NoSuchBucket" in document["detail"]
    assert document["fix"] == "Check the bucket's name."


def test_aud_02_missing_bucket_names_are_a_problem(home: Path):
    result = invoke(["audit", "verify"])
    assert result.exit_code == 2
    assert "--stack" in result.stderr


def test_aud_02_without_credentials_it_says_so(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    result = verify()
    assert result.exit_code == 2
    assert "Unable to locate credentials" in result.stderr
    monkeypatch.setenv("AWS_PROFILE", "unknown")
    result = verify()
    assert result.exit_code == 2
    assert "unknown" in result.stderr


def test_an_installation_without_the_packages_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("verification", "evidence", "aws"):
        monkeypatch.delitem(sys.modules, f"jitney.client.audit.{name}", raising=False)
        monkeypatch.delattr(audit, name, raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)
    result = verify()
    assert result.exit_code == 2
    assert "the wheel or checkout that you installed" in result.stderr
    assert "pip install 'PATH[audit]'" in result.stderr


def test_a_missing_stack_file_is_a_problem(archive: Archive):
    result = verify("--stack", "/nope")
    assert (result.exit_code, "/nope: No such file or directory." in result.stderr) == (2, True)
