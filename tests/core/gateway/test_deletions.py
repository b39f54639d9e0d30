"""How many items a call deletes is counted from its parameters (row GW 12)."""

import re
from typing import Any

import pytest

from jitney.adapters.aws_models import AwsModels
from jitney.core.gateway.deletions import items_deleted
from jitney.resources import MODELS

KEYS = [{"Key": "a"}, {"Key": "b"}, {"Key": "c"}]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        ("s3", "DeleteObject", {"Bucket": "b", "Key": "k"}, 1),
        ("s3", "DeleteObjects", {"Bucket": "b", "Delete": {"Objects": KEYS, "Quiet": True}}, 3),
        ("s3", "DeleteObjects", {"Bucket": "b", "Delete": {"Objects": []}}, 1),
        ("s3", "PutObject", {"Bucket": "b", "Key": "Delete"}, 0),
        ("s3", "ListObjectsV2", {"Bucket": "b"}, 0),
        ("dynamodb", "DeleteItem", {"TableName": "t", "Key": {"id": {"S": "1"}}}, 1),
        ("dynamodb", "DeleteItem", {"TableName": "t", "Key": {"id": {"L": [{"S": "1"}, {"S": "2"}]}}}, 1),
        (
            "dynamodb",
            "BatchWriteItem",
            {"RequestItems": {"t": [{"DeleteRequest": {}}, {"PutRequest": {}}], "u": [{"DeleteRequest": {}}]}},
            2,
        ),
        ("dynamodb", "TransactWriteItems", {"TransactItems": [{"Delete": {}}, {"Put": {}}, {"Delete": {}}]}, 2),
        ("dynamodb", "UpdateTable", {"ReplicaUpdates": [{"Delete": {"RegionName": "r"}}, {"Create": {}}]}, 1),
        ("dynamodb", "PutItem", {"Item": {"Delete": {"L": [{"S": "1"}]}, "a": {"L": [{"M": {"Delete": {}}}]}}}, 0),
        ("lakeformation", "UpdateTableObjects", {"WriteOperations": [{"DeleteObject": {}}, {"AddObject": {}}]}, 1),
        ("dynamodb", "ExecuteStatement", {"Statement": "  -- x\nDelete FROM t WHERE id=1"}, 1),
        ("dynamodb", "ExecuteStatement", {"Statement": "SELECT * FROM deleted"}, 0),
        ("dynamodb", "BatchExecuteStatement", {"Statements": [{"Statement": "DELETE FROM t"}] * 3}, 3),
        ("dynamodb", "ExecuteTransaction", {"TransactStatements": [{"Statement": "delete from t"}]}, 1),
        ("dynamodb", "UpdateItem", {"UpdateExpression": "DELETE #a :v"}, 0),
        ("ec2", "TerminateInstances", {"InstanceIds": ["i-1", "i-2"]}, 2),
        ("ecr", "BatchDeleteImage", {"repositoryName": "r", "imageIds": [{}, {}, {}, {}]}, 4),
        ("kms", "ScheduleKeyDeletion", {"KeyId": "k"}, 1),
        ("kms", "CancelKeyDeletion", {"KeyId": "k"}, 0),
        ("sqs", "PurgeQueue", {"QueueUrl": "q"}, 1),
        ("sqs", "DeleteMessageBatch", {"QueueUrl": "q", "Entries": [{}, {}]}, 2),
        ("cognito-idp", "AdminDeleteUser", {"Username": "u"}, 1),
        (
            "route53",
            "ChangeResourceRecordSets",
            {"ChangeBatch": {"Changes": [{"Action": "DELETE"}, {"Action": "UPSERT"}]}},
            1,
        ),
        ("route53", "ChangeCidrCollection", {"Changes": [{"Action": "DELETE_IF_EXISTS"}, {"Action": "PUT"}]}, 1),
        ("sagemaker", "BatchDeleteClusterNodes", {"NodeIds": ["i-1", "i-2"], "NodeLogicalIds": ["a", "b"]}, 4),
        ("cloudformation", "DeleteStackInstances", {"Accounts": ["1", "2", "3"], "Regions": ["r", "s"]}, 6),
        (
            "cloudformation",
            "DeleteStackInstances",
            {"DeploymentTargets": {"Accounts": ["1"], "OrganizationalUnitIds": ["o", "p"]}, "Regions": ["r", "s"]},
            6,
        ),
        ("cloudformation", "DeleteStackInstances", {"DeploymentTargets": {"AccountsUrl": "u"}, "Regions": ["r"]}, 1),
        ("ec2", "DeleteTags", {"Resources": ["i-1", "i-2"], "Tags": [{"Key": "a"}, {"Key": "b"}, {"Key": "c"}]}, 6),
        ("ec2", "DeleteTags", {"Resources": ["i-1", "i-2"]}, 2),
    ],
)
def test_gw_12_deleted_items_are_counted(service: str, operation: str, parameters: dict[str, Any], expected: int):
    assert items_deleted(service, operation, parameters) == expected


def test_gw_12_every_list_of_changes_with_an_entry_that_deletes_is_counted():
    models = AwsModels.load(MODELS.read_bytes())
    changes = [
        (service, name, {member: {"t": [{each: {}}]} if shape.type_name == "map" else [{each: {}}]})
        for service in models.services()
        for name in models.operations(service)
        if (whole := models.operation(service, name).input_shape)
        for member, shape in whole.members.items()
        for each in _deleting_members(shape)
    ]
    assert ("dynamodb", "UpdateTable", {"ReplicaUpdates": [{"Delete": {}}]}) in changes
    assert [each for each in changes if items_deleted(*each) != 1] == []


def test_gw_12_each_operation_that_deletes_from_two_lists_is_counted_by_both():
    """A new one is counted by the sum of its lists, until a person decides whether it deletes each pair of entries."""
    models = AwsModels.load(MODELS.read_bytes())
    several = {
        (service, name)
        for service in models.services()
        for name in models.operations(service)
        if items_deleted(service, name, {}) and (whole := models.operation(service, name).input_shape)
        if sum(shape.type_name == "list" for shape in whole.members.values()) > 1
    }
    assert several == {
        ("cloudformation", "DeleteStackInstances"),
        ("ec2", "DeleteTags"),
        ("sagemaker", "BatchDeleteClusterNodes"),
    }


def _deleting_members(shape: Any) -> list[str]:
    """Return the structures named Delete... in the entries of a list, or of the lists of a map."""
    entries = shape.value if shape.type_name == "map" else shape
    if entries.type_name != "list" or entries.member.type_name != "structure":
        return []
    members = entries.member.members.items()
    return [name for name, each in members if name.startswith("Delete") and each.type_name == "structure"]


def test_gw_12_every_operation_whose_name_deletes_counts_as_one_at_least():
    models = AwsModels.load(MODELS.read_bytes())
    names = [(service, name) for service in models.services() for name in models.operations(service)]
    deleting = {
        (service, name)
        for service, name in names
        if re.search(r"Delete[A-Z]|^(Batch)?Terminate|Purge|Schedule.*Deletion", name)
        if not name.startswith(("Describe", "Get", "List", "Update"))
    }
    assert len(deleting) > 500
    assert [each for each in deleting if items_deleted(*each, {}) < 1] == []
    read = [each for each in names if each[1].startswith(("Describe", "Get", "List")) and items_deleted(*each, {})]
    assert read == []
