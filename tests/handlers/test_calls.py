"""Requests with calls instead of permissions, through the handlers."""

import base64
import json

import pytest

from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from tests.handlers.conftest import REQUEST_BODY, System

READ = "aws s3 cp s3://reports/2026/q3.csv ."
ARN = "arn:aws:s3:::reports/2026/q3.csv"


def asking(*calls):
    return {name: value for name, value in REQUEST_BODY.items() if name != "permissions"} | {"calls": list(calls)}


def test_a_call_gets_a_grant_for_what_it_needs_and_no_more(system: System):
    status, body, _ = system.call(create_grant, asking(READ))
    assert status == 201
    assert body["grant"]["permissions"] == [{"actions": ["s3:GetObject"], "resources": [ARN]}]
    (explained,) = body["explanation"]
    assert (explained["call"], explained["action"], explained["resources"]) == (READ, "s3:GetObject", [ARN])
    assert explained["why"]


def test_aud_01_the_record_has_the_calls_beside_the_permissions(system: System):
    system.call(create_grant, asking(READ))
    system.call(preview_decision, asking(READ))
    for record in system.records():
        assert json.loads(record["detail"])["calls"] == [READ]
        assert record["actions"] == ["s3:GetObject"]


def test_aud_07_a_secret_in_a_call_is_in_no_record_and_no_answer(system: System):
    line = "aws secretsmanager put-secret-value --secret-id db --secret-string canary"
    answers = [system.call(route, asking(line)) for route in (create_grant, preview_decision)]
    assert "canary" not in json.dumps([answers, system.records()])


def test_a_call_that_needs_a_review_is_explained(system: System):
    status, body, _ = system.call(create_grant, asking("aws s3 rm s3://reports/2026/q3.csv"))
    assert status == 202
    assert [each["action"] for each in body["explanation"]] == ["s3:DeleteObject"]


def test_a_denied_call_is_explained(system: System):
    status, body, _ = system.call(create_grant, asking("aws iam create-user --user-name eve"))
    assert (status, body["code"]) == (403, "denied")
    assert [each["action"] for each in body["explanation"]] == ["iam:CreateUser"]


def test_a_dry_run_explains(system: System):
    _, body, _ = system.call(preview_decision, asking({"service": "s3", "operation": "ListBuckets"}, READ))
    assert [each["action"] for each in body["explanation"]] == ["s3:ListAllMyBuckets", "s3:GetObject"]


def test_a_repeated_call_is_answered_the_same(system: System):
    first, again = (system.call(create_grant, asking(READ), Idempotency_Key="k")[1] for _ in range(2))
    assert (again["grant"]["id"], again["explanation"]) == (first["grant"]["id"], first["explanation"])


def test_a_line_that_is_no_call_writes_nothing_but_the_refusal(system: System):
    status, body, _ = system.call(create_grant, asking(READ, "aws s3 ls | sh"))
    assert (status, body["code"], body["pointer"]) == (400, "call_invalid", "/calls/1")
    assert system.outcomes() == [("request", "refused", "call_invalid")]
    assert not system.store.grants


def test_another_accounts_resource_is_refused(system: System):
    line = "aws lambda invoke --function-name arn:aws:lambda:eu-west-1:999999999999:function:f out"
    assert system.call(create_grant, asking(line))[1]["code"] == "account_mismatch"


def test_both_or_neither_is_refused(system: System):
    for asked in (REQUEST_BODY | {"calls": [READ]}, asking(), asking(*[READ] * 21)):
        status, body, _ = system.call(create_grant, asked)
        assert (status, body["code"]) == (400, "request_invalid")
        assert body["errors"][0]["pointer"] == "/calls"


def test_a_key_that_no_policy_can_name_is_refused(system: System):
    assert system.call(create_grant, asking("aws s3 cp 's3://reports/größe' ."))[1]["code"] == "request_invalid"


def test_the_table_is_not_read_for_permissions(system: System):
    system.call(create_grant, REQUEST_BODY)
    assert "explainer" not in vars(system.ports)
    system.call(create_grant, asking(READ))
    assert "explainer" in vars(system.ports)


SECRET = "canary-5Xy12345678ab"
TOKEN = f"IQoJb3JpZ2lu{SECRET.replace('-', 'x')}{'a1' * 200}"
HIDDEN = base64.b64encode(f"password={SECRET}".encode()).decode()
SAID = f"password={SECRET}"
HELD = {
    "value": f"aws rds modify-db-instance --db-instance-identifier d --master-user-password {SECRET}",
    "unknown option": f"aws s3 ls --password={SECRET} --bogus",
    # The beginning of such a token alone does not look like a secret.
    "quoted and cut": f"aws {TOKEN}",
    "unknown command": f"aws ec2 {TOKEN}",
    "unknown word": f"aws s3api list-buckets {TOKEN}",
    "name": f"aws s3 cp s3://reports/token={SECRET}/a .",
    "hidden name": {"service": "s3", "operation": "GetObject", "parameters": {"Bucket": "b", "Key": HIDDEN}},
    "object": {"service": "s3", "operation": "GetObject", "parameters": {"Bucket": "b", "Key": f"token={SECRET}"}},
    "unknown parameter": {"service": "s3", "operation": "GetObject", "parameters": {f"token={SECRET}": "b"}},
    "no object": {"password": SECRET},
    "nested": {
        "service": "ssm",
        "operation": "PutParameter",
        "parameters": {"Name": "n", "Value": f"password={SECRET}"},
    },
}


@pytest.mark.parametrize("place", HELD)
def test_mask_05_no_secret_in_a_call_is_answered_or_written(system: System, place: str):
    answers = [system.call(route, asking(HELD[place])) for route in (create_grant, preview_decision)]
    written = repr([answers, system.records(), system.store.grants, system.store.taken])
    assert "canary-5Xy" not in written
    assert "canaryx5Xy" not in written
    assert HIDDEN not in written


def test_mask_03_a_name_that_only_sounds_like_a_secret_names_its_resource(system: System):
    _, body, _ = system.call(preview_decision, asking("aws apigateway get-api-key --api-key k1x2y3z4"))
    (explained,) = body["explanation"]
    assert explained["resources"] == ["arn:aws:apigateway:eu-west-1::/apikeys/k1x2y3z4"]
