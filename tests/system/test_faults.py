"""AWS fails in the middle of a flow, on the running system: the caller repeats, the flow happens once, nothing is lost.

The calls of each flow are found by running it. `make test-all` tries each kind of fault once at chosen operations of
some flows; `make faults` tries all of them at every call of all flows, or of the flows that JITNEY_FAULT_FLOWS names.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import httpx
import pytest

from local.emulator.faults import PREFIX
from tests.running_systems import PATIENCE
from tests.system.conftest import Own
from tests.system.fault_acts import Act, await_end, await_reviewers
from tests.system.fault_checks import MAY_HAVE_RUN, counted, state_of, wrong_list, wrong_workflow
from tests.system.fault_flows import FLOWS, Flow
from tests.system.own_system import GROUP

pytestmark = GROUP
SWEEP = "JITNEY_FAULT_SWEEP" in os.environ
CHOSEN = [each for each in os.environ.get("JITNEY_FAULT_FLOWS", "").split(",") if each]
REPEATS = 7
"""Calls at most. Each may wait six seconds for the lease of a writer, which lasts for twenty."""
IN_PROGRESS_PAUSE = 8
"""Seconds before a call in progress is repeated. Its outcome is known after thirty (docs/gateway-repeats.md)."""
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
"""Faults that the function's own repeat mends, so that the caller does not see them."""
NOTICED = frozenset({"iam", "s3"})
"""Services whose faults the caller sees nevertheless.

A write of a deny document is not repeated by the SDK: a late one could undo a newer document. The gateway passes S3's
error on.
"""
SLOW = frozenset({"answers lost"})
"""A writer of the deny document that got no answer at all holds its lease for 20 seconds. For `make faults` only."""
TRIED = tuple(name for name in FAULTS if SWEEP or name not in SLOW)
OBSERVED = frozenset({"DescribeExecution", "GetExecutionHistory"})
"""Calls of these tests themselves, which watch the workflow. No function makes them."""
NO_CALL = {"service": "none", "operation": "none"}
REPEATABLE = frozenset({"unavailable", "store_busy", "revocation_incomplete"})
"""The codes of a failure that a repeat mends."""
IN_PROGRESS = "call_in_progress"


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


def calls_of(own: Own, flow: Flow) -> list[tuple[str, str, int]]:
    """Return the calls of a flow: service, operation, and how many such calls came before it.

    An operation with the flow's own key, such as the path of an object, is a pattern.
    """
    act = flow.begin(own)
    with faults(own, NO_CALL) as report:
        answer = flow.attempt(act)
        assert answer.is_success, answer.text
        _await_workflow(act, flow, answer)
        calls = [(each["service"], each["operation"].replace(act.key, "*")) for each in report()["calls"]]
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for call in (each for each in calls if each[1] not in OBSERVED):
        found.append((*call, seen[call]))
        seen[call] += 1
    tried = flow.tried if SWEEP else flow.briefly
    return [each for each in found if _is_any(each[1], tried) and (SWEEP or each[2] == 0)]


def _is_any(operation: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(operation, each) for each in patterns)


def _chosen() -> list[str]:
    if unknown := [each for each in CHOSEN if each not in FLOWS]:
        raise pytest.UsageError(f"There is no flow {', '.join(unknown)}. Flows are {', '.join(FLOWS)}.")
    return CHOSEN or [name for name, flow in FLOWS.items() if SWEEP or flow.briefly]


@pytest.mark.slow
@pytest.mark.parametrize("name", _chosen())
def test_pol_08_a_flow_that_meets_a_fault_of_aws_is_done_once_by_its_repeats(own: Own, name: str):
    flow, began = FLOWS[name], time.monotonic()
    calls = calls_of(own, flow)
    assert {service for service, _, _ in calls} >= {"dynamodb"}
    wrong, met = [], set()
    for service, operation, skip in calls:
        for fault in TRIED:
            if fault == "conflict" and operation != "TransactWriteItems":
                continue
            call = {"service": service, "operation": operation, "skip": skip}
            if (found := _outcome(own, flow, call, fault)) is None:
                continue  # made by functions that follow, such as the join of CloudTrail's events
            met.add((operation, skip, fault))
            wrong += [f"{service} {operation} {skip}, {fault}: {each}" for each in found]
    print(f"{name}: {len(calls)} calls, {len(met)} faults met, {time.monotonic() - began:.0f} s", *wrong, sep="\n")
    assert wrong == []
    assert {each[::2] for each in met} >= {("TransactWriteItems", each) for each in TRIED}


def _outcome(own: Own, flow: Flow, call: Mapping[str, Any], fault: str) -> list[str] | None:
    """Return what went wrong in a flow whose first attempt meets a fault at a call, and whose repeats do not.

    If the fault should stay unnoticed, a repeat is wrong, too. None if the flow did not make the call.
    """
    act = flow.begin(own)
    with faults(own, {**call, **FAULTS[fault]}) as report:
        answers = [flow.attempt(act)]
        if answers[0].is_success:
            _await_workflow(act, flow, answers[0])
        met = report()["rules"][0]["hits"]
    if not met:
        return None
    unknown = any(_is_at(call, each) and fnmatchcase(fault, each[2]) for each in flow.unknown)
    while _is_repeated(answers[-1], unknown=unknown) and len(answers) < REPEATS:
        if _code(answers[-1]) == IN_PROGRESS:
            time.sleep(IN_PROGRESS_PAUSE)
        answers.append(flow.attempt(act))
    last = answers[-1]
    permitted = REPEATABLE | {IN_PROGRESS} if unknown else REPEATABLE
    failed = [
        f"answered {each.status_code} {_code(each)}"
        for each in answers[:-1]
        if not each.is_success and _code(each) not in permitted
    ]
    if fault in UNNOTICED and call["service"] not in NOTICED and len(answers) > 1:
        failed.append(f"first answered {answers[0].text[:200]}")
    if not last.is_success and not (unknown and _code(last) == MAY_HAVE_RUN):
        return [*failed, f"ended with {last.status_code} {last.text[:200]}"]
    return [*failed, *_lost(act, flow, last.json(), resumed=call["operation"] not in flow.unresumed)]


def _is_at(call: Mapping[str, Any], place: tuple[str, int, str]) -> bool:
    return fnmatchcase(call["operation"], place[0]) and call["skip"] == place[1]


def _code(answer: httpx.Response) -> str:
    return str(answer.json().get("code", ""))


def _is_repeated(answer: httpx.Response, *, unknown: bool) -> bool:
    """Return whether the caller repeats the call: it failed for now, is not complete, or read AWS's own error."""
    body = answer.json()
    failed = _code(answer) in {*REPEATABLE, IN_PROGRESS} or body.get("complete") is False
    return failed or (not unknown and "call_id" in body and body.get("status", 0) >= 500)


def _grant_of(act: Act, body: Mapping[str, Any]) -> str:
    """Return the grant that the flow is about: of the answer, from before, or the only one that the call requested."""
    if "grant" in body:
        return str(body["grant"]["id"])
    if act.grants:
        return act.grant_id
    return str(act.own.api("GET", "/v1/grants", agent=act.agent).json()["grants"][0]["id"])


def _await_workflow(act: Act, flow: Flow, answer: httpx.Response) -> None:
    """Wait until the workflow of the flow's grant, if it has one, has done its work."""
    if flow.workflow:
        wait = await_reviewers if flow.workflow == "RUNNING" else await_end
        wait(act, _grant_of(act, answer.json()))


def _lost(act: Act, flow: Flow, body: Mapping[str, Any], *, resumed: bool) -> list[str]:
    """Return what the records, the state, the list and the workflow do not say as they should, and the flow's own."""
    grant_id = _grant_of(act, body)
    wrong = []
    if flow.workflow:
        wrong += wrong_workflow(act, grant_id, flow.workflow, flow.notices, resumed=resumed)
    events = counted(grant_id, act)
    wrong += [f"{each} is on record {events[each]} times" for each in sorted(flow.once) if events[each] != 1]
    if (state := state_of(act, grant_id)) != flow.state:
        wrong.append(f"the grant is {state}")
    return [*wrong, *wrong_list(act, grant_id), *flow.also(act, body)]
