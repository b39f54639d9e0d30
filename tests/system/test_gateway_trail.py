"""Calls through the gateway, end to end: CloudTrail events find their records, and auditors see both (row GW 8)."""

import uuid
from typing import Any

from local.demo.audit_queries import AuditQueries
from tests.running_systems import until
from tests.system.conftest import Api, request_body

ACTIONS = ("s3:GetObject", "s3:PutObject")


def test_gw_08_the_events_of_gateway_calls_find_their_records(api: Api, stack):
    key = f"2026/joined-{uuid.uuid4().hex[:8]}.txt"
    permissions = [{"actions": list(ACTIONS), "resources": [f"arn:aws:s3:::reports/{key}"]}]
    answer = api("POST", "/v1/grants", request_body(permissions=permissions, way="gateway"), agent="gateway-agent")
    assert answer.status_code == 201, answer.text
    grant_id = answer.json()["grant"]["id"]

    def call(operation: str, **parameters: Any) -> dict[str, Any]:
        made = {"grant": grant_id, "service": "s3", "operation": operation}
        body = made | {"parameters": {"Bucket": "reports", "Key": key, **parameters}}
        sent = api("POST", "/v1/calls", body, agent="gateway-agent", Idempotency_Key=str(uuid.uuid4()))
        assert sent.status_code == 200, sent.text
        found: dict[str, Any] = sent.json()
        return found

    put, got = call("PutObject", Body="NDI=", Metadata={"note": "password=hunter2hunter2"}), call("GetObject")
    assert (put["status"], got["status"], got["body"]) == (200, 200, "42")
    ledger = AuditQueries(stack)

    def joined() -> list[dict[str, Any]]:
        rows = ledger.rows("calls_of_grant", grant_id)
        return rows if len(rows) == 2 and all(row["events"] for row in rows) else []

    order = {put["call_id"]: 0, got["call_id"]: 1}  # both calls may be of the same second
    rows = sorted(until(joined), key=lambda row: order[row["call_id"]])
    assert [(row["call_id"], row["operation"], row["outcome"], row["record_match"]) for row in rows] == [
        (put["call_id"], "PutObject", "answered", "recorded"),
        (got["call_id"], "GetObject", "answered", "recorded"),
    ]
    assert "hunter2" not in rows[0]["parameters"]
    assert "SHA-256" in rows[0]["parameters"]
    assert [row["aws_request_id"] for row in rows] == [put["request_id"], got["request_id"]]
    assert not [row for row in ledger.rows("bypasses") if grant_id in row["session"]]
