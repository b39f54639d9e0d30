"""`make bench`: how fast the gateway masks AWS's answers, beside a plain parse of the same bytes by botocore.

Each protocol has one operation whose answer is a list. The list is repeated to each of `SIZES`. `masked` is the same
answer with a secret in every `SECRET_EACH`th element. Content is text, such as an object of S3, without a parse.

Times are processor times of one process, medians over rounds. Prints one JSON object, in MB/s.
"""

import importlib
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.awsrequest import HeadersDict
from botocore.model import OperationModel
from botocore.parsers import create_parser

from jitney import resources
from jitney.adapters.aws_models import AwsModels
from jitney.core.gateway.answer_masking import AnswerMasker
from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.table import MaskTable

ROUNDS = 5
SIZES = {"3_kb": 3_000, "100_kb": 100_000, "1_mb": 1_000_000}
SECRET_EACH = 100
SECONDS = 0.05
"""How long one round repeats a call, at least."""
HEADERS = {
    "x-amzn-RequestId": "3f1c9b1e-7a39-4b6a-8d9d-2f9c1f7f0a11",
    "Date": "Tue, 24 Nov 2026 12:05:00 GMT",
    "Content-Type": "application/octet-stream",
    "Connection": "keep-alive",
}
WHEN = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
TEXT = "lorem ipsum dolor sit amet, consectetur adipiscing elit"
LOG_LINE = "2026-11-24T12:05:07Z INFO [worker-3] request_id=9f0c2d4e6a8b1357 path=/api/v1/users/17 status=200\n"
SECRET = "password=hunter2000"  # noqa: S105 - made up, to be masked

wire_answer = importlib.import_module("tests.core.gateway.modelled_answers").wire_answer

Element = Callable[[int, str], dict[str, Any]]


def _item(number: int, text: str) -> dict[str, Any]:
    tags = {"L": [{"S": "a"}, {"S": "b"}]}
    return {"id": {"S": f"user-{number:06}"}, "age": {"N": "42"}, "tags": tags, "text": {"S": text}}


def _function(number: int, text: str) -> dict[str, Any]:
    arn = f"arn:aws:lambda:eu-west-1:444455556666:function:f-{number}"
    return {"FunctionName": f"f-{number}", "FunctionArn": arn, "Runtime": "python3.13", "Description": text}


def _user(number: int, text: str) -> dict[str, Any]:
    arn = f"arn:aws:iam::444455556666:user/u-{number}"
    return {
        "Path": "/",
        "UserName": f"u-{number}",
        "Arn": arn,
        "CreateDate": WHEN,
        "Tags": [{"Key": "k", "Value": text}],
    }


def _instance(number: int, text: str) -> dict[str, Any]:
    tags = [{"Key": "Name", "Value": text}]
    return {"Instances": [{"InstanceId": f"i-{number:017x}", "InstanceType": "t3.micro", "Tags": tags}]}


def _object(number: int, text: str) -> dict[str, Any]:
    key = f"logs/2026/{number:06}.json {text}"
    return {"Key": key, "LastModified": WHEN, "ETag": '"d41d8cd98f00b204e9800998ecf8427e"', "Size": number}


ANSWERS: dict[str, tuple[str, str, str, Element]] = {
    "json": ("dynamodb", "Scan", "Items", _item),
    "rest-json": ("lambda", "ListFunctions", "Functions", _function),
    "query": ("iam", "ListUsers", "Users", _user),
    "ec2": ("ec2", "DescribeInstances", "Reservations", _instance),
    "rest-xml": ("s3", "ListObjectsV2", "Contents", _object),
}


def main() -> None:
    """Measure and print."""
    models = AwsModels.load(resources.MODELS.read_bytes())
    masker = AnswerMasker(MaskTable.load(resources.MASKS.read_bytes()))
    figures: dict[str, Any] = {}
    for protocol, (service, name, member, element) in ANSWERS.items():
        operation = models.operation(service, name)
        for size, least in SIZES.items():
            plain = _body(operation, member, element, least, secret_each=0)
            figures.setdefault(protocol, {})[size] = {
                "mask": _rate(plain, partial(_mask, masker, operation, plain)),
                "parse": _rate(plain, partial(_parse, operation, plain)),
            }
        secrets = _body(operation, member, element, SIZES["1_mb"], secret_each=SECRET_EACH)
        figures[protocol]["masked_1_mb"] = _rate(secrets, partial(_mask, masker, operation, secrets))
    content = models.operation("s3", "GetObject")
    for kind, line in (("prose", f"{TEXT}\n"), ("log", LOG_LINE)):
        body = (line * (SIZES["1_mb"] // len(line))).encode()
        figures[f"content_{kind}_1_mb"] = _rate(body, partial(_mask, masker, content, body))
    print(json.dumps({"mb_s": figures}, indent=2))


def _body(operation: OperationModel, member: str, element: Element, least: int, *, secret_each: int) -> bytes:
    def made(count: int) -> bytes:
        texts = (f"{TEXT} {SECRET}" if secret_each and place % secret_each == 0 else TEXT for place in range(count))
        elements = [element(number, text) for number, text in enumerate(texts)]
        body: bytes = wire_answer(operation, {member: elements})[1]
        return body

    return made(max(1, least * 100 // len(made(100))))


def _mask(masker: AnswerMasker, operation: OperationModel, body: bytes) -> Any:
    return masker.mask(AwsAnswer(200, HEADERS, body), operation, MaskTags(lambda: b"k" * 32))


def _parse(operation: OperationModel, body: bytes) -> Any:
    answer = {"headers": HeadersDict(HEADERS), "status_code": 200, "body": body}
    if operation.output_shape is None:
        raise ValueError(f"{operation.name} has no answer")
    return create_parser(operation.service_model.resolved_protocol).parse(answer, operation.output_shape)


def _rate(body: bytes, call: Callable[[], Any]) -> float:
    """Return how many megabytes of `body` the call processes in a second."""
    call()
    return round(len(body) / statistics.median(_seconds(call) for _ in range(ROUNDS)) / 1e6, 1)


def _seconds(call: Callable[[], Any]) -> float:
    began, count = time.process_time(), 0
    while time.process_time() - began < SECONDS or not count:
        call()
        count += 1
    return (time.process_time() - began) / count


if __name__ == "__main__":
    main()
