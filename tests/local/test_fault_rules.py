"""The switch of faults: each fault reaches the clients it names, as AWS or a proxy would send it, and no others."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from local.emulator.faults import PREFIX
from tests.local.gaps.contracts import Emulator
from tests.running_systems import PATIENCE, alone


@contextmanager
def faults(emulator: Emulator, *rules: dict[str, Any]) -> Iterator[httpx.Client]:
    """Set the rules of the emulator, which has one list of them, during the block."""
    with alone("fault rules"), httpx.Client(base_url=emulator.endpoint, timeout=PATIENCE, trust_env=False) as client:
        answer = client.put(PREFIX, json=rules)
        assert answer.status_code == 200, answer.text
        try:
            yield client
        finally:
            client.delete(PREFIX)


@pytest.fixture
def table(closed_emulator: Emulator) -> str:
    name = f"t-{uuid.uuid4()}"
    keys = [{"AttributeName": "pk", "AttributeType": "S"}]
    schema = [{"AttributeName": "pk", "KeyType": "HASH"}]
    dynamodb = closed_emulator.root("dynamodb")
    dynamodb.create_table(TableName=name, AttributeDefinitions=keys, KeySchema=schema, BillingMode="PAY_PER_REQUEST")
    return name


def put(emulator: Emulator, table: str, key: str) -> str:
    """Write an item. Return the error's code, or its class if AWS did not answer."""
    try:
        emulator.root("dynamodb").put_item(TableName=table, Item={"pk": {"S": key}})
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except (BotoCoreError, ResponseParserError) as error:
        return type(error).__name__
    return ""


def keys(emulator: Emulator, table: str) -> set[str]:
    items = emulator.root("dynamodb").scan(TableName=table)["Items"]
    return {item["pk"]["S"] for item in items}


@pytest.mark.parametrize(
    ("rule", "codes", "written"),
    [
        ({"code": "ThrottlingException", "status": 400}, ["ThrottlingException", ""], "b"),
        ({"code": "InternalServerError", "after": True}, ["InternalServerError", ""], "ab"),
        ({"skip": 1, "times": 0}, ["", "InternalFailure"], "a"),
        ({"answer": "page", "status": 502}, ["502", ""], "b"),
        ({"answer": "page", "status": 504, "after": True}, ["504", ""], "ab"),
        ({"answer": "own", "seconds": 0.01}, ["", ""], "ab"),
        ({"body": '"S": "b"'}, ["", "InternalFailure"], "a"),
        ({"operation": "Update*"}, ["", ""], "ab"),
        ({"service": "sts"}, ["", ""], "ab"),
    ],
)
def test_a_fault_reaches_the_calls_it_names(
    closed_emulator: Emulator, table: str, rule: dict[str, Any], codes: list[str], written: str
):
    with faults(closed_emulator, {"service": "dynamodb", "operation": "PutItem", "body": table, **rule}):
        assert [put(closed_emulator, table, key) for key in "ab"] == codes
    assert keys(closed_emulator, table) == set(written)
    assert put(closed_emulator, table, "c") == ""


def test_a_transaction_conflict_has_its_reasons(closed_emulator: Emulator, table: str):
    rule = {"code": "TransactionCanceledException", "status": 400, "reasons": ["None", "TransactionConflict"]}
    items = [{"Put": {"TableName": table, "Item": {"pk": {"S": key}}}} for key in "ab"]
    dynamodb = closed_emulator.root("dynamodb")
    named = {"service": "dynamodb", "operation": "TransactWriteItems", "body": table}
    with faults(closed_emulator, {**named, **rule}), pytest.raises(ClientError) as caught:
        dynamodb.transact_write_items(TransactItems=items)
    assert [each["Code"] for each in caught.value.response["CancellationReasons"]] == rule["reasons"]
    assert keys(closed_emulator, table) == set()


@pytest.mark.parametrize(
    ("service", "operation", "call"),
    [
        ("sts", "GetCallerIdentity", lambda aws: aws.get_caller_identity()),
        ("s3", "GET /", lambda aws: aws.list_buckets()),
        ("ses", "POST /v2/email/list-identities", lambda aws: aws.list_email_identities()),
    ],
)
def test_an_error_is_in_the_protocol_of_its_service(closed_emulator: Emulator, service: str, operation: str, call: Any):
    aws = closed_emulator.root("sesv2" if service == "ses" else service)
    rule = {"service": service, "operation": operation, "code": "Overloaded", "status": 503}
    with faults(closed_emulator, rule) as switch:
        with pytest.raises(ClientError) as caught:
            call(aws)
        report = switch.get(PREFIX).json()
    assert caught.value.response["Error"]["Code"] == "Overloaded"
    assert report["rules"][0]["hits"] == 1
    assert {"service": service, "operation": operation} in report["calls"]


@pytest.mark.parametrize(
    "rule",
    [
        {"service": "sts"},
        {"service": "sts", "operation": "*", "sometimes": 1},
        {"service": "sts", "operation": "*", "answer": "nothing"},
        {"service": "sts", "operation": "*", "answer": "own", "after": True},
    ],
)
def test_a_wrong_rule_is_refused(closed_emulator: Emulator, rule: dict[str, Any]):
    answer = httpx.put(f"{closed_emulator.endpoint}{PREFIX}", json=[rule], timeout=PATIENCE)
    assert answer.status_code == 400
    assert answer.json()["error"]
