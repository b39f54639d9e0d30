"""An approval that counts again, on the deployed system (row REV 11)."""

import uuid
from typing import Any

import httpx

from tests.system.conftest import Own
from tests.system.fault_acts import Act, to_approve, vote
from tests.system.own_system import GROUP, OPERATOR, OWNER, PLAIN, REMEMBERED

pytestmark = GROUP


def asks(act: Act, path: str = "/v1/grants", agent: str = "") -> httpx.Response:
    """Request what the flow's grant gives, again."""
    resource = f"arn:aws:s3:::{PLAIN}/{REMEMBERED}/{act.key}"
    permissions = [{"actions": ["s3:PutObject"], "resources": [resource]}]
    body = {"target": PLAIN, "permissions": permissions, "duration_seconds": 900, "reason": "again"}
    headers = {"Idempotency_Key": str(uuid.uuid4())} if path == "/v1/grants" else {}
    return act.own.api("POST", path, body, agent=agent or act.agent, **headers)


def approved(own: Own, **narrowing: Any) -> Act:
    """Return the flow of an agent that got what a reviewer approved."""
    act = to_approve(own, REMEMBERED, **narrowing)
    sheet = own.api("GET", f"/v1/reviews/{act.grant_id}", agent=OWNER).json()["review"]
    assert sheet["after_approval"] == (
        "for 30 days, policy lets this agent obtain the same access again without a review."
    )
    assert vote(act).status_code == 200
    issued = own.api("POST", f"/v1/grants/{act.grant_id}/credentials", agent=act.agent)
    assert issued.status_code == 200, issued.text
    return act


def test_rev_11_the_same_access_needs_no_second_review_until_a_person_revokes_the_first(own: Own):
    act = approved(own)
    assert asks(act, "/v1/decisions").json()["effect"] == "allow"
    again = asks(act)
    assert again.status_code == 201, again.text
    assert [each["grant"] for each in again.json()["grant"]["earlier_approvals"]] == [act.grant_id]
    assert asks(act, agent="robot-of-another-task").status_code == 202
    assert own.api("DELETE", f"/v1/grants/{act.grant_id}", agent=act.agent).json()["grant"]["state"] == "released"
    stopped = own.api("POST", f"/v1/grants/{act.grant_id}/revocation", {"reason": "wrong"}, agent=OPERATOR)
    assert (stopped.status_code, stopped.json()["grant"]["state"]) == (200, "revoked"), stopped.text
    renewed = own.api("POST", f"/v1/grants/{again.json()['grant']['id']}/credentials", agent=act.agent)
    assert (renewed.status_code, renewed.json()["code"]) == (403, "denied")
    assert asks(act).status_code == 202


def test_rev_11_the_revocation_of_what_an_approval_allowed_ends_it(own: Own):
    """The function that revokes writes the end of the approvals, with its own permissions."""
    act = approved(own)
    again = asks(act).json()["grant"]["id"]
    stopped = own.api("POST", f"/v1/grants/{again}/revocation", {"reason": "wrong"}, agent=OPERATOR)
    assert stopped.status_code == 200, stopped.text
    assert asks(act).status_code == 202


def test_rev_11_an_approval_for_this_time_only_does_not_count_again(own: Own):
    act = approved(own, this_time_only=True)
    assert asks(act, "/v1/decisions").json()["effect"] == "review"
    assert asks(act).status_code == 202
