"""What a flow must leave when it met a fault: records, state, lists, workflow, votes, keys and calls of AWS.

Each check returns what is wrong, in words.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from jitney.adapters.follow_ups import FollowUps
from jitney.adapters.record_items import record_in
from tests.running_systems import session_keys
from tests.system.conftest import Own
from tests.system.fault_acts import (
    RESUMED_AFTER,
    Act,
    await_end,
    await_reviewers,
    delete_object,
    delete_object_again,
    is_waiting,
    request_again,
    revoke,
    shown_out_of_office,
    status_of,
    write_object,
)
from tests.system.own_system import ACCOUNTS, OPERATOR, OWNER, PLAIN, REMEMBERED, REVIEWED, SECOND_OWNER
from tests.system.page_visitor import signed_in
from tests.system.test_reconciling import reconciled
from tests.system.test_records import chain_of

DELIVERED = frozenset({"", "no_answer", "already_sent"})
"""The codes of a message that arrived, or may have arrived."""
MAY_HAVE_RUN = "call_may_have_run"


def counted(chain: str, act: Act, key: str = "event") -> Counter[str]:
    """Return how many records of a chain have each value of `key`."""
    return Counter(each[key] for each in chain_of(act.own.aws, act.own.stack, chain))


def state_of(act: Act, grant_id: str) -> str:
    """Return the state of a grant as its agent sees it."""
    return str(act.own.api("GET", f"/v1/grants/{grant_id}", agent=act.agent).json()["grant"]["state"])


def wrong_list(act: Act, grant_id: str) -> list[str]:
    """Check that the agent has exactly the grants of the flow."""
    listed = act.own.api("GET", "/v1/grants", agent=act.agent).json()["grants"]
    ids = [each["id"] for each in listed]
    return [] if sorted(ids) == sorted({*act.grants, grant_id}) else [f"the agent has the grants {ids}"]


def wrong_workflow(act: Act, grant_id: str, status: str, notices: tuple[str, ...], *, resumed: bool) -> list[str]:
    """Check the workflow of a grant, and that its reviewer got each notice.

    The reconciler resumes a workflow that no call `resumed`.
    """
    own, wrong = act.own, []
    if status == "RUNNING":
        if not resumed:
            reconciled(own)
            _await_notices(act, grant_id, notices)
        await_reviewers(act, grant_id)
        if not is_waiting(own, grant_id):
            wrong.append("the workflow does not wait")
    elif not await_end(act, grant_id):
        if resumed:
            wrong.append("the workflow was not resumed")
        reconciled(own)
        await_end(act, grant_id)
    if (found := status_of(own, grant_id)) != status:
        wrong.append(f"the workflow is {found or 'missing'}")
    return [*wrong, *_wrong_notices(act, grant_id, notices)]


def _await_notices(act: Act, grant_id: str, notices: tuple[str, ...]) -> None:
    """Wait until the notices are on record. A workflow that was resumed just now may seem to wait still."""
    for _ in range(RESUMED_AFTER):
        if _notices(act, grant_id).keys() >= set(notices):
            return
        time.sleep(0.05)


def _notices(act: Act, grant_id: str) -> dict[str, list[str]]:
    """Return the codes of the reviewer's messages by notice, in all attempts.

    The reviewer who narrows a request is not notified of that. The other one is.
    """
    found: dict[str, list[str]] = {}
    for each in chain_of(act.own.aws, act.own.stack, grant_id):
        if each["event"] == "notice":
            detail = json.loads(each["detail"])
            reader = SECOND_OWNER if detail["notice"] == "narrowed" else OWNER
            codes = [one["code"] for one in detail["sent"] if one["to"] == f"people.{reader}"]
            found.setdefault(detail["notice"], []).extend(codes)
    return found


def _wrong_notices(act: Act, grant_id: str, notices: tuple[str, ...]) -> list[str]:
    """Check that each notice is on record and reached the reviewer, and that no record shows that it was sent twice."""
    found = _notices(act, grant_id)
    sent = {notice: codes.count("") for notice, codes in found.items()}
    wrong = [f"the notice {each} was sent {number} times" for each, number in sent.items() if number > 1]
    if found.keys() != set(notices):
        wrong.append(f"the notices {sorted(found)} are on record")
    missing = [each for each in notices if not DELIVERED.intersection(found.get(each, ()))]
    return [*wrong, *(f"the reviewer did not get the notice {each}" for each in sorted(missing))]


def dead_keys(act: Act, _: Mapping[str, Any]) -> list[str]:
    """Check that the keys from before no longer work."""
    code = _read(act.own, act.issued["credentials"])
    return [] if code == "AccessDenied" else [f"its keys answer {code or 'as before'}"]


def follow_up_due(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that the use of break-glass waits for its follow-up review. Then confirm it."""
    done = body["grant"]["break_glass"].get("follow_up")
    wrong = [f"the use has the follow-up review {done}"] if done else []
    keys = _outstanding(act)
    if len(keys) != 2:
        wrong.append(f"what waits for the follow-up review: {keys}")
    form = {"judgement": "confirm", "comment": "Read the report."}
    answer = signed_in(act.own, OWNER).post(f"/{act.grant_id}/follow-up", form)
    return wrong if answer.is_redirect else [*wrong, f"the follow-up review answers {answer.status_code}"]


def followed_up(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that the follow-up review is stored, and that nothing waits for it."""
    given = body["grant"]["break_glass"].get("follow_up") or {}
    wrong = [] if given.get("by") == f"people.{OWNER}" else [f"the follow-up review is {given}"]
    return [*wrong, *(f"{each} still waits for it" for each in _outstanding(act))]


def objected(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check the follow-up review, and that the keys from before no longer work."""
    return [*followed_up(act, body), *_dead_keys_of_write(act, REVIEWED)]


def _outstanding(act: Act) -> list[str]:
    """Return the person and the unit that wait for a follow-up review of the flow's grant."""
    found = FollowUps(act.own.aws("dynamodb"), act.own.stack["tables"]["state"]).outstanding()
    return sorted(key for key, grant_id in found.items() if grant_id == act.grant_id)


def approved_before(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that the new grant names the earlier approval, and is revoked with it."""
    named = [each["grant"] for each in body["grant"]["earlier_approvals"]]
    wrong = [] if named == [act.grant_id] else [f"the grant names the earlier approvals {named}"]
    return [*wrong, *([] if revoke(act).is_success else ["the earlier approval cannot be revoked"])]


def reviewed_again(act: Act, _: Mapping[str, Any]) -> list[str]:
    """Check that the keys no longer work, and that the same request needs a review. Then withdraw it."""
    answer = request_again(act, f"later-{act.key}")
    wrong = _dead_keys_of_write(act, REMEMBERED)
    if answer.status_code != 202:
        return [*wrong, f"the same request answers {answer.status_code}"]
    act.own.api("DELETE", f"/v1/grants/{answer.json()['grant']['id']}", agent=act.agent)
    return wrong


def live_keys(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that the keys of an answer work. An answer without keys is a repeat of a request."""
    code = _read(act.own, body["credentials"]) if "credentials" in body else ""
    return [f"new keys answer {code}"] if code else []


def _dead_keys_of_write(act: Act, prefix: str) -> list[str]:
    """Check that the keys from before can no longer write the object of the flow."""
    s3 = act.own.clients("s3", session_keys(dict(act.issued["credentials"])))
    code = _error_of(lambda: s3.put_object(Bucket=PLAIN, Key=f"{prefix}/{act.key}", Body=b"late"))
    return [] if code == "AccessDenied" else [f"its keys answer {code or 'as before'}"]


def _read(own: Own, credentials: Mapping[str, str]) -> str:
    """Return the error's code of a read with these credentials, "" if it succeeds."""
    s3 = own.clients("s3", session_keys(dict(credentials)))
    return _error_of(lambda: s3.get_object(Bucket=PLAIN, Key="raw/a.csv"))


def _error_of(call: Callable[[], Any]) -> str:
    """Return the error's code of a call of AWS, "" if it succeeds."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def one_request_to_review(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that the reviewer can vote, and has not voted. Then withdraw the request."""
    grant_id = body["grant"]["id"]
    shown = act.own.api("GET", f"/v1/reviews/{grant_id}", agent=OWNER).json()["review"]
    listed = act.own.api("GET", "/v1/reviews", agent=OWNER).json()["waiting_for_you"]
    wrong = [] if (shown["may_vote"], shown["voted"]) == (True, None) else ["the reviewer cannot vote"]
    if [each["id"] for each in listed].count(grant_id) != 1:
        wrong.append("the reviewer's list does not have the request once")
    act.own.api("DELETE", f"/v1/grants/{grant_id}", agent=act.agent)
    return wrong


def one_vote(act: Act, _: Mapping[str, Any]) -> list[str]:
    """Check that one approval of two is counted once. Then withdraw the request."""
    shown = act.own.api("GET", f"/v1/reviews/{act.grant_id}", agent=OWNER).json()["review"]
    wrong = [] if shown["voted"] == "approve" else [f"the reviewer voted {shown['voted']}"]
    act.own.api("DELETE", f"/v1/grants/{act.grant_id}", agent=act.agent)
    return wrong


def credentials_after_approval(act: Act, _: Mapping[str, Any]) -> list[str]:
    """Check that the agent gets credentials, and release them."""
    answer = act.own.api("POST", f"/v1/grants/{act.grant_id}/credentials", agent=act.agent)
    act.own.api("DELETE", f"/v1/grants/{act.grant_id}", agent=act.agent)
    return [] if answer.status_code == 200 else [f"no credentials after the approval: {answer.text[:200]}"]


def narrowed_once(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that the request was narrowed, and that its reviewer's approval is counted once."""
    seconds = act.own.api("GET", f"/v1/grants/{act.grant_id}", agent=act.agent).json()["grant"]["duration_seconds"]
    wrong = [] if seconds == act.body["duration_seconds"] else [f"the request is for {seconds} s"]
    return [*wrong, *one_vote(act, body)]


def call_rejected(act: Act, _: Mapping[str, Any]) -> list[str]:
    """Check that the call was not sent, and that neither it nor an equal call can be sent."""
    codes = [each(act).json().get("code") for each in (delete_object, delete_object_again)]
    wrong = [] if codes == ["grant_rejected", "rejected_before"] else [f"repeats answer {codes}"]
    return [*wrong, *(["the object was deleted"] if _versions(act, "DeleteMarkers") else [])]


def no_credentials(act: Act, _: Mapping[str, Any]) -> list[str]:
    """Check that the agent gets no credentials."""
    answer = act.own.api("POST", f"/v1/grants/{act.grant_id}/credentials", agent=act.agent)
    return [] if answer.status_code in (403, 409, 410) else [f"credentials answer {answer.status_code}"]


def read_recorded(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that the read was answered, and that its call has one record."""
    outcomes = counted(body["call_id"], act, "outcome")
    wrong = [] if body["status"] == 200 else [f"S3 answered {body['status']}"]
    return wrong if outcomes == {"answered": 1} else [*wrong, f"the call has the records {dict(outcomes)}"]


def written_once(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that the object was written once, and that one more repeat gets the same answer."""
    again = write_object(act)
    return _sent_once(act, body, again.json(), _versions(act, "Versions"))


def deleted_once(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that the object was deleted once, by the approved call, and that one more repeat gets the same answer."""
    again = delete_object(act)
    wrong = _sent_once(act, body, again.json(), _versions(act, "DeleteMarkers"))
    return wrong if body["call_id"] == act.call_id else [*wrong, f"another call was sent: {body['call_id']}"]


def not_deleted(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that nothing was sent, and that a repeat waits for the same review. Then withdraw the call."""
    again, grant_id = delete_object(act).json(), body["grant"]["id"]
    wrong = [] if again["call_id"] == body["call_id"] else [f"a repeat began another review: {again}"]
    if _versions(act, "DeleteMarkers"):
        wrong.append("the object was deleted without an approval")
    act.own.api("DELETE", f"/v1/calls/{body['call_id']}", agent=act.agent)
    return [*wrong, *([] if state_of(act, grant_id) == "released" else ["the call was not withdrawn"])]


def withdrawn_once(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that the call was withdrawn and not sent."""
    wrong = [] if body["state"] == "withdrawn" else [f"the call is {body['state']}"]
    return [*wrong, *(["the object was deleted"] if _versions(act, "DeleteMarkers") else [])]


def _sent_once(act: Act, body: Mapping[str, Any], again: Mapping[str, Any], sent: int) -> list[str]:
    """Check a call that changes something, its records and its repeat.

    AWS's own error is an answer, too, so that the caller sees whether the call was lost (docs/gateway-repeats.md).
    """
    outcomes = counted(body["call_id"], act, "outcome")
    if body.get("code") == MAY_HAVE_RUN:
        return [f"AWS received it {sent} times"] if sent > 1 or again.get("code") != MAY_HAVE_RUN else []
    wrong = [] if sent == 1 or (not sent and body["status"] >= 500) else [f"AWS received it {sent} times"]
    if outcomes["answered"] != 1 or outcomes["sent"] != 1 + outcomes["failed"]:
        wrong.append(f"the call has the records {dict(outcomes)}")
    if (again.get("request_id"), again.get("status")) != (body["request_id"], body["status"]):
        wrong.append(f"a repeat gets another answer: {again}")
    return wrong


def _versions(act: Act, kind: str) -> int:
    """Return how often AWS wrote or deleted the flow's object."""
    s3 = act.own.aws("s3", ACCOUNTS[PLAIN])
    return len(s3.list_object_versions(Bucket=PLAIN, Prefix=act.object_key).get(kind, []))


def suspended_once(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that one suspension is in force, and that keys from before no longer work."""
    return [*dead_keys(act, body), *in_force_once(act, body)]


def in_force_once(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that one suspension is in force, complete and on record, and that its agent gets nothing."""
    suspension, listed = body["suspension"], _suspensions(act)
    wrong = [] if [each["id"] for each in listed] == [suspension["id"]] else [f"in force: {listed}"]
    if not suspension["completed_at"]:
        wrong.append("the suspension is not complete")
    renewed = act.own.api("POST", f"/v1/grants/{act.grant_id}/credentials", agent=act.agent)
    if renewed.json().get("code") != "suspended":
        wrong.append(f"credentials answer {renewed.text[:100]}")
    return [*wrong, *_wrong_records(act, suspension["id"], {"set": 1, "revoked": 1})]


def lifted_once(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that the suspension was lifted once, and that keys from before stay denied."""
    (listed,) = _suspensions(act)
    wrong = [] if listed["lifted_by"] == f"factory.{OPERATOR}" else ["the suspension is still in force"]
    expected = {"set": 1, "revoked": 1, "ended": 1}
    return [*wrong, *dead_keys(act, body), *_wrong_records(act, body["suspension"]["id"], expected)]


def _suspensions(act: Act) -> list[dict[str, Any]]:
    return list(act.own.api("GET", "/v1/suspensions", agent=OPERATOR).json()["suspensions"])


def set_once(act: Act, _: Mapping[str, Any]) -> list[str]:
    """Check that the period was set once, and that the delegate can vote. Then withdraw the request."""
    stored = shown_out_of_office(act)
    shown = act.own.api("GET", f"/v1/reviews/{act.grant_id}", agent=SECOND_OWNER)
    wrong = [] if shown.is_success and shown.json()["review"]["may_vote"] else ["the delegate cannot vote"]
    act.own.api("DELETE", f"/v1/grants/{act.grant_id}", agent=act.agent)
    return [*wrong, *_wrong_out_of_office(act, stored, {"set": 1})]


def ended_once(act: Act, _: Mapping[str, Any]) -> list[str]:
    """Check that the period was ended once, and that the delegate cannot vote. Then withdraw the request."""
    wrong = [] if shown_out_of_office(act) == "" else ["the period has not ended"]
    if act.own.api("GET", f"/v1/reviews/{act.grant_id}", agent=SECOND_OWNER).status_code != 403:
        wrong.append("the delegate can still read the request")
    act.own.api("DELETE", f"/v1/grants/{act.grant_id}", agent=act.agent)
    return [*wrong, *_wrong_out_of_office(act, act.body["shown_id"], {"set": 1, "ended": 1})]


def approved_by_a_delegate(act: Act, body: Mapping[str, Any]) -> list[str]:
    """Check that one vote is on record, of the delegate for the reviewer, and that the agent gets credentials."""
    votes = act.own.api("GET", f"/v1/grants/{act.grant_id}", agent=act.agent).json()["grant"]["votes"]
    given = [(each["human"], each["delegate_for"]) for each in votes]
    wrong = [] if given == [(f"people.{SECOND_OWNER}", [f"people.{OWNER}"])] else [f"the votes are {given}"]
    return [*wrong, *credentials_after_approval(act, body)]


def _wrong_out_of_office(act: Act, period: str, expected: Mapping[str, int]) -> list[str]:
    found = _outcomes(act, "out_of_office", period)
    return [] if found == expected else [f"out of office has the records {dict(found)}"]


def _wrong_records(act: Act, suspension_id: str, expected: Mapping[str, int]) -> list[str]:
    """Check the records of a suspension. Those of calls that were incomplete have the outcome `failed`."""
    found = _outcomes(act, "suspension", suspension_id)
    del found["failed"]
    return [] if found == expected else [f"the suspension has the records {dict(found)}"]


def _outcomes(act: Act, event: str, named: str) -> Counter[str]:
    """Return how many records of an event, outside of grants, name `named`, by outcome."""
    pages = (
        act.own.aws("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=act.own.stack["tables"]["audit"],
            FilterExpression="begins_with(pk, :chain)",
            ExpressionAttributeValues={":chain": {"S": "r-"}},
        )
    )
    records = (json.loads(record_in(each)) for page in pages for each in page["Items"] if "record" in each)
    return Counter(each["outcome"] for each in records if each["event"] == event and named in each["detail"])
