"""No other process uses the agent's authority through the endpoint (row GW 13)."""

import contextlib
import http.client
import socket
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from jitney.client.gateway.received import ReceivedRequest
from jitney.client.gateway.signature import MAX_SKEW_SECONDS, PlaceholderKeys, SignatureCheck
from jitney.client.problems import ClientProblem
from tests.client.gateway.conftest import Served
from tests.client.gateway.generated_calls import KEYS, received, sent


def refusal(request: Any, now: float = 0) -> str:
    """Return the code of the problem that a request is refused with, or "". `now` is the present unless it is given."""
    check = SignatureCheck(KEYS, lambda: now or time.time())
    try:
        check.scope(request)
        check.verify(request)
    except ClientProblem as problem:
        return problem.code
    return ""


@pytest.fixture
def good() -> Any:
    return received(sent("s3", "PutObject", {"Bucket": "bucket-1", "Key": "k", "Body": b"content"}))


def test_gw_13_a_request_signed_with_the_runs_keys_is_accepted(good: Any):
    assert refusal(good) == ""


CHANGES = {
    "body": lambda each: replace(each, body=b"contents"),
    "method": lambda each: replace(each, method="DELETE"),
    "path": lambda each: replace(each, path="/bucket-1/other"),
    "query": lambda each: replace(each, query="acl"),
    "host": lambda each: with_header(each, "host", "127.0.0.1:1"),
    "another header of S3": lambda each: with_header(each, "x-amz-acl", "public-read"),
    "hash": lambda each: with_header(each, "x-amz-content-sha256", "0" * 64),
    "hash of nothing": lambda each: with_header(each, "x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    "date": lambda each: with_header(each, "x-amz-date", "20200101T000000Z"),
    "malformed date": lambda each: with_header(each, "x-amz-date", "yesterday"),
    "no date": lambda each: with_header(each, "x-amz-date", ""),
    "signature": lambda each: with_header(each, "authorization", each.headers["authorization"][:-1] + "g"),
    "other signature": lambda each: with_header(each, "authorization", each.headers["authorization"][:-64] + "0" * 64),
    "other key": lambda each: with_authorization(each, "JITNEYA", "JITNEYB"),
    "other region": lambda each: with_authorization(each, "eu-west-1", "us-east-1"),
    "other service": lambda each: with_authorization(each, "/s3/", "/iam/"),
    "host not signed": lambda each: with_authorization(each, "host;", ""),
    "no signature": lambda each: with_header(each, "authorization", ""),
    "version 2": lambda each: with_header(each, "authorization", "AWS JITNEYAAAAAAAAAAAAAAAA:c2lnbmF0dXJl"),
}  # fmt: skip


def with_header(request: Any, name: str, value: str) -> Any:
    return replace(request, headers={**request.headers, name: value})


def with_authorization(request: Any, before: str, after: str) -> Any:
    return with_header(request, "authorization", request.headers["authorization"].replace(before, after))


@pytest.mark.parametrize("change", CHANGES)
def test_gw_13_a_changed_request_is_refused(good: Any, change: str):
    assert refusal(CHANGES[change](good)) in ("signature_invalid", "call_unsupported")


@pytest.mark.parametrize("left_out", ["host", "x-amz-date"])
def test_gw_13_a_valid_signature_covers_the_host_and_the_time(left_out: str):
    class Less(SigV4Auth):
        def headers_to_sign(self, request: Any) -> Any:
            headers = super().headers_to_sign(request)
            del headers[left_out]
            return headers

    request = AWSRequest("GET", "http://127.0.0.1/")
    Less(Credentials(KEYS.access_key_id, KEYS.secret), "lambda", "eu-west-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()} | {"host": "127.0.0.1"}
    assert refusal(ReceivedRequest("GET", "/", "", headers), time.time()) == "signature_invalid"


def test_gw_13_a_signature_is_good_for_minutes_only(good: Any):
    assert refusal(good, time.time() + MAX_SKEW_SECONDS + 60) == "signature_invalid"
    assert refusal(good, time.time() - MAX_SKEW_SECONDS - 60) == "signature_invalid"


@pytest.mark.parametrize(
    ("headers", "query", "named"),
    [
        ({"authorization": "Bearer abc"}, "", "bearer tokens"),
        ({"authorization": "AWS4-ECDSA-P256-SHA256 Credential=x"}, "", "version 4A"),
        ({}, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00", "presigned URLs"),
        ({}, "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=00&Expires=1", "presigned URLs"),
    ],
)
def test_gw_11_other_signatures_are_refused_by_name(good: Any, headers: dict[str, str], query: str, named: str):
    kept = {name: value for name, value in good.headers.items() if name != "authorization"}
    with pytest.raises(ClientProblem, match=named) as caught:
        SignatureCheck(KEYS, time.time).scope(replace(good, headers=kept | headers, query=query))
    assert caught.value.code == "call_unsupported"
    assert "without --gateway" in caught.value.fix


def test_gw_13_each_run_has_its_own_keys_and_they_look_like_no_key_of_aws():
    keys = [PlaceholderKeys.new() for _ in range(50)]
    assert len({each.access_key_id for each in keys}) == len({each.secret for each in keys}) == 50
    assert all(each.access_key_id.startswith("JITNEY") and "placeholder" in each.secret for each in keys)
    assert keys[0].secret not in repr(keys[0])


def test_gw_13_another_key_reaches_no_broker_and_its_body_is_not_read(served: Served):
    stranger = boto3.client(
        "s3",
        region_name="eu-west-1",
        endpoint_url=served.url,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as caught:
        stranger.delete_object(Bucket="reports", Key="k")
    assert caught.value.response["Error"]["Code"] == "JitneySignatureInvalid"
    with socket.create_connection(("127.0.0.1", served.port)) as connection:
        connection.sendall(
            f"PUT /b/k HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nContent-Length: 99999999\r\n\r\n".encode()
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 403")
    assert served.broker.calls == []


def test_gw_13_the_right_key_id_with_another_secret_reaches_no_broker(served: Served):
    wrong = boto3.client(
        "dynamodb",
        region_name="eu-west-1",
        endpoint_url=served.url,
        aws_access_key_id=served.keys.access_key_id,
        aws_secret_access_key="secret",
    )
    with pytest.raises(ClientError) as caught:
        wrong.list_tables()
    assert caught.value.response["Error"]["Code"] == "JitneySignatureInvalid"
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    assert served.broker.calls == []


@pytest.mark.parametrize(
    "host",
    ["evil.example.com", "evil.example.com:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil.com:{port}",
     "evil.com.localhost:1", "xn--.evil:{port}", "[::1]:{port}", "127.0.0.1:{port}.evil.com", "-.localhost:{port}", ""],
)  # fmt: skip
def test_gw_13_another_host_is_refused_even_when_it_is_signed(served: Served, host: str):
    """A page in a browser may rebind its own name to 127.0.0.1."""
    named = host.format(port=served.port)
    assert send_signed(served, named)[0] == 403
    assert served.broker.calls == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "LOCALHOST:{port}", "bucket-1.localhost:{port}", "a.b.s3.localhost:{port}"]
)
def test_gw_13_its_own_hosts_are_accepted(served: Served, host: str):
    send_signed(served, host.format(port=served.port))
    assert len(served.broker.calls) == 1


def test_gw_13_a_bucket_in_the_host_is_for_s3_only(served: Served):
    status, body = send_signed(served, f"api.localhost:{served.port}", service="lambda", path="/2015-03-31/functions/")
    assert (status, b"accepts only for S3" in body) == (400, True)


def send_signed(served: Served, host: str, service: str = "s3", path: str = "/bucket-1") -> tuple[int, bytes]:
    request = AWSRequest("GET", f"http://{host or 'x'}{path}", headers={"Host": host})
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(served.keys.access_key_id, served.keys.secret), service, "eu-west-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.request("GET", path, headers={**dict(request.headers.items()), "Host": host})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def test_gw_13_it_listens_on_loopback_only(served: Served):
    addresses = subprocess.run(
        [sys.executable, "-c", "import socket; print(socket.gethostbyname(socket.gethostname()))"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    for address in (each for each in addresses if not each.startswith("127.")):
        with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable
            socket.create_connection((address, served.port), timeout=2)


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"GET http://evil.example.com/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4x\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n",
    ],
    ids=lambda raw: ascii(raw[:80]),
)
def test_gw_12_malformed_http_ends_the_connection_and_the_server_goes_on(served: Served, raw: bytes):
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        answer = b""
        with contextlib.suppress(ConnectionError):  # the server may end the connection before it has read everything
            connection.sendall(raw)
            with contextlib.suppress(OSError):  # it is no longer connected
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(4096):
                answer += chunk
    assert not answer or answer.split()[1] in (b"400", b"403", b"431", b"501")
    assert served.broker.calls == []
    assert served.client("s3").list_buckets()["Buckets"] == []
