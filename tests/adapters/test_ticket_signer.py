"""A ticket is one signed request, whose body cannot be replaced (row GW 9)."""

import hashlib
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKeys

from jitney import resources
from jitney.adapters.aws_calls import AwsCalls
from jitney.adapters.aws_models import AwsModels
from jitney.core.access.credentials import Credentials
from jitney.core.gateway.tickets import NO_BODY, DirectBody, Ticket
from jitney.core.target_config import Target
from tests.fakes import NOW, ROLE_ARN

MODELS = AwsModels.load(resources.MODELS.read_bytes())
TARGET = Target("analytics-prod", "444455556666", ROLE_ARN, "external", "eu-west-1", 3600, {})
KEYS = Credentials("ASIAEXAMPLE", "canary-secret-key", "session-token", NOW + 60)
BODY = b"what the agent uploads"
BOUND = DirectBody(hashlib.sha256(BODY).hexdigest(), len(BODY))
OBJECT = {"Bucket": "reports", "Key": "a b/\u00fc"}

UPLOADS = {"PutObject": {"ContentType": "text/plain"}, "UploadPart": {"PartNumber": 1, "UploadId": "u"}}
DOWNLOADS: dict[str, dict[str, Any]] = {"GetObject": {"Range": "bytes=0-9"}, "HeadObject": {}}


class NotSent:
    """An upstream that must not be reached."""


def ticket_of(operation: str, parameters: dict[str, Any], body: DirectBody) -> Ticket:
    calls = AwsCalls(MODELS, NotSent())  # type: ignore[arg-type]
    call = calls.checked("s3", operation, "", OBJECT | parameters, TARGET)
    return calls.ticket(call, body, "c-aaaaaaaaaaaaaa", KEYS)


def signature_of(ticket: Ticket, body: bytes, **changed: str) -> str:
    """Return the signature that S3 computes for what it receives: the ticket with this body."""
    signed = ticket.headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: value for name, value in ticket.headers.items() if name.lower() in signed} | changed
    headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
    headers.pop("X-Amz-Security-Token")
    request = AWSRequest(ticket.method, ticket.url, headers, body)
    auth = S3SigV4Auth(SigningKeys(KEYS.access_key_id, KEYS.secret_access_key, KEYS.session_token), "s3", "eu-west-1")
    request.headers["X-Amz-Security-Token"] = KEYS.session_token
    request.context["timestamp"] = ticket.headers["X-Amz-Date"]
    canonical = auth.canonical_request(request)
    return str(auth.signature(auth.string_to_sign(request, canonical), request))


def signed(ticket: Ticket) -> str:
    return ticket.headers["Authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize("operation", UPLOADS)
def test_gw_09_s3_accepts_the_body_of_the_ticket_and_no_other(operation: str):
    ticket = ticket_of(operation, UPLOADS[operation], BOUND)
    assert ticket.headers["X-Amz-Content-SHA256"] == BOUND.content_sha256
    assert ticket.headers["Content-Length"] == str(len(BODY))
    assert signature_of(ticket, BODY) == signed(ticket)
    assert signature_of(ticket, BODY + b"!") != signed(ticket)
    assert signature_of(ticket, BODY, **{"Content-Length": "5"}) != signed(ticket)


@pytest.mark.parametrize("operation", DOWNLOADS)
def test_gw_09_a_download_is_one_request_for_one_object(operation: str):
    ticket = ticket_of(operation, DOWNLOADS[operation], NO_BODY)
    assert signature_of(ticket, b"") == signed(ticket)
    assert ticket.url == "https://s3.eu-west-1.amazonaws.com/reports/a%20b/%C3%BC"
    assert "Content-Length" not in ticket.headers


@pytest.mark.parametrize("operation", UPLOADS | DOWNLOADS)
def test_gw_01_a_ticket_holds_no_secret_key_and_ends_with_its_session(operation: str):
    body = BOUND if operation in UPLOADS else NO_BODY
    ticket = ticket_of(operation, (UPLOADS | DOWNLOADS)[operation], body)
    assert KEYS.secret_access_key not in str(ticket.view())
    assert ticket.expires_at == NOW + 60


def test_gw_09_every_header_that_changes_the_call_is_signed():
    ticket = ticket_of("PutObject", {"ACL": "private", "Metadata": {"a": "b"}, "CacheControl": "no-store"}, BOUND)
    names = ticket.headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {name.lower() for name in ticket.headers} - {"authorization"} <= set(names)
    assert {"host", "x-amz-acl", "x-amz-meta-a", "x-amz-content-sha256", "content-length"} <= set(names)
