"""By which action a call counts, and what it creates and deletes (row AUD 4)."""

import pytest

from jitney import resources
from jitney.core.masking.aws_masker import AwsMasker
from jitney.core.masking.mask_tags import TextMaskTags
from jitney.core.masking.table import MaskTable
from jitney.core.trail.call import call_of
from jitney.core.trail.event import session_event
from jitney.core.trail.resource_changes import resource_changes_of
from tests.cloudtrail_events import ACCOUNT, EVENT_OPERATIONS, call_event
from tests.fakes import ROLE_ARN

MASKS = MaskTable.load(resources.MASKS.read_bytes())


def call(number, **members):
    event = call_event(number, **members)
    return call_of(event, session_event(event, {ROLE_ARN: ACCOUNT}), EVENT_OPERATIONS.actions)


@pytest.mark.parametrize(
    ("name", "asked", "action"),
    [
        ("GetObject", {"bucketName": "b", "key": "k"}, "s3:GetObject"),
        ("GetObject", {"bucketName": "b", "key": "k", "versionId": "1"}, "s3:GetObjectVersion"),
        ("HeadObject", {"bucketName": "b", "key": "k"}, "s3:GetObject"),
        ("NoSuchOperation", {}, "s3:NoSuchOperation"),
    ],
)
def test_aud_04_an_event_has_its_authorizing_action(name, asked, action):
    assert call(1, eventName=name, requestParameters=asked).actions == (action,)


def test_aud_04_versions_in_event_names_are_ignored():
    made = call(1, eventSource="lambda.amazonaws.com", eventName="CreateFunction20150331v2", requestParameters={})
    assert made.actions == ("lambda:CreateFunction",)


@pytest.mark.parametrize(
    ("service", "operation", "event", "created"),
    [
        ("iam", "CreateUser", {"requestParameters": {"userName": "x"}}, ("user x",)),
        ("iam", "CreateAccessKey", {"responseElements": {"accessKey": {"accessKeyId": "AKIA"}}}, ("access key AKIA",)),
        ("iam", "CreatePolicy", {"responseElements": {"policy": {"arn": "arn:p"}}}, ("policy arn:p",)),
        ("lambda", "CreateFunction20150331", {"requestParameters": {"functionName": "f"}}, ("function f",)),
        ("iam", "CreateUser", {"requestParameters": {"userName": "x"}, "errorCode": "AccessDenied"}, ()),
        ("iam", "CreateUser", {"requestParameters": None}, ()),
        ("iam", "CreateUser", {"requestParameters": {"userName": ["x"]}}, ()),
    ],
)
def test_aud_04_created_resources_are_named(service, operation, event, created):
    assert resource_changes_of(event, service, operation).created == created


@pytest.mark.parametrize(
    ("service", "operation", "member", "thing"),
    [
        ("lambda", "DeleteFunction20150331", "functionName", "function f"),
        ("dynamodb", "DeleteTable", "tableName", "table f"),
        ("ec2", "DeleteKeyPair", "keyName", "key pair f"),
    ],
)
def test_aud_04_regional_resources_include_their_region(service, operation, member, thing):
    event = {"requestParameters": {member: "f"}, "awsRegion": "eu-west-1"}
    assert resource_changes_of(event, service, operation).deleted == (f"{thing} in eu-west-1",)
    assert resource_changes_of(event | {"awsRegion": "us-east-1"}, service, operation).deleted == (
        f"{thing} in us-east-1",
    )


def test_aud_04_a_role_has_no_region():
    event = {"requestParameters": {"roleName": "r"}, "awsRegion": "us-east-1"}
    assert resource_changes_of(event, "iam", "DeleteRole").deleted == ("role r",)


def test_aud_04_deleting_one_version_does_not_delete_the_function():
    event = {"requestParameters": {"functionName": "f", "qualifier": "1"}, "awsRegion": "eu-west-1"}
    assert resource_changes_of(event, "lambda", "DeleteFunction20150331").deleted == ()


@pytest.mark.parametrize("omitted", [True, "true"])
def test_aud_04_a_created_resource_is_listed_even_if_cloudtrail_omitted_its_name(omitted):
    """IAM accepts 131,072 characters, most of them spaces, as a trust policy. CloudTrail omits such parameters."""
    large = {"reason": "requestParameters too large", "omitted": omitted, "originalSize": 131_072}
    made = event(1, "CreateRole", large)
    assert made.created == (f"role of event {made.event_id}",)
    assert event(2, "CreateRole", large, errorCode="MalformedPolicyDocument").created == ()
    assert event(3, "ListRoles", large).created == ()


def event(number, name, parameters, **more):
    """Return the call of an event of IAM, masked as the correlator masks it."""
    made = call_event(number, eventSource="iam.amazonaws.com", eventName=name, requestParameters=parameters, **more)
    masked = AwsMasker(MASKS, TextMaskTags()).event(made).value
    return call_of(masked, session_event(made, {ROLE_ARN: ACCOUNT}), EVENT_OPERATIONS.actions)
