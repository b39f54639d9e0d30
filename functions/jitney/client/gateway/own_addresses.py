"""Replaces addresses in calls and answers: the broker needs AWS's addresses, and the child needs the endpoint's.

SDKs send to the host of a `QueueUrl`. With AWS's host, they would bypass the endpoint. For some operations, an SDK also
presigns URLs with the placeholder keys, which AWS does not accept.
"""

import json
import re
from dataclasses import replace

from jitney.client.gateway.call_answers import CallAnswer
from jitney.client.gateway.wire_parser import ParsedCall
from jitney.client.gateway.wire_values import unsupported_call

_AWS = re.compile(r"https://(?P<host>sqs\.[a-z0-9-]+\.[a-z0-9.-]+)(?P<path>/\d{12}/.+)", re.ASCII | re.DOTALL)
_MEMBERS = ("QueueUrl", "QueueUrls", "queueUrls")
_PRESIGNED = frozenset({"PresignedUrl", "PreSignedUrl"})
_OWN = re.compile(r"http://(?:127\.0\.0\.1|localhost):\d+/\.queue/(?P<host>[a-z0-9.-]+)(?P<path>/.*)", re.DOTALL)
_NAMED = re.compile(rb'"[Qq]ueueUrls?"')
_MARK = "/.queue/"


def without_worthless_url(call: ParsedCall, access_key_id: str) -> ParsedCall:
    """Return the call without a URL that is presigned with this run's placeholder key.

    EC2 needs the URL only for encrypted snapshots, and its error says so. Raises Invalid for other services, which
    always need the URL.
    """
    found = [name for name, value in call.parameters.items() if name in _PRESIGNED and access_key_id in str(value)]
    if found and call.service != "ec2":
        detail = f"{call.service} {call.operation.name} needs a presigned URL, and the gateway signs none."
        raise unsupported_call(detail)
    return replace(call, parameters={n: v for n, v in call.parameters.items() if n not in found})


def with_aws_addresses(call: ParsedCall) -> ParsedCall:
    """Return the call with AWS's address in `QueueUrl`."""
    url = call.parameters.get("QueueUrl")
    if call.service != "sqs" or not isinstance(url, str) or not (found := _OWN.fullmatch(url)):
        return call
    return replace(call, parameters={**call.parameters, "QueueUrl": f"https://{found['host']}{found['path']}"})


def with_own_addresses(answer: CallAnswer, call: ParsedCall, port: int) -> CallAnswer:
    """Return the answer with the endpoint's address in each queue's address. Other answers stay byte-identical."""
    if call.service != "sqs" or answer.status != 200 or not _NAMED.search(answer.body):
        return answer
    document = json.loads(answer.body)
    for name in _MEMBERS:
        if name in document:
            value = document[name]
            document[name] = [_own(each, port) for each in value] if isinstance(value, list) else _own(value, port)
    return replace(answer, body=json.dumps(document).encode())


def _own(url: str, port: int) -> str:
    found = _AWS.fullmatch(url)
    return f"http://127.0.0.1:{port}{_MARK}{found['host']}{found['path']}" if found else url
