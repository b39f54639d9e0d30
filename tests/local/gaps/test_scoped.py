"""sts:GetScopedCredentials: one contract test for each gap, named after the function that closes it."""

import json
import time
from functools import partial
from typing import Any

import httpx
import pytest

from tests.local.gaps.contracts import ALLOW_ALL, Emulator, refused, role, trust
from tests.running_systems import PATIENCE, arriving

pytestmark = pytest.mark.slow

READS = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
SCOPING = {"Effect": "Allow", "Action": "sts:GetScopedCredentials", "Resource": "*"}
TAGS = [{"Key": "grant", "Value": "g-1"}]


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def assumed(emulator: Emulator, *statements: Any, role_arn: str = "", **more: Any) -> dict[str, Any]:
    """Return a session of 900 s under these statements, with a name, tags and a source identity."""
    arn = role_arn or role(emulator, "target")
    parameters = {"RoleSessionName": "session", "SourceIdentity": "agent-7", "Tags": TAGS, "DurationSeconds": 900}
    if statements:
        parameters["Policy"] = policy(*statements)
    return dict(emulator.root("sts").assume_role(RoleArn=arn, **{**parameters, **more}))


def scoped(emulator: Emulator, session: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    return dict(emulator.session("sts", session["Credentials"]).get_scoped_credentials(**parameters))


def bucket(emulator: Emulator) -> str:
    name = f"reports-{emulator.account}"
    s3 = emulator.root("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=name, Key="key", Body=b"value")
    return name


def epoch(answer: dict[str, Any]) -> int:
    return int(answer["Credentials"]["Expiration"].timestamp())


def test_scoped_credentials(emulator: Emulator) -> None:
    """The session can do what both policies allow, until the earlier end."""
    session = assumed(emulator, READS, SCOPING)
    narrow = policy({**READS, "Action": ["s3:GetObject", "s3:PutObject"]})
    before = int(time.time())
    answer = scoped(emulator, session, Policy=narrow, DurationSeconds=600)
    assert before + 600 <= epoch(answer) <= time.time() + 600
    assert answer["SessionInfo"]["Arn"] == session["AssumedRoleUser"]["Arn"]
    assert answer["SessionInfo"]["ScopedSessionId"] == session["AssumedRoleUser"]["AssumedRoleId"]
    assert (answer["ScopedPoliciesCount"], answer["SourceIdentity"]) == (1, "agent-7")
    caller = emulator.session("sts", answer["Credentials"]).get_caller_identity()
    assert (caller["Arn"], caller["UserId"]) == tuple(
        session["AssumedRoleUser"][name] for name in ("Arn", "AssumedRoleId")
    )
    s3, name = emulator.session("s3", answer["Credentials"]), bucket(emulator)
    assert s3.get_object(Bucket=name, Key="key")["Body"].read() == b"value"
    refused("AccessDenied", s3.list_objects_v2, Bucket=name)
    message = refused("AccessDenied", s3.put_object, Bucket=name, Key="key")
    assert "because no session policy allows" in message


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "ValidationError"),
        ({"DurationSeconds": 0}, "ValidationError"),
        ({"DurationSeconds": 129_601}, "ValidationError"),
        ({"DurationSeconds": 901}, "InsufficientSessionLifetime"),
        ({"Policy": policy({**READS, "Sid": "x" * 2000})}, "ValidationError"),
        ({"Policy": "{"}, "MalformedPolicyDocument"),
        (
            {"Policy": policy({**READS, "Resource": "arn:aws:s3:::b/\u20ac"}).replace("\\u20ac", "\u20ac")},
            "ValidationError",
        ),
        ({"DurationSeconds": 30, "ScopedSessionDescription": "x" * 257}, "ValidationError"),
        ({"DurationSeconds": 30, "MinimumSessionTokenSize": 4097}, "ValidationError"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_scoped_credentials_need_a_valid_request(closed_emulator: Emulator, parameters: Any, code: str) -> None:
    session = assumed(closed_emulator)
    sts = closed_emulator.session("sts", session["Credentials"])
    refused(code, sts.get_scoped_credentials, **parameters)


def test_a_session_without_a_duration_ends_with_its_parent(closed_emulator: Emulator) -> None:
    session = assumed(closed_emulator)
    answer = scoped(closed_emulator, session, Policy=policy(READS), MinimumSessionTokenSize=3000)
    assert epoch(answer) == epoch(session)
    assert len(answer["Credentials"]["SessionToken"]) == answer["SessionTokenSize"] == 3000


def test_three_scope_down_policies_at_most(closed_emulator: Emulator) -> None:
    """Each of them limits the session. A policy that only shortens does not count."""
    session, everything = assumed(closed_emulator), policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
    for count, text in enumerate((everything, policy(READS, SCOPING), everything), 1):
        session = scoped(closed_emulator, session, Policy=text)
        assert session["ScopedPoliciesCount"] == count
    fourth = closed_emulator.session("sts", session["Credentials"])
    refused("AccessDenied", fourth.get_scoped_credentials, Policy=everything)
    assert fourth.get_scoped_credentials(DurationSeconds=30)["ScopedPoliciesCount"] == 3
    s3 = closed_emulator.session("s3", session["Credentials"])
    refused("AccessDenied", s3.put_object, Bucket=bucket(closed_emulator), Key="key")


@pytest.mark.parametrize("missing", ["role", "session"])
def test_who_scopes_must_be_allowed_to(closed_emulator: Emulator, missing: str) -> None:
    allowed = {"Statement": [READS] if missing == "role" else [READS, SCOPING]}
    arn = role(closed_emulator, "target", allowed)
    session = assumed(closed_emulator, READS, *([] if missing == "session" else [SCOPING]), role_arn=arn)
    sts = closed_emulator.session("sts", session["Credentials"])
    assert "sts:GetScopedCredentials" in refused("AccessDenied", sts.get_scoped_credentials, DurationSeconds=30)


def test_only_a_session_can_be_scoped(closed_emulator: Emulator) -> None:
    refused("AccessDenied", closed_emulator.root("sts").get_scoped_credentials, DurationSeconds=30)
    iam = closed_emulator.root("iam")
    iam.create_user(UserName="user")
    iam.put_user_policy(UserName="user", PolicyName="allows", PolicyDocument=policy(SCOPING))
    key = iam.create_access_key(UserName="user")["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    refused("AccessDenied", closed_emulator.clients("sts", keys).get_scoped_credentials, DurationSeconds=30)


def test_they_end_to_the_second_in_every_service(closed_emulator: Emulator) -> None:
    answer = scoped(closed_emulator, assumed(closed_emulator), DurationSeconds=600)
    ends, name, key = epoch(answer), bucket(closed_emulator), {"id": {"S": "1"}}
    session = lambda service: closed_emulator.session(service, answer["Credentials"])  # noqa: E731
    closed_emulator.root("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    calls = {
        "s3": ("ExpiredToken", lambda s3: s3.get_object(Bucket=name, Key="key")),
        "dynamodb": ("ExpiredTokenException", lambda dynamodb: dynamodb.get_item(TableName="orders", Key=key)),
        "sts": ("ExpiredToken", lambda sts: sts.get_caller_identity()),
        "iam": ("ExpiredToken", lambda iam: iam.list_roles()),
    }
    for service, (code, call) in calls.items():
        client = session(service)
        with arriving(client, ends):
            call(client)
        with arriving(client, ends + 1):
            refused(code, partial(call, client))
    link = session("s3").generate_presigned_url("get_object", {"Bucket": name, "Key": "key"}, ExpiresIn=900)
    for moment, status in ((ends, 200), (ends + 1, 400)):
        headers = {"x-jitney-arrives-at": str(moment)}
        assert httpx.get(link, headers=headers, trust_env=False, timeout=PATIENCE).status_code == status


def account_of(session: dict[str, Any]) -> str:
    return str(session["AssumedRoleUser"]["Arn"].split(":")[4])


@pytest.mark.parametrize(
    "condition",
    [
        lambda session: {"StringEquals": {"aws:userid": session["AssumedRoleUser"]["AssumedRoleId"]}},
        lambda _: {"StringEquals": {"aws:SourceIdentity": "agent-7"}},
        lambda _: {"StringEquals": {"aws:PrincipalTag/grant": "g-1"}},
        lambda session: {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{account_of(session)}:role/target"}},
        lambda _: {"DateLessThanEquals": {"aws:TokenIssueTime": "2099-01-01T00:00:00Z"}},
    ],
    ids=["userid", "source identity", "tag", "arn", "issue time"],
)
def test_end_01_a_denial_of_the_session_reaches_what_was_scoped(closed_emulator: Emulator, condition: Any) -> None:
    arn = role(closed_emulator, "target", document=trust(closed_emulator.account))
    session = assumed(closed_emulator, role_arn=arn)
    answer = scoped(closed_emulator, session, DurationSeconds=600)
    s3, name = closed_emulator.session("s3", answer["Credentials"]), bucket(closed_emulator)
    s3.list_objects_v2(Bucket=name)
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition(session)}
    iam = closed_emulator.root("iam")
    iam.put_role_policy(RoleName="target", PolicyName="denies", PolicyDocument=policy(deny))
    refused("AccessDenied", s3.list_objects_v2, Bucket=name)


def test_expired_sessions(emulator: Emulator) -> None:
    """An ended session gets ExpiredToken, also after other sessions began."""
    ended = emulator.root("sts").get_session_token(DurationSeconds=1)["Credentials"]
    time.sleep(max(0.0, ended["Expiration"].timestamp() + 1.1 - time.time()))
    role(emulator, "target", ALLOW_ALL)
    assumed(emulator, role_arn=f"arn:aws:iam::{emulator.account}:role/target")
    refused("ExpiredToken", emulator.session("sts", ended).get_caller_identity)


def test_no_request_arrives_before_it_does(closed_emulator: Emulator) -> None:
    """The tests' clock goes forward only, so no request outlives an end."""
    ended = closed_emulator.root("sts").get_session_token(DurationSeconds=1)["Credentials"]
    time.sleep(max(0.0, ended["Expiration"].timestamp() + 1.1 - time.time()))
    client = closed_emulator.session("sts", ended)
    with arriving(client, ended["Expiration"].timestamp() - 1):
        refused("ExpiredToken", client.get_caller_identity)
