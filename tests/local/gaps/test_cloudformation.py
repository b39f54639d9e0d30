"""CloudFormation, and the keys of its tables: one contract test for each gap, named after the function that
closes it.
"""

import json
import re
from typing import Any

import pytest

from local.settings import REGION
from tests.local.gaps.contracts import ALLOW_ALL, Emulator, deploy, ended, refused, rest_api, role, trust

pytestmark = pytest.mark.slow


def test_role_boundary(emulator: Emulator) -> None:
    boundary = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    outputs = deploy(
        emulator,
        {
            "Boundary": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": boundary}},
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": json.loads(trust(emulator.account)),
                    "PermissionsBoundary": {"Ref": "Boundary"},
                    "Policies": [{"PolicyName": "all", "PolicyDocument": everything}],
                },
            },
        },
        {"Role": {"Fn::GetAtt": ["Role", "Arn"]}},
    )
    session = emulator.root("sts").assume_role(RoleArn=outputs["Role"], RoleSessionName="session")
    emulator.session("s3", session["Credentials"]).list_buckets()
    refused("AccessDeniedException", emulator.session("dynamodb", session["Credentials"]).list_tables)


def named_role(emulator: Emulator) -> dict[str, Any]:
    properties = {"RoleName": "named", "AssumeRolePolicyDocument": json.loads(trust(emulator.account))}
    return {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}


def test_role_names_taken(emulator: Emulator) -> None:
    deploy(emulator, named_role(emulator))
    again, cloudformation = json.dumps({"Resources": named_role(emulator)}), emulator.root("cloudformation")
    cloudformation.create_stack(StackName="again", TemplateBody=again, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert ended(emulator, "again")["StackStatus"] == "ROLLBACK_COMPLETE"
    emulator.root("iam").get_role(RoleName="named")
    events = cloudformation.describe_stack_events(StackName="again")["StackEvents"]
    assert [each["LogicalResourceId"] for each in events if "already exists" in each.get("ResourceStatusReason", "")]


def test_roles_with_policies_kept(emulator: Emulator) -> None:
    stack, iam = deploy(emulator, named_role(emulator))["StackName"], emulator.root("iam")
    iam.put_role_policy(RoleName="named", PolicyName="of-another", PolicyDocument=json.dumps(ALLOW_ALL))
    emulator.root("cloudformation").delete_stack(StackName=stack)
    assert ended(emulator, stack)["StackStatus"] == "DELETE_FAILED"
    iam.delete_role_policy(RoleName="named", PolicyName="of-another")
    emulator.root("cloudformation").delete_stack(StackName=stack)
    emulator.until(lambda: not iam.list_roles()["Roles"])


def test_pseudo_parameters_in_conditions(emulator: Emulator) -> None:
    here = {"Fn::Equals": [{"Ref": "AWS::AccountId"}, emulator.account]}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {}}
    resources = {"Here": topic | {"Condition": "Here"}, "Elsewhere": topic | {"Condition": "Elsewhere"}}
    made = deploy(emulator, resources, conditions={"Here": here, "Elsewhere": {"Fn::Not": [{"Condition": "Here"}]}})
    stack = emulator.root("cloudformation").describe_stack_resources(StackName=made["StackName"])["StackResources"]
    assert [each["LogicalResourceId"] for each in stack] == ["Here"]


GLOBAL_TABLE = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
    "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
    "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
    "Replicas": [
        {
            "Region": REGION,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "SSESpecification": {"KMSMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]}},
        }
    ],
}
KEY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": {"Ref": "AWS::AccountId"}}, "Action": "kms:*", "Resource": "*"}
    ],
}
KEY = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": KEY_POLICY}}


def table(emulator: Emulator) -> dict[str, str]:
    """A table encrypted with a customer managed key."""
    resources = {"Key": KEY, "Table": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": GLOBAL_TABLE}}
    return deploy(emulator, resources, {"Table": {"Ref": "Table"}, "Key": {"Fn::GetAtt": ["Key", "Arn"]}})


def test_table_settings(emulator: Emulator) -> None:
    made = table(emulator)
    dynamodb = emulator.root("dynamodb")
    ttl = dynamodb.describe_time_to_live(TableName=made["Table"])["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    backups = dynamodb.describe_continuous_backups(TableName=made["Table"])["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    sse = dynamodb.describe_table(TableName=made["Table"])["Table"]["SSEDescription"]
    assert (sse["Status"], sse["KMSMasterKeyArn"]) == ("ENABLED", made["Key"])


def test_global_tables_updated_in_place(emulator: Emulator) -> None:
    resources = {"Key": KEY, "Table": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": GLOBAL_TABLE}}
    outputs = {"Table": {"Ref": "Table"}, "Key": {"Fn::GetAtt": ["Key", "Arn"]}}
    made, dynamodb = deploy(emulator, resources, outputs), emulator.root("dynamodb")
    dynamodb.put_item(TableName=made["Table"], Item={"pk": {"S": "one"}})
    (replica,) = GLOBAL_TABLE["Replicas"]
    tagged = GLOBAL_TABLE | {"Replicas": [replica | {"Tags": [{"Key": "cost-center", "Value": "1"}]}]}
    changed = {"Key": KEY, "Table": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": tagged}}
    shown = {name: {"Value": value} for name, value in outputs.items()}
    template = json.dumps({"Resources": changed, "Outputs": shown})
    emulator.root("cloudformation").update_stack(StackName=made["StackName"], TemplateBody=template)
    found = ended(emulator, made["StackName"])
    assert found["StackStatus"] == "UPDATE_COMPLETE", found
    after = {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}
    assert after["Table"] == made["Table"]
    assert dynamodb.scan(TableName=after["Table"])["Items"] == [{"pk": {"S": "one"}}]


def test_stream_labels(emulator: Emulator) -> None:
    streamed = GLOBAL_TABLE | {"StreamSpecification": {"StreamViewType": "NEW_IMAGE"}}
    resources = {"Key": KEY, "Table": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": streamed}}
    made = deploy(emulator, resources, {"Table": {"Ref": "Table"}, "Stream": {"Fn::GetAtt": ["Table", "StreamArn"]}})
    known = emulator.root("dynamodb").describe_table(TableName=made["Table"])["Table"]
    assert made["Stream"] == known["LatestStreamArn"] == f"{known['TableArn']}/stream/{known['LatestStreamLabel']}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}", known["LatestStreamLabel"])


def test_tables_use_the_callers_key(emulator: Emulator) -> None:
    made = table(emulator)
    items = {"Effect": "Allow", "Action": ["dynamodb:PutItem", "dynamodb:GetItem"], "Resource": "*"}
    through = {"StringEquals": {"kms:ViaService": f"dynamodb.{REGION}.amazonaws.com"}}
    key = {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": made["Key"], "Condition": through}
    for name, statements in (("without", [items]), ("with", [items, key])):
        arn = role(emulator, name, {"Statement": statements})
        keys = emulator.root("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        dynamodb = emulator.session("dynamodb", keys)
        item = {"pk": {"S": "one"}}
        if name == "with":
            dynamodb.put_item(TableName=made["Table"], Item=item)
            assert dynamodb.get_item(TableName=made["Table"], Key=item)["Item"] == item
        else:
            message = refused("AccessDeniedException", dynamodb.put_item, TableName=made["Table"], Item=item)
            assert "dynamodb:PutItem" in message or "kms:" in message


def test_restored_tables_have_their_key(emulator: Emulator) -> None:
    made, dynamodb, kms = table(emulator), emulator.root("dynamodb"), emulator.root("kms")
    kms.create_alias(AliasName="alias/tables", TargetKeyId=made["Key"])
    key = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": "alias/tables"}
    dynamodb.put_item(TableName=made["Table"], Item={"pk": {"S": "one"}})
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=made["Table"],
        TargetTableName="latest",
        UseLatestRestorableTime=True,
        SSESpecificationOverride=key,
    )
    backup = dynamodb.create_backup(TableName=made["Table"], BackupName="daily")["BackupDetails"]["BackupArn"]
    dynamodb.restore_table_from_backup(BackupArn=backup, TargetTableName="daily", SSESpecificationOverride=key)
    for name in ("latest", "daily"):
        encryption = dynamodb.describe_table(TableName=name)["Table"].get("SSEDescription", {})
        assert encryption.get("KMSMasterKeyArn") == made["Key"]
        assert dynamodb.scan(TableName=name)["Items"] == [{"pk": {"S": "one"}}]


def test_named_query(emulator: Emulator) -> None:
    query = {"Name": "who asked", "Database": "records", "QueryString": "SELECT 1", "WorkGroup": {"Ref": "WorkGroup"}}
    resources = {
        "WorkGroup": {"Type": "AWS::Athena::WorkGroup", "Properties": {"Name": "auditors"}},
        "Query": {"Type": "AWS::Athena::NamedQuery", "Properties": query},
    }
    made = deploy(emulator, resources, {"Query": {"Ref": "Query"}})
    athena = emulator.root("athena")
    assert athena.list_named_queries(WorkGroup="auditors")["NamedQueryIds"] == [made["Query"]]
    assert athena.get_named_query(NamedQueryId=made["Query"])["NamedQuery"]["QueryString"] == "SELECT 1"


def test_event_bus_policy(emulator: Emulator) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
        "Action": "events:PutEvents",
        "Resource": {"Fn::GetAtt": ["Bus", "Arn"]},
        "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/sender"}},
    }
    policy = {"EventBusName": {"Ref": "Bus"}, "StatementId": "From", "Statement": statement}
    resources = {
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "gap-policy"}},
        "Policy": {"Type": "AWS::Events::EventBusPolicy", "Properties": policy},
    }
    deploy(emulator, resources, {"Bus": {"Ref": "Bus"}})
    policy = json.loads(emulator.root("events").describe_event_bus(Name="gap-policy")["Policy"])
    (found,) = policy["Statement"]
    assert (found["Sid"], found["Condition"]) == ("From", statement["Condition"])


def test_web_acl_association(emulator: Emulator) -> None:
    stage = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}::/restapis/${Api}/stages/live"}
    acl = {
        "Scope": "REGIONAL",
        "DefaultAction": {"Allow": {}},
        "Rules": [],
        "VisibilityConfig": {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"},
    }
    association = {"ResourceArn": stage, "WebACLArn": {"Fn::GetAtt": ["Acl", "Arn"]}}
    resources = rest_api(
        {"Type": "MOCK"},
        Acl={"Type": "AWS::WAFv2::WebACL", "Properties": acl},
        Association={"Type": "AWS::WAFv2::WebACLAssociation", "Properties": association},
    )
    outputs = {"Stage": stage, "Acl": {"Fn::GetAtt": ["Acl", "Arn"]}}
    made = deploy(emulator, resources, outputs)
    found = emulator.root("wafv2").get_web_acl_for_resource(ResourceArn=made["Stage"])
    assert found["WebACL"]["ARN"] == made["Acl"]
