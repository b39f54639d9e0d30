"""Direct transfers on the running system: a ticket uploads one object, and its session may do nothing else (row GW 9).

The emulator checks no signatures. tests/adapters/test_ticket_signer.py shows that S3's depends on the body.
"""

import hashlib
import uuid
from typing import Any

import httpx
import pytest

from tests.running_systems import PATIENCE
from tests.system.conftest import Api

BODY = bytes(range(256)) * 40_000
"""10 MB, which no Lambda function can receive."""


@pytest.fixture
def grant_id(api: Api) -> str:
    permissions = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/tickets/*"]}]
    members = {"permissions": permissions, "way": "gateway"}
    body = {"target": "analytics-prod", "duration_seconds": 300, "reason": "monthly report", **members}
    answer = api("POST", "/v1/grants", body, agent="gateway-agent")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["grant"]["id"])


def ticket(api: Api, grant_id: str, key: str, body: bytes) -> dict[str, Any]:
    """Return the ticket for an upload of `body`."""
    call = {
        "grant": grant_id,
        "service": "s3",
        "operation": "PutObject",
        "parameters": {"Bucket": "reports", "Key": key},
        "direct": {"content_sha256": hashlib.sha256(body).hexdigest(), "content_length": len(body)},
    }
    answer = api("POST", "/v1/calls", call, agent="gateway-agent", Idempotency_Key=str(uuid.uuid4()))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["ticket"]
    return found


def send(found: dict[str, Any], body: bytes, url: str = "") -> httpx.Response:
    return httpx.request(
        found["method"],
        url or found["url"],
        headers=found["headers"],
        content=body,
        timeout=PATIENCE,
        trust_env=False,
    )


def test_gw_09_an_upload_of_ten_megabytes_goes_to_s3_directly(api: Api, aws, grant_id: str):
    key = f"tickets/{uuid.uuid4()}"
    found = ticket(api, grant_id, key, BODY)
    assert send(found, BODY, found["url"].replace("tickets/", "tickets/x")).status_code == 403
    assert send(found, BODY).status_code == 200
    stored = aws("s3", "444455556666").get_object(Bucket="reports", Key=key)["Body"].read()
    assert stored == BODY
