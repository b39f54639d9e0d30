"""Encodings and protocols that SDKs use in addition to those of botocore's defaults, and what is refused by name."""

import base64
import gzip
import json
import re
import time
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from jitney import resources
from jitney.client.gateway.call_answers import CallAnswer
from jitney.client.gateway.cbor_answers import as_cbor
from jitney.client.gateway.own_addresses import without_worthless_url
from jitney.client.gateway.protocol_errors import protocol_error, spoken_protocol
from jitney.client.gateway.received import ReceivedRequest, plain_body
from jitney.client.gateway.signature import SignatureCheck
from jitney.client.gateway.wire_parser import CBOR, ParsedCall
from jitney.client.gateway.wire_values import from_text
from jitney.client.problems import ClientProblem, Invalid
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.call_needs import explain_call
from jitney.core.calls.operations import OperationTable
from jitney.core.calls.parser import read_object
from tests.client.gateway.aws_behind import MODELS
from tests.client.gateway.conftest import PARSER, Served
from tests.client.gateway.generated_calls import ENDPOINT, KEYS, received, sent
from tests.cpu_time import within_cpu_seconds

OPERATIONS = OperationTable.load(resources.OPERATIONS.read_bytes())


def parsed(
    method: str, target: str, service: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> ParsedCall:
    """Return the call in a request that is signed with the placeholder keys."""
    request = AWSRequest(method, ENDPOINT + target, headers or {}, body)
    signer = S3SigV4Auth if service.startswith("s3") else SigV4Auth
    if service.startswith("s3") and headers and "x-amz-content-sha256" in headers:
        signer = SigV4Auth
    signer(Credentials(KEYS.access_key_id, KEYS.secret), service, "eu-west-1").add_auth(request)
    found = received(request.prepare())
    check = SignatureCheck(KEYS, time.time)
    return PARSER.parse(plain_body(found), check.scope(found))


CRC = base64.b64encode(zlib.crc32(b"hello world").to_bytes(4, "big")).decode()


def chunked(*chunks: bytes, trailer: str = "", signed: str = "") -> bytes:
    lines = [f"{len(chunk):x}{signed}\r\n".encode() + chunk + b"\r\n" for chunk in chunks]
    return b"".join(lines) + f"0{signed}\r\n{trailer}\r\n".encode()


def test_gw_06_a_chunked_upload_with_a_trailer_is_the_body_with_its_checksum():
    """As the SDK for JavaScript and boto3 over TLS send it."""
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "content-encoding": "gzip,aws-chunked",
        "x-amz-decoded-content-length": "11",
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-sdk-checksum-algorithm": "CRC32",
    }
    body = chunked(b"hello ", b"world", trailer=f"x-amz-checksum-crc32:{CRC}\r\nx-other:1\r\n")
    call = parsed("PUT", "/bucket-1/key?x-id=PutObject", "s3", body, headers)
    assert call.operation.name == "PutObject"
    assert call.parameters == {
        "Bucket": "bucket-1",
        "Key": "key",
        "Body": base64.b64encode(b"hello world").decode(),
        "ContentEncoding": "gzip",
        "ChecksumAlgorithm": "CRC32",
        "ChecksumCRC32": CRC,
    }


def test_gw_06_signed_chunks_are_read():
    headers = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x-amz-decoded-content-length": "5"}
    call = parsed("PUT", "/bucket-1/key", "s3", chunked(b"hello", signed=f";chunk-signature={'0' * 64}"), headers)
    assert call.parameters == {"Bucket": "bucket-1", "Key": "key", "Body": base64.b64encode(b"hello").decode()}


@pytest.mark.parametrize(
    "body",
    [b"", b"5\r\nhello", b"zz\r\nhello\r\n0\r\n\r\n", b"5\r\nhellooo\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n",
     b"fffffffff\r\nx\r\n", b"5\r\nhello\r\n0\r\nno colon\r\n\r\n", b"6\r\nhello!\r\n0\r\n\r\n",
     b"\r\n", b"5\r\nhelloXX0\r\n\r\n", b"3\r\na:b\r\n0;:0"],
)  # fmt: skip
def test_gw_12_a_malformed_chunked_body_is_refused(body: bytes):
    headers = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "5"}
    with pytest.raises(ClientProblem) as caught:
        parsed("PUT", "/bucket-1/key", "s3", body, headers)
    assert caught.value.code == "call_invalid"


JSON = {"x-amz-target": "DynamoDB_20120810.ListTables", "content-type": "application/x-amz-json-1.0"}


def test_gw_06_a_compressed_request_is_read():
    body = gzip.compress(b'{"Limit": 3}')
    assert parsed("POST", "/", "dynamodb", body, JSON | {"content-encoding": "gzip"}).parameters == {"Limit": 3}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (gzip.compress(b" " * 50_000_000), "call_too_large"),
        (gzip.compress(b"{}")[:-4], "call_invalid"),
        (gzip.compress(b"{}") + gzip.compress(b"{}"), "call_invalid"),
        (b"{}", "call_invalid"),
    ],
    ids=["bomb", "cut", "two", "plain"],
)
def test_gw_12_a_hostile_compressed_request_is_refused(body: bytes, code: str):
    with pytest.raises(ClientProblem) as caught:
        parsed("POST", "/", "dynamodb", body, JSON | {"content-encoding": "gzip"})
    assert caught.value.code == code


FORM = {"content-type": "application/x-www-form-urlencoded"}
XML = {"content-type": "application/xml"}
ENTITY = b'<!DOCTYPE x [<!ENTITY e "v">]><CreateHostedZoneRequest><Name>&e;</Name></CreateHostedZoneRequest>'
LIST_METRICS = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
HOSTILE: dict[str, tuple[str, str, str, bytes, dict[str, str]]] = {
    "json twice": ("POST", "/", "dynamodb", b'{"Limit": 1, "Limit": 2}', JSON),
    "json broken": ("POST", "/", "dynamodb", b'{"Limit": 1', JSON),
    "json deep": ("POST", "/", "dynamodb", b'{"Limit":' + b"[" * 100_000, JSON),
    "json list": ("POST", "/", "dynamodb", b"[]", JSON),
    "json unknown": ("POST", "/", "dynamodb", b'{"Limits": 1}', JSON),
    "form twice": ("POST", "/", "iam", b"Action=ListUsers&Version=2010-05-08&MaxItems=1&MaxItems=2", FORM),
    "form unknown": ("POST", "/", "iam", b"Action=ListUsers&Version=2010-05-08&MaxItem=1", FORM),
    "form number": ("POST", "/", "iam", b"Action=ListUsers&Version=2010-05-08&MaxItems=x", FORM),
    "form nested": ("POST", "/", "iam", b"Action=ListUsers&Version=2010-05-08&MaxItems.x=1", FORM),
    "form deep": ("POST", "/", "iam", b"Action=ListUsers&Version=2010-05-08&" + b"a." * 100_000 + b"=1", FORM),
    "form numbers": ("POST", "/", "ec2", b"Action=TerminateInstances&Version=2016-11-15&InstanceId.2=i-1", FORM),
    "form both": ("POST", "/", "ec2", b"Action=StopInstances&Version=2016-11-15&InstanceId.1=i&InstanceId.1.x=y", FORM),
    "form empty": ("POST", "/", "iam", b"", FORM),
    "xml entity": ("POST", "/2013-04-01/hostedzone", "route53", ENTITY, XML),
    "xml broken": ("POST", "/2013-04-01/hostedzone", "route53", b"<CreateHostedZoneRequest>", XML),
    "xml deep": ("POST", "/2013-04-01/hostedzone", "route53", b"<a>" * 100_000, XML),
    "xml twice": ("POST", "/2013-04-01/hostedzone", "route53", b"<C><Name>a</Name><Name>b</Name></C>", XML),
    "xml unknown": ("POST", "/2013-04-01/hostedzone", "route53", b"<C><Names>a</Names></C>", XML),
    "query twice": ("GET", "/bucket-1?list-type=2&prefix=a&prefix=b", "s3", b"", {}),
    "query unknown": ("GET", "/bucket-1?list-type=2&prefixes=a", "s3", b"", {}),
    "header unknown": ("PUT", "/bucket-1/key", "s3", b"", {"x-amz-unheard-of": "1"}),
    "path utf-8": ("GET", "/bucket-1/%ff", "s3", b"", {}),
    "body where none is": ("GET", "/bucket-1?list-type=2", "s3", b"x", {}),
    "cbor": ("POST", LIST_METRICS, "monitoring", b"\xa1\x61", {"smithy-protocol": "rpc-v2-cbor"}),
    "cbor deep": ("POST", LIST_METRICS, "monitoring", b"\x81" * 100_000, {"smithy-protocol": "rpc-v2-cbor"}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_gw_12_what_parsers_read_differently_is_refused(name: str):
    with within_cpu_seconds(5):
        with pytest.raises(ClientProblem) as caught:
            parsed(*HOSTILE[name])
        assert caught.value.code in ("call_invalid", "call_unsupported")


IAM, SNS = "Action={}&Version=2010-05-08&{}", "Action=CreateTopic&Version=2010-03-31&Name=t&Attributes.{}"
NO_PAIR, TWICE = "An entry of .* is not one key with one value", "has the key 'a' twice"
TAGS = "/bucket-1?tagging"
JOB = "/.service/s3control/v20180820/jobs"
CODE = "/2015-03-31/functions/f/code"
ENTRIES = "<J><Operation><LambdaInvoke><UserArguments>{}</UserArguments></LambdaInvoke></Operation></J>"
PAIR, VALUE_OF_B = "<entry><key>a</key><value>b</value></entry>", "<value>b</value>"
NO_PLACE = "has a member {!a} that the gateway's model does not have"


def form(service: str, text: str) -> tuple[str, str, str, bytes, dict[str, str]]:
    return "POST", "/", service, text.encode(), FORM


def xml(target: str, text: str) -> tuple[str, str, str, bytes, dict[str, str]]:
    return "PUT", target, "s3", text.encode(), XML


def job(entries: str) -> tuple[str, str, str, bytes, dict[str, str]]:
    return "POST", JOB, "s3", ENTRIES.format(entries).encode(), XML | {"x-amz-account-id": "444455556666"}


WITHOUT_PLACE: dict[str, tuple[tuple[str, str, str, bytes, dict[str, str]], str]] = {
    "form deep": (form("iam", IAM.format("ListUsers", "a." * 300 + "=1")), "too many parts"),
    "form of no input": (form("iam", IAM.format("GenerateCredentialReport", "X=1")), NO_PLACE.format("X")),
    "form text for a list": (form("iam", IAM.format("SimulateCustomPolicy", "ActionNames=a")), "where the model has a"),
    "form list": (
        form("iam", IAM.format("SimulateCustomPolicy", "ActionNames.member.1=a&ActionNames.x=b")),
        NO_PLACE.format("x"),
    ),
    "form map": (
        form("sns", SNS.format("entry.1.key=a&Attributes.entry.1.value=b&Attributes.x=c")),
        NO_PLACE.format("x"),
    ),
    "form map, third": (
        form("sns", SNS.format("entry.1.key=a&Attributes.entry.1.value=b&Attributes.entry.1.x=c")),
        NO_PAIR,
    ),
    "form map, no key": (form("sns", SNS.format("entry.1.value=b")), NO_PAIR),
    "form map, no value": (form("sns", SNS.format("entry.1.key=a")), NO_PAIR),
    "form map, key twice": (
        form(
            "sns",
            SNS.format(
                "&Attributes.".join(f"entry.{number}.{name}" for number in (1, 2) for name in ("key=a", "value=b"))
            ),
        ),
        TWICE,
    ),
    "xml deep": (xml(TAGS, "<a>" * 300 + "</a>" * 300), "too many levels"),
    "xml child of a text": (
        xml(TAGS, "<T><TagSet><Tag><Key><x/></Key><Value>v</Value></Tag></TagSet></T>"),
        NO_PLACE.format("x"),
    ),
    "xml text in a structure": (
        xml("/bucket-1?notification", "<N><EventBridgeConfiguration>x</EventBridgeConfiguration></N>"),
        NO_PLACE.format("text"),
    ),
    "xml list twice": (xml(TAGS, "<T><TagSet/><TagSet/></T>"), "appears more than once"),
    "xml list of others": (xml(TAGS, "<T><TagSet><Tags/></TagSet></T>"), NO_PLACE.format("Tags")),
    "xml map, no value": (job("<entry><key>a</key></entry>"), NO_PAIR),
    "xml map, other names": (job("<entry><key>a</key><values>b</values></entry>"), NO_PAIR),
    "xml map, third": (job(f"<entry><key>a</key>{VALUE_OF_B}{VALUE_OF_B}</entry>"), NO_PAIR),
    "xml map, no text as key": (job(f"<entry><key><x/></key>{VALUE_OF_B}</entry>"), NO_PAIR),
    "xml map, key twice": (job(PAIR + PAIR), TWICE),
    "xml map, others": (job("<x/>"), NO_PLACE.format("x")),
    "body of no input": (("GET", "/supported-resource-types", "backup", b"x", {}), NO_PLACE.format("body")),
    "body of no members": (("GET", "/bucket-1?list-type=2", "s3", b"<a/>", {}), NO_PLACE.format("body")),
    "json body that is a list": (("PUT", CODE, "lambda", b"[]", {}), "not a JSON object"),
    "json body with a member of the path": (
        ("PUT", CODE, "lambda", b'{"FunctionName": "g"}', {}),
        NO_PLACE.format("FunctionName"),
    ),
    "header list": (
        ("GET", "/bucket-1/key?attributes", "s3", b"", {"x-amz-object-attributes": 'ETag"x'}),
        "cannot be read",
    ),
    "cbor twice": (
        ("POST", LIST_METRICS, "monitoring", b"\xa0\xa0", {"smithy-protocol": "rpc-v2-cbor"}),
        "more than one CBOR value",
    ),
}


@pytest.mark.parametrize("name", WITHOUT_PLACE)
def test_gw_12_what_has_no_place_in_the_model_is_refused_with_its_name(name: str):
    request, said = WITHOUT_PLACE[name]
    with pytest.raises(ClientProblem) as caught:
        parsed(*request)
    assert re.search(said, caught.value.detail), caught.value.detail
    assert caught.value.code == "call_invalid"


def test_gw_06_maps_and_empty_bodies_are_read():
    named = form("sns", SNS.format("entry.1.key=a&Attributes.entry.1.value=b&Attributes.entry.2.key=c"
                                   "&Attributes.entry.2.value=d"))  # fmt: skip
    assert parsed(*named).parameters == {"Name": "t", "Attributes": {"a": "b", "c": "d"}}
    job_call = parsed(*job(PAIR)).parameters
    assert job_call["Operation"] == {"LambdaInvoke": {"UserArguments": {"a": "b"}}}
    assert parsed("GET", "/supported-resource-types", "backup").operation.name == "GetSupportedResourceTypes"
    assert parsed("GET", "/bucket-1?list-type=2", "s3").parameters == {"Bucket": "bucket-1"}


CONVERSE = (
    "POST",
    "/model/anthropic.claude-v2/converse-stream",
    "bedrock",
    b"{}",
    {"content-type": "application/json"},
)


@pytest.mark.parametrize(
    ("request_parts", "said"),
    [
        (CONVERSE, "does not support ConverseStream of bedrock-runtime: it streams events"),
        (("POST", "/", "logs", b"{}", {"x-amz-target": "Logs_20140328.StartLiveTail"}), "streams events"),
        (("POST", "/bucket-1/k?select&select-type=2", "s3", b"<x/>", {}), "SelectObjectContent of s3: it streams"),
        (("GET", "/bucket-1/k", "s3express", b"", {"x-amz-s3session-token": "t"}), "sessions of S3 Express"),
        (("GET", "/bucket-1/k", "s3-outposts", b"", {}), "no service that signs as 's3-outposts'"),
        (("POST", "/", "sqs", b"Action=ListQueues&Version=2012-11-05", FORM), "another protocol to sqs than json"),
        (("POST", "/", "rds", b"Action=CopyDBSnapshot&Version=2013-01-01", FORM), "in version 2014-10-31 only"),
        (("GET", "/", "iotsitewise", b"", {}), "no service that signs as 'iotsitewise'"),
        (("GET", "/nothing/here/at/all", "lambda", b"", {}), "No operation of lambda is at this address"),
    ],
)
def test_gw_11_what_is_not_supported_is_refused_by_name_with_the_other_way(request_parts: Any, said: str):
    with pytest.raises(ClientProblem) as caught:
        parsed(*request_parts)
    assert said in caught.value.detail
    assert caught.value.code == "call_unsupported"
    assert "without --gateway" in caught.value.fix


def test_gw_02_services_with_equal_requests_have_endpoints_of_their_own():
    with pytest.raises(ClientProblem, match="bedrock-agent and bedrock-agent-runtime have equal") as caught:
        parsed("GET", "/tags/arn", "bedrock")
    assert "Set AWS_ENDPOINT_URL_BEDROCK_AGENT and AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME" in caught.value.fix
    assert parsed("GET", "/.service/bedrock-agent/tags/arn", "bedrock").service == "bedrock-agent"
    with pytest.raises(ClientProblem, match="no service"):
        parsed("GET", "/.service/iam/tags/arn", "bedrock")


def test_gw_06_a_slash_at_the_end_of_a_path_is_as_aws_takes_it():
    assert parsed("GET", "/2015-03-31/functions", "lambda").operation.name == "ListFunctions"
    assert parsed("GET", "/2015-03-31/functions/", "lambda").operation.name == "ListFunctions"
    with pytest.raises(ClientProblem, match="at this address"):
        parsed("GET", "/2015-03-31/functions//", "lambda")


def test_gw_06_the_checksum_that_an_sdk_chose_is_replaced_by_one_that_the_broker_can_compute():
    tags = {"Bucket": "bucket-1", "Tagging": {"TagSet": []}}
    found = received(sent("s3", "PutBucketTagging", tags))
    for algorithm, kept in (("CRC64NVME", {}), ("CRC32C", {}), ("SHA256", {"ChecksumAlgorithm": "SHA256"})):
        headers = {**found.headers, "x-amz-sdk-checksum-algorithm": algorithm}
        scope = SignatureCheck(KEYS, time.time).scope(found)
        assert PARSER.parse(replace(found, headers=headers), scope).parameters == tags | kept
    put = received(sent("s3", "PutObject", {"Bucket": "bucket-1", "Key": "k", "ChecksumCRC64NVME": "AAAAAAAAAAA="}))
    assert PARSER.parse(put, SignatureCheck(KEYS, time.time).scope(put)).parameters["ChecksumCRC64NVME"]


@pytest.mark.parametrize("version", ["", "v.1"])
@pytest.mark.parametrize("key", ["2026/q3.csv", "a b+ü%20.csv", "/a//b/", "~(1)',;:@&=$#.csv"])
def test_gw_06_the_original_of_a_copy_is_the_object_that_an_sdk_names(key: str, version: str):
    """SDKs escape the name in the header. The permission is for the name itself."""
    source = {"Bucket": "bucket-1", "Key": key} | ({"VersionId": version} if version else {})
    found = received(sent("s3", "CopyObject", {"Bucket": "bucket-2", "Key": "copy", "CopySource": source}))
    call = PARSER.parse(found, SignatureCheck(KEYS, time.time).scope(found))
    asked = {"service": call.service, "operation": call.operation.name, "parameters": call.parameters}
    needs = explain_call(read_object(asked, OPERATIONS), AwsLocation("aws", "eu-west-1", "444455556666"))
    assert {(each.action, each.resources) for each in needs} == {
        ("s3:PutObject", ("arn:aws:s3:::bucket-2/copy",)),
        ("s3:GetObjectVersion" if version else "s3:GetObject", (f"arn:aws:s3:::bucket-1/{key}",)),
    }


def test_gw_06_services_that_share_a_signing_name_answer_errors_in_the_protocol_of_the_request():
    plain = ReceivedRequest("GET", "/v2/email/unknown", "", {})
    assert spoken_protocol(plain, "ses", ("query", "rest-json")) == "rest-json"
    form = replace(plain, headers={"content-type": "application/x-www-form-urlencoded"})
    assert spoken_protocol(form, "ses", ("query", "rest-json")) == "query"


def test_gw_11_copies_of_rds_from_another_region_need_a_url_that_the_gateway_does_not_sign():
    asked = {"SourceDBSnapshotIdentifier": "arn:aws:rds:us-east-1:444455556666:snapshot:s"}
    asked |= {"TargetDBSnapshotIdentifier": "t", "SourceRegion": "us-east-1"}
    found = received(sent("rds", "CopyDBSnapshot", asked))
    call = PARSER.parse(found, SignatureCheck(KEYS, time.time).scope(found))
    with pytest.raises(ClientProblem, match="needs a presigned URL"):
        without_worthless_url(call, KEYS.access_key_id)


def test_gw_11_the_url_that_an_sdk_presigns_for_ec2_is_left_out():
    found = received(sent("ec2", "CopySnapshot", {"SourceRegion": "us-east-1", "SourceSnapshotId": "snap-1"}))
    call = PARSER.parse(found, SignatureCheck(KEYS, time.time).scope(found))
    assert "PresignedUrl" in call.parameters
    assert "PresignedUrl" not in without_worthless_url(call, KEYS.access_key_id).parameters


def cloudwatch_in_cbor() -> ServiceModel:
    """Return botocore's model of CloudWatch for a client that speaks CBOR."""
    raw = Loader().load_service_model("cloudwatch", "service-2")
    metadata = {**MODELS.service_model("cloudwatch").metadata, "protocol": CBOR, "protocols": [CBOR]}
    return ServiceModel({**raw, "metadata": metadata}, "cloudwatch")


METRIC = {
    "Namespace": "n",
    "MetricData": [
        {"MetricName": "m", "Value": 1.5, "Timestamp": datetime(2026, 11, 24, 12, 5, tzinfo=UTC), "Counts": [1.0]}
    ],
}


def test_gw_06_a_client_that_speaks_cbor_is_understood_and_answered_in_cbor():
    operation = cloudwatch_in_cbor().operation_model("PutMetricData")
    request = create_serializer(CBOR, include_validation=False).serialize_to_request(METRIC, operation)
    call = parsed("POST", request["url_path"], "monitoring", request["body"], request["headers"])
    time_sent = call.parameters["MetricData"][0].pop("Timestamp")
    assert (call.service, call.operation.name, call.protocol) == ("cloudwatch", "PutMetricData", CBOR)
    assert time_sent == "2026-11-24T12:05:00Z"
    assert call.parameters == {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1.5, "Counts": [1.0]}]}
    statistics = MODELS.operation("cloudwatch", "GetMetricStatistics")
    body = json.dumps({"Label": "l", "Datapoints": [{"Timestamp": 1764000000, "Sum": 2.5}]}).encode()
    answer = as_cbor(CallAnswer("c-1", 200, {"x-amzn-requestid": "r", "content-length": "9"}, body), statistics)
    read = in_cbor(answer, "GetMetricStatistics")
    assert (read["Label"], read["Datapoints"][0]["Sum"], read["ResponseMetadata"]["RequestId"]) == ("l", 2.5, "r")
    refused = json.dumps({"__type": "InvalidParameterValue", "message": "no"}).encode()
    error = in_cbor(as_cbor(CallAnswer("c-1", 400, {}, refused), statistics), "GetMetricStatistics")["Error"]
    assert (error["Code"], error["Message"]) == ("InvalidParameterValue", "no")


def test_gw_06_a_refusal_has_the_form_of_cbor():
    problem = Invalid("call_invalid", "t", "Detail.", "Fix.")
    answer = protocol_error(problem, CBOR, "monitoring", repeatable=True)
    read = in_cbor(CallAnswer("c-1", answer.status, dict(answer.headers), answer.body), "PutMetricData")
    assert (read["Error"]["Code"], read["Error"]["Message"]) == ("JitneyCallInvalid", "Detail. Fix.")


@pytest.mark.parametrize(
    ("protocol", "name", "media_type"),
    [("rest-xml", "s3", "application/xml"), ("query", "iam", "text/xml"), ("ec2", "ec2", "text/xml")],
)
def test_gw_06_a_refusal_has_the_media_type_of_the_service(protocol: str, name: str, media_type: str):
    """minio-py reads no error of S3 with another media type."""
    answer = protocol_error(Invalid("call_invalid", "t", "Detail.", "Fix."), protocol, name, repeatable=True)
    assert dict(answer.headers)["content-type"] == media_type


def in_cbor(answer: CallAnswer, operation: str) -> Any:
    parser: Any = create_parser(CBOR)
    shape = cloudwatch_in_cbor().operation_model(operation).output_shape
    return parser.parse({"headers": answer.headers, "body": answer.body, "status_code": answer.status}, shape)


def test_gw_06_other_answers_than_queue_addresses_stay_byte_identical(served: Served):
    body = b'{ "MD5OfMessageBody" : "x", "MessageId":"1"\n}'
    served.broker.instead = lambda _call, _key: CallAnswer(
        "c-1", 200, {"content-type": "application/x-amz-json-1.0"}, body
    )
    seen: list[bytes] = []
    sqs = served.client("sqs")
    sqs.meta.events.register("after-call", lambda http_response, **_: seen.append(http_response.content))
    sqs.send_message(QueueUrl="https://sqs.eu-west-1.amazonaws.com/444455556666/q", MessageBody="x")
    assert seen == [body]


def test_gw_06_a_request_without_a_body_has_none():
    request = ReceivedRequest("GET", "/", "", {"host": "127.0.0.1"})
    assert plain_body(request) is request


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "1.5"),
        ("integer", "true"),
        ("integer", "one"),
        ("long", ""),
        ("float", "nan"),
        ("double", "1,5"),
        ("boolean", "1"),
        ("boolean", "1.5"),
        ("boolean", "yes"),
        ("structure", "{}"),
    ],
)
def test_gw_03_a_text_of_another_type_than_its_parameter_is_refused(kind: str, text: str):
    with pytest.raises(Invalid, match=f"which is no value of the type {kind}"):
        from_text(text, Shape("S", {"type": kind}), "/Count")
