"""S3: one contract test for each gap, named after the function that closes it, and what ministack does by itself."""

import hashlib
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from local.settings import REGION
from tests.local.gaps.contracts import ALLOW_ALL, Emulator, deploy, refused, role
from tests.running_systems import root_keys

pytestmark = pytest.mark.slow

LOCK = {"Mode": "COMPLIANCE", "Days": 3}


def session(emulator: Emulator, name: str, service: str, **more: Any) -> Any:
    arn = role(emulator, name, ALLOW_ALL, **more)
    return emulator.session(
        service, emulator.root("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    )


def bucket(emulator: Emulator, *denied: dict[str, Any]) -> str:
    """Return a bucket whose policy has this Deny."""
    s3, name = emulator.root("s3"), f"kept-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    everybody = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/*"}
    policy = {"Version": "2012-10-17", "Statement": [{**everybody, **each} for each in denied]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    return name


def test_bucket_lock(emulator: Emulator) -> None:
    properties = {
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": LOCK}},
    }
    made = deploy(emulator, {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}, {"B": {"Ref": "Bucket"}})
    s3 = emulator.root("s3")
    found = s3.get_object_lock_configuration(Bucket=made["B"])["ObjectLockConfiguration"]
    assert found == {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": LOCK}}
    version = s3.put_object(Bucket=made["B"], Key="kept", Body=b"1")["VersionId"]
    kept = s3.get_object_retention(Bucket=made["B"], Key="kept")["Retention"]
    assert kept["Mode"] == "COMPLIANCE"
    assert timedelta(days=2.9) < kept["RetainUntilDate"] - datetime.now(UTC) < timedelta(days=3.1)
    # For every caller: only a delete marker or another version can hide it.
    one = {"Bucket": made["B"], "Key": "kept", "VersionId": version}
    refused("AccessDenied", s3.delete_object, **one)
    refused("AccessDenied", s3.delete_object, **one, BypassGovernanceRetention=True)
    sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}
    refused("AccessDenied", s3.put_object_retention, **one, Retention=sooner)
    s3.delete_object(Bucket=made["B"], Key="kept")
    listed = s3.list_object_versions(Bucket=made["B"])
    assert [each["VersionId"] for each in listed["Versions"]] == [version]
    assert len(listed["DeleteMarkers"]) == 1
    assert s3.get_object(**one)["Body"].read() == b"1"


def test_conditional_writes_in_conditions(emulator: Emulator) -> None:
    name = bucket(emulator, {"Condition": {"Null": {"s3:if-none-match": "true"}}})
    s3 = session(emulator, "adds", "s3")
    s3.put_object(Bucket=name, Key="new", Body=b"1", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, Bucket=name, Key="new", Body=b"2", IfNoneMatch="*")
    refused("AccessDenied", s3.put_object, Bucket=name, Key="new", Body=b"2")
    refused("AccessDenied", s3.create_multipart_upload, Bucket=name, Key="new")


def test_owners_in_conditions(emulator: Emulator) -> None:
    own, foreign, other = f"own-{uuid.uuid4().hex}", f"foreign-{uuid.uuid4().hex}", "999900001111"
    shared = {
        "Effect": "Allow",
        "Principal": {"AWS": emulator.account},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{foreign}/*",
    }
    for name, s3 in ((own, emulator.root("s3")), (foreign, emulator.clients("s3", root_keys(other)))):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_policy(Bucket=foreign, Policy=json.dumps({"Version": "2012-10-17", "Statement": [shared]}))
    session(emulator, "free", "s3").put_object(Bucket=foreign, Key="k", Body=b"1")
    arn = role(emulator, "guarded")
    elsewhere = {"StringNotEquals": {"aws:ResourceAccount": emulator.account}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": elsewhere}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    emulator.root("iam").put_role_policy(RoleName="guarded", PolicyName="guard", PolicyDocument=document)
    issued = emulator.root("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    guarded = emulator.session("s3", issued)
    guarded.put_object(Bucket=own, Key="k", Body=b"1")
    refused("AccessDenied", guarded.put_object, Bucket=foreign, Key="k", Body=b"1")


def test_objects_by_their_whole_names(emulator: Emulator) -> None:
    name = f"named-{uuid.uuid4().hex}"
    emulator.root("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    keys = ("dir/", "a//b", "/lead", "ü/", "plain/x")
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{name}/{key}" for key in keys]}
    arn = role(emulator, "keeper", {"Statement": allowed})
    taken = emulator.root("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    s3 = emulator.session("s3", taken)
    for key in keys:
        s3.put_object(Bucket=name, Key=key, Body=b"x")
        assert s3.get_object(Bucket=name, Key=key)["Body"].read() == b"x"
    for key in ("dir", "a/b", "lead", "ü", "plain//x"):
        refused("AccessDenied", s3.put_object, Bucket=name, Key=key, Body=b"x")


def test_principal_arn_of_sessions(emulator: Emulator) -> None:
    only = f"arn:aws:iam::{emulator.account}:role/path/writes"
    name = bucket(emulator, {"Condition": {"ArnNotEquals": {"aws:PrincipalArn": only}}})
    refused("AccessDenied", session(emulator, "other", "s3").put_object, Bucket=name, Key="k", Body=b"1")
    session(emulator, "writes", "s3", Path="/path/").put_object(Bucket=name, Key="k", Body=b"1")


def test_kms_signs_a_digest_as_it_is_and_its_key_policy_denies(closed_emulator: Emulator) -> None:
    """Seals are signed this way. It is no gap."""
    root = {"Effect": "Allow", "Principal": {"AWS": closed_emulator.account}, "Action": "kms:*", "Resource": "*"}
    only = {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{closed_emulator.account}:role/signs"}}
    others = {"Effect": "Deny", "Principal": "*", "Action": "kms:Sign", "Resource": "*", "Condition": only}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [root, others]})
    created = closed_emulator.root("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY", Policy=policy)
    key = created["KeyMetadata"]["Arn"]
    digest = hashlib.sha256(b"a seal").digest()
    wish = {"KeyId": key, "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
    kms = session(closed_emulator, "signs", "kms")
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    public.verify(kms.sign(**wish)["Signature"], digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    refused("AccessDeniedException", session(closed_emulator, "other", "kms").sign, **wish)
