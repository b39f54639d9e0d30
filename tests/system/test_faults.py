"""AWS fails in the middle of a flow, on the running system: the caller repeats, the flow happens once, nothing is lost.

The calls of each flow are found by running it. `make test` tries each kind of fault once at each operation of a request
and of a release; `make faults` tries all of them at every call of all flows.
"""

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from botocore.exceptions import ClientError

from local.emulator.faults import PREFIX
from tests.running_systems import PATIENCE, session_keys
from tests.system.conftest import Own
from tests.system.own_system import GROUP, OPERATOR, PLAIN
from tests.system.test_records import chain_of

pytestmark = GROUP
SWEEP = "JITNEY_FAULT_SWEEP" in os.environ
REPEATS = 7
"""Calls at most. Each may wait six seconds for the lease of a writer, which lasts for twenty."""
ATTEMPTS = 3
"""The attempts of one client (jitney.adapters.aws_clients). A fault that lasts that long reaches the function."""
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "refused": {"code": "InternalServerError", "times": ATTEMPTS},
    "answer lost": {"code": "InternalServerError", "after": True, "times": 1},
    "answers lost": {"code": "InternalServerError", "after": True, "times": ATTEMPTS},
    "a proxy's page": {"answer": "page", "status": 502, "times": ATTEMPTS},
    "conflict": {
        "code": "TransactionCanceledException",
        "status": 400,
        "reasons": ["TransactionConflict", "None"],
        "times": 1,
    },
}
UNNOTICED = frozenset({"answer lost", "conflict"})
"""Faults that the function's own repeat mends, so that the caller does not see them.

A write of a deny document is not repeated by the SDK: a late one could undo a newer document.
"""
SLOW = frozenset({"answers lost"})
"""A writer of the deny document that got no answer at all holds its lease for 20 seconds. For `make faults` only."""
TRIED = tuple(name for name in FAULTS if SWEEP or name not in SLOW)
NO_CALL = {"service": "none", "operation": "none"}
ENDS = {"release": "released", "revocation": "revoked"}
REPEATABLE = frozenset({"unavailable", "store_busy", "revocation_incomplete"})
"""The codes of a failure that a repeat mends."""


class Act(NamedTuple):
    """A caller's flow in progress: who calls, for which grant, with which idempotency key and credentials.

    A grant that stays open lasts for `seconds`, so that a test of suspensions has few to end.
    """

    own: Own
    agent: str
    key: str
    issued: dict[str, Any]
    seconds: int

    @property
    def grant_id(self) -> str:
        return str(self.issued["grant"]["id"])


def request(act: Act) -> httpx.Response:
    permissions = [{"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::{PLAIN}/raw/a.csv"]}]
    body = {"target": PLAIN, "permissions": permissions, "duration_seconds": act.seconds, "reason": "to meet faults"}
    return act.own.api("POST", "/v1/grants", body, agent=act.agent, Idempotency_Key=act.key)


FLOWS: Mapping[str, Callable[[Act], httpx.Response]] = {
    "request": request,
    "credentials": lambda act: act.own.api("POST", f"/v1/grants/{act.grant_id}/credentials", agent=act.agent),
    "release": lambda act: act.own.api("DELETE", f"/v1/grants/{act.grant_id}", agent=act.agent),
    "revocation": lambda act: act.own.api(
        "POST", f"/v1/grants/{act.grant_id}/revocation", {"reason": "measured"}, agent=OPERATOR
    ),
}


def begun(own: Own, flow: str) -> Act:
    """Return the flow of a new agent. For flows other than the request, it has a grant and its credentials."""
    act = Act(own, f"robot-{uuid.uuid4()}", str(uuid.uuid4()), {}, 900 if flow in ENDS else 60)
    if flow == "request":
        return act
    answer = request(act)
    assert answer.status_code == 201, answer.text
    return act._replace(issued=answer.json())


@contextmanager
def faults(own: Own, *rules: Mapping[str, Any]) -> Iterator[Callable[[], dict[str, Any]]]:
    """Set the emulator's fault rules during the block. Yield a function that returns their report."""
    url = f"{own.stack['aws_endpoint']}{PREFIX}"
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        assert client.put(url, json=rules).status_code == 200
        try:
            yield lambda: dict(client.get(url).json())
        finally:
            client.delete(url)


def calls_of(own: Own, flow: str) -> list[tuple[str, str, int]]:
    """Return the calls of a flow: service, operation, and how many such calls came before it."""
    act = begun(own, flow)
    with faults(own, NO_CALL) as report:
        assert FLOWS[flow](act).is_success
        calls = [(each["service"], each["operation"]) for each in report()["calls"]]
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for call in calls:
        found.append((*call, seen[call]))
        seen[call] += 1
    return [each for each in found if SWEEP or each[2] == 0]


@pytest.mark.parametrize("flow", FLOWS if SWEEP else ("request", "release"))
def test_pol_08_a_flow_that_meets_a_fault_of_aws_is_done_once_by_its_repeats(own: Own, flow: str):
    calls = calls_of(own, flow)
    assert {service for service, _, _ in calls} >= {"dynamodb"}
    wrong, met = [], set()
    for service, operation, skip in calls:
        for name in TRIED:
            if name == "conflict" and operation != "TransactWriteItems":
                continue
            rule = {"service": service, "operation": operation, "skip": skip, **FAULTS[name]}
            if (found := _outcome(own, flow, rule, unnoticed=name in UNNOTICED and service != "iam")) is None:
                continue  # made by functions that follow, such as the join of CloudTrail's events
            met.add((operation, name))
            wrong += [f"{service} {operation} {skip}, {name}: {each}" for each in found]
    assert wrong == []
    assert met >= {("TransactWriteItems", name) for name in TRIED}


def _outcome(own: Own, flow: str, rule: Mapping[str, Any], *, unnoticed: bool) -> list[str] | None:
    """Return what went wrong in a flow whose first attempt meets a fault, and whose repeats do not.

    If the fault should stay `unnoticed`, a repeat is wrong, too. None if the flow did not make the call.
    """
    act = begun(own, flow)
    with faults(own, rule) as report:
        answers = [FLOWS[flow](act)]
        met = report()["rules"][0]["hits"]
    if not met:
        return None
    while answers[-1].status_code >= 500 and len(answers) < REPEATS:
        answers.append(FLOWS[flow](act))
    last = answers[-1]
    failed = [
        f"answered {each.status_code} {each.json().get('code')}"
        for each in answers[:-1]
        if each.json().get("code") not in REPEATABLE
    ]
    if unnoticed and len(answers) > 1:
        failed.append(f"first answered {answers[0].text[:200]}")
    if not last.is_success:
        return [*failed, f"ended with {last.status_code} {last.text[:200]}"]
    return [*failed, *_lost(act, flow, last.json())]


def _lost(act: Act, flow: str, body: Mapping[str, Any]) -> list[str]:
    """Return what the records and the state do not say as they should, and keys that work although they must not."""
    own, grant_id = act.own, str(body["grant"]["id"])
    events = Counter(each["event"] for each in chain_of(own.aws, own.stack, grant_id))
    once = {"request", *({flow} & set(ENDS))}
    wrong = [f"{event} is on record {events[event]} times" for event in sorted(once) if events[event] != 1]
    state = own.api("GET", f"/v1/grants/{grant_id}", agent=act.agent).json()["grant"]["state"]
    if state != ENDS.get(flow, "active"):
        wrong.append(f"the grant is {state}")
    listed = own.api("GET", "/v1/grants", agent=act.agent).json()["grants"]
    if [each["id"] for each in listed] != [grant_id]:
        wrong.append(f"the agent has the grants {[each['id'] for each in listed]}")
    if flow in ENDS and (code := _read(own, act.issued["credentials"])) != "AccessDenied":
        wrong.append(f"its keys answer {code or 'as before'}")
    return wrong


def _read(own: Own, credentials: dict[str, str]) -> str:
    """Return the error's code of a read with these credentials, "" if it succeeds."""
    try:
        own.clients("s3", session_keys(credentials)).get_object(Bucket=PLAIN, Key="raw/a.csv")
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
