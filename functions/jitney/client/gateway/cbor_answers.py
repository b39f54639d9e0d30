"""Answers for clients that speak CBOR, where the broker speaks JSON to the same service."""

from dataclasses import replace
from typing import Any

from botocore.model import OperationModel
from botocore.parsers import ResponseParserError, create_parser
from botocore.serialize import RpcV2CBORSerializer

from jitney.client.gateway.call_answers import CallAnswer
from jitney.client.gateway.protocol_errors import cbor_map

_OF_THE_BODY = frozenset({"content-type", "x-amz-crc32", "content-encoding", "content-length"})


def as_cbor(answer: CallAnswer, operation: OperationModel) -> CallAnswer:
    """Return the answer to a call in CBOR. Raises ValueError when the body does not fit the operation's model."""
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in _OF_THE_BODY}
    headers |= {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    parser: Any = create_parser(operation.service_model.resolved_protocol)
    received = {"headers": dict(answer.headers), "body": answer.body, "status_code": answer.status}
    try:
        parsed = parser.parse(received, operation.output_shape)
    except ResponseParserError as error:
        raise ValueError("the answer is not of the operation's model") from error
    parsed.pop("ResponseMetadata", None)
    if answer.status >= 300:
        sent = parsed.get("Error", {})
        body = cbor_map({"__type": str(sent.get("Code", "")), "message": str(sent.get("Message", ""))})
    elif operation.output_shape is None:
        body = cbor_map({})
    else:
        writer: Any = RpcV2CBORSerializer()
        content = bytearray()
        writer._serialize_data_item(content, parsed, operation.output_shape)  # noqa: SLF001 - CBOR has no public writer
        body = bytes(content)
    return replace(answer, headers=headers, body=body)
