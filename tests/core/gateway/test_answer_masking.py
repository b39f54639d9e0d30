"""Answers lose their secrets and nothing else, in every protocol (rows GW 5 and MASK 1-4)."""

import base64
import gzip
import json
from functools import cache

import pytest
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from moto.sqs.models import Message

from jitney import resources
from jitney.core.gateway.answer_masking import MAX_DECODED_BYTES, MOST_LAYERS, AnswerMasker
from jitney.core.gateway.aws_answer import MOST_PATHS, AwsAnswer, MaskedAnswer
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.table import MaskTable
from jitney.core.problems import Problem
from tests.core.masking.planted import JWT, SECRET_KEY, SESSION_TOKEN
from tests.core.masking.test_split_keys import key_of
from tests.cpu_time import within_cpu_seconds

TAGS = MaskTags(lambda: bytes(range(32)))
MASKER = AnswerMasker(MaskTable.load(resources.MASKS.read_bytes()))
JSON = {"Content-Type": "application/x-amz-json-1.1"}


@cache
def operation_of(service: str, name: str) -> OperationModel:
    """Return an operation of botocore's models, which also has those that the gateway refuses."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service).operation_model(name)


def masked(
    service: str, operation: str, body: bytes, headers=None, status: int = 200, *, reveal: bool = False
) -> MaskedAnswer:
    headers = {"Content-Length": str(len(body))} if headers is None else headers
    answer = AwsAnswer(status, headers, body)
    return MASKER.mask(answer, operation_of(service, operation), TAGS, reveal=reveal)


def masked_json(service: str, operation: str, value, **options) -> MaskedAnswer:
    return masked(service, operation, json.dumps(value).encode(), **options)


def mask(value, kind: str = "credential") -> str:
    return TAGS.mask(value, kind)


def test_gw_05_a_secret_value_is_masked_and_all_other_bytes_stay():
    body = b'{ "ARN":"arn:aws:x", "SecretString" : "{\\"p\\": 1}",\n"VersionId":"v\\u0031"}'
    answer = masked("secretsmanager", "GetSecretValue", body)
    new = mask('{"p": 1}').encode()
    assert answer.body == body.replace(b'{\\"p\\": 1}', new)
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert answer.masked == ("SecretString",)


def test_gw_05_an_answer_without_secrets_keeps_its_bytes():
    body = b'{"Parameters": [ {"Name": "a", "Version": 1.50} ], "NextToken": "AAMA"}'
    headers = {"content-length": str(len(body)), "x-amz-crc32": "1"}
    answer = masked("ssm", "DescribeParameters", body, headers)
    assert answer == MaskedAnswer(200, headers, body, ())


def test_gw_05_attributes_of_dynamodb_are_masked_by_name_and_keep_their_type():
    raw = base64.b64encode(b"\0raw").decode()
    item = {
        "id": {"S": "password"},
        "password": {"S": "hunter2000"},
        "db_password": {"N": "12345"},
        "api_secret": {"B": raw},
        "auth_token": {"SS": ["one", "two"]},
        "api_key": {"BS": [raw]},
        "secret": {"NS": ["1", "2"]},
        "token": {"S": "arn:aws:secretsmanager:eu-west-1:1:secret:x"},
        "passwd": {"NULL": True},
        "old_password": {"L": [{"S": "one"}, {"N": "2"}, {"L": [{"S": "three"}]}, {"M": {"at": {"S": "four"}}}]},
    }
    new = item | {
        "password": {"S": mask("hunter2000")},
        "db_password": {"N": "0"},
        "api_secret": {"B": base64.b64encode(mask(b"\0raw").encode()).decode()},
        "auth_token": {"SS": [mask("one"), mask("two")]},
        "api_key": {"BS": [base64.b64encode(mask(b"\0raw").encode()).decode()]},
        "secret": {"NS": ["0", "0"]},
        "old_password": {
            "L": [
                {"S": mask("one")},
                {"N": "0"},
                {"L": [{"S": mask("three")}]},
                {"M": {"at": {"S": mask("four")}}},
            ]
        },
    }
    answer = masked_json("dynamodb", "Scan", {"Items": [item]})
    assert json.loads(answer.body) == {"Items": [new]}
    assert "Items[0].auth_token.SS[1]" in answer.masked


def test_gw_05_a_key_named_like_a_secret_is_masked_in_the_next_start_unless_revealed():
    start = {"LastEvaluatedKey": {"token": {"S": "hunter2000"}}}
    assert masked_json("dynamodb", "Scan", start).masked == ("LastEvaluatedKey.token.S",)
    assert masked_json("dynamodb", "Scan", start, reveal=True).masked == ()


def test_gw_05_blobs_stay_base64():
    answer = masked_json("kms", "Decrypt", {"KeyId": "k", "Plaintext": base64.b64encode(b"\xff\x00secret").decode()})
    assert base64.b64decode(json.loads(answer.body)["Plaintext"]) == mask(b"\xff\x00secret").encode()


def test_gw_05_keys_of_maps_that_aws_marks_are_masked():
    value = {"Configuration": {"Environment": {"Variables": {"PREFIX": "inbound", "B": "2"}}}}
    answer = masked_json("lambda", "GetFunction", value)
    read = json.loads(answer.body)["Configuration"]["Environment"]["Variables"]
    assert read == {
        mask("PREFIX", "sensitive"): mask("inbound", "sensitive"),
        mask("B", "sensitive"): mask("2", "sensitive"),
    }


def test_gw_05_the_paths_of_masks_hold_no_secret():
    variables = {f"token={JWT}": {"password": "hunter2000", "b": [f"token={JWT}"]}}
    for value in ({"SecretString": variables}, {"Other": variables}):
        answer = masked_json("secretsmanager", "GetSecretValue", value)
        assert JWT not in answer.body.decode()
        assert JWT not in f"{answer.masked}"
        assert f"{next(iter(value))}.token={mask(JWT)}.b[0]" in answer.masked


def test_gw_05_the_result_of_a_function_is_masked_as_json():
    answer = masked("lambda", "Invoke", b'{"result": [1]}')
    assert json.loads(answer.body) == mask('{"result": [1]}', "sensitive")
    assert masked("lambda", "Invoke", b"no json").body.decode() == mask("no json", "sensitive")
    assert masked("lambda", "Invoke", b'{"result": [1]}', reveal=True).body == b'{"result": [1]}'
    assert masked("lambda", "Invoke", b"", {}).body == b""


def test_gw_05_names_whose_masks_are_equal_stay_two():
    value = {"Configuration": {"Environment": {"Variables": {"A": "1", "B": "2"}}}}
    answer = AnswerMasker(MaskTable.load(resources.MASKS.read_bytes())).mask(
        AwsAnswer(200, {}, json.dumps(value).encode()), operation_of("lambda", "GetFunction"), MaskTags()
    )
    assert list(json.loads(answer.body)["Configuration"]["Environment"]["Variables"]) == [
        "[masked sensitive]",
        "[masked sensitive] 2",
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1,",
        b'{"a": 1} x',
        b"<html></html>",
        b'{"SecretString": "a", "SecretString": "b"}',
        b"\xff\xfe{\x00}\x00",
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b"[" * 300 + b"]" * 300,
        b'{"SecretString": ' + b"[" * 300 + b"]" * 300 + b"}",
    ],
)
def test_gw_05_what_cannot_be_parsed_is_not_passed_on(body):
    with pytest.raises(Problem, match="The call ran") as raised:
        masked("secretsmanager", "GetSecretValue", body)
    assert raised.value.code == "answer_unmaskable"


def test_gw_05_an_error_that_cannot_be_parsed_loses_its_body():
    answer = masked("secretsmanager", "GetSecretValue", b"<html><br>" + SECRET_KEY.encode(), status=503)
    assert (answer.status, answer.body, answer.headers, answer.masked) == (503, b"", {"Content-Length": "0"}, ("body",))


def test_gw_05_errors_are_searched():
    value = {"__type": "AccessDenied", "message": f"token {JWT} is not valid", "Password": "hunter2000"}
    read = json.loads(masked_json("ssm", "GetParameter", value, status=400).body)
    assert read == value | {"message": f"token {mask(JWT)} is not valid", "Password": mask("hunter2000")}


def test_gw_05_errors_in_another_format_than_the_services_are_searched():
    body = f"<AccessDenied>\n  <Message>{JWT}</Message>\n</AccessDenied>\n"
    answer = masked("ssm", "GetParameter", body.encode(), status=403)
    assert answer.body.decode() == body.replace(JWT, mask(JWT))
    assert json.loads(masked_json("iam", "GetUser", {"message": JWT}, status=403).body) == {"message": mask(JWT)}


def test_gw_05_headers_are_searched_and_checksums_dropped_only_with_the_bytes():
    headers = {
        "Location": "https://x.example.com/?X-Amz-Signature=0123456789abcdef0123",
        "x-amz-id-2": "Zm9vYmFyYmF6cXV4",
        "X-Amz-CRC32": "12",
        "X-Amz-Meta-Db-Password": "hunter2000",
    }
    kept = masked("dynamodb", "GetItem", b"{}", headers)
    assert kept.body == b"{}"
    assert kept.headers["X-Amz-CRC32"] == "12"
    assert kept.headers["X-Amz-Meta-Db-Password"] == mask("hunter2000")
    assert "0123456789abcdef0123" not in kept.headers["Location"]
    assert kept.headers["x-amz-id-2"] == "Zm9vYmFyYmF6cXV4"
    assert set(kept.masked) == {"headers.Location", "headers.X-Amz-Meta-Db-Password"}
    value = {"Item": {"Name": {"S": "k"}, "password": {"S": f"key {JWT}"}}}
    assert "X-Amz-CRC32" not in masked_json("dynamodb", "GetItem", value, headers=headers).headers


def test_gw_05_compressed_bodies_are_searched_and_compressed_again():
    body = gzip.compress(b'{"SecretString": "hunter2000"}')
    answer = masked("secretsmanager", "GetSecretValue", body, {"Content-Encoding": "gzip"})
    assert json.loads(gzip.decompress(answer.body)) == {"SecretString": mask("hunter2000")}
    two = gzip.compress(b'{"SecretString": ') + gzip.compress(b'"hunter2000"}')
    answer = masked("secretsmanager", "GetSecretValue", two, {"Content-Encoding": "gzip"})
    assert json.loads(gzip.decompress(answer.body)) == {"SecretString": mask("hunter2000")}
    plain = gzip.compress(b'{"ARN": "x"}')
    assert masked("secretsmanager", "GetSecretValue", plain, {"Content-Encoding": "gzip"}).body is plain


@pytest.mark.parametrize("layers", range(MOST_LAYERS + 2))
def test_gw_05_a_body_that_was_compressed_more_than_once_is_searched(layers: int):
    body = b'{"password": "hunter2000"}'
    for _ in range(layers):
        body = gzip.compress(body)
    answer = masked("s3", "GetObject", body, {"Content-Encoding": "gzip, gzip"})
    read = answer.body
    for _ in range(layers):
        read = gzip.decompress(read)
    assert (b"hunter2000" not in read) == (layers <= MOST_LAYERS)
    assert json.loads(read).keys() == {"password"}
    if layers > 1:
        whole = gzip.compress(b"password=hunter2000")
        for part in (gzip.compress(whole + b"more"), gzip.compress(whole) + b"more", gzip.compress(whole)[:-1]):
            with pytest.raises(Problem, match="would move the bytes"):
                masked("s3", "GetObject", part, {})


def test_gw_12_a_body_that_grows_without_bound_is_refused():
    body = gzip.compress(b" " * (MAX_DECODED_BYTES + 1) + b"{}")
    with pytest.raises(Problem, match="decompressed"):
        masked("secretsmanager", "GetSecretValue", body, {"Content-Encoding": "gzip"})


def test_gw_04_what_is_revealed_and_what_never_is():
    value = {"SecretString": json.dumps({"password": "hunter2000", "SecretAccessKey": SECRET_KEY})}
    read = json.loads(masked_json("secretsmanager", "GetSecretValue", value, reveal=True).body)
    assert json.loads(read["SecretString"]) == {"password": "hunter2000", "SecretAccessKey": mask(SECRET_KEY)}
    token = {"authorizationData": [{"authorizationToken": "QVdTOmFiY2Q="}]}
    assert masked_json("ecr", "GetAuthorizationToken", token, reveal=True).masked == ()
    assert masked_json("ecr", "GetAuthorizationToken", token).masked == ("authorizationData[0].authorizationToken",)
    link = {"Code": {"Location": f"https://x/?X-Amz-Security-Token={SESSION_TOKEN}&X-Amz-Signature=0123456789abcdef"}}
    assert masked_json("lambda", "GetFunction", link, reveal=True).masked == ()
    assert masked_json("lambda", "GetFunction", link).masked == ("Code.Location",)


def test_gw_05_checksums_of_messages_fit_the_masked_messages():
    attributes = {
        "b.kind": {"DataType": "String.custom", "StringValue": "x"},
        "a": {"DataType": "Binary", "BinaryValue": base64.b64encode(b"raw").decode()},
        "token": {"DataType": "String", "StringValue": f"token={JWT}"},
    }
    sums = {"MD5OfBody": "0" * 32, "MD5OfMessageAttributes": "1" * 32}
    value = {
        "Messages": [
            {"MessageId": "1", "Body": "password=hunter2000", **sums, "MessageAttributes": {"k": attributes["a"]}},
            {"MessageId": "2", "Body": "plain", **sums, "MessageAttributes": attributes},
            {"MessageId": "3", "Body": "password=hunter2000"},
        ]
    }
    one, two, three = json.loads(masked_json("sqs", "ReceiveMessage", value).body)["Messages"]
    expected = Message("1", f"password={mask('hunter2000')}")
    assert (one["Body"], one["MD5OfBody"]) == (expected.body, expected.body_md5)
    assert one["MD5OfMessageAttributes"] == sums["MD5OfMessageAttributes"]
    expected.message_attributes = attributes | {
        "a": {"DataType": "Binary", "BinaryValue": b"raw"},
        "token": {"DataType": "String", "StringValue": f"token={mask(JWT)}"},
    }
    assert (two["MD5OfBody"], two["MD5OfMessageAttributes"]) == (sums["MD5OfBody"], expected.attribute_md5)
    assert three == {"MessageId": "3", "Body": expected.body}
    error = {"__type": "x", "message": "password=hunter2000"}
    assert mask("hunter2000") in json.loads(masked_json("sqs", "ReceiveMessage", error).body)["message"]


def test_the_paths_of_a_large_answer_are_cut():
    value = {"SecretValues": [{"SecretString": f"s{number}"} for number in range(MOST_PATHS + 5)]}
    answer = masked_json("secretsmanager", "BatchGetSecretValue", value)
    assert len(answer.masked) == MOST_PATHS
    assert answer.masked[3] == "SecretValues[3].SecretString"


def test_gw_05_xml_keeps_all_other_bytes():
    body = (
        b'<?xml version="1.0"?>\n<CreateAccessKeyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        b"<CreateAccessKeyResult><AccessKey><UserName>a&amp;b</UserName>\n<AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId>"
        b"<SecretAccessKey>%s</SecretAccessKey></AccessKey></CreateAccessKeyResult>"
        b"<ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></CreateAccessKeyResponse>"
    )
    answer = masked("iam", "CreateAccessKey", body % SECRET_KEY.encode(), reveal=True)
    assert answer.body == body % mask(SECRET_KEY).encode()
    assert answer.masked == ("CreateAccessKeyResult.AccessKey.SecretAccessKey",)


def test_gw_05_xml_is_searched_by_name_pair_attribute_and_format():
    body = (
        "<DescribeStacksResponse a='x' token=\"p &lt; > q\"><DescribeStacksResult><Stacks><member><Parameters><member>"
        "<ParameterKey>DbPassword</ParameterKey><ParameterValue><![CDATA[hunter<2000]]></ParameterValue></member>"
        "<member><ParameterKey>Name</ParameterKey><ParameterValue>plain</ParameterValue></member></Parameters>"
        f"<Description>use {JWT} &amp; <![CDATA[<ok>]]></Description><Empty/><auth_token><member>one</member>"
        "<member >two</member></auth_token></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    )
    expected = (
        body.replace("<![CDATA[hunter<2000]]>", mask("hunter<2000"))
        .replace(f"use {JWT} &amp; <![CDATA[<ok>]]>", f"use {mask(JWT)} &amp; &lt;ok&gt;")
        .replace("p &lt; > q", mask("p < > q"))
        .replace("one", mask("one"))
        .replace("two", mask("two"))
    )
    answer = masked("cloudformation", "DescribeStacks", body.encode())
    assert answer.body.decode() == expected
    assert set(answer.masked) == {
        "@token",
        "DescribeStacksResult.Stacks.member[0].Parameters.member[0].ParameterValue",
        "DescribeStacksResult.Stacks.member[0].Description",
        "DescribeStacksResult.Stacks.member[0].auth_token.member[0]",
        "DescribeStacksResult.Stacks.member[0].auth_token.member[1]",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"<a>",
        b"<a><b></a>",
        b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>&e;</a>",
        b"<a>te<!-- x -->xt</a>",
        b"<a>text<!-- x --></a>",
        b"<a><!-- x -->text</a>",
        b"<a><!-- password=hunter2000 --></a>",
        b"<a><?php x ?></a>",
        b"<a>text<b/></a>",
        b"<a><b/>text</a>",
        b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>',
        b'<?xml version="1.0" encoding="UTF-7"?><a>x</a>',
        "<a/>".encode("utf-16"),
        b"<a>\xff</a>",
        b"<a>" * 300 + b"</a>" * 300,
    ],
)
def test_gw_05_xml_that_cannot_be_parsed_is_not_passed_on(body):
    with pytest.raises(Problem, match="The call ran") as raised:
        masked("iam", "GetUser", body)
    assert raised.value.code == "answer_unmaskable"
    assert masked("iam", "GetUser", body, status=503).body == b""


def test_gw_05_comments_between_elements_stay():
    body = b"<!-- a --><a><!-- b --><password>hunter2000</password></a>"
    assert masked("iam", "GetUser", body).body == body.replace(b"hunter2000", mask("hunter2000").encode())


def test_gw_05_errors_in_xml_are_searched():
    body = (
        f"<ErrorResponse><Error><Code>X</Code><Message>{JWT}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
    answer = masked("iam", "GetUser", body.encode(), status=403)
    assert answer.body.decode() == body.replace(JWT, mask(JWT))
    assert answer.masked == ("Error.Message",)


def test_gw_05_content_is_searched_if_it_is_text():
    text = f"region=eu-west-1\npassword=hunter2000\ncaf\u00e9 {JWT}\n"
    new = text.replace("hunter2000", mask("hunter2000")).replace(JWT, mask(JWT))
    for encoding in ("utf-8", "latin-1", "utf-16"):
        headers = {"x-amz-checksum-crc32": "x", "ETag": "e", "Content-Length": "7"}
        answer = masked("s3", "GetObject", text.encode(encoding), headers)
        assert answer.body == new.encode(encoding)
        assert answer.headers == {"ETag": "e", "Content-Length": str(len(answer.body))}
    binary = b"\x7fELF\0" + text.encode()
    assert masked("s3", "GetObject", binary, {"x-amz-checksum-crc32": "x"}) == MaskedAnswer(
        200, {"x-amz-checksum-crc32": "x"}, binary, ()
    )
    assert masked("s3", "GetObject", text.encode(), reveal=True).body == text.encode()
    stored = gzip.compress(text.encode())
    answer = masked("s3", "GetObject", stored, {"Content-Encoding": "gzip"})
    assert gzip.decompress(answer.body) == new.encode()
    assert masked("s3", "GetObject", b"no gzip", {"Content-Encoding": "gzip"}).body == b"no gzip"
    with pytest.raises(Problem, match="part"):
        masked("s3", "GetObject", stored[:-9], {"Content-Encoding": "gzip"})
    with pytest.raises(Problem, match="part"):
        masked("s3", "GetObject", stored + b"more", {"Content-Encoding": "gzip"})
    for encoding in ({}, {"Content-Encoding": "identity"}, {"Content-Encoding": "aws-chunked,gzip"}):
        assert gzip.decompress(masked("s3", "GetObject", stored, encoding).body) == new.encode()
    cut = gzip.compress(b"nothing to mask")[:-9]
    assert masked("s3", "GetObject", cut, {"Content-Encoding": "gzip"}).body == cut


def test_gw_05_content_is_searched_behind_compressed_data():
    secret, member = b"\npassword=hunter2000\n", gzip.compress(b"nothing to mask")
    for body in (member + secret, gzip.compress(member + secret), gzip.compress(member) + secret):
        for status in (200, 206):
            with pytest.raises(Problem, match="part"):
                masked("s3", "GetObject", body, status=status)
    harmless = member + b"\nregion=eu-west-1\n"
    assert masked("s3", "GetObject", harmless).body == harmless
    padded = member + b"\0" * 512
    assert masked("s3", "GetObject", padded).body == padded
    large = member + b" " * MAX_DECODED_BYTES
    with pytest.raises(Problem, match="when decompressed"):
        masked("s3", "GetObject", large)


@pytest.mark.parametrize("lines", [1, 5000])
def test_gw_05_content_is_searched_up_to_a_fault_in_compressed_data(lines: int):
    text = b"".join(b"line %d\n" % number for number in range(lines))
    secret = gzip.compress(text + b"password=hunter2000\n")
    checksum, cut = bytearray(secret), secret[: len(secret) // 2] + b"\xff" * 40
    checksum[-6] ^= 1
    for faulty in (bytes(checksum), gzip.compress(bytes(checksum)), gzip.compress(b"ok") + bytes(checksum)):
        with pytest.raises(Problem, match="part"):
            masked("s3", "GetObject", faulty)
    for faulty in (cut, gzip.compress(text)[:-1] + b"\0"):
        assert masked("s3", "GetObject", faulty).body == faulty


def test_gw_05_a_part_with_a_secret_is_refused_because_its_bytes_would_move():
    with pytest.raises(Problem, match="part"):
        masked("s3", "GetObject", b"password=hunter2000", status=206)
    assert masked("s3", "GetObject", b"plain", status=206).body == b"plain"


def test_gw_05_errors_about_content_are_errors():
    body = b"<Error><Code>NoSuchKey</Code><Key>password=hunter2000</Key></Error>"
    answer = masked("s3", "GetObject", body, status=404)
    assert answer.body == body.replace(b"hunter2000", mask("hunter2000").encode())
    assert answer.masked == ("Key",)


@pytest.mark.parametrize(
    "body",
    [
        b"<R><Name>password</Name>" + b"<Value>a</Value>" * 5_000 + b"</R>",
        b"<R>" + b"<Value>" * 150 + b"<Value>a</Value>" * 5_000 + b"</Value>" * 150 + b"<Name>password</Name></R>",
        b"<R" + b"".join(b" a%d='b'" % number for number in range(5_000)) + b" password='hunter2000'/>",
        b"<R><password>" + b"&#65;" * 50_000 + b"</password></R>",
    ],
    ids=["pairs", "nested", "attributes", "characters"],
)
def test_gw_12_large_xml_takes_linear_time(body):
    with within_cpu_seconds(1):
        assert masked("iam", "GetUser", body).masked


@pytest.mark.parametrize("levels", [0, 4])
def test_gw_12_an_answer_built_to_make_masking_slow_is_masked_in_time(levels):
    """Otherwise Lambda would end the function after AWS ran the call, and before its record."""
    text = "<password>creds" * 30
    for _ in range(levels):
        text = json.dumps(text)
    value = {"Item": {"a": {"L": [{"S": text}] * (50_000 // len(text))}}}
    with within_cpu_seconds(3):
        answer = masked_json("dynamodb", "GetItem", value)
        content = masked("s3", "GetObject", json.dumps(value).encode())
    assert b"creds<" not in answer.body
    assert b"creds<" not in content.body


def test_gw_12_large_json_takes_linear_time():
    pairs = [{"Name": "password", "Value": "hunter2000"}] * 2_500
    with within_cpu_seconds(1):
        answer = masked_json("ssm", "DescribeParameters", {"a": pairs, "b": [[[]]] * 12_500})
    assert b"hunter2000" not in answer.body


def test_gw_05_the_lines_of_a_key_are_masked_if_each_is_an_event_of_a_log_or_a_record_of_a_stream():
    key = key_of(1190)
    log = masked_json("logs", "FilterLogEvents", {"events": [{"message": line} for line in key]})
    assert [each["message"] for each in json.loads(log.body)["events"]][1:-1] == [mask(line) for line in key[1:-1]]
    sent = [{"Data": base64.b64encode(line.encode()).decode(), "PartitionKey": "a"} for line in key]
    stream = masked_json("kinesis", "GetRecords", {"Records": sent})
    read = [base64.b64decode(each["Data"]).decode() for each in json.loads(stream.body)["Records"]]
    assert read[1:-1] == [mask(line) for line in key[1:-1]]
    assert log.masked == tuple(f"events[{place}].message" for place in range(len(key) - 1))


def test_gw_05_reveal_shows_a_password_in_the_words_of_a_command():
    value = {"tasks": [{"overrides": {"containerOverrides": [{"command": ["mysql", "-uapp", "-phunter2000"]}]}}]}
    assert masked_json("ecs", "DescribeTasks", value, reveal=True).masked == ()
    assert masked_json("ecs", "DescribeTasks", value).masked == ("tasks[0].overrides.containerOverrides[0].command[2]",)
