"""Hostile calls of POST /v1/calls by families. Nothing may be sent to AWS for any of them.

Each is one change of a call in `PLAIN`, which its grant covers and policies allow: without its hostile part it would
be sent.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jitney.core.gateway.call_request import MAX_CALL_BYTES
from tests.core.gateway.test_call_request import REFUSED

TABLE, QUEUE = "arn:aws:dynamodb:eu-west-1:444455556666:table/orders", "arn:aws:sqs:eu-west-1:444455556666:jobs"
TOPIC, INSTANCE = "arn:aws:sns:eu-west-1:444455556666:news", "arn:aws:ec2:eu-west-1:444455556666:instance/i-1"
FUNCTION, ROLE = "arn:aws:lambda:eu-west-1:444455556666:function:app", "arn:aws:iam::444455556666:role/worker"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/444455556666/jobs"
PERMISSIONS = [
    {"actions": ["s3:GetObject", "s3:PutObject"], "resources": ["arn:aws:s3:::reports/2026/a"]},
    {"actions": ["dynamodb:PutItem", "dynamodb:Query"], "resources": [TABLE]},
    {"actions": ["sqs:SendMessage"], "resources": [QUEUE]},
    {"actions": ["sns:Publish"], "resources": [TOPIC]},
    {"actions": ["ec2:StopInstances"], "resources": [INSTANCE]},
    {"actions": ["lambda:InvokeFunction"], "resources": [FUNCTION]},
    {"actions": ["iam:GetRole"], "resources": [ROLE]},
]
ITEM = {"id": {"S": "o-1"}}
PLAIN: Mapping[str, dict[str, Any]] = {
    "get": {"service": "s3", "operation": "GetObject", "parameters": {"Bucket": "reports", "Key": "2026/a"}},
    "put": {
        "service": "s3",
        "operation": "PutObject",
        "parameters": {"Bucket": "reports", "Key": "2026/a", "Body": "NDI="},
    },
    "item": {"service": "dynamodb", "operation": "PutItem", "parameters": {"TableName": "orders", "Item": ITEM}},
    "query": {
        "service": "dynamodb",
        "operation": "Query",
        "parameters": {
            "TableName": "orders",
            "KeyConditionExpression": "id = :i",
            "ExpressionAttributeValues": {":i": {"S": "o-1"}},
        },
    },
    "message": {
        "service": "sqs",
        "operation": "SendMessage",
        "parameters": {"QueueUrl": QUEUE_URL, "MessageBody": "run"},
    },
    "notice": {"service": "sns", "operation": "Publish", "parameters": {"TopicArn": TOPIC, "Message": "run"}},
    "stop": {"service": "ec2", "operation": "StopInstances", "parameters": {"InstanceIds": ["i-1"]}},
    "invoke": {"service": "lambda", "operation": "Invoke", "parameters": {"FunctionName": "app"}},
    "role": {"service": "iam", "operation": "GetRole", "parameters": {"RoleName": "worker"}},
}


def text(call: str = "get", **members: Any) -> str:
    """Return the body of a call with other members."""
    return json.dumps({"grant": "GRANT", **PLAIN[call], **members})


def with_(call: str, **parameters: Any) -> str:
    """Return the body of a call with other parameters."""
    return text(call, parameters=PLAIN[call]["parameters"] | parameters)


def nested(levels: int, value: Any = 1) -> Any:
    """Return lists in lists."""
    for _ in range(levels):
        value = [value]
    return value


def attribute(levels: int) -> Any:
    """Return a list of DynamoDB in lists."""
    value: Any = {"S": "x"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


def _texts() -> Iterator[tuple[str, str]]:
    """What is no JSON, or what parsers read differently."""
    good = text()
    yield from {
        "nothing": "",
        "null": "null",
        "a number": "7",
        "a text": '"call"',
        "a list": f"[{good}]",
        "cut": good[:-1],
        "more behind it": f"{good}{good}",
        "a comment": f"/* */{good}",
        "quotes of Python": good.replace('"', "'"),
        "a comma at the end": f"{good[:-1]},}}",
        "a byte order mark": f"\ufeff{good}",
        "a null character": f"{good}\0",
        "half a surrogate": text(operation="\ud800"),
        "the grant twice": f'{{"grant":"g-bbbbbbbbbbbbbb",{good[1:]}',
        "parameters twice": f'{{"parameters":{{"Bucket":"reports","Key":"2026/a"}},{good[1:]}',
        "a parameter twice": good.replace('"Bucket"', '"Key":"other","Bucket"'),
        "a parameter twice by an escape": good.replace('"Bucket"', '"\\u004bey":"other","Bucket"'),
        "a name within a value twice": with_("item").replace('"S"', '"N":"1","N":"2","S"'),
        "not a number": with_("query", Limit=float("nan")),
        "infinity": with_("query", Limit=float("inf")),
        "a number without an end": with_("query", Limit=1).replace(": 1}", ": 1e999}"),
        "a number of 10,000 digits": with_("query", Limit=1).replace(": 1}", ": " + "9" * 10_000 + "}"),
        "deep lists": "[" * 100_000,
        "deep objects": '{"a":' * 100_000,
        "deep within a parameter": good.replace('"2026/a"', "[" * 50_000 + "]" * 50_000),
        "too large": text(operation="x" * MAX_CALL_BYTES),
    }.items()


def _members() -> Iterator[tuple[str, str]]:
    """Members that are missing, unknown or of another type."""
    for name, (body, _, _) in REFUSED.items():
        yield name, json.dumps(body)
    wrong: dict[str, tuple[Any, ...]] = {
        "grant": (1, True, [], {}, "", "g-", "../g-aaaaaaaaaaaaaa", "G-aaaaaaaaaaaaaa"),
        "service": (None, 1, True, {}, "", " ", "s3\0"),
        "operation": (None, 1, False, [], "", "x" * 129),
        "region": (1, [], {}, True),
        "parameters": (1, True, [], "Bucket=reports"),
        "direct": (None, 1, True, [], "{}", {"content_sha256": "x"}, {"url": "https://evil.example"}),
    }
    for name, values in wrong.items():
        for value in values:
            yield f"{name} {str(value)[:30]!a}", text(**{name: value})
    for name in ("url", "host", "headers", "credentials", "role_arn", "account", "method", "path", "body", "__proto__"):
        yield f"another member {name}", text(**{name: "x"})


def _names() -> Iterator[tuple[str, str]]:
    """Services and operations that do not exist, or that the gateway does not make."""
    for name in (
        "S3",
        "s3 ",
        " s3",
        "s3/../iam",
        "s3api",
        "amazons3",
        "ｓ3",
        "dynamodb\n",
        "..",
        "o GetObject",
        "%73%33",
    ):
        yield f"service {name!a}", text(service=name)
    for name in (
        "getobject",
        "get_object",
        "GetObject ",
        "GetObject;DeleteObject",
        "GetObjеct",
        "__class__",
        "s3:GetObject",
    ):
        yield f"operation {name!a}", text(operation=name)
    arn = {"RoleArn": ROLE, "RoleSessionName": "x"}
    for service, operation, parameters in (
        ("sts", "AssumeRole", arn),
        ("sts", "GetSessionToken", {}),
        ("sts", "GetFederationToken", {"Name": "x"}),
        ("sts", "AssumeRoleWithWebIdentity", arn | {"WebIdentityToken": "x" * 8}),
        ("cognito-identity", "GetCredentialsForIdentity", {"IdentityId": "eu-west-1:x"}),
        ("bedrock-runtime", "ConverseStream", {"modelId": "m", "messages": []}),
        ("logs", "StartLiveTail", {"logGroupIdentifiers": ["g"]}),
    ):  # fmt: skip
        call = {"service": service, "operation": operation, "parameters": parameters}
        yield f"{service} {operation}", text(**call)


def _regions() -> Iterator[tuple[str, str]]:
    """Regions that would be part of another host name."""
    for region in (
        "eu-west-1.evil.example", "evil.example/", "evil.example#", "evil.example?", "eu-west-1@evil.example", "..",
        "127.0.0.1", "[::1]", "localhost", "eu-west-1:443", "eu-west-1\r\nHost: evil", "EU-WEST-1", "eu-west-1 ", "*",
        "cn-north-1", "us-gov-west-1", "aws-global", "eu\u2011west\u20111", "eu-west-1%2f", "a" * 200,
    ):  # fmt: skip
        yield f"{region[:30]!a}", text(region=region)


def _types() -> Iterator[tuple[str, str]]:
    """Parameters of another type than the model's, and unknown ones."""
    for call in PLAIN:
        yield f"{call}, unknown", with_(call, Unknown=1)
        for name in list(PLAIN[call]["parameters"])[:1]:
            for value in (None, 7, True, {"a": "b"}):
                yield f"{call}, {name} {value}", with_(call, **{name: value})
    for value in (True, "7", 1.5, 2**31, -(2**40)):
        yield f"integer {value}", with_("query", Limit=value)
    for value in ("%%%", "YQ", "YQ==\n", " YQ==", "é", [1], "YQ==YQ=="):
        yield f"bytes {value!a}", with_("put", Body=value)
    for value in ("yesterday", "2026-11-24T12:05:00", True, 10**15):
        yield f"time {value}", with_("get", IfModifiedSince=value)
    yield "a name in another case", with_("get", key="2026/a")
    yield "two values of a union", with_("item", Item={"id": {"S": "a", "X": "1"}})


def _injections() -> Iterator[tuple[str, str]]:
    """Values that would be another header, path, query, form field or XML."""
    for value in ("a\r\nX-Amz-Acl: public-read", "a\nb", "a\0b", "ü", " a", "a\x7f"):
        yield f"header {value!a}", with_("put", ContentType=value)
        yield f"metadata {value!a}", with_("put", Metadata={"owner": value})
    for name in ("a b", "a:", "a\r\nX", "", "ü"):
        yield f"metadata's name {name!a}", with_("put", Metadata={name: "x"})
    yield "metadata twice", with_("put", Metadata={"owner": "x", "Owner": "y"})
    for bucket in ("", "..", "reports/2026", "reports?acl", "reports#", "evil.example/", "a/../reports", "reports\r\n"):
        yield f"bucket {bucket!a}", with_("get", Bucket=bucket)
    yield "an access point", with_("get", Bucket="arn:aws:s3:eu-west-1:444455556666:accesspoint/x")
    yield "an access point in another account", with_("put", Bucket="arn:aws:s3:eu-west-1:999999999999:accesspoint/x")
    for key in ("", ".", "..", "../2026/a", "2026/../a", "2026/a/..", "2026/./b", "2026//a", "/2026/a", "2026%2fa"):
        yield f"key {key!a}", with_("get", Key=key)
    for key in ("2026/a\0", "2026/a?acl", "2026/a#", "2026/a ", "2026/A", "2026/a*", "2026/\u0430"):
        yield f"key {key!a}", with_("put", Key=key)
    yield "an empty list in a form", with_("stop", InstanceIds=[])
    yield "another instance", with_("stop", InstanceIds=["i-1", "i-2"])
    yield "a pattern", with_("stop", InstanceIds=["*"])


def _hosts() -> Iterator[tuple[str, str]]:
    """Values that would choose another host, account or resource than the grant's."""
    for url in (
        "file:///etc/passwd",
        "https://sqs.eu-west-1.amazonaws.com/999999999999/jobs", "https://sqs.eu-west-1.amazonaws.com@evil.example/4/j",
        "https://sqs.eu-west-1.amazonaws.com/444455556666/jobs/../other", "jobs", "", QUEUE_URL + "?x=1",
    ):  # fmt: skip
        yield f"queue {url[:60]!a}", with_("message", QueueUrl=url)
    for name in (
        "other", "arn:aws:lambda:eu-west-1:999999999999:function:app", "999999999999:function:app",
        "../app", "app/../x", "arn:aws:lambda:us-east-1:444455556666:function:app", "app?Qualifier=x", "",
    ):  # fmt: skip
        yield f"function {name!a}", with_("invoke", FunctionName=name)
    for topic in (TOPIC.replace("4444", "9999"), TOPIC + ":x", TOPIC + "*", "news"):
        yield f"topic {topic!a}", with_("notice", TopicArn=topic)
    for table in (TABLE.replace("4444", "9999"), "order*", "Orders", "orders/index/x", "orders\0"):
        yield f"table {table!a}", with_("item", TableName=table)
    for role in ("*", "admin", "worker/../admin", "path/worker", ""):
        yield f"role {role!a}", with_("role", RoleName=role)


def _sizes() -> Iterator[tuple[str, str]]:
    """Calls that would take long or much memory."""
    yield "a deep attribute", with_("item", Item={"id": attribute(200)})
    yield "a deep list", with_("item", Item={"id": {"L": nested(500)}})
    yield "many unknown members", with_("get", **{f"M{number}": 1 for number in range(25_000)})
    yield "many wrong values", with_("stop", InstanceIds=[1] * 75_000)
    yield "many instances", with_("stop", InstanceIds=[f"i-{number}" for number in range(25_000)])
    yield "a long key", with_("get", Key="a" * 1_000_000)
    yield "a long unknown name", with_("get", **{"U" * 1_000_000: 1})
    yield "many stars", with_("get", Key="*a" * 200_000)
    yield "a long bucket", with_("get", Bucket="a-" * 500_000)
    yield "base64 without an end", with_("put", Body="A" * 1_000_001)
    yield "a long number", with_("query", Limit="1" * 1_000_000)
    yield "a long time", with_("get", IfModifiedSince="1" * 1_000_000)


OTHER_HOSTS = (
    "https://evil.example/444455556666/jobs",
    "http://169.254.169.254/444455556666/jobs",
    "https://sqs.us-east-1.amazonaws.com/444455556666/jobs",
    "https://sqs.eu-west-1.amazonaws.com.evil/444455556666/jobs",
)
"""Addresses of the grant's queue at other hosts. AWS reads only the account and the name in them."""
FAMILIES = {
    "text": _texts, "member": _members, "name": _names, "region": _regions, "type": _types, "injection": _injections,
    "host": _hosts, "size": _sizes,
}  # fmt: skip
HOSTILE: Mapping[str, str] = {f"{family}: {name}": body for family, cases in FAMILIES.items() for name, body in cases()}
