"""Replication of records and seals to the operator's buckets in another account or Region (row OPS 2)."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from infra.buckets import KEEP_SEALS
from infra.replica_stack import main, template
from jitney.configuration.broker_settings import BrokerSettings
from tests.core.access.condition_semantics import folded
from tests.iam_evaluation import Policy
from tests.infra.alarm_faults import OF_REPLICAS
from tests.infra.alarm_states import fires
from tests.infra.conftest import Synthesized, configured, listed, of_type, plain
from tests.infra.test_monitoring import ANSWERS, alarms_of, dashboard_of, runbook_of

pytestmark = pytest.mark.xdist_group("cdk")

ACCOUNT, OTHER = "111122223333", "444455556666"
HERE, THERE = "eu-west-1", "us-east-2"
KEY = f"arn:aws:kms:{THERE}:{OTHER}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
REPLICATION = {
    "account": OTHER,
    "region": THERE,
    "records_bucket": "records-replica",
    "seals_bucket": "seals-replica",
    "key_arn": KEY,
}
RECORDS, SEALS = "arn:aws:s3:::records", "arn:aws:s3:::seals"
RECORDS_REPLICA, SEALS_REPLICA = "arn:aws:s3:::records-replica", "arn:aws:s3:::seals-replica"
SOURCE_KEY = f"arn:aws:kms:{HERE}:{ACCOUNT}:key/source"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/jitney/jitney-replication-{HERE}"
NAMES = {
    "BucketsRecords.Arn": RECORDS,
    "BucketsSeals.Arn": SEALS,
    "TablesKey.Arn": SOURCE_KEY,
    "Records.Arn": RECORDS_REPLICA,
    "Seals.Arn": SEALS_REPLICA,
    "Key.Arn": KEY,
    "AWS::Partition": "aws",
    "AWS::Region": THERE,
    "AWS::AccountId": OTHER,
}
OPERATORS = ("records", RECORDS_REPLICA), ("seals", SEALS_REPLICA)


def named(value: Any) -> Any:
    """Return a part of a template with the names that its resources have in these tests."""
    text = json.dumps(plain(value))
    for reference, name in NAMES.items():
        text = text.replace(reference, name)
    return json.loads(text)


@pytest.fixture(scope="module")
def replicating(synthesize: Any, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize(configured(tmp_path_factory.mktemp("replicating"), replication=REPLICATION))


@pytest.fixture(scope="module")
def operators() -> dict[str, Any]:
    """Return the template of the operator's buckets."""
    return dict(json.loads(template(BrokerSettings(account=ACCOUNT, region=HERE))))


def bucket_of(assembly: Synthesized, name: str) -> dict[str, Any]:
    (found,) = (each for key, each in of_type(assembly.broker, "AWS::S3::Bucket").items() if f"Buckets{name}" in key)
    return found


def rule_of(assembly: Synthesized, name: str) -> dict[str, Any]:
    configuration = bucket_of(assembly, name)["ReplicationConfiguration"]
    assert plain(configuration["Role"]) == "BucketsReplicationRole.Arn"
    (rule,) = configuration["Rules"]
    return dict(rule)


def role_of(assembly: Synthesized, name: str) -> dict[str, Any]:
    roles = of_type(assembly.broker, "AWS::IAM::Role").values()
    (found,) = (each for each in roles if each["RoleName"] == name)
    return found


def policy_of(assembly: Synthesized) -> dict[str, Any]:
    """Return the only policy of the role with which S3 replicates."""
    (policy,) = (each for each in of_type(assembly.broker, "AWS::IAM::Policy").values() if "Replic" in str(each))
    assert plain(policy["Roles"]) == ["BucketsReplicationRole"]
    role = role_of(assembly, f"jitney-replication-{HERE}")
    assert not role.keys() & {"Policies", "ManagedPolicyArns"}
    return dict(named(policy["PolicyDocument"]))


def pairs(document: dict[str, Any], service: str) -> set[tuple[str, str]]:
    """Return each action of a service with each of its resources."""
    return {
        (action, resource)
        for statement in document["Statement"]
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if action.startswith(f"{service}:")
    }


READS = {"s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl"}
LOCKS = {"s3:GetObjectRetention", "s3:GetObjectLegalHold"}
WRITES = {"s3:ReplicateObject", "s3:ObjectOwnerOverrideToBucketOwner"}


def test_ops_02_the_role_reads_both_buckets_and_adds_replicas_and_does_nothing_else(replicating: Synthesized):
    on_buckets = {(each, bucket) for each in ("s3:GetReplicationConfiguration", "s3:ListBucket")
                  for bucket in (RECORDS, SEALS)}  # fmt: skip
    reads = {(each, f"{bucket}/*") for each in READS for bucket in (RECORDS, SEALS)}
    locks = {(each, f"{SEALS}/*") for each in LOCKS}
    writes = {(each, f"{bucket}/*") for each in WRITES for bucket in (RECORDS_REPLICA, SEALS_REPLICA)}
    document = policy_of(replicating)
    assert pairs(document, "s3") == on_buckets | reads | locks | writes
    assert pairs(document, "kms") == {("kms:Decrypt", SOURCE_KEY), ("kms:Decrypt", KEY), ("kms:Encrypt", KEY)}
    assert {action.split(":")[0] for each in document["Statement"] for action in listed(each["Action"])} == {
        "s3",
        "kms",
    }
    assert all(each["Effect"] == "Allow" for each in document["Statement"])


def through(region: str, object_or_bucket: str) -> dict[str, str]:
    """Return the context of a call of KMS by S3."""
    return {"kms:ViaService": f"s3.{region}.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": object_or_bucket}


KMS_CALLS: tuple[tuple[str, str, dict[str, str], bool], ...] = (
    # The context is the bucket with an S3 Bucket Key, and otherwise the object.
    ("kms:Decrypt", SOURCE_KEY, through(HERE, RECORDS), True),
    ("kms:Decrypt", SOURCE_KEY, through(HERE, f"{RECORDS}/records/dt=2026-11-29/a"), True),
    ("kms:Encrypt", KEY, through(THERE, RECORDS_REPLICA), True),
    ("kms:Encrypt", KEY, through(THERE, f"{RECORDS_REPLICA}/records/dt=2026-11-29/a"), True),
    ("kms:Decrypt", KEY, through(THERE, RECORDS_REPLICA), True),
    ("kms:Decrypt", SOURCE_KEY, {}, False),  # by the role itself, such as of an item of a table
    ("kms:Decrypt", SOURCE_KEY, through(THERE, RECORDS), False),
    ("kms:Decrypt", SOURCE_KEY, through(HERE, "arn:aws:s3:::results"), False),
    ("kms:Decrypt", SOURCE_KEY, through(HERE, f"{RECORDS}-of-another"), False),
    ("kms:Decrypt", SOURCE_KEY, {"kms:ViaService": f"dynamodb.{HERE}.amazonaws.com"}, False),
    ("kms:Encrypt", SOURCE_KEY, through(HERE, RECORDS), False),
    ("kms:Encrypt", KEY, {}, False),
    ("kms:Encrypt", KEY, through(HERE, RECORDS_REPLICA), False),
    ("kms:Encrypt", KEY, through(THERE, SEALS_REPLICA), False),
)


@pytest.mark.parametrize(("action", "key", "context", "expected"), KMS_CALLS)
def test_ops_02_the_role_uses_the_keys_through_s3_and_for_these_buckets_only(
    replicating: Synthesized, action: str, key: str, context: dict[str, str], expected: bool
):
    assert Policy(policy_of(replicating)).applies(True, action, key, folded(context)) is expected


def test_ops_02_only_s3_can_use_the_roles(replicating: Synthesized):
    for name, service in (
        (f"jitney-replication-{HERE}", "s3"),
        (f"jitney-replication-jobs-{HERE}", "batchoperations.s3"),
    ):
        role = role_of(replicating, name)
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
        assert role["Path"] == "/jitney/"


def test_ops_02_a_job_replicates_existing_objects_by_the_rules_and_reads_and_writes_none(replicating: Synthesized):
    (policy,) = role_of(replicating, f"jitney-replication-jobs-{HERE}")["Policies"]
    assert pairs(named(policy["PolicyDocument"]), "s3") == {
        (action, f"{bucket}{objects}")
        for bucket in (RECORDS, SEALS)
        for action, objects in (
            ("s3:InitiateReplication", "/*"),
            ("s3:GetReplicationConfiguration", ""),
            ("s3:PutInventoryConfiguration", ""),
        )
    }


def test_ops_02_all_objects_are_replicated_and_no_deletion_is(replicating: Synthesized):
    for name, replica in (("Records", RECORDS_REPLICA), ("Seals", SEALS_REPLICA)):
        rule = rule_of(replicating, name)
        assert (rule["Id"], rule["Status"], rule["Filter"]) == (name.lower(), "Enabled", {"Prefix": ""})
        assert rule["DeleteMarkerReplication"] == {"Status": "Disabled"}
        destination = rule["Destination"]
        assert (destination["Bucket"], destination["Metrics"]) == (replica, {"Status": "Enabled"})


def test_ops_02_replicas_of_records_have_the_operators_key_and_those_of_seals_need_no_key(replicating: Synthesized):
    records, seals = rule_of(replicating, "Records"), rule_of(replicating, "Seals")
    assert records["SourceSelectionCriteria"] == {"SseKmsEncryptedObjects": {"Status": "Enabled"}}
    assert records["Destination"]["EncryptionConfiguration"] == {"ReplicaKmsKeyID": KEY}
    assert "SourceSelectionCriteria" not in seals
    assert "EncryptionConfiguration" not in seals["Destination"]


def test_ops_02_replicas_in_another_account_belong_to_it(replicating: Synthesized, synthesize: Any, tmp_path: Any):
    for name in ("Records", "Seals"):
        destination = rule_of(replicating, name)["Destination"]
        assert (destination["Account"], destination["AccessControlTranslation"]) == (OTHER, {"Owner": "Destination"})
    own = {**REPLICATION, "account": ACCOUNT, "key_arn": KEY.replace(OTHER, ACCOUNT)}
    same_account = synthesize(configured(tmp_path, replication=own))
    for name in ("Records", "Seals"):
        assert not rule_of(same_account, name)["Destination"].keys() & {"Account", "AccessControlTranslation"}
    assert ("s3:ObjectOwnerOverrideToBucketOwner", f"{RECORDS_REPLICA}/*") not in pairs(policy_of(same_account), "s3")


def test_ops_02_without_the_option_nothing_is_replicated(
    assembly: Synthesized, replicating: Synthesized, synthesize: Any, tmp_path: Any
):
    local = synthesize(configured(tmp_path, replication=REPLICATION) | {"JITNEY_LOCAL": "1"})
    for each in (assembly, local):
        assert not [name for name in each.broker["Resources"] if "Replication" in name]
        buckets = of_type(each.broker, "AWS::S3::Bucket").values()
        assert not any("ReplicationConfiguration" in bucket for bucket in buckets)
    resources = replicating.broker["Resources"]
    names = {name for name in resources if "Replication" in name}
    assert {resources[name]["Type"] for name in names} == {
        "AWS::CloudWatch::Alarm",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
    }
    assert len(names) == 5  # REPLICATION_RESOURCES of test_many_targets.py


# The operator's buckets


def policies_of(operators: Mapping[str, Any]) -> dict[str, Policy]:
    """Return the policies of the two buckets and of the key, by the ARN of the resource."""
    buckets = of_type(dict(operators), "AWS::S3::BucketPolicy").values()
    found = {plain(each["Bucket"]): named(each["PolicyDocument"]) for each in buckets}
    (key,) = of_type(dict(operators), "AWS::KMS::Key").values()
    policies = {RECORDS_REPLICA: found["Records"], SEALS_REPLICA: found["Seals"], KEY: named(key["KeyPolicy"])}
    return {arn: evaluated(document) for arn, document in policies.items()}


def evaluated(document: dict[str, Any]) -> Policy:
    """Return the policy for callers of the broker's account, which its other statements do not name."""
    root = f"arn:aws:iam::{ACCOUNT}:root"
    statements = [each for each in document["Statement"] if each["Principal"] in ({"AWS": "*"}, {"AWS": root})]
    assert {each.get("Sid") for each in statements if each["Effect"] == "Allow"} == {"BrokerReplicates"}
    return Policy(document | {"Statement": statements})


def permits(policy: Policy, action: str, resource: str, **context: str) -> bool:
    call = folded({"aws:PrincipalArn": ROLE, "aws:SecureTransport": "true"} | context)
    return policy.applies(True, action, resource, call) and not policy.applies(False, action, resource, call)


def test_ops_02_the_operators_buckets_take_what_the_role_adds(replicating: Synthesized, operators: dict[str, Any]):
    """Both sides must allow a call from another account."""
    adds = [(action, resource) for action, resource in pairs(policy_of(replicating), "s3") if "-replica" in resource]
    policies = policies_of(operators)
    assert {action for action, _ in adds} == WRITES
    for action, resource in adds:
        assert permits(policies[resource.removesuffix("/*")], action, resource.replace("*", "records/dt=2026-11-29/a"))
    for action, key, context, expected in KMS_CALLS:
        if key == KEY and expected:
            assert permits(policies[KEY], action, key, **context)


REFUSED = (
    "s3:BypassGovernanceRetention",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:PutBucketVersioning",
    "s3:PutObject",
    "s3:PutObjectRetention",
    "s3:ReplicateDelete",
    "s3:ReplicateTags",
)


@pytest.mark.parametrize(("name", "arn"), OPERATORS)
def test_ops_02_the_brokers_account_can_neither_delete_nor_read_replicas(
    operators: dict[str, Any], name: str, arn: str
):
    policy = policies_of(operators)[arn]
    for action in REFUSED:
        assert not permits(policy, action, f"{arn}/{name}/a"), action
        assert not permits(policy, action, arn), action
    administrator = {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/administrator"}
    assert not permits(policy, "s3:ReplicateObject", f"{arn}/{name}/a", **administrator)
    assert not permits(policy, "s3:ReplicateObject", f"{arn}/{name}/a", **{"aws:SecureTransport": "false"})


def test_ops_02_the_brokers_account_uses_the_operators_key_through_s3_only(operators: dict[str, Any]):
    policy, s3 = policies_of(operators)[KEY], through(THERE, RECORDS_REPLICA)
    other = {"aws:PrincipalArn": ROLE.replace("replication", "sealer")}
    assert permits(policy, "kms:Encrypt", KEY, **s3)
    assert not permits(policy, "kms:Encrypt", KEY)
    assert not permits(policy, "kms:Encrypt", KEY, **s3, **other)
    for action in ("kms:CreateGrant", "kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"):
        assert not permits(policy, action, KEY, **s3), action


def test_ops_02_the_operators_buckets_keep_every_version_and_outlive_their_stack(
    operators: dict[str, Any], replicating: Synthesized
):
    buckets = {plain({"Ref": name}): each for name, each in of_type(operators, "AWS::S3::Bucket").items()}
    assert buckets.keys() == {"Records", "Seals"}
    for each in buckets.values():
        assert each["VersioningConfiguration"] == {"Status": "Enabled"}
        assert all(each["PublicAccessBlockConfiguration"].values())
        assert each["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert "BucketName" not in each
    # S3 replicates a bucket with Object Lock only to a bucket with Object Lock.
    lock = buckets["Seals"]["ObjectLockConfiguration"]
    assert buckets["Seals"]["ObjectLockEnabled"] is True
    assert lock == bucket_of(replicating, "Seals")["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "COMPLIANCE", "Days": KEEP_SEALS.to_days()}
    assert not buckets["Records"].keys() & {"ObjectLockEnabled", "ObjectLockConfiguration"}  # records can be erased
    encryption = {
        name: each["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
        for name, each in buckets.items()
    }
    assert named(encryption["Records"]) == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    assert encryption["Seals"] == {"SSEAlgorithm": "AES256"}
    for each in operators["Resources"].values():
        if each["Type"] in ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::KMS::Key"):
            assert (each["DeletionPolicy"], each["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_ops_02_the_output_is_the_value_for_the_configuration(operators: dict[str, Any]):
    text = named(operators["Outputs"]["Replication"]["Value"])
    text = text.replace("records_bucket: Records,", "records_bucket: records-replica,")
    text = text.replace("seals_bucket: Seals,", "seals_bucket: seals-replica,")
    assert yaml.safe_load(text) == REPLICATION
    assert "Parameters" not in operators
    assert "Rules" not in operators


def test_ops_02_the_template_is_printed_for_the_configured_broker(tmp_path: Any, capsys: pytest.CaptureFixture[str]):
    assert main(configured(tmp_path, region="eu-central-1")) == 0
    assert "role/jitney/jitney-replication-eu-central-1" in capsys.readouterr().out
    assert main({"JITNEY_CONFIG": str(tmp_path / "none.yaml")}) == 1
    assert "cannot be read" in capsys.readouterr().err


# The alarm


def test_ops_01_each_replication_has_an_alarm_on_its_failures(replicating: Synthesized, assembly: Synthesized):
    made = {name: each for name, each in alarms_of(replicating).items() if name not in alarms_of(assembly)}
    assert made.keys() == OF_REPLICAS.keys()
    for name, alarm in made.items():
        what = name.removeprefix("ReplicationFailed-")
        rule = rule_of(replicating, what.title())
        assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
            "SourceBucket": f"Buckets{what.title()}",
            "DestinationBucket": rule["Destination"]["Bucket"].removeprefix("arn:aws:s3:::"),
            "RuleId": rule["Id"],
        }
        raising, usual = OF_REPLICAS[name]
        assert (fires(alarm, [raising]), fires(alarm, [usual])) == (True, False)
        assert alarm["AlarmActions"] == ["DeadLettersAlarms"]
        (path,) = re.findall(r"Runbook: (docs/runbooks/[a-z]+\.md#[a-z]+)$", alarm["AlarmDescription"])
        assert all(answer in runbook_of(path) for answer in ANSWERS)


def test_ops_01_the_dashboard_shows_failed_replications(replicating: Synthesized):
    widgets = [each["properties"] for each in dashboard_of(replicating)]
    assert len(widgets[1]["alarms"]) == len(alarms_of(replicating))
    shown = [metric for each in widgets for metric in each.get("metrics", ()) if metric[0] == "AWS/S3"]
    assert [(each[1], each[-1]["label"]) for each in shown] == [
        ("OperationsFailedReplication", "OperationsFailedReplication records"),
        ("OperationsFailedReplication", "OperationsFailedReplication seals"),
    ]
