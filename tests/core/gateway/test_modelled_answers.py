"""Each operation's answer loses its canaries and keeps its decoys, and botocore parses it (rows GW 5, MASK 1-4)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.parsers import create_parser
from botocore.utils import parse_timestamp
from hypothesis import settings

from jitney import resources
from jitney.adapters.aws_models import AwsModels
from jitney.core.gateway.answer_masking import AnswerMasker
from jitney.core.gateway.answer_shapes import KEYS, answer_shapes
from jitney.core.gateway.aws_answer import MOST_PATHS, AwsAnswer
from jitney.core.masking.aws_masker import AwsMasker, CallDirection
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.table import MaskTable, OperationShapes
from tests.core.gateway.modelled_answers import CANARY, ModelledAnswer, wire_answer
from tests.core.masking.planted import JWT
from tests.examples import WHOLE

TAGS = MaskTags(lambda: bytes(range(32)))
MODELS = AwsModels.load(resources.MODELS.read_bytes())
MASKS = MaskTable.load(resources.MASKS.read_bytes())
MASKER = AnswerMasker(MASKS)


AMBIGUOUS = {("s3", "GetBucketNotification")}
"""Its members Event and Events are the same elements, and botocore does not parse them as text."""


def operations(service: str) -> Iterator[OperationModel]:
    """Yield the operations with masked members; of the others, all in a whole run, and each tenth in a quick one."""
    step = settings.get_profile(WHOLE).max_examples // settings().max_examples
    for place, name in enumerate(MODELS.operations(service)):
        listed = MASKS.of(service, name)
        if (service, name) in AMBIGUOUS:
            continue
        if place % step == 0 or (listed and listed.output is not None):
            yield MODELS.operation(service, name)


def parsed(operation: OperationModel, headers: dict[str, str], body: bytes, status: int = 200) -> dict[str, Any]:
    """Return what botocore reads, without what it adds."""
    answer = {"headers": HeadersDict(headers), "status_code": status, "body": body}
    protocol = operation.service_model.resolved_protocol
    read: dict[str, Any] = create_parser(protocol).parse(answer, operation.output_shape)
    read.pop("ResponseMetadata", None)
    members = operation.output_shape.members if operation.output_shape else {}
    return {
        name: each
        for name, each in read.items()
        if name not in members or members[name].serialization.get("location") != "statusCode"
    }


def as_parsed(operation: OperationModel, value: dict[str, Any]) -> dict[str, Any]:
    """Return a made value in the form of `parsed`: its streams are text."""
    members = operation.output_shape.members if operation.output_shape else {}
    payload = operation.output_shape.serialization.get("payload") if members else None
    return {
        name: each.decode() if name == payload and isinstance(each, bytes) else each
        for name, each in value.items()
        if members[name].serialization.get("location") != "statusCode"
    }


@pytest.mark.parametrize("service", MODELS.services())
def test_gw_05_no_canary_is_left_and_no_decoy_is_spoiled(service: str):
    for operation in operations(service):
        listed = MASKS.of(service, operation.name) or OperationShapes((), None, None)
        made, masked = ModelledAnswer(operation, listed, TAGS).made()
        headers, body = wire_answer(operation, made)
        assert parsed(operation, headers, body) == as_parsed(operation, made), operation.name
        answer = MASKER.mask(AwsAnswer(200, headers, body), operation, TAGS)
        assert parsed(operation, dict(answer.headers), answer.body) == as_parsed(operation, masked), operation.name
        assert CANARY not in f"{answer.headers}"
        if made == masked:
            assert (answer.body, answer.headers, answer.masked) == (body, headers, ())


@pytest.mark.parametrize("service", ["cognito-identity", "ecr", "iam", "s3", "ssm", "sts"])
def test_gw_04_a_revealed_answer_keeps_all_but_aws_keys(service: str):
    """Also in the operations that the gateway refuses because they answer with credentials."""
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    kept: dict[str, set[str]] = {}
    for name in MASKS.operations(service):
        listed = MASKS.of(service, name)
        operation = model.operation_model(name)
        if listed is None or listed.output is None or operation.has_event_stream_output:
            continue
        headers, body = wire_answer(operation, ModelledAnswer(operation, listed, TAGS).made()[0])
        answer = MASKER.mask(AwsAnswer(200, headers, body), operation, TAGS, reveal=True)
        if answer.masked:
            kept[name] = {path.rpartition(".")[2] for path in answer.masked}
    assert kept == AWS_KEYS.get(service, {})


BOTH = {"SecretAccessKey", "SessionToken"}
AWS_KEYS: dict[str, dict[str, set[str]]] = {
    "cognito-identity": {"GetCredentialsForIdentity": {"SecretKey", "SessionToken"}},
    "iam": {"CreateAccessKey": {"SecretAccessKey"}},
    "s3": {"CreateSession": BOTH},
    "ssm": {"GetAccessToken": BOTH},
    "sts": {
        f"Get{name}": BOTH for name in ("DelegatedAccessToken", "FederationToken", "ScopedCredentials", "SessionToken")
    }
    | {f"Assume{name}": BOTH for name in ("Role", "RoleWithSAML", "RoleWithWebIdentity", "Root")},
}
"""The members that stay masked, by service and operation."""

ERRORS = {
    "json": '{"__type": "com.amazonaws#Denied", "message": "%s"}',
    "rest-json": '{"message": "%s", "Code": "Denied"}',
    "query": "<ErrorResponse><Error><Code>Denied</Code><Message>%s</Message></Error></ErrorResponse>",
    "ec2": "<Response><Errors><Error><Code>Denied</Code><Message>%s</Message></Error></Errors></Response>",
    "rest-xml": "<Error><Code>Denied</Code><Message>%s</Message></Error>",
}
ONE_OF_EACH = {
    "json": ("ssm", "GetParameter"),
    "rest-json": ("lambda", "Invoke"),
    "query": ("iam", "GetUser"),
    "ec2": ("ec2", "DescribeVpcs"),
    "rest-xml": ("s3", "GetObject"),
}


def test_every_protocol_of_the_models_is_tried():
    protocols = {
        MODELS.operation(service, MODELS.operations(service)[0]).service_model.resolved_protocol
        for service in MODELS.services()
    }
    assert protocols == set(ERRORS) == set(ONE_OF_EACH)


@pytest.mark.parametrize("protocol", ERRORS)
def test_gw_05_the_message_of_an_error_is_searched_and_its_code_stays(protocol: str):
    operation = MODELS.operation(*ONE_OF_EACH[protocol])
    body = (ERRORS[protocol] % f"the token {JWT} is not valid").encode()
    answer = MASKER.mask(AwsAnswer(403, {}, body), operation, TAGS)
    error = parsed(operation, dict(answer.headers), answer.body, 403)["Error"]
    assert (error["Code"], error["Message"]) == ("Denied", f"the token {TAGS.mask(JWT, 'credential')} is not valid")
    plain = (ERRORS[protocol] % "no").encode()
    assert MASKER.mask(AwsAnswer(403, {}, plain), operation, TAGS).body is plain


def typed(shape: Shape, value: Any) -> Any:
    """Return an example's value as botocore returns it. Members that the model does not have are left out."""
    if shape.type_name == "structure":
        return {name: typed(shape.members[name], each) for name, each in value.items() if name in shape.members}
    if shape.type_name == "list":
        return [typed(shape.member, each) for each in value]
    if shape.type_name == "map":
        return {name: typed(shape.value, each) for name, each in value.items()}
    readers: dict[str, Callable[[Any], Any]] = {
        "timestamp": parse_timestamp,
        "blob": lambda text: str(text).encode(),
        "string": str,
        "integer": int,
        "long": int,
        "float": float,
        "double": float,
    }
    return readers.get(shape.type_name, lambda same: same)(value)


def examples_of(service: str) -> Iterator[tuple[OperationModel, dict[str, Any]]]:
    """Yield the answers in AWS's own examples of a service."""
    try:
        found = Loader().load_service_model(service, "examples-1")["examples"]
    except UnknownServiceError:
        return
    known = set(MODELS.operations(service))
    for name, each in sorted(found.items()):
        for example in each:
            if (service, name) in AMBIGUOUS or name not in known:
                continue
            if (output := MODELS.operation(service, name).output_shape) and example.get("output"):
                try:
                    yield MODELS.operation(service, name), typed(output, example["output"])
                except (TypeError, ValueError, AttributeError, UserWarning, RuntimeWarning):
                    continue  # some examples have values of other types than the model


@pytest.mark.parametrize("service", MODELS.services())
def test_mask_03_aws_examples_are_masked_on_the_wire_as_their_values_are(service: str):
    values = AwsMasker(MASKS, TAGS)
    for operation, value in examples_of(service):
        if any(KEYS in shape for shape in answer_shapes(operation, MASKS.of(service, operation.name)).shapes):
            continue  # the values' masker keeps all names
        headers, body = wire_answer(operation, value)
        expected, paths = values.call(service, operation.name, CallDirection.OUTPUT, parsed(operation, headers, body))
        answer = MASKER.mask(AwsAnswer(200, headers, body), operation, TAGS)
        assert parsed(operation, dict(answer.headers), answer.body) == expected, operation.name
        assert len(answer.masked) == min(len(paths), MOST_PATHS)
