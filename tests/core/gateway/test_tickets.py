"""Which calls can have a ticket (row GW 9)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.fields import FieldErrors
from jitney.core.access.request import Way
from jitney.core.call_limits import CallLimits
from jitney.core.gateway.call_request import parse_call
from jitney.core.gateway.tickets import MAX_UPLOAD_BYTES, NO_BODY, DirectBody, Ticket, read_direct, require_ticket
from jitney.core.problems import Problem
from tests.fakes import GRANT, NOW

HASH = "a" * 64
UPLOAD = DirectBody(HASH, 10**8)
PLAIN = replace(GRANT, way=Way.GATEWAY)
REVEALING = replace(PLAIN, reveal=True)
OBJECT = {"Bucket": "reports", "Key": "a"}


@pytest.mark.parametrize(
    ("operation", "grant", "body"),
    [
        ("PutObject", PLAIN, UPLOAD),
        ("UploadPart", PLAIN, UPLOAD),
        ("HeadObject", REVEALING, NO_BODY),
        ("GetObject", REVEALING, NO_BODY),
    ],
)
def test_gw_09_one_object_can_be_transferred_directly(operation: str, grant, body: DirectBody):
    require_ticket("s3", operation, OBJECT, body, grant, CallLimits())


REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "another operation": (("s3", "CopyObject", OBJECT, NO_BODY, REVEALING), "call_unsupported"),
    "deletion": (("s3", "DeleteObject", OBJECT, NO_BODY, REVEALING), "call_unsupported"),
    "another service": (("s3control", "GetObject", OBJECT, NO_BODY, REVEALING), "call_unsupported"),
    "unmasked without reveal": (("s3", "GetObject", OBJECT, NO_BODY, PLAIN), "call_unsupported"),
    "unmasked headers without reveal": (("s3", "HeadObject", OBJECT, NO_BODY, PLAIN), "call_unsupported"),
    "a body twice": (("s3", "PutObject", {**OBJECT, "Body": b"x"}, UPLOAD, PLAIN), "call_invalid"),
    "a body of a download": (("s3", "GetObject", OBJECT, UPLOAD, REVEALING), "call_invalid"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_gw_09_any_other_call_has_no_ticket(case: str):
    call, code = REFUSED[case]
    with pytest.raises(Problem) as refused:
        require_ticket(*call, CallLimits())
    assert refused.value.code == code


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
def test_gw_12_bytes_that_cannot_be_counted_are_not_sent_directly(operation: str):
    with pytest.raises(Problem) as refused:
        require_ticket("s3", operation, OBJECT, NO_BODY, REVEALING, CallLimits(bytes_out=10**9))
    assert refused.value.code == "call_budget_used"
    require_ticket("s3", "PutObject", OBJECT, UPLOAD, PLAIN, CallLimits(bytes_out=10**9))


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (None, "/direct"),
        (True, "/direct"),
        ({"content_sha256": HASH}, "/direct/content_length"),
        ({"content_length": 1}, "/direct/content_sha256"),
        ({"content_sha256": HASH.upper(), "content_length": 1}, "/direct/content_sha256"),
        ({"content_sha256": "UNSIGNED-PAYLOAD", "content_length": 1}, "/direct/content_sha256"),
        ({"content_sha256": HASH + "\n", "content_length": 1}, "/direct/content_sha256"),
        ({"content_sha256": HASH, "content_length": -1}, "/direct/content_length"),
        ({"content_sha256": HASH, "content_length": MAX_UPLOAD_BYTES + 1}, "/direct/content_length"),
        ({"content_sha256": HASH, "content_length": 1, "url": "x"}, "/direct/url"),
    ],
)
def test_gw_09_the_body_of_an_upload_is_named_by_hash_and_length(value: Any, pointer: str):
    faults = FieldErrors()
    read_direct(value, faults)
    assert pointer in {each.pointer for each in faults.found}


def test_gw_09_the_body_is_part_of_the_call():
    body = {"grant": GRANT.id, "service": "s3", "operation": "PutObject", "parameters": OBJECT}
    plain = parse_call(json.dumps(body).encode())
    one = parse_call(json.dumps(body | {"direct": {"content_sha256": HASH, "content_length": 5}}).encode())
    other = parse_call(json.dumps(body | {"direct": {"content_sha256": HASH, "content_length": 6}}).encode())
    assert (plain.direct, one.direct) == (None, DirectBody(HASH, 5))
    assert len({plain.canonical(), one.canonical(), other.canonical()}) == 3
    assert parse_call(json.dumps(body | {"direct": {}}).encode()).direct == NO_BODY


def test_gw_09_a_ticket_is_hidden_in_logs():
    ticket = Ticket("PUT", "https://s3/b/k?X-Amz=secret", {"Authorization": "secret"}, NOW)
    assert "secret" not in repr(ticket)
    assert ticket.view()["headers"] == {"Authorization": "secret"}
