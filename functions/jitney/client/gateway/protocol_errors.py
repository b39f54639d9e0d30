"""Problems as errors of AWS's protocols, in a form that SDKs show and do not retry.

SDKs retry 429 and 5xx, and a few codes of AWS. So a refusal is 400 or 403, and its code begins with "Jitney". Only
problems after which the same call can safely be sent again are 503.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from botocore.serialize import CBORSerializer

from jitney.client.gateway.http_answer import HttpAnswer
from jitney.client.gateway.problem_texts import error_code, message_of
from jitney.client.gateway.received import ReceivedRequest
from jitney.client.gateway.wire_parser import CBOR
from jitney.client.problems import ClientProblem, Denied, GrantEnded, Unauthenticated

NOT_RUN = frozenset({"rate_limited", "upstream_unreached", "grant_conflict", "keys_unavailable"})
"""Problems of an attempt that did not run or only read. Each client may repeat a call with no earlier attempt."""
_MAY_HAVE_RUN = frozenset({"store_busy", "unavailable", "no_response"})
"""Problems of a call that may have run."""
_FORBIDDEN = (Denied, GrantEnded, Unauthenticated)
_XML = '<?xml version="1.0" encoding="UTF-8"?>'
_REASONS = {400: "Sender", 403: "Sender", 503: "Receiver"}


def spoken_protocol(request: ReceivedRequest, signing_name: str, protocols: Sequence[str]) -> str:
    """Return the protocol in which the client expects an error, as far as the request shows it.

    `protocols` are the protocols of the services that sign with this name. For example, Amazon SES has two versions
    with different protocols.
    """
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return CBOR
    if "x-amz-target" in request.headers:
        return "json"
    if request.media_type == "application/x-www-form-urlencoded":
        return "ec2" if signing_name == "ec2" else "query"
    return next((each for each in protocols if each.startswith("rest-")), next(iter(protocols), "rest-json"))


def protocol_error(problem: ClientProblem, protocol: str, signing_name: str, *, repeatable: bool) -> HttpAnswer:
    """Return the problem as an error of `protocol`.

    `repeatable` says whether another attempt is safe although the call may have run.
    """
    again = problem.code in NOT_RUN or (problem.code in _MAY_HAVE_RUN and repeatable)
    status = 503 if again else 403 if isinstance(problem, _FORBIDDEN) else 400
    code, message = error_code(problem.code), message_of(problem)
    body, media_type = _BODIES[protocol](code, message, signing_name, _REASONS[status])
    headers = [("content-type", media_type), ("x-amzn-errortype", code)]
    if protocol == CBOR:
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    if protocol in ("json", CBOR):  # SDKs of services that once had the protocol query read it here
        headers.append(("x-amzn-query-error", f"{code};{_REASONS[status]}"))
    return HttpAnswer(status, headers, body)


def _json(code: str, message: str, _signing_name: str, _kind: str) -> tuple[bytes, str]:
    return json.dumps({"__type": code, "code": code, "message": message}).encode(), "application/json"


def _cbor(code: str, message: str, _signing_name: str, _kind: str) -> tuple[bytes, str]:
    return cbor_map({"__type": code, "message": message}), "application/cbor"


def _query(code: str, message: str, signing_name: str, kind: str) -> tuple[bytes, str]:
    code, message = escape(code), escape(message)
    if signing_name in ("s3", "s3express"):  # with S3's own media type, the only one that minio-py reads
        return f"{_XML}<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode(), "application/xml"
    inner = f"<Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"{_XML}<ErrorResponse>{inner}<RequestId>jitney</RequestId></ErrorResponse>".encode(), "text/xml"


def _ec2(code: str, message: str, _signing_name: str, _kind: str) -> tuple[bytes, str]:
    inner = f"<Errors><Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error></Errors>"
    return f"{_XML}<Response>{inner}<RequestID>jitney</RequestID></Response>".encode(), "text/xml"


_BODIES = {"json": _json, "rest-json": _json, "query": _query, "rest-xml": _query, "ec2": _ec2, CBOR: _cbor}


def cbor_map(members: Mapping[str, str]) -> bytes:
    """Return a CBOR map of texts."""
    writer: Any = CBORSerializer()
    body = bytearray(writer._get_initial_byte(writer.MAP_MAJOR_TYPE, len(members)))  # noqa: SLF001 - botocore has no public writer
    for name, value in members.items():
        writer._serialize_type_string(body, name, None, None)  # noqa: SLF001
        writer._serialize_type_string(body, value, None, None)  # noqa: SLF001
    return bytes(body)
