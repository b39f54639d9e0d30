"""A successful call outside of its grant's actions or resources has a verdict of its own (row AUD 8).

The shapes of the events are those of real ones, as in public logs of CloudTrail
(https://github.com/DataDog/stratus-red-team/tree/main/docs/detonation-logs). The names in them are made up.
"""

import json
import re
from typing import Any

import pytest

from benchmarks import audit as benchmark
from jitney.core.access.conditions import conditions_of
from jitney.core.access.request import Permission, permissions_of
from jitney.core.calls.call import AwsCall, AwsLocation
from jitney.core.calls.call_needs import explain_call
from jitney.core.problems import Problem
from jitney.core.trail.beyond_grant import RESOURCE_POLICY_SERVICES
from jitney.core.trail.call import CloudTrailCall, call_of
from jitney.core.trail.event import session_event
from jitney.core.trail.event_parameters import unwrapped
from jitney.core.trail.event_resources import with_named_resources
from jitney.core.trail.join import BEYOND_GRANT
from tests.cloudtrail_events import ACCOUNT, EVENT_OPERATIONS, GRANT_SCOPE, assume_role_event, call_event, identity
from tests.cpu_time import within_cpu_seconds
from tests.fakes import ROLE_ARN

ACTION, RESOURCE, POLICY = "action_not_granted", "resource_not_granted", "resource_policy_possible"
PLACE = AwsLocation("aws", "eu-west-1", ACCOUNT)
REGIONAL = f"eu-west-1:{ACCOUNT}"


def called(source: str, name: str, parameters: Any, *arns: str, **more: Any) -> CloudTrailCall:
    """Return the call of an event that has the parameters as CloudTrail spells them."""
    event = call_event(
        1,
        eventSource=f"{source}.amazonaws.com",
        eventName=name,
        requestParameters=parameters,
        resources=[{"ARN": each} for each in arns],
        **more,
    )
    return read(event)


def read(event: dict[str, Any]) -> CloudTrailCall:
    """Return the call of an event."""
    seen = session_event(event, {ROLE_ARN: ACCOUNT})
    assert seen is not None
    return call_of(event, seen, EVENT_OPERATIONS.actions)


def reasons(call: CloudTrailCall, action: str, *resources: str, sealed: bool = True) -> tuple[str, ...]:
    """Return why the call is beyond a grant of some actions on some resources."""
    permission = Permission(tuple(action.split()), resources or ("*",))
    return tuple(map(str, GRANT_SCOPE.reasons_beyond(call, (permission,), sealed=sealed)))


# By name: an event's source, name and parameters, the needed action, and the ARN of the used resource.
SHAPES: dict[str, tuple[str, str, Any, str, str]] = {
    "an object": ("s3", "GetObject", {"bucketName": "b", "key": "k"}, "s3:GetObject", "arn:aws:s3:::b/k"),
    "a bucket": ("s3", "ListObjects", {"bucketName": "b", "Host": "b.s3"}, "s3:ListBucket", "arn:aws:s3:::b"),
    "a user": ("iam", "CreateAccessKey", {"userName": "u"}, "iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/u"),
    "a user with a path": ("iam", "CreateAccessKey", {"userName": "u"}, "iam:CreateAccessKey",
                           f"arn:aws:iam::{ACCOUNT}:user/team/u"),
    "a trail": ("cloudtrail", "DeleteTrail", {"name": "t"}, "cloudtrail:DeleteTrail",
                f"arn:aws:cloudtrail:{REGIONAL}:trail/t"),
    "instances in a set": ("ec2", "TerminateInstances", {"instancesSet": {"items": [{"instanceId": "i-1"}]}},
                           "ec2:TerminateInstances", f"arn:aws:ec2:{REGIONAL}:instance/i-1"),
    "flow logs in a request": ("ec2", "DeleteFlowLogs",
                               {"DeleteFlowLogsRequest": {"FlowLogId": {"content": "fl-1", "tag": 1}}},
                               "ec2:DeleteFlowLogs", f"arn:aws:ec2:{REGIONAL}:vpc-flow-log/fl-1"),
    "an operation with a version": ("lambda", "UpdateFunctionCode20150331v2", {"functionName": "f", "dryRun": False},
                                    "lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGIONAL}:function:f"),
    "a secret by its ARN": ("secretsmanager", "GetSecretValue",
                            {"secretId": f"arn:aws:secretsmanager:{REGIONAL}:secret:s-4Rzn83"},
                            "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGIONAL}:secret:s-4Rzn83"),
    "a secret by its name": ("secretsmanager", "GetSecretValue", {"secretId": "s"}, "secretsmanager:GetSecretValue",
                             f"arn:aws:secretsmanager:{REGIONAL}:secret:s-4Rzn83"),
    "parameters": ("ssm", "GetParameters", {"names": ["/a/b"]}, "ssm:GetParameters",
                   f"arn:aws:ssm:{REGIONAL}:parameter/a/b"),
    "a member that begins with two letters": ("rds", "ModifyDBSnapshotAttribute", {"dBSnapshotIdentifier": "s"},
                                              "rds:ModifyDBSnapshotAttribute", f"arn:aws:rds:{REGIONAL}:snapshot:s"),
    "an action with another name": ("bedrock", "Converse", {"modelId": "anthropic.claude-3"}, "bedrock:InvokeModel",
                                    "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-3"),
    "parameters below a request": ("ec2", "DeleteNatGateway", {"DeleteNatGatewayRequest": {"NatGatewayId": "nat-1"}},
                                   "ec2:DeleteNatGateway", f"arn:aws:ec2:{REGIONAL}:natgateway/nat-1"),
    "parameters below a request with a short name":
        ("ec2", "DeleteTransitGatewayVpcAttachment", {"DelTGwVpcAttachReq": {"TransitGatewayAttachmentId": "tgw-1"}},
         "ec2:DeleteTransitGatewayVpcAttachment", f"arn:aws:ec2:{REGIONAL}:transit-gateway-attachment/tgw-1"),
    "tagged resources": ("ec2", "DeleteTags", {"resourcesSet": {"items": [{"resourceId": "i-1"}]}, "tagSet": {}},
                         "ec2:DeleteTags", f"arn:aws:ec2:{REGIONAL}:instance/i-1"),
    "a block of public access":
        ("s3", "DeleteBucketPublicAccessBlock", {"bucketName": "b", "publicAccessBlock": "", "Host": "b.s3"},
         "s3:PutBucketPublicAccessBlock", "arn:aws:s3:::b"),
    "a session of a directory bucket":
        ("s3express", "CreateSession", {"bucketName": "b--euw1-az1--x-s3", "x-amz-create-session-mode": "ReadWrite"},
         "s3express:CreateSession", f"arn:aws:s3express:{REGIONAL}:bucket/b--euw1-az1--x-s3"),
    "a cluster of the Data API":
        ("rdsdata", "ExecuteStatement", {"resourceArn": f"arn:aws:rds:{REGIONAL}:cluster:c", "sql": "**********"},
         "rds-data:ExecuteStatement", f"arn:aws:rds:{REGIONAL}:cluster:c"),
    "a stage of a REST API":
        ("apigateway", "CreateStage", {"restApiId": "a", "createStageInput": {"stageName": "s"}, "template": False},
         "apigateway:POST", "arn:aws:apigateway:eu-west-1::/restapis/a/stages"),
    "a stage of another API": ("apigateway", "CreateStage", {"apiId": "a", "stageName": "s"}, "apigateway:POST",
                               "arn:aws:apigateway:eu-west-1::/apis/a/stages"),
    "an API without a role": ("apigateway", "CreateApi", {"name": "a", "protocolType": "HTTP"}, "apigateway:POST",
                              "arn:aws:apigateway:eu-west-1::/apis"),
    "a classic load balancer":
        ("elasticloadbalancing", "DeleteLoadBalancer", {"loadBalancerName": "l"},
         "elasticloadbalancing:DeleteLoadBalancer", f"arn:aws:elasticloadbalancing:{REGIONAL}:loadbalancer/l"),
    "another load balancer":
        ("elasticloadbalancing", "DeleteLoadBalancer",
         {"loadBalancerArn": f"arn:aws:elasticloadbalancing:{REGIONAL}:loadbalancer/app/l/1"},
         "elasticloadbalancing:DeleteLoadBalancer", f"arn:aws:elasticloadbalancing:{REGIONAL}:loadbalancer/app/l/1"),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_aud_08_a_call_is_compared_with_the_granted_actions_and_resources(shape):
    source, name, parameters, action, arn = shape
    call = called(source, name, parameters)
    elsewhere = re.sub(r"[\w.-]+\Z", "another", arn)
    assert reasons(call, action) == ()
    assert reasons(call, action, arn) == ()
    assert reasons(call, action, elsewhere) == (RESOURCE,)
    assert reasons(call, "ec2:CreateTags") == (ACTION,)
    denied = called(source, name, parameters, errorCode="AccessDenied")
    assert reasons(denied, "ec2:CreateTags") == ()


@pytest.mark.parametrize(
    ("source", "name"), [("iam", "CreateAccessKey"), ("cloudtrail", "DeleteTrail"), ("signin", "GetSigninToken")]
)
def test_aud_08_other_services_under_a_grant_to_read_objects_are_beyond_it(source, name):
    assert reasons(called(source, name, None), "s3:GetObject", "arn:aws:s3:::reports/*") == (ACTION,)


def test_aud_08_a_grant_for_one_of_the_possible_operations_explains_a_call():
    """An event does not show whether it tagged a REST API (PUT) or another API (POST)."""
    call = called("apigateway", "TagResource", {"resourceArn": "arn:aws:apigateway:eu-west-1::/apis/a", "tags": {}})
    tags = "arn:aws:apigateway:eu-west-1::/tags/arn%3Aaws%3Aapigateway%3Aeu-west-1%3A%3A%2Fapis%2F"
    for action in ("apigateway:PUT", "apigateway:POST"):
        assert reasons(call, action, f"{tags}a") == ()
        assert reasons(call, action, f"{tags}b") != ()
    assert reasons(call, "apigateway:GET") == (ACTION,)


def test_aud_08_a_member_that_is_named_like_a_request_stays_a_member():
    create = EVENT_OPERATIONS.operations.service("glue").operation("CreateTable")
    asked = {"databaseName": "d", "tableInput": {"name": "t"}}
    assert unwrapped(asked, create) == {"databasename": "d", "tableinput": {"name": "t"}}
    assert unwrapped({"CreateTableRequest": asked}, create) == {"databasename": "d", "tableinput": {"name": "t"}}


def test_aud_08_a_name_in_another_case_is_one_resource():
    """No document says in which form AWS authorizes names of Glue and SageMaker, so either form may be granted."""
    job = f"arn:aws:sagemaker:{REGIONAL}:labeling-job/"
    labelled = called("sagemaker", "DescribeLabelingJob", {"labelingJobName": "Pay"})
    assert [reasons(labelled, "sagemaker:DescribeLabelingJob", f"{job}{each}") for each in ("Pay", "pay")] == [(), ()]
    assert reasons(labelled, "sagemaker:DescribeLabelingJob", f"{job}PAYS") == (RESOURCE,)
    read_table = called("glue", "GetTable", {"databaseName": "D", "name": "Pay"})
    catalog = f"arn:aws:glue:{REGIONAL}:"
    for database, table in (("D", "D/Pay"), ("d", "d/pay")):
        granted = (f"{catalog}catalog", f"{catalog}database/{database}", f"{catalog}table/{table}")
        assert reasons(read_table, "glue:GetTable", *granted) == ()
    assert reasons(read_table, "glue:GetTable", *granted[:2], f"{catalog}table/d/other") == (RESOURCE,)
    # Keys of S3 in another case are other objects.
    deleted = called("s3", "PutObject", {"bucketName": "b", "key": "A"})
    assert reasons(deleted, "s3:PutObject", "arn:aws:s3:::b/a") == (RESOURCE,)


SECOND_NAMES = {
    "a catalog within the account's own": (
        called("glue", "GetTable",
               {"catalogId": f"{ACCOUNT}:s3tablescatalog/b", "databaseName": "d", "name": "t"}),
        "glue:GetTable",
        [f"arn:aws:glue:{REGIONAL}:{each}" for each in
         ("catalog/s3tablescatalog/b", "database/s3tablescatalog/b/d", "table/s3tablescatalog/b/d/t")],
    ),
    "a private domain": (
        called("apigateway", "GetDomainName", {"domainName": "d.example", "domainNameId": "a1"}),
        "apigateway:GET",
        [f"arn:aws:apigateway:{REGIONAL}:/domainnames/d.example+a1"],
    ),
    "a change set by its ARN": (
        called("cloudformation", "DescribeChangeSet",
               {"stackName": "s", "changeSetName": f"arn:aws:cloudformation:{REGIONAL}:changeSet/c/1"}),
        "cloudformation:DescribeChangeSet",
        [f"arn:aws:cloudformation:{REGIONAL}:stack/other/*"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SECOND_NAMES)
def test_aud_08_a_resource_that_another_parameter_names_is_not_read_from_the_first(name: str):
    call, action, granted = SECOND_NAMES[name]
    assert reasons(call, action, *granted) == ()
    assert reasons(call, "s3:GetObject") == (ACTION,)
    assert with_named_resources(call, EVENT_OPERATIONS).resources == ()


def test_aud_08_another_accounts_catalog_is_still_compared():
    asked = {"catalogId": "999999999999", "databaseName": "d", "name": "t"}
    catalog = f"arn:aws:glue:{REGIONAL}:"
    granted = (f"{catalog}catalog", f"{catalog}database/d", f"{catalog}table/d/other")
    assert reasons(called("glue", "GetTable", asked), "glue:GetTable", *granted) == (RESOURCE,)


def test_aud_08_the_events_own_list_names_what_parameters_leave_open():
    key = f"arn:aws:kms:{REGIONAL}:key/1"
    by_alias = called("kms", "Decrypt", {"keyId": "alias/a"}, key)
    assert reasons(by_alias, "kms:Decrypt", key) == ()
    assert reasons(by_alias, "kms:Decrypt", key[:-1] + "2") == (RESOURCE,)
    # The event of a query on an index names the table.
    table = f"arn:aws:dynamodb:{REGIONAL}:table/t"
    query = called("dynamodb", "Query", {"tableName": "t", "indexName": "i"}, table)
    assert reasons(query, "dynamodb:Query", f"{table}/index/i") == ()


@pytest.mark.parametrize(
    ("source", "name", "parameters", "action"),
    [
        ("dynamodb", "Query", {"tableName": "t", "indexName": "i"}, "dynamodb:Query"),
        ("dynamodb", "Scan", {"tableName": "t", "indexName": "i"}, "dynamodb:Scan"),
        ("lambda", "Invoke20150331", {"functionName": "f", "qualifier": "1"}, "lambda:InvokeFunction"),
        ("sns", "Publish", {"phoneNumber": "+1"}, "sns:Publish"),
        ("sns", "Publish", None, "sns:Publish"),
        ("redshift-data", "ListTables", {"workgroupName": "w"}, "redshift-data:ListTables"),
    ],
)
def test_aud_08_no_parameter_makes_a_call_need_nothing(source, name, parameters, action):
    call = called(source, name, parameters)
    assert reasons(call, action) == ()
    assert reasons(call, "s3:GetObject") == (ACTION,)


def test_aud_08_a_copy_needs_both_of_its_actions_each_on_its_own_object():
    copy = called(
        "s3",
        "CopyObject",
        {"bucketName": "to", "key": "k", "x-amz-copy-source": "from/k"},
        "arn:aws:s3:::to/k",
        "arn:aws:s3:::from/k",
    )
    read = Permission(("s3:GetObject",), ("arn:aws:s3:::from/*",))
    write = Permission(("s3:PutObject",), ("arn:aws:s3:::to/*",))
    assert GRANT_SCOPE.reasons_beyond(copy, (read, write), sealed=True) == ()
    assert GRANT_SCOPE.reasons_beyond(copy, (read,), sealed=True) == (ACTION,)
    other = Permission(("s3:PutObject",), ("arn:aws:s3:::other/*",))
    assert GRANT_SCOPE.reasons_beyond(copy, (read, other), sealed=True) == (RESOURCE,)


@pytest.mark.parametrize(
    ("granted", "found"), [("from/a+b", ()), ("from/a b", ()), ("from/a*", ()), ("from/c", (RESOURCE,))]
)
def test_aud_08_a_copy_of_a_name_with_a_plus_sign_is_within_a_grant_of_either_reading(granted, found):
    """S3 may have read an unescaped plus sign as a space. The event does not show which object was copied."""
    copy = called("s3", "CopyObject", {"bucketName": "to", "key": "k", "x-amz-copy-source": "from/a+b"})
    read = Permission(("s3:GetObject",), (f"arn:aws:s3:::{granted}",))
    write = Permission(("s3:PutObject",), ("arn:aws:s3:::to/*",))
    assert GRANT_SCOPE.reasons_beyond(copy, (read, write), sealed=True) == found


def test_aud_08_one_of_several_actions_explains_a_call_whose_statements_events_omit():
    batch = called("dynamodb", "BatchExecuteStatement", {"statements": "HIDDEN_DUE_TO_SECURITY_REASONS"})
    assert reasons(batch, "dynamodb:PartiQLSelect") == ()
    assert reasons(batch, "dynamodb:GetItem") == (ACTION,)
    assert reasons(called("s3", "DeleteObjects", {"bucketName": "b"}), "s3:DeleteObjectVersion") == ()


@pytest.mark.parametrize(
    ("invoked_by", "more"),
    [("signin.amazonaws.com", {}), ("iam.amazonaws.com", {"sessionCredentialFromConsole": "true"})],
)
def test_aud_08_a_call_in_the_console_is_the_sessions_own(invoked_by, more):
    by_console = called("iam", "CreateAccessKey", {"userName": "u"}, who=identity() | {"invokedBy": invoked_by}, **more)
    assert by_console.invoked_by == ""
    assert reasons(by_console, "s3:GetObject") == (ACTION,)


@pytest.mark.parametrize("sealed", [False, True])
def test_aud_08_calls_that_need_no_permission_are_never_beyond_a_grant(sealed):
    by_aws = called("kms", "Decrypt", None, who=identity() | {"invokedBy": "AWS Internal"})
    whoami = called("sts", "GetCallerIdentity", None)
    answer = {"credentials": {"accessKeyId": "ASIAAAAAAAAAAAAAAAA3"}}
    scoping = called("sts", "GetScopedCredentials", {"durationSeconds": 60}, responseElements=answer)
    begin = read(assume_role_event(1))
    assert [reasons(each, "s3:GetObject", sealed=sealed) for each in (by_aws, whoami, scoping, begin)] == [()] * 4


def test_aud_08_without_a_seal_a_resource_policy_may_have_allowed_a_call_on_a_resource():
    elsewhere = called("s3", "GetObject", {"bucketName": "public", "key": "k"})
    assert reasons(elsewhere, "s3:GetObject", "arn:aws:s3:::b/*", sealed=False) == (RESOURCE, POLICY)
    assert reasons(elsewhere, "s3:PutObject", "arn:aws:s3:::b/*", sealed=False) == (ACTION, POLICY)
    assert reasons(elsewhere, "s3:GetObject", "arn:aws:s3:::b/*", sealed=True) == (RESOURCE,)
    # No resource policy allows these. Assuming another role is always reported.
    for source, name, parameters in (
        ("s3", "ListBuckets", None),
        ("iam", "CreateAccessKey", {"userName": "u"}),
        ("sts", "AssumeRole", {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/other"}),
    ):
        assert reasons(called(source, name, parameters), "s3:GetObject", sealed=False) == (ACTION,)
    services = {each.partition(".")[0] for each in GRANT_SCOPE.actions.services()}
    assert services >= RESOURCE_POLICY_SERVICES


def test_aud_08_an_unknown_operation_is_beyond_a_grant_unless_an_action_of_its_name_was_granted():
    rule = f"arn:aws:rbin:{REGIONAL}:rule/r"
    strange = called("rbin", "LockRule", {"identifier": "r"}, rule)
    assert reasons(strange, "rbin:LockRule", rule) == ()
    assert reasons(strange, "rbin:LockRule", f"{rule}2") == (RESOURCE,)
    assert reasons(strange, "s3:GetObject") == (ACTION,)
    assert reasons(called("newservice", "DoSomething", {}), "s3:GetObject") == (ACTION,)
    disk = f"arn:aws:elasticfilesystem:{REGIONAL}:file-system/fs-1"
    mount = called("elasticfilesystem", "NewClientConnection", None, disk, eventType="AwsServiceEvent")
    assert reasons(mount, "elasticfilesystem:ClientMount", disk) == ()
    assert reasons(mount, "elasticfilesystem:ClientMount", f"{disk}2") == (RESOURCE,)


def test_aud_08_what_an_event_omits_or_masks_counts_as_granted():
    large = {"reason": "requestParameters too large", "omitted": True, "originalSize": 131_072}
    for parameters in (None, large, {"omitted_characters": 200_000}, {"bucketName": "b", "key": "[masked credential]"}):
        assert reasons(called("s3", "GetObject", parameters), "s3:GetObject", "arn:aws:s3:::b/*") == ()


@pytest.mark.parametrize(
    ("source", "name", "parameters", "action", "granted"),
    [
        ("s3", "GetObject", {"bucketName": "arn:aws:s3:eu-west-1:999999999999:accesspoint/a", "key": "k"},
         "s3:GetObject", "arn:aws:s3:::b/*"),
        ("sqs", "SendMessage", {"queueUrl": "https://sqs.eu-west-1.amazonaws.com/999999999999/q"},
         "sqs:SendMessage", f"arn:aws:sqs:{REGIONAL}:*"),
        ("lambda", "Invoke20150331", {"functionName": "999999999999:function:f"},
         "lambda:InvokeFunction", f"arn:aws:lambda:{REGIONAL}:function:*"),
    ],
)  # fmt: skip
def test_aud_08_a_resource_of_another_account_is_beyond_a_grant(source, name, parameters, action, granted):
    call = called(source, name, parameters)
    assert reasons(call, action, granted) == (RESOURCE,)
    assert reasons(call, action) == ()


@pytest.mark.parametrize(
    "key", ["*", "a?", "${a}", "file://a", "https://a", "[masked credential]", "password=[masked credential]"]
)
def test_aud_08_no_name_of_an_object_hides_its_bucket(key):
    put = called("s3", "PutObject", {"bucketName": "other", "key": key})
    assert reasons(put, "s3:PutObject", "arn:aws:s3:::b/*") == (RESOURCE,)
    assert reasons(put, "s3:PutObject", "arn:aws:s3:::other/*") == ()


@pytest.mark.parametrize(
    "key",
    ["other/*", "oth?r/a", "${a}/a", "file://a", "https://a", "other/[masked credential]", "\ue000", "\ue000/\ue001"],
)
def test_aud_08_no_character_of_an_objects_name_hides_the_rest_of_it(key):
    put = called("s3", "PutObject", {"bucketName": "b", "key": key})
    assert reasons(put, "s3:PutObject", "arn:aws:s3:::b/2026/*") == (RESOURCE,)
    inside = called("s3", "PutObject", {"bucketName": "b", "key": f"2026/{key}"})
    assert reasons(inside, "s3:PutObject", "arn:aws:s3:::b/2026/*") == ()


@pytest.mark.parametrize("source", ["other/a", "/other/a", "%6Fther/a", "other%2Fa", "%2Fother/%61"])
def test_aud_08_no_escape_hides_the_original_of_a_copy(source):
    copy = called("s3", "CopyObject", {"bucketName": "b", "key": "k", "x-amz-copy-source": source})
    assert reasons(copy, "s3:GetObject s3:PutObject", "arn:aws:s3:::b/*") == (RESOURCE,)
    assert reasons(copy, "s3:GetObject s3:PutObject", "arn:aws:s3:::b/*", "arn:aws:s3:::other/a") == ()


def test_aud_08_conditions_of_a_grant_are_not_compared():
    held = Permission(("s3:ListBucket",), ("arn:aws:s3:::b",), conditions_of({"s3:prefix": ("2026/*",)}))
    listed = called("s3", "ListObjects", {"bucketName": "b", "prefix": "2025/"})
    assert GRANT_SCOPE.reasons_beyond(listed, (held,), sealed=True) == ()


def test_aud_08_a_grant_of_what_a_call_needs_explains_its_event_for_aws_own_examples():
    """No false alarm: the call is derived from botocore's parameters, and compared by CloudTrail's."""
    explained, reported, silent = 0, 0, []
    for service, operation, source, parameters in _examples():
        try:
            known = EVENT_OPERATIONS.operations.service(service).operation(operation)
            needs = permissions_of(explain_call(AwsCall(known, parameters), PLACE))
        except Problem:
            continue  # no call that Jitney could have granted by its parameters
        call = called(source, operation, benchmark._spelt(parameters))
        assert GRANT_SCOPE.reasons_beyond(call, needs, sealed=True) == (), (service, operation, parameters)
        explained += 1
        if any("*" in arn for each in needs for arn in each.resources):
            continue
        others = tuple(
            Permission(each.actions, tuple(re.sub(r"[^:/]+\Z", "another", arn) for arn in each.resources))
            for each in needs
        )
        found = GRANT_SCOPE.reasons_beyond(call, others, sealed=True)
        reported += found == (RESOURCE,)
        silent += [] if found else [f"{service}:{operation}"]
    assert explained > 1000
    assert reported > 600
    # Their parameters are lists of structures, or end in an id that the replaced ARN still has.
    assert set(silent) <= {
        "elbv2:ModifyLoadBalancerAttributes", "elbv2:AddTags", "elbv2:DeleteLoadBalancer", "elbv2:RemoveTags",
        "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "s3:DeleteObjects", "lambda:Invoke",
    }  # fmt: skip


def _examples():
    for path, service, model in benchmark._services():
        for operation, listed in benchmark._examples(path).items():
            for each in listed:
                text = re.sub(r"\b\d{12}\b", ACCOUNT, json.dumps(each.get("input") or {}))
                yield service, operation, model["metadata"]["endpointPrefix"], json.loads(text)


def test_aud_08_reasons_are_listed_for_the_verdict():
    assert {ACTION, RESOURCE, POLICY} == BEYOND_GRANT


@pytest.mark.parametrize("key", ["a*" * 400, "*a*b" * 100, "?*" * 400], ids=lambda key: key[:4])
def test_aud_08_a_key_with_many_wildcards_is_compared_in_bounded_time(key: str):
    """Callers choose keys. A hundred events share a minute of the correlator."""
    call = called("s3", "GetObject", {"bucketName": "reports", "key": key}, f"arn:aws:s3:::reports/{key}")
    patterns = [f"arn:aws:s3:::reports/*a{number:02}*b*" for number in range(45)]
    with within_cpu_seconds(0.3):
        for _ in range(3):
            assert reasons(call, "s3:GetObject", *patterns) == (RESOURCE,)
    assert reasons(call, "s3:GetObject", "arn:aws:s3:::reports/*") == ()
