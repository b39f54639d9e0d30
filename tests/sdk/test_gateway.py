"""boto3 through the gateway without a socket: the calls that the local endpoint makes, with moto behind the broker."""

import datetime as dt
import io
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import jitney
from jitney.client.api.broker_clock import BrokerClock
from jitney.client.gateway.call_answers import CallAnswer
from jitney.client.gateway.calling import CallSender
from jitney.client.problems import Denied, Revoked, Unavailable
from jitney.sdk.boto3_sessions import PLACEHOLDER
from tests.client.fake_broker import FakeBroker
from tests.client.gateway.aws_behind import CALL_ID
from tests.client.gateway.test_direct_transfers import ticket
from tests.sdk.gateway_broker import CALL_REVIEW, GatewayBroker, gateway_session

BUCKET = {"LocationConstraint": "eu-west-1"}


@pytest.fixture
def behind() -> GatewayBroker:
    return GatewayBroker()


@pytest.fixture
def session(home: Any, aws: None, behind: GatewayBroker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A session whose grant reveals. It can open no connection."""
    monkeypatch.setattr(socket, "create_connection", refuse)
    with gateway_session(behind, reveal=True) as opened:
        yield opened


def refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("a connection was opened")


def test_gw_01_the_session_has_no_key_and_sends_parameters(session: Any, behind: GatewayBroker):
    keys = session.get_credentials().get_frozen_credentials()
    assert (keys.access_key, keys.secret_key, keys.token) == (PLACEHOLDER, PLACEHOLDER, None)
    session.client("s3").create_bucket(Bucket="reports", CreateBucketConfiguration=BUCKET)
    call, _ = behind.calls[-1]
    assert call == {
        "grant": session.grant.id,
        "service": "s3",
        "operation": "CreateBucket",
        "region": "eu-west-1",
        "parameters": {"Bucket": "reports", "CreateBucketConfiguration": BUCKET},
    }


def test_gw_06_s3_works_with_bodies_files_pages_and_waiters(session: Any, behind: GatewayBroker, tmp_path: Any):
    s3 = session.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration=BUCKET)
    s3.get_waiter("bucket_exists").wait(Bucket="reports")
    keys = ["plain.txt", "a/b//c d+e%20.txt", "/leading", "grüße/☃", "trailing/", "dots/.../x"]
    for key in keys:
        s3.put_object(Bucket="reports", Key=key, Body=key.encode(), Metadata={"note": "x y"}, ContentType="text/plain")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="reports", PaginationConfig={"PageSize": 2})
    assert sorted(each["Key"] for page in pages for each in page["Contents"]) == sorted(keys)
    for key in keys:
        answer = s3.get_object(Bucket="reports", Key=key)
        read = (answer["Body"].read(), answer["Metadata"], answer["ContentType"])
        assert read == (key.encode(), {"note": "x y"}, "text/plain")
    assert s3.head_object(Bucket="reports", Key="plain.txt")["ContentLength"] == len("plain.txt")
    s3.copy_object(Bucket="reports", Key="copy", CopySource={"Bucket": "reports", "Key": "a/b//c d+e%20.txt"})
    assert s3.get_object(Bucket="reports", Key="copy", Range="bytes=0-2")["Body"].read() == b"a/b"
    s3.put_object(Bucket="reports", Key="text", Body="grüße")
    assert list(s3.get_object(Bucket="reports", Key="text")["Body"].iter_lines()) == ["grüße".encode()]
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    s3.upload_file(str(tmp_path / "file"), "reports", "file")
    s3.upload_fileobj(io.BytesIO(b"y" * 10), "reports", "object")
    s3.download_file("reports", "file", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"x" * 100_000
    s3.delete_objects(Bucket="reports", Delete={"Objects": [{"Key": key} for key in keys]})
    assert sorted(each["Key"] for each in s3.list_objects_v2(Bucket="reports")["Contents"]) == [
        "copy",
        "file",
        "object",
        "text",
    ]
    assert {"s3:CopyObject", "s3:DeleteObjects"} <= set(behind.sent)


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_gw_02_no_setting_of_the_client_changes_what_is_sent(session: Any, behind: GatewayBroker, style: str):
    config = Config(
        s3={"addressing_style": style, "use_dualstack_endpoint": True}, request_checksum_calculation="when_supported"
    )
    s3 = session.client("s3", endpoint_url="https://attacker.example.com" if style == "path" else None, config=config)
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration=BUCKET)
    s3.put_object(Bucket="reports", Key="k", Body=b"content")
    parameters = behind.calls[-1][0]["parameters"]
    assert (parameters["Bucket"], parameters["Key"], parameters["Body"]) == ("reports", "k", "Y29udGVudA==")


def test_gw_06_errors_of_aws_arrive_as_they_are(session: Any, behind: GatewayBroker):
    with pytest.raises(ClientError) as caught:
        session.client("s3").get_object(Bucket="no-such-bucket", Key="k")
    assert caught.value.response["Error"]["Code"] == "NoSuchBucket"
    dynamodb = session.client("dynamodb")
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.describe_table(TableName="missing")
    assert len(behind.calls) == 2


def test_gw_06_every_protocol_works(session: Any):
    table = session.resource("dynamodb").create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.put_item(Item={"id": "1", "blob": b"\x00\xff", "none": None, "number": 3})
    found = table.get_item(Key={"id": "1"})["Item"]
    assert (found["blob"].value, found["none"], found["number"]) == (b"\x00\xff", None, 3)
    iam = session.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust, Tags=[{"Key": "a b", "Value": "c&d"}])
    assert iam.get_role(RoleName="worker")["Role"]["Tags"] == [{"Key": "a b", "Value": "c&d"}]
    reserved = session.client("ec2").allocate_address(Domain="vpc", TagSpecifications=[])
    assert reserved["PublicIp"]
    assert session.client("lambda").list_functions(MaxItems=1)["Functions"] == []
    sqs = session.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"
    now = dt.datetime.now(dt.UTC)
    statistics = {"StartTime": now - dt.timedelta(hours=1), "EndTime": now, "Period": 60, "Statistics": ["Sum"]}
    cloudwatch = session.client("cloudwatch")
    assert cloudwatch.get_metric_statistics(Namespace="n", MetricName="m", **statistics)["Datapoints"] == []
    assert session.client("sts").get_caller_identity()["Account"] == "123456789012"


@pytest.mark.parametrize("kind", [Denied, Revoked])
def test_gw_03_a_refusal_is_the_problem_and_is_not_repeated(session: Any, behind: GatewayBroker, kind: type[Denied]):
    def refuse_call(*_: Any) -> None:
        raise kind("call_outside_grant", "Outside", "s3:DeleteBucket is not granted.", "Ask.", {"smallest_request": {}})

    behind.instead = refuse_call
    with pytest.raises(kind) as refused:
        session.client("s3").delete_bucket(Bucket="reports")
    assert refused.value.extras == {"smallest_request": {}}
    assert len(behind.calls) == 1


def test_gw_06_a_call_without_an_answer_may_have_run(session: Any, behind: GatewayBroker):
    def lose(*_: Any) -> None:
        raise Unavailable("no_response", "No answer", "https://jitney did not answer.", "Try again.")

    behind.instead = lose
    with pytest.raises(jitney.Invalid, match="may have run") as lost:
        session.client("sqs").send_message(
            QueueUrl="https://sqs.eu-west-1.amazonaws.com/123456789012/q", MessageBody="m"
        )
    assert lost.value.code == "call_may_have_run"
    assert len(behind.calls) == 1


def test_gw_06_attempts_of_botocore_have_the_same_key(session: Any, behind: GatewayBroker, monkeypatch: Any):
    monkeypatch.setattr("time.sleep", lambda _: None)
    behind.instead = lambda call, key: (
        answer(503, b"<Error><Code>SlowDown</Code></Error>") if len(behind.calls) < 3 else None
    )
    session.client("s3").list_buckets()
    assert len({key for _, key in behind.calls}) == 1
    session.client("s3").list_buckets()
    assert len(behind.calls) == 4
    assert len({key for _, key in behind.calls}) == 2


def test_gw_06_attempts_of_botocore_name_the_grant_of_the_first(session: Any, behind: GatewayBroker, monkeypatch: Any):
    """The grant is continued by another one meanwhile. The broker refuses a key that is used with another grant."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    first = session.grant
    following = replace(first, id="g-abcdefghijklm3")
    monkeypatch.setattr(session._opened, "grant", lambda: following if behind.calls else first)
    behind.instead = lambda call, key: (
        answer(503, b"<Error><Code>SlowDown</Code></Error>") if len(behind.calls) < 3 else None
    )
    session.client("s3").list_buckets()
    session.client("s3").list_buckets()
    assert [call["grant"] for call, _ in behind.calls] == [*[first.id] * 3, following.id]


def answer(status: int, body: bytes) -> Any:
    return CallAnswer(CALL_ID, status, {"content-type": "application/xml"}, body)


def test_rev_16_a_reviewed_call_is_waited_for(home: Any, aws: None, behind: GatewayBroker, monkeypatch: Any):
    monkeypatch.setattr(CallSender, "_wait", lambda self, seconds, connected: None)
    seen: list[jitney.ReviewPending] = []
    behind.instead = lambda call, key: CALL_REVIEW if len(behind.calls) < 3 else None
    with gateway_session(behind, on_pending=seen.append) as session:
        session.client("s3").create_bucket(Bucket="reports", CreateBucketConfiguration=BUCKET)
    assert len(seen) == 1
    assert len({key for _, key in behind.calls}) == 1


def test_rev_16_a_program_that_does_not_wait_repeats_the_reviewed_call(home: Any, aws: None, behind: GatewayBroker):
    behind.instead = lambda call, key: CALL_REVIEW if len(behind.calls) < 3 else None
    with gateway_session(behind, wait=0, on_pending=lambda _: None) as session:
        s3 = session.client("s3")
        for _ in range(2):
            with pytest.raises(jitney.ReviewPending, match="data-owners"):
                s3.create_bucket(Bucket="reports", CreateBucketConfiguration=BUCKET)
        s3.create_bucket(Bucket="reports", CreateBucketConfiguration=BUCKET)
        s3.create_bucket(Bucket="others", CreateBucketConfiguration=BUCKET)
    keys = [key for _, key in behind.calls]
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]


def test_gw_11_what_the_gateway_does_not_do_is_refused_by_name(session: Any, behind: GatewayBroker):
    s3 = session.client("s3")
    with pytest.raises(jitney.Invalid, match="signs no URL"):
        s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    with pytest.raises(jitney.Invalid, match="signs no URL"):
        s3.generate_presigned_post("b", "k")
    with pytest.raises(jitney.Invalid, match="signs no URL"):
        session.client("rds").generate_db_auth_token("h", 5432, "u")
    with pytest.raises(jitney.Invalid, match="does not support"):
        session.client("logs").start_live_tail(logGroupIdentifiers=["arn:aws:logs:eu-west-1:123456789012:log-group:g"])
    assert not behind.sent


def test_gw_11_a_presigned_url_that_ec2_does_not_need_is_left_out(session: Any, behind: GatewayBroker):
    with pytest.raises(ClientError):
        session.client("ec2").copy_snapshot(SourceRegion="eu-central-1", SourceSnapshotId="snap-0123456789abcdef0")
    call, _ = behind.calls[-1]
    assert set(call["parameters"]) == {"SourceRegion", "SourceSnapshotId"}


def test_gw_12_a_file_that_is_too_large_is_refused_before_it_is_sent(session: Any, behind: GatewayBroker):
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert 0 < size < 100_000_000
            return bytes(size)

    with pytest.raises(jitney.Invalid, match="more than") as refused:
        session.client("s3").put_object(Bucket="reports", Key="k", Body=Endless())
    assert refused.value.code == "call_too_large"
    assert not behind.calls


def test_gw_09_large_bodies_go_to_s3_by_ticket(home: Any, aws: None, behind: GatewayBroker):
    s3, large = FakeBroker(), bytes(range(256)) * 32_000
    tickets = {
        "PutObject": ticket(s3, "PUT", "/reports/k", Content_Length=str(len(large))),
        "GetObject": ticket(s3, "GET", "/reports/k"),
    }
    behind.instead = lambda call, key: tickets[call["operation"]]
    s3.say("PUT", "/reports/k", 200, b"", ETag='"e"')
    s3.say("GET", "/reports/k", 206, large)
    with gateway_session(behind, reveal=True) as session:
        client = session.client("s3")
        assert client.put_object(Bucket="reports", Key="k", Body=io.BytesIO(large))["ETag"] == '"e"'
        read = client.get_object(Bucket="reports", Key="k", Range=f"bytes=0-{len(large) - 1}")
        assert read["Body"].read() == large
    put, get = s3.asked
    assert put.body == large
    assert not get.body
    assert ["Body" in call["parameters"] for call, _ in behind.calls] == [False, False]
    assert {PLACEHOLDER in str(each.headers) for each in s3.asked} == {False}
    s3.close()


def test_gw_09_a_ticket_ends_by_the_clock_of_the_broker(
    home: Any, aws: None, behind: GatewayBroker, monkeypatch: pytest.MonkeyPatch
):
    """A machine an hour ahead repeats a failed transfer, too."""
    s3 = FakeBroker()
    monkeypatch.setattr(BrokerClock, "now", lambda _: time.time() - 3600)
    upload = ticket(s3, "PUT", "/reports/k", Content_Length="8192000")
    behind.instead = lambda _call, _key: replace(upload, expires_at=time.time() - 3540)
    s3.say("PUT", "/reports/k", 503, b"<Error><Code>SlowDown</Code></Error>")
    s3.say("PUT", "/reports/k", 200, b"", ETag='"e"')
    with gateway_session(behind) as session:
        answer = session.client("s3").put_object(Bucket="reports", Key="k", Body=bytes(8_192_000))
    assert (answer["ETag"], len(s3.asked), len(behind.calls)) == ('"e"', 2, 1)
    s3.close()


def test_gw_01_after_the_end_no_call_is_sent(session: Any, behind: GatewayBroker):
    s3 = session.client("s3")
    session._opened.close()
    with pytest.raises(jitney.GrantEnded):
        s3.list_buckets()
    assert not behind.calls
    assert len(behind.released) == 1


def test_gw_01_parallel_calls_are_not_mixed_up(session: Any, behind: GatewayBroker):
    s3 = session.client("s3")
    s3.create_bucket(Bucket="reports", CreateBucketConfiguration=BUCKET)
    names = [str(number) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: s3.put_object(Bucket="reports", Key=name, Body=name.encode()), names))
        read = pool.map(lambda name: s3.get_object(Bucket="reports", Key=name)["Body"].read().decode(), names)
        assert list(read) == names
