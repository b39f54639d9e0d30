"""How the flows of tests.system.fault_flows begin, and the calls that their callers repeat."""

import base64
import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from jitney.adapters.out_of_office import OUT_OF_OFFICE
from jitney.adapters.suspension_item import SUSPENSIONS_KEY
from jitney.adapters.table_reads import item_key
from jitney.client.tokens.dpop import DpopKey
from jitney.core.quotas import out_of_office_quota
from jitney.core.review.slack.names import COMMENT
from jitney.core.stored_identity import digest_of
from local.slack.workspace import TEAM
from tests.handlers.slack_workspace import signed
from tests.reviewer_browser import hidden
from tests.running_systems import until
from tests.system.conftest import Own
from tests.system.own_system import (
    ACCOUNTS,
    CALLED,
    ON_DUTY,
    OPERATOR,
    OWNER,
    PAIRED,
    PLAIN,
    REMEMBERED,
    REVIEWED,
    SECOND_OWNER,
    bound_token,
    people_issuer,
)
from tests.system.page_visitor import Visitor, api_answer, signed_in

READ = f"arn:aws:s3:::{PLAIN}/raw/a.csv"
LONG, SHORT = 900, 60
"""Seconds of a grant that the flow ends, and of one that stays open: a test of suspensions has few to end."""
RESUMED_AFTER = 40
"""A workflow that is seen waiting so often was not resumed: two seconds."""
NOTHING: Mapping[str, Any] = MappingProxyType({})
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Act(NamedTuple):
    """A caller's flow in progress: who calls, with which idempotency key, and what was there before.

    `grants` are the agent's grants from before, and `issued` is the answer with the last of them. `body` is what the
    caller sends, and `call_id` a call under review. `visitor` is the person whose form on a page is the call, and
    `reviewer` the one who votes in a terminal.
    """

    own: Own
    agent: str
    key: str
    grants: tuple[str, ...] = ()
    issued: Mapping[str, Any] = NOTHING
    body: Mapping[str, Any] = NOTHING
    call_id: str = ""
    visitor: Visitor | None = None
    reviewer: str = OWNER

    @property
    def grant_id(self) -> str:
        """The last grant from before."""
        return self.grants[-1]

    @property
    def object_key(self) -> str:
        """The key of the object that the flow's calls through the gateway are about."""
        return f"{CALLED}/{self.key}"

    def with_grant(self, answer: httpx.Response, status: int = 201) -> "Act":
        """Return the flow with the grant in an answer of this status."""
        assert answer.status_code == status, answer.text
        issued = answer.json()
        return self._replace(grants=(*self.grants, issued["grant"]["id"]), issued=issued)


def new_agent(own: Own) -> Act:
    """Return a flow that begins with nothing."""
    return Act(own, f"robot-{uuid.uuid4()}", str(uuid.uuid4()))


def _request(
    act: Act, action: str, resource: str, seconds: int, *, headers: Mapping[str, str] = NO_HEADERS, **members: Any
) -> httpx.Response:
    body = {
        "target": PLAIN,
        "permissions": [{"actions": [action], "resources": [resource]}],
        "duration_seconds": seconds,
        "reason": "to meet faults",
        **members,
    }
    agent = "" if headers else act.agent
    return act.own.api("POST", "/v1/grants", body, agent=agent, Idempotency_Key=act.key, **headers)


def request(act: Act, seconds: int = SHORT) -> httpx.Response:
    """Request access that needs no review."""
    return _request(act, "s3:GetObject", READ, seconds)


def request_review(act: Act, prefix: str = REVIEWED) -> httpx.Response:
    """Request access that needs a review."""
    return _request(act, "s3:PutObject", f"arn:aws:s3:::{PLAIN}/{prefix}/{act.key}", LONG)


def with_credentials(own: Own, seconds: int = SHORT) -> Act:
    """Return a flow whose agent has a grant and its credentials."""
    act = new_agent(own)
    return act.with_grant(request(act, seconds))


def with_long_credentials(own: Own) -> Act:
    """Return a flow whose agent has credentials that outlive the flow."""
    return with_credentials(own, LONG)


def under_review(own: Own, prefix: str = REVIEWED) -> Act:
    """Return a flow whose agent waits for a review. The reviewer was notified."""
    act = new_agent(own)
    act = act.with_grant(request_review(act, prefix), 202)
    await_reviewers(act, act.grant_id)
    return act


def to_approve(own: Own, prefix: str = REVIEWED, **narrowing: Any) -> Act:
    """Return a flow whose reviewer has read what an approval grants."""
    return _read_by_reviewer(under_review(own, prefix), **narrowing)


def to_approve_with_another(own: Own) -> Act:
    """Return a flow of a request that needs a second reviewer, too."""
    return to_approve(own, PAIRED)


def to_narrow(own: Own) -> Act:
    """Return a flow whose reviewer approves the request for a shorter time. It needs a second reviewer, too."""
    return to_approve(own, PAIRED, duration_seconds=LONG // 2)


def to_reject(own: Own) -> Act:
    """Return a flow whose reviewer has read the request."""
    return _rejecting(to_approve(own))


def to_reject_call(own: Own) -> Act:
    """Return a flow whose reviewer has read the call under review."""
    return _rejecting(_read_by_reviewer(with_call_under_review(own)))


def _rejecting(act: Act) -> Act:
    return act._replace(body={"verdict": "reject", "content": act.body["content"], "comment": "Read the report."})


def vote(act: Act) -> httpx.Response:
    """Vote as the reviewer, who has signed in again: a token votes once."""
    return act.own.api("POST", f"/v1/reviews/{act.grant_id}/votes", act.body, agent=act.reviewer)


def vote_or_reread(act: Act) -> httpx.Response:
    """Vote as the reviewer. If the vote of an earlier attempt changed the request, return the request."""
    answer = vote(act)
    if answer.is_success or "You approved it as it is now." not in answer.json()["detail"]:
        return answer
    return act.own.api("GET", f"/v1/reviews/{act.grant_id}", agent=act.reviewer)


def _read_by_reviewer(act: Act, **narrowing: Any) -> Act:
    """Return the flow with a confirmed approval of its last grant. Nothing was written for it."""
    shown = act.own.api("GET", f"/v1/reviews/{act.grant_id}", agent=act.reviewer)
    assert shown.status_code == 200, shown.text
    act = act._replace(body={"verdict": "approve", "content": shown.json()["review"]["content"], **narrowing})
    step = vote(act)
    assert step.json()["code"] == "confirmation_required", step.text
    return act._replace(body={**act.body, "confirmed": step.json()["review"]["content"]})


def to_set_out_of_office(own: Own) -> Act:
    """Return a flow whose reviewer is about to name a delegate for a day. A request waits for a review meanwhile."""
    act, visitor = under_review(own), signed_in(own, OWNER)
    period = {"pk": {"S": OUT_OF_OFFICE}, "sk": {"S": digest_of(people_issuer(own.issuer), OWNER)}}
    # The flows change it more often than a person may.
    changes = item_key(out_of_office_quota(f"people.{OWNER}", int(time.time())).key, "QUOTA")
    for key in (period, changes):
        own.aws("dynamodb").delete_item(TableName=own.stack["tables"]["state"], Key=key)
    until_tomorrow = datetime.fromtimestamp(time.time() + 86_400, UTC).strftime("%Y-%m-%dT%H:%M")
    form = {"from": "", "until": until_tomorrow, "delegate.owners": f"people.{SECOND_OWNER}", "change": "set"}
    return act._replace(visitor=visitor, body=form | {"shown_id": ""})


def to_end_out_of_office(own: Own) -> Act:
    """Return a flow whose reviewer is back and about to end the delegation."""
    act = to_set_out_of_office(own)
    assert change_out_of_office(act).is_success
    return act._replace(body={"change": "end", "shown_id": shown_out_of_office(act)})


def to_approve_as_delegate(own: Own) -> Act:
    """Return a flow whose reviewer's delegate has read what an approval grants."""
    act = to_set_out_of_office(own)
    assert change_out_of_office(act).is_success
    return _read_by_reviewer(act._replace(reviewer=SECOND_OWNER))


def change_out_of_office(act: Act) -> httpx.Response:
    """Send the form of the page "Out of office". Return the grant under review, or the problem."""
    assert act.visitor
    answer = act.visitor.post("/out-of-office", dict(act.body))
    if answer.is_redirect:
        return act.own.api("GET", f"/v1/grants/{act.grant_id}", agent=act.agent)
    return api_answer(answer)


def shown_out_of_office(act: Act) -> str:
    """Return the id of the period that the page shows, "" for none."""
    assert act.visitor
    return hidden(act.visitor.get("/out-of-office"), "shown_id")


def to_reject_in_slack(own: Own) -> Act:
    """Return a flow whose reviewer has opened the modal of a rejection in Slack."""
    act = under_review(own)
    shown = act.own.api("GET", f"/v1/reviews/{act.grant_id}", agent=OWNER).json()["review"]
    modal = {"callback_id": "reject", "private_metadata": f"{act.grant_id}.{shown['content']}"}
    return act._replace(body=modal | {"state": {"values": {COMMENT: {COMMENT: {"value": "Read the report."}}}}})


def reject_in_slack(act: Act) -> httpx.Response:
    """Submit the modal in Slack. Return the review, or the answer of a service that failed.

    Slack gets 200 in both cases. The modal stays open to show a problem.
    """
    stack, user = act.own.stack, {"id": f"U{OWNER.upper()}", "team_id": TEAM}
    sent = {
        "type": "view_submission",
        "team": {"id": TEAM},
        "user": user,
        "view": dict(act.body),
        "id": str(uuid.uuid4()),
    }
    body = urlencode({"payload": json.dumps(sent)}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    headers |= signed(body, int(time.time()), stack["slack_signing_secret"])
    answer = act.own.api.client.post(f"{stack['api_url']}/slack/interactions", content=body, headers=headers)
    if not answer.is_success:
        return answer
    if answer.json()["response_action"] != "clear":
        return httpx.Response(503, json={"code": "unavailable", "detail": answer.text})
    return act.own.api("GET", f"/v1/reviews/{act.grant_id}", agent=OWNER)


def to_break_glass(own: Own) -> Act:
    """Return a flow whose request a person on duty is about to grant without its reviewers."""
    act, visitor = under_review(own), signed_in(own, f"duty-{uuid.uuid4()}", ON_DUTY)
    shown = act.own.api("GET", f"/v1/reviews/{act.grant_id}", agent=OWNER).json()["review"]
    form = {"content": shown["content"], "reason": "the site is down"}
    step = visitor.second_step(f"/{act.grant_id}/break-glass", form)
    return act._replace(visitor=visitor, body=step)


def break_glass(act: Act) -> httpx.Response:
    """Use break-glass."""
    return _send_form(act, "break-glass")


def to_follow_up(own: Own, judgement: str = "confirm") -> Act:
    """Return a flow whose agent has credentials by break-glass, and whose reviewer is about to confirm that."""
    act = to_break_glass(own)
    used = break_glass(act)
    assert used.is_success, used.text
    await_reviewers(act, act.grant_id)
    issued = act.own.api("POST", f"/v1/grants/{act.grant_id}/credentials", agent=act.agent).json()
    form = {"judgement": judgement, "comment": "Read the report."}
    return act._replace(visitor=signed_in(own, OWNER), body=form, issued=issued)


def to_object(own: Own) -> Act:
    """Return a flow like that of `to_follow_up`, whose reviewer is about to object."""
    return to_follow_up(own, "object")


def follow_up(act: Act) -> httpx.Response:
    """Send the follow-up review."""
    return _send_form(act, "follow-up")


def _send_form(act: Act, page: str) -> httpx.Response:
    """Send the form to the page of the grant. Return the grant, or the problem."""
    assert act.visitor
    answer = act.visitor.post(f"/{act.grant_id}/{page}", dict(act.body))
    if answer.is_redirect:
        return act.own.api("GET", f"/v1/grants/{act.grant_id}", agent=act.agent)
    return api_answer(answer)


def approved_before(own: Own) -> Act:
    """Return a flow whose agent has credentials by an approval that counts again."""
    act = to_approve(own, REMEMBERED)
    assert vote(act).is_success
    issued = own.api("POST", f"/v1/grants/{act.grant_id}/credentials", agent=act.agent)
    assert issued.is_success, issued.text
    assert await_end(act, act.grant_id)
    return act._replace(issued=issued.json())


def request_as_before(act: Act) -> httpx.Response:
    """Request what the approval allowed."""
    return request_again(act, f"again-{act.key}")


def request_again(act: Act, key: str) -> httpx.Response:
    """Request what the approval allowed, with an idempotency key."""
    resource = f"arn:aws:s3:::{PLAIN}/{REMEMBERED}/{act.key}"
    return _request(act._replace(key=key), "s3:PutObject", resource, SHORT)


def with_key(own: Own) -> Act:
    """Return a flow whose agent has a token that is bound to a key."""
    act, key = new_agent(own), ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    x, y = (_base64url(each.to_bytes(32, "big")) for each in (numbers.x, numbers.y))
    public = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    thumbprint = _base64url(hashlib.sha256(json.dumps(public, separators=(",", ":")).encode()).digest())
    bound = bound_token(own.issuer, act.agent, thumbprint)
    return act._replace(body={"key": DpopKey(key, "ES256", public), "token": bound})


def request_with_proof(act: Act) -> httpx.Response:
    """Request access with a new proof of the key."""
    url = act.own.stack["api_url"].rstrip("/") + "/v1/grants"
    proof = act.body["key"].proof("POST", url, time.time(), token=act.body["token"])
    headers = {"Authorization": f"DPoP {act.body['token']}", "DPoP": proof}
    return _request(act, "s3:GetObject", READ, SHORT, headers=headers)


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def with_versions(own: Own) -> Act:
    """Return a flow that begins with nothing. The bucket keeps each version of its objects."""
    own.aws("s3", ACCOUNTS[PLAIN]).put_bucket_versioning(Bucket=PLAIN, VersioningConfiguration={"Status": "Enabled"})
    return new_agent(own)


def through_gateway(own: Own, action: str = "s3:GetObject", resource: str = READ) -> Act:
    """Return a flow whose agent has a grant for the gateway."""
    act = with_versions(own)
    resource = resource.replace("KEY", act.object_key)
    return act.with_grant(_request(act, action, resource, LONG, way="gateway"))


def to_write(own: Own) -> Act:
    """Return a flow whose agent may write one object through the gateway."""
    return through_gateway(own, "s3:PutObject", f"arn:aws:s3:::{PLAIN}/KEY")


def to_delete(own: Own) -> Act:
    """Return a flow whose agent has a grant to delete one object. The call needs a review of its own."""
    act = through_gateway(own, "s3:DeleteObject", f"arn:aws:s3:::{PLAIN}/KEY")
    own.aws("s3", ACCOUNTS[PLAIN]).put_object(Bucket=PLAIN, Key=act.object_key, Body=b"old")
    return act


def to_delete_approved(own: Own) -> Act:
    """Return a flow whose deletion was approved, and the reviewer notified of that."""
    act = with_call_under_review(own)
    voted = vote(_read_by_reviewer(act))
    assert voted.json()["review"]["state"] == "active", voted.text
    assert await_end(act, act.grant_id)
    return act


def _call(act: Act, operation: str, **parameters: Any) -> httpx.Response:
    grant = {"grant": act.grants[0]} if act.grants else {"target": PLAIN, "reason": "to meet faults"}
    body = {**grant, "service": "s3", "operation": operation, "parameters": {"Bucket": PLAIN, **parameters}}
    # The key of the grant's request, which is a single-use key too, is another one.
    return act.own.api("POST", "/v1/calls", body, agent=act.agent, Idempotency_Key=f"call-{act.key}")


def read_object(act: Act) -> httpx.Response:
    """Read the object through the gateway."""
    return _call(act, "GetObject", Key="raw/a.csv")


def write_object(act: Act) -> httpx.Response:
    """Write the object through the gateway. Without a grant, the call requests one."""
    return _call(act, "PutObject", Key=act.object_key, Body=base64.b64encode(b"new").decode())


def delete_object(act: Act) -> httpx.Response:
    """Delete the object through the gateway. Without an approval, that begins a review."""
    return _call(act, "DeleteObject", Key=act.object_key)


def delete_object_again(act: Act) -> httpx.Response:
    """Make the same deletion as a new call."""
    return _call(act._replace(key=str(uuid.uuid4())), "DeleteObject", Key=act.object_key)


def with_call_under_review(own: Own) -> Act:
    """Return a flow whose deletion waits for a review. The reviewer was notified."""
    act = to_delete(own)
    pending = delete_object(act)
    act = act.with_grant(pending, 202)._replace(call_id=pending.json()["call_id"])
    await_reviewers(act, act.grant_id)
    return act


def to_suspend(own: Own) -> Act:
    """Return a flow whose agent has credentials."""
    return _without_suspensions(with_long_credentials(own))


def to_suspend_under_review(own: Own) -> Act:
    """Return a flow whose agent waits for a review."""
    return _without_suspensions(under_review(own))


def _without_suspensions(act: Act) -> Act:
    """Return the flow after the suspensions of other flows were removed: the store keeps few of them."""
    act.own.aws("dynamodb").delete_item(TableName=act.own.stack["tables"]["state"], Key=SUSPENSIONS_KEY)
    return act


def to_lift(own: Own) -> Act:
    """Return a flow whose agent was suspended."""
    act = to_suspend(own)
    answer = suspend(act)
    assert answer.status_code == 201, answer.text
    return act._replace(body=answer.json()["suspension"])


def withdraw_call(act: Act) -> httpx.Response:
    """Withdraw the call from review."""
    return act.own.api("DELETE", f"/v1/calls/{act.call_id}", agent=act.agent)


def suspend(act: Act) -> httpx.Response:
    """Suspend the agent as an operator."""
    body = {"kind": "agent", "name": f"factory.{act.agent}", "reason": "to meet faults"}
    return act.own.api("POST", "/v1/suspensions", body, agent=OPERATOR)


def lift(act: Act) -> httpx.Response:
    """Lift the suspension as an operator."""
    return act.own.api("DELETE", f"/v1/suspensions/{act.body['id']}", {"reason": "measured"}, agent=OPERATOR)


def renew(act: Act) -> httpx.Response:
    """Issue credentials once more."""
    return act.own.api("POST", f"/v1/grants/{act.grant_id}/credentials", agent=act.agent)


def release(act: Act) -> httpx.Response:
    """Release the grant, or withdraw it from review."""
    return act.own.api("DELETE", f"/v1/grants/{act.grant_id}", agent=act.agent)


def revoke(act: Act) -> httpx.Response:
    """Revoke the grant as an operator."""
    return act.own.api("POST", f"/v1/grants/{act.grant_id}/revocation", {"reason": "measured"}, agent=OPERATOR)


def execution_of(own: Own, grant_id: str) -> str:
    """Return the ARN of a grant's workflow."""
    return f"{own.stack['approval_arn'].replace(':stateMachine:', ':execution:')}:{grant_id}"


def is_waiting(own: Own, grant_id: str) -> bool:
    """Return whether the workflow of a grant waits for a decision."""
    states, arn = own.aws("stepfunctions"), execution_of(own, grant_id)
    try:
        last = states.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=1)["events"][0]
    except states.exceptions.ExecutionDoesNotExist:
        return False
    return str(last["type"]) == "TaskSubmitted"


def status_of(own: Own, grant_id: str) -> str:
    """Return the status of a grant's workflow, "" if it was never started."""
    states = own.aws("stepfunctions")
    try:
        return str(states.describe_execution(executionArn=execution_of(own, grant_id))["status"])
    except states.exceptions.ExecutionDoesNotExist:
        return ""


def await_reviewers(act: Act, grant_id: str) -> None:
    """Wait until the workflow of a grant has sent what is due. It waits again, or has ended."""
    until(lambda: status_of(act.own, grant_id) not in ("", "RUNNING") or is_waiting(act.own, grant_id), pause=0.05)


def await_end(act: Act, grant_id: str) -> bool:
    """Return whether the workflow of a decided grant ends. If it only waits, no call has resumed it."""
    waits = 0
    while status_of(act.own, grant_id) == "RUNNING" and waits < RESUMED_AFTER:
        waits = waits + 1 if is_waiting(act.own, grant_id) else 0
        time.sleep(0.05)
    return waits < RESUMED_AFTER
