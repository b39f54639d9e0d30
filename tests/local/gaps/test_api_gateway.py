"""API Gateway: one contract test for each gap, named after the function that closes it."""

import uuid

import httpx
import pytest

from local.settings import ACCOUNT, REGION
from tests.local.gaps.contracts import Emulator, deploy, function, rest_api

pytestmark = pytest.mark.slow

INTERNAL = '{"message": "Internal server error"}'


def api(
    emulator: Emulator,
    source: str,
    *,
    permitted: bool = True,
    account: str = "",
    alias: str = "",
    permitted_alias: bool = True,
) -> str:
    """Return the URL of a REST API with a function of this source, or with its `alias`.

    Its account is the one for which the bare emulator serves requests without credentials. So its names are unique.
    """
    emulator.account = account or ACCOUNT
    arn = function(emulator, f"behind-{uuid.uuid4().hex}", "handler", source)
    permitted_arn = arn
    if alias:
        functions = emulator.root("lambda")
        version = functions.publish_version(FunctionName=arn)["Version"]
        arn = functions.create_alias(FunctionName=arn, Name=alias, FunctionVersion=version)["AliasArn"]
        permitted_arn = arn if permitted_alias else permitted_arn
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    proxy = {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri}
    source_arn = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/live/GET/thing/*"}
    permission = {
        "FunctionName": permitted_arn,
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
    allowed, too_large = (http.request("GET", url, content=bytes(size)) for size in (1_000_000, 10_500_000))
    assert allowed.status_code == 200
    assert (too_large.status_code, too_large.text) == (413, '{"message":"Request Too Long"}')
    short, long = (http.get(url, headers={"Authorization": "x" * size}) for size in (9_000, 10_240))
    assert (short.status_code, long.status_code) == (200, 413)


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


def test_address_that_was_asked(emulator: Emulator, http: httpx.Client) -> None:
    source = (
        "def handler(event, context):\n"
        "    asked = event['requestContext']\n"
        "    return {'statusCode': 200, 'body': 'http://' + asked.get('domainName', '') + asked['path']}\n"
    )
    url = api(emulator, source)
    assert http.get(url, params={"a": "b"}).text == url


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
    assert http.get(api(emulator, source, alias="live")).text == "in"
    answer = http.get(api(emulator, source, alias="live", permitted_alias=False))
    assert (answer.status_code, answer.text) == (500, INTERNAL)
