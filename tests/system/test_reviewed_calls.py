"""The review of one call on the running system: a person approves it, and the gateway sends it once (row REV 16)."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.reviewer_browser import Person
from tests.system.conftest import Api
from tests.system.test_records import chain_of

pytestmark = pytest.mark.xdist_group("reviews")
AGENT = "gateway-agent"


def test_rev_16_a_reviewed_deletion_is_sent_once_and_the_next_one_is_not_covered(
    api: Api, person: Callable[[str], Person], aws: Callable[..., Any], stack: dict[str, Any]
):
    s3, folder = aws("s3", "444455556666"), f"2026/{uuid.uuid4()}"
    for name in ("a", "b"):
        s3.put_object(Bucket="reports", Key=f"{folder}/{name}", Body=b"42")
    permissions = [{"actions": ["s3:DeleteObject"], "resources": [f"arn:aws:s3:::reports/{folder}/*"]}]
    members = {"permissions": permissions, "way": "gateway", "duration_seconds": 600, "reason": "clean up"}
    granted = api("POST", "/v1/grants", {"target": "analytics-prod", **members}, agent=AGENT)
    assert granted.status_code == 201, granted.text
    grant_id = granted.json()["grant"]["id"]

    def delete(name: str, key: str, **more: str) -> Any:
        parameters = {"Bucket": "reports", "Key": f"{folder}/{name}"}
        call = {"grant": grant_id, "service": "s3", "operation": "DeleteObject", "parameters": parameters, **more}
        return api("POST", "/v1/calls", call, agent=AGENT, Idempotency_Key=key)

    def keys() -> list[str]:
        listed = s3.list_objects_v2(Bucket="reports", Prefix=f"{folder}/").get("Contents", [])
        return [each["Key"].removeprefix(f"{folder}/") for each in listed]

    key = str(uuid.uuid4())
    waiting = delete("a", key)
    assert waiting.status_code == 202, waiting.text
    child, call_id = waiting.json()["grant"]["id"], waiting.json()["call_id"]
    assert waiting.headers["location"].endswith(f"/v1/calls/{call_id}")
    assert api("GET", f"/v1/calls/{call_id}", agent=AGENT).json()["state"] == "pending"
    requested, *_ = chain_of(aws, stack, child)
    assert "packed_policy_percent" in json.loads(requested["detail"])
    alice = person("alice")
    page = alice.sign_in(f"/{child}").text
    assert "requests one call: s3 DeleteObject in eu-west-1" in page
    assert f"{folder}/a" in page
    assert alice.vote(child).status_code == 303
    assert delete("b", key).json()["code"] == "idempotency_mismatch"
    assert keys() == ["a", "b"]
    sent = delete("a", key)
    assert (sent.status_code, sent.json()["status"], sent.json()["call_id"]) == (200, 204, call_id)
    assert keys() == ["b"]
    assert api("GET", f"/v1/calls/{call_id}", agent=AGENT).json()["state"] == "answered"
    assert api("GET", f"/v1/grants/{child}", agent=AGENT).json()["grant"]["state"] == "used"
    following = delete("b", str(uuid.uuid4()))
    assert following.status_code == 202
    assert alice.vote(following.json()["grant"]["id"], "reject", comment="Keep it.").status_code == 303
    refused = delete("b", str(uuid.uuid4()))
    assert (refused.status_code, refused.json()["code"]) == (403, "rejected_before")
    assert "Keep it." in refused.json()["detail"]
    following = delete("b", str(uuid.uuid4()), changed="The owner agreed.")
    assert following.json()["grant"]["repeated"]["changed"] == "The owner agreed."
    withdrawn = api("DELETE", f"/v1/calls/{following.json()['call_id']}", agent=AGENT)
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "withdrawn")
    assert keys() == ["b"]
