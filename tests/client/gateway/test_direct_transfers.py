"""Large bodies go straight to and from S3, with a ticket (row GW 9)."""

import hashlib
import io
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError

from jitney.client.gateway.call_answers import CallAnswer, CallUnderReview, DirectTicket
from jitney.client.problems import Denied, Unavailable
from tests.client.fake_broker import FakeBroker
from tests.client.gateway.conftest import Served

CALL_ID = "c-abcdefghijklm2"
LARGE = bytes(range(256)) * 32_000  # 8 MB


@pytest.fixture
def s3() -> Iterator[FakeBroker]:
    """A server that stands for S3. It keeps the requests and gives the answers that a test queues."""
    fake = FakeBroker()
    yield fake
    fake.close()


def ticket(s3: FakeBroker, method: str, path: str, **headers: str) -> DirectTicket:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return DirectTicket(method, f"{s3.url}{path}", {"Authorization": "AWS4-HMAC-SHA256 x"} | named, time.time() + 60)


def invoked_as(request: Any, invocation: str) -> None:
    request.headers["amz-sdk-invocation-id"] = invocation


def tickets(served: Served, s3: FakeBroker) -> None:
    """Let the broker answer calls with `direct` with tickets, and others by moto."""

    def instead(call: Mapping[str, Any], _key: str) -> CallAnswer | CallUnderReview | DirectTicket | None:
        if "direct" not in call:
            return None
        direct, parameters = call["direct"], call["parameters"]
        path = f"/{parameters['Bucket']}/{parameters['Key']}"
        if not direct:
            return (
                ticket(s3, "GET", path, Range=parameters["Range"]) if "Range" in parameters else ticket(s3, "GET", path)
            )
        return ticket(
            s3, "PUT", path, Content_Length=str(direct["content_length"]), x_amz_content_sha256=direct["content_sha256"]
        )

    served.broker.instead = instead


def test_gw_09_a_large_upload_is_sent_to_s3_with_the_hash_that_the_ticket_binds(served: Served, s3: FakeBroker):
    tickets(served, s3)
    s3.say("PUT", "/bucket-1/large", 200, b"", ETag='"e"')
    answer = served.client("s3").put_object(Bucket="bucket-1", Key="large", Body=LARGE, Metadata={"a": "b"})
    assert answer["ETag"] == '"e"'
    ((call, _),) = served.broker.calls
    assert call["direct"] == {"content_sha256": hashlib.sha256(LARGE).hexdigest(), "content_length": len(LARGE)}
    assert "Body" not in call["parameters"]
    assert call["parameters"]["Metadata"] == {"a": "b"}
    (asked,) = s3.asked
    assert asked.body == LARGE
    assert asked.headers["x-amz-content-sha256"] == hashlib.sha256(LARGE).hexdigest()
    sent = {name.lower() for name in asked.headers}
    assert sent == {"host", "authorization", "content-length", "x-amz-content-sha256"}


def test_gw_09_a_multipart_upload_of_boto3_goes_through_unnoticed(served: Served, s3: FakeBroker):
    client = served.client("s3")
    client.create_bucket(Bucket="bucket-1", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    tickets(served, s3)
    s3.say("PUT", "/bucket-1/large", 200, b"", ETag='"e"')
    config = TransferConfig(multipart_threshold=5_000_000, multipart_chunksize=8_000_000, max_concurrency=2)
    with pytest.raises(Exception, match="CompleteMultipartUpload"):
        client.upload_fileobj(io.BytesIO(LARGE * 2), "bucket-1", "large", Config=config)
    parts = [call["parameters"]["PartNumber"] for call, _ in served.broker.calls if call["operation"] == "UploadPart"]
    assert sorted(parts) == [1, 2, 3]
    assert sorted(len(each.body) for each in s3.asked) == [384_000, 8_000_000, 8_000_000][-len(s3.asked) :]


def test_gw_09_small_bodies_pass_the_broker(served: Served, s3: FakeBroker):
    client = served.client("s3")
    client.create_bucket(Bucket="bucket-1", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    tickets(served, s3)
    client.put_object(Bucket="bucket-1", Key="small", Body=b"x" * 3_400_000)
    assert len(client.get_object(Bucket="bucket-1", Key="small")["Body"].read()) == 3_400_000
    assert s3.asked == []


def test_gw_09_a_large_range_is_read_from_s3(served: Served, s3: FakeBroker):
    tickets(served, s3)
    s3.say("GET", "/bucket-1/large", 206, LARGE, Content_Range=f"bytes 0-{len(LARGE) - 1}/{len(LARGE)}")
    answer = served.client("s3").get_object(Bucket="bucket-1", Key="large", Range=f"bytes=0-{len(LARGE) - 1}")
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Body"].read()) == (206, LARGE)


def test_gw_09_an_object_that_cannot_be_masked_is_read_again_from_s3(served: Served, s3: FakeBroker):
    tickets(served, s3)
    by_ticket, keys = served.broker.instead, []

    def instead(call: Mapping[str, Any], key: str) -> Any:
        keys.append(key)
        if "direct" not in call:
            raise Unavailable("answer_unmaskable", "t", "The call ran.", "Ask for less.")
        return by_ticket(call, key)

    served.broker.instead = instead
    client = served.client("s3")
    # The keys of these attempts end in each hexadecimal digit.
    attempts = iter([f"attempt-{number}" for number in range(40)])
    client.meta.events.register("before-send", lambda request, **_: invoked_as(request, next(attempts)))
    for number in range(1, 41):
        s3.say("GET", "/bucket-1/large", 200, LARGE)
        assert client.get_object(Bucket="bucket-1", Key="large")["Body"].read() == LARGE
        assert len(set(keys)) == 2 * number


def test_gw_09_without_reveal_a_download_does_not_ask_for_a_ticket(served_masked: Served, s3: FakeBroker):
    tickets(served_masked, s3)
    with pytest.raises(ClientError):
        served_masked.client("s3").get_object(Bucket="bucket-1", Key="large", Range="bytes=0-9999999")
    assert [call for call, _ in served_masked.broker.calls if "direct" in call] == []


def test_gw_09_a_download_that_the_broker_refuses_does_not_ask_for_a_ticket(served: Served, s3: FakeBroker):
    calls = []

    def instead(call: Mapping[str, Any], _key: str) -> CallAnswer:
        calls.append(call)
        raise Denied("call_outside_grant", "t", "The grant does not cover it.", "Request it.")

    served.broker.instead = instead
    with pytest.raises(ClientError, match="CallOutsideGrant"):
        served.client("s3").get_object(Bucket="bucket-1", Key="small")
    assert (["direct" in call for call in calls], s3.asked) == ([False], [])


def test_gw_09_a_ticket_and_an_answer_are_not_confused(served: Served, s3: FakeBroker):
    """A broker that answers with the other one has a fault, and nothing is transferred."""
    served.broker.instead = lambda _call, _key: ticket(s3, "GET", "/bucket-1/small")
    with pytest.raises(ClientError, match="endpoint raised TypeError"):
        served.client("s3", retries={"total_max_attempts": 1}).get_object(Bucket="bucket-1", Key="small")
    served.broker.instead = lambda _call, _key: CallAnswer(CALL_ID, 200, {}, b"")
    with pytest.raises(ClientError, match="endpoint raised TypeError"):
        served.client("s3", retries={"total_max_attempts": 1}).put_object(Bucket="bucket-1", Key="large", Body=LARGE)
    assert s3.asked == []


def test_gw_09_what_s3_refuses_arrives_as_it_is(served: Served, s3: FakeBroker):
    tickets(served, s3)
    s3.say("PUT", "/bucket-1/large", 403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
    with pytest.raises(ClientError, match="AccessDenied"):
        served.client("s3").put_object(Bucket="bucket-1", Key="large", Body=LARGE)
    assert len(s3.asked) == 1


def test_gw_09_a_failed_transfer_is_repeated_with_the_same_ticket(served: Served, s3: FakeBroker):
    tickets(served, s3)
    s3.hang_up("PUT", "/bucket-1/large")
    s3.say("PUT", "/bucket-1/large", 503, b"<Error><Code>SlowDown</Code></Error>")
    s3.say("PUT", "/bucket-1/large", 200, b"", ETag='"e"')
    served.client("s3").put_object(Bucket="bucket-1", Key="large", Body=LARGE)
    assert (len(served.broker.calls), len(s3.asked)) == (1, 3)
    assert {each.body for each in s3.asked} == {LARGE}


def test_gw_09_a_transfer_that_cannot_be_made_is_not_retried_by_the_sdk(served: Served, s3: FakeBroker):
    tickets(served, s3)
    s3.hang_up("PUT", "/bucket-1/large")
    with pytest.raises(ClientError) as caught:
        served.client("s3", retries={"mode": "standard"}).put_object(Bucket="bucket-1", Key="large", Body=LARGE)
    assert caught.value.response["Error"]["Code"] == "JitneyTransferFailed"
    assert len(served.broker.calls) == 1


def test_gw_09_a_cut_download_is_a_cut_download(served: Served, s3: FakeBroker):
    tickets(served, s3)
    s3.say("GET", "/bucket-1/large", 200, b"short", Content_Length=str(len(LARGE)))
    body = served.client("s3").get_object(Bucket="bucket-1", Key="large", Range="bytes=0-9999999")["Body"]
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        body.read()


def test_gw_09_a_denied_ticket_is_the_brokers_refusal(served: Served, s3: FakeBroker):
    def deny(_call: Mapping[str, Any], _key: str) -> None:
        raise Denied("call_outside_grant", "t", "Detail.", "Fix.")

    served.broker.instead = deny
    with pytest.raises(ClientError, match="JitneyCallOutsideGrant"):
        served.client("s3").put_object(Bucket="bucket-1", Key="large", Body=LARGE)
    assert s3.asked == []


def test_gw_12_an_upload_above_the_endpoints_memory_is_refused(served: Served):
    with pytest.raises(ClientError) as caught:
        served.client("s3").put_object(Bucket="bucket-1", Key="large", Body=b"x" * 64_000_001)
    assert caught.value.response["Error"]["Code"] == "JitneyCallTooLarge"
    assert served.broker.calls == []
