"""In every protocol, an answer that throttles a call frees its key. Any other error does not (row GW 6)."""

import pytest
from botocore.retries.standard import ThrottledRetryableChecker
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.adapters.error_codes import error_code, is_throttled
from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.gateway.throttling import THROTTLING_CODES, was_throttled
from tests.examples import examples

JSON = b'{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"slow"}'
QUERY = b"<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code></Error><RequestId>r</RequestId></ErrorResponse>"
EC2 = b"<Response><Errors><Error><Code>%s</Code></Error></Errors><RequestID>r</RequestID></Response>"
S3 = b"<Error><Code>%s</Code><RequestId>r</RequestId></Error>"
CBOR = b"\xa1\x66__type\x78%c%s"


def answer(protocol: str, status: int, code: str) -> AwsAnswer:
    raw = code.encode()
    if protocol == "rest-json":
        return AwsAnswer(status, {"X-Amzn-ErrorType": f"{code}:http://internal.amazon.com/"}, b"{}")
    if protocol == "smithy-rpc-v2-cbor":
        headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return AwsAnswer(status, headers, CBOR % (len(raw), raw))
    bodies = {"json": JSON, "query": QUERY, "ec2": EC2, "rest-xml": S3}
    return AwsAnswer(status, {}, bodies[protocol] % raw)


PROTOCOLS = ("json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("status", [400, 429, 503])
def test_gw_06_a_throttled_call_did_not_run(protocol: str, status: int):
    found = answer(protocol, status, "ThrottlingException")
    assert error_code(found, protocol) == "ThrottlingException"
    assert is_throttled(found, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ValidationException"),
        (503, "ServiceUnavailable"),
        (500, "InternalError"),
        (500, "ThrottlingException"),  # AWS may have begun
        (502, "EC2ThrottledException"),
        (400, "TransactionInProgressException"),
        (200, "SlowDown"),  # S3 had begun to copy
    ],
)
def test_gw_06_any_other_answer_may_mean_that_the_call_ran(protocol: str, status: int, code: str):
    assert not is_throttled(answer(protocol, status, code), protocol)


def test_gw_06_too_many_requests_are_throttled_even_without_a_code():
    assert is_throttled(AwsAnswer(429, {}, b""), "json")


@pytest.mark.parametrize(("status", "throttled"), [(200, False), (500, False), (403, True), (503, True)])
def test_gw_06_a_code_counts_only_where_the_call_had_not_begun(status: int, *, throttled: bool):
    assert was_throttled(status, "SlowDown") is throttled


def test_gw_06_a_code_in_the_header_of_a_service_with_a_former_protocol_counts():
    headers = {"x-amzn-query-error": "RequestThrottled;Sender"}
    assert is_throttled(AwsAnswer(403, headers, JSON % b"RequestThrottled"), "json")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(max_examples=examples(200))
@given(status=st.sampled_from([400, 403, 409, 500, 503]), body=st.binary(max_size=60), kind=st.text(max_size=20))
def test_gw_06_an_error_that_cannot_be_read_is_no_throttling(protocol: str, status: int, body: bytes, kind: str):
    found = AwsAnswer(status, {"x-amzn-errortype": kind, "content-type": kind}, body)
    assert not is_throttled(found, protocol) or error_code(found, protocol) in THROTTLING_CODES


def test_gw_06_the_codes_are_those_of_botocore_but_two():
    without = {"TransactionInProgressException", "EC2ThrottledException"}
    assert set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) - without == THROTTLING_CODES
