"""One contract test a gap, named after the function in `local.emulator.gaps` that closes it.

Each runs twice: against the emulator with its gaps closed, and, expecting failure, against ministack as it comes.
"""

import inspect
import json
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from local.emulator import gaps
from local.settings import ACCOUNT, REGION
from tests.local.conftest import Emulator, zipped

ALLOW_ALL = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


def test_every_gap_has_a_contract_test() -> None:
    tests = {name for name, _ in inspect.getmembers(sys.modules[__name__], inspect.isfunction)}
    assert {f"test_{gap.__name__}" for gap in gaps.GAPS} <= tests


def refused(code: str, call: Callable[..., Any], **parameters: Any) -> str:
    """Assert that AWS's error `code` answers the call; its message."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value.response["Error"]["Message"])


def trust(account: str, **conditions: Any) -> str:
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Action": actions, "Principal": principal, "Condition": conditions}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role(emulator: Emulator, name: str, policy: Any = ALLOW_ALL, document: str = "", **more: Any) -> str:
    """A role that the account may assume, with an inline policy; its ARN."""
    iam = emulator.root("iam")
    created = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document or trust(emulator.account), **more)
    iam.put_role_policy(
        RoleName=name, PolicyName="allows", PolicyDocument=json.dumps({"Version": "2012-10-17", **policy})
    )
    return str(created["Role"]["Arn"])


def deploy(emulator: Emulator, resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> dict[str, str]:
    """A stack with the resources; its outputs."""
    cloudformation = emulator.root("cloudformation")
    name = f"gap-{uuid.uuid4().hex}"
    template = {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in (outputs or {}).items()}}
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    deadline = time.monotonic() + 20
    while True:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            break
        assert time.monotonic() < deadline
    assert found["StackStatus"] == "CREATE_COMPLETE", found
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def until(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """What `condition` answers once it is truthy."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)
    return answer


# STS


@pytest.mark.parametrize(
    "parameters",
    [
        {"RoleSessionName": "a"},
        {"RoleSessionName": "a" * 65},
        {"RoleSessionName": "has space"},
        {"RoleSessionName": "ünicode"},
        {"Tags": [{"Key": f"k{number}", "Value": "v"} for number in range(51)]},
        {"Tags": [{"Key": "k" * 129, "Value": "v"}]},
        {"Tags": [{"Key": "k", "Value": "v" * 257}]},
        {"Tags": [{"Key": "k", "Value": "semi;colon"}]},
        {"SourceIdentity": "x"},
        {"SourceIdentity": "with space"},
        {"SourceIdentity": "aws:me"},
        {"ExternalId": "e"},
        {"ExternalId": "?" * 5},
    ],
    ids=lambda parameters: f"{next(iter(parameters))}-{str(next(iter(parameters.values())))[:12]}",
)
def test_request_parameters(emulator: Emulator, parameters: dict[str, Any]) -> None:
    arn = role(emulator, "target")
    sts = emulator.root("sts")
    refused("ValidationError", sts.assume_role, **{"RoleArn": arn, "RoleSessionName": "session", **parameters})


@pytest.mark.parametrize("seconds", [899, 7201, 43201])
def test_session_duration(emulator: Emulator, seconds: int) -> None:
    arn = role(emulator, "target", MaxSessionDuration=7200)
    sts = emulator.root("sts")
    sts.assume_role(RoleArn=arn, RoleSessionName="session", DurationSeconds=7200)
    refused("ValidationError", sts.assume_role, RoleArn=arn, RoleSessionName="session", DurationSeconds=seconds)


def test_session_duration_of_a_chained_session(emulator: Emulator) -> None:
    arn = role(emulator, "target", MaxSessionDuration=7200)
    first = emulator.root("sts").assume_role(RoleArn=role(emulator, "broker"), RoleSessionName="first")
    sts = emulator.session("sts", first["Credentials"])
    sts.assume_role(RoleArn=arn, RoleSessionName="chained", DurationSeconds=3600)
    refused("ValidationError", sts.assume_role, RoleArn=arn, RoleSessionName="chained", DurationSeconds=3601)


def test_source_identity(emulator: Emulator) -> None:
    """The trust policy's condition sees it, the answer tells it, and later conditions see it."""
    needs_it = {"StringLike": {"sts:SourceIdentity": "agent-*"}}
    only_seven = {
        "Statement": {
            "Effect": "Allow",
            "Action": "s3:ListAllMyBuckets",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceIdentity": "agent-7"}},
        }
    }
    arn = role(emulator, "target", only_seven, trust(emulator.account, **needs_it))
    sts = emulator.root("sts")
    refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="none")
    refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="other", SourceIdentity="someone")
    seven = sts.assume_role(RoleArn=arn, RoleSessionName="seven", SourceIdentity="agent-7")
    assert seven["SourceIdentity"] == "agent-7"
    emulator.session("s3", seven["Credentials"]).list_buckets()
    eight = sts.assume_role(RoleArn=arn, RoleSessionName="eight", SourceIdentity="agent-8")
    refused("AccessDenied", emulator.session("s3", eight["Credentials"]).list_buckets)


def test_source_identity_must_be_allowed_by_the_trust_policy(emulator: Emulator) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": emulator.account}}
    arn = role(emulator, "target", document=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    sts = emulator.root("sts")
    sts.assume_role(RoleArn=arn, RoleSessionName="plain")
    message = refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="named", SourceIdentity="agent-7")
    assert "sts:AssumeRole" in message or "sts:SetSourceIdentity" in message


def test_source_identity_stays_with_chained_sessions(emulator: Emulator) -> None:
    needs_it = {"StringEquals": {"sts:SourceIdentity": "agent-7"}}
    arn = role(emulator, "target", document=trust(emulator.account, **needs_it))
    sts = emulator.root("sts")
    first = sts.assume_role(RoleArn=role(emulator, "broker"), RoleSessionName="first", SourceIdentity="agent-7")
    chained = emulator.session("sts", first["Credentials"])
    assert chained.assume_role(RoleArn=arn, RoleSessionName="chained")["SourceIdentity"] == "agent-7"
    refused("AccessDenied", chained.assume_role, RoleArn=arn, RoleSessionName="other", SourceIdentity="agent-8")


@pytest.mark.parametrize("missing", ["sts:TagSession", "sts:SetSourceIdentity"])
def test_callers_permissions(emulator: Emulator, missing: str) -> None:
    actions = [action for action in ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity") if action != missing]
    broker = role(emulator, "broker", {"Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}})
    arn = role(emulator, "target")
    keys = emulator.root("sts").assume_role(RoleArn=broker, RoleSessionName="broker")["Credentials"]
    sts = emulator.session("sts", keys)
    sts.assume_role(RoleArn=arn, RoleSessionName="plain")
    named = {"Tags": [{"Key": "grant", "Value": "g"}], "SourceIdentity": "agent-7"}
    message = refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="named", **named)
    assert missing in message


# Lambda

EVERYTHING = """
import json, os, sys
def handler(event, context):
    found = []
    for name in event["modules"]:
        try:
            __import__(name)
            found.append(name)
        except ImportError:
            pass
    print("seen", event["modules"])
    return {"found": found, "path": sys.path, "variables": dict(os.environ), "process": os.getpid(),
            "request": context.aws_request_id, "left": context.get_remaining_time_in_millis()}
class OutOfMilk(Exception):
    pass
def failing(event, context):
    raise OutOfMilk("none left")
"""


def function(emulator: Emulator, name: str, handler: str, source: str = EVERYTHING, **more: Any) -> str:
    code = {"ZipFile": zipped(index=source)}
    parameters = {
        "Runtime": "python3.13",
        "Role": role(emulator, f"role-of-{name}"[:64]),
        "Handler": f"index.{handler}",
    }
    created = emulator.root("lambda").create_function(FunctionName=name, Code=code, **{**parameters, **more})
    return str(created["FunctionArn"])


def invoke(emulator: Emulator, name: str, event: Any) -> Any:
    return json.loads(emulator.root("lambda").invoke(FunctionName=name, Payload=json.dumps(event))["Payload"].read())


def test_own_interpreter(emulator: Emulator) -> None:
    """The bundle and the standard library, the function's own variables, and nothing else."""
    function(emulator, "looks", "handler", Environment={"Variables": {"OWN": "yes"}})
    seen = invoke(emulator, "looks", {"modules": ["json", "index", "pytest", "aws_cdk", "boto3"]})
    assert seen.get("found") == ["json", "index"]
    assert not [folder for folder in seen["path"] if "site-packages" in folder]
    assert seen["variables"]["OWN"] == "yes"
    assert seen["variables"]["AWS_LAMBDA_FUNCTION_NAME"] == "looks"
    allowed = ("AWS_", "LAMBDA_", "_HANDLER", "OWN", "LANG", "TZ", "PATH", "LC_CTYPE")
    assert not [name for name in seen["variables"] if not name.startswith(allowed)]
    assert 0 < seen["left"] <= 3000


def test_own_interpreter_names_an_exception_and_lives_on(emulator: Emulator) -> None:
    source = EVERYTHING + "\ndef both(event, context):\n    return failing(event, context) if event else os.getpid()\n"
    function(emulator, "fails", "both", source)
    process = invoke(emulator, "fails", None)
    failure = invoke(emulator, "fails", {"fail": True})
    assert (failure["errorType"], failure["errorMessage"]) == ("OutOfMilk", "none left")
    assert invoke(emulator, "fails", None) == process


def test_own_interpreter_is_quick_when_warm(emulator: Emulator) -> None:
    function(emulator, "quick", "handler", "def handler(event, context):\n    return event\n")
    invoke(emulator, "quick", 0)
    times = []
    for number in range(9):
        start = time.perf_counter()
        assert invoke(emulator, "quick", number) == number
        times.append(time.perf_counter() - start)
    assert sorted(times)[4] < 0.04


# CloudFormation


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


def test_bucket_settings(emulator: Emulator) -> None:
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]}}
    rules = [
        {"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
        {"Status": "Enabled", "ExpirationInDays": 30, "NoncurrentVersionExpiration": {"NoncurrentDays": 7}},
    ]
    encryption = {"ServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}
    properties = {
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
        "LifecycleConfiguration": {"Rules": rules},
    }
    resources = {"Key": KEY, "Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}
    made = deploy(emulator, resources, {"Bucket": {"Ref": "Bucket"}, "Key": {"Fn::GetAtt": ["Key", "Arn"]}})
    s3 = emulator.root("s3")
    found = s3.get_bucket_encryption(Bucket=made["Bucket"])["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert found["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": made["Key"]}
    lifecycle = s3.get_bucket_lifecycle_configuration(Bucket=made["Bucket"])["Rules"]
    assert [rule.get("Expiration", {}).get("Days") for rule in lifecycle] == [None, 30]
    assert lifecycle[0]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


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


def rest_api(integration: Any, **more: Any) -> dict[str, Any]:
    """The resources of a REST API with GET /thing/{id}."""
    reference = {"Ref": "Api"}
    method = {"RestApiId": reference, "ResourceId": {"Ref": "Id"}, "HttpMethod": "GET", "AuthorizationType": "NONE"}
    root = {"RestApiId": reference, "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "PathPart": "thing"}
    return {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "api"}},
        "Thing": {"Type": "AWS::ApiGateway::Resource", "Properties": root},
        "Id": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {"RestApiId": reference, "ParentId": {"Ref": "Thing"}, "PathPart": "{id}"},
        },
        "Method": {"Type": "AWS::ApiGateway::Method", "Properties": {**method, "Integration": integration}},
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": "Method",
            "Properties": {"RestApiId": reference},
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": reference, "StageName": "live", "DeploymentId": {"Ref": "Deployment"}},
        },
        **more,
    }


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


# Step Functions


def test_tasks_use_the_role(emulator: Emulator) -> None:
    arn = function(emulator, "task", "handler", "def handler(event, context):\n    return event\n")
    states = emulator.root("stepfunctions")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": arn},
        "End": True,
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "Ask", "States": {"Ask": task}}
    ended = {}
    for name, allowed in (("may", arn), ("must-not", f"{arn}-other")):
        statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": allowed}
        machine = states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=role(emulator, name, {"Statement": statement})
        )
        execution = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        ended[name] = until(lambda arn=execution: _ended(states.describe_execution(executionArn=arn)))
    assert ended["may"]["status"] == "SUCCEEDED"
    assert ended["must-not"]["status"] == "FAILED"
    assert "is not authorized to perform: lambda:InvokeFunction" in ended["must-not"]["cause"]


def _ended(execution: dict[str, Any]) -> dict[str, Any] | None:
    return None if execution["status"] == "RUNNING" else execution


# Firehose


def test_delivery_uses_the_role(emulator: Emulator) -> None:
    """A stream whose role may write delivers, one whose role may write elsewhere does not."""
    bucket = f"delivered-{uuid.uuid4().hex}"
    s3, firehose = emulator.root("s3"), emulator.root("firehose")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name, prefix in (("must-not", "elsewhere/"), ("may", "may/")):
        statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/{prefix}*"}
        destination = {
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "RoleARN": role(emulator, name, {"Statement": statement}),
            "Prefix": f"{name}/",
        }
        firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination)
        firehose.put_record(DeliveryStreamName=name, Record={"Data": b"{}"})
    delivered = until(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    assert {entry["Key"].partition("/")[0] for entry in delivered} == {"may"}


# Streams


PARTIAL = """
import json, time
handed_over = []
def handler(event, context):
    numbers = [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]
    handed_over.append(numbers)
    print("HANDED " + json.dumps(numbers))
    bad = [record for record in event["Records"] if record["dynamodb"]["Keys"]["pk"]["S"] == "3"]
    return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]} for record in bad]}
"""


def test_partial_batches(emulator: Emulator) -> None:
    """The records before the failed one are done; it is tried again, then noted and left, and the rest goes on."""
    queue = {"Fn::GetAtt": ["Queue", "Arn"]}
    made = deploy(
        emulator,
        {
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "KeySchema": GLOBAL_TABLE["KeySchema"],
                    "AttributeDefinitions": GLOBAL_TABLE["AttributeDefinitions"],
                    "BillingMode": "PAY_PER_REQUEST",
                    "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
                },
            },
            "Queue": {"Type": "AWS::SQS::Queue"},
        },
        {
            "Table": {"Ref": "Table"},
            "Stream": {"Fn::GetAtt": ["Table", "StreamArn"]},
            "Queue": queue,
            "Url": {"Ref": "Queue"},
        },
    )
    function(emulator, "publisher", "handler", PARTIAL)
    dynamodb = emulator.root("dynamodb")
    for number in "12345":
        dynamodb.put_item(TableName=made["Table"], Item={"pk": {"S": number}})
    emulator.root("lambda").create_event_source_mapping(
        FunctionName="publisher",
        EventSourceArn=made["Stream"],
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=1,
        BatchSize=3,
        DestinationConfig={"OnFailure": {"Destination": made["Queue"]}},
    )
    sqs = emulator.root("sqs")
    noted = until(lambda: sqs.receive_message(QueueUrl=made["Url"]).get("Messages"), 8)
    assert json.loads(noted[0]["Body"])["requestContext"]["condition"] == "RetryAttemptsExhausted"
    handed = until(lambda: _handed_over(emulator, "5"))
    assert handed[0] == ["1", "2", "3"]
    assert handed[1][0] == "3"
    assert handed[-1][-1] == "5"
    assert [batch for batch in handed[1:] if "1" in batch or "2" in batch] == []


def _handed_over(emulator: Emulator, last: str) -> list[list[str]] | None:
    """What the publisher printed, once it has seen `last`."""
    events = emulator.root("logs").filter_log_events(logGroupName="/aws/lambda/publisher")["events"]
    lines = [event["message"] for event in sorted(events, key=lambda event: event["timestamp"])]
    batches = [json.loads(line.partition("HANDED ")[2]) for line in lines if "HANDED " in line]
    return batches if any(last in batch for batch in batches) else None


# API Gateway

INTERNAL = '{"message": "Internal server error"}'


def api(emulator: Emulator, source: str, *, permitted: bool = True, account: str = "") -> str:
    """The URL of a REST API in front of a function with this source.

    It lies in the account that the bare emulator serves requests without credentials from, so its names are its own.
    """
    emulator.account = account or ACCOUNT
    arn = function(emulator, f"behind-{uuid.uuid4().hex}", "handler", source)
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri}
    source_arn = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/live/GET/thing/*"}
    permission = {
        "FunctionName": arn,
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": source_arn,
    }
    more = {"Permission": {"Type": "AWS::Lambda::Permission", "Properties": permission}} if permitted else {}
    made = deploy(emulator, rest_api(proxy, **more), {"Api": {"Ref": "Api"}})
    return f"{emulator.endpoint}/_aws/execute-api/{made['Api']}/live/thing/7"


def test_found_from_any_account(emulator: Emulator, http: httpx.Client) -> None:
    source = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'in'}\n"
    answer = http.get(api(emulator, source, account=emulator.account), headers={"Authorization": "Bearer token"})
    assert (answer.status_code, answer.text) == (200, "in")


def test_large_requests_refused(emulator: Emulator, http: httpx.Client) -> None:
    url = api(emulator, "def handler(event, context):\n    return {'statusCode': 200, 'body': 'in'}\n")
    allowed, too_large = (http.request("GET", url, content=bytes(size)) for size in (10_000_000, 10_500_000))
    assert allowed.status_code == 200
    assert (too_large.status_code, too_large.json()) == (413, {"message": "Request Too Long"})


def test_handler_errors_hidden(emulator: Emulator, http: httpx.Client) -> None:
    answer = http.get(api(emulator, "def handler(event, context):\n    raise KeyError('the secret')\n"))
    assert (answer.status_code, answer.text) == (502, INTERNAL)


@pytest.mark.parametrize(
    "answer",
    ["'text'", "{'message': 'no status'}", "{'statusCode': 200, 'body': {'a': 1}}", "{'statusCode': 200, 'x': 1}"],
)
def test_malformed_answers_refused(emulator: Emulator, http: httpx.Client, answer: str) -> None:
    found = http.get(api(emulator, f"def handler(event, context):\n    return {answer}\n"))
    assert (found.status_code, found.text) == (502, INTERNAL)


def test_source_ip_of_the_connection(emulator: Emulator, http: httpx.Client) -> None:
    source = """
import json
def handler(event, context):
    seen = {"ip": event["requestContext"]["identity"]["sourceIp"], "headers": event["headers"]}
    return {"statusCode": 200, "body": json.dumps(seen)}
"""
    answer = http.get(api(emulator, source), headers={"X-Forwarded-For": "203.0.113.7"})
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    assert seen["ip"] == "127.0.0.1"
    assert seen["headers"]["X-Forwarded-For"] == "203.0.113.7, 127.0.0.1"


def test_invoke_permission(emulator: Emulator, http: httpx.Client) -> None:
    source = "def handler(event, context):\n    return {'statusCode': 200, 'body': 'in'}\n"
    answer = http.get(api(emulator, source, permitted=False))
    assert (answer.status_code, answer.text) == (500, INTERNAL)
