"""Suspensions, end to end: the deny documents are IAM's, in two accounts, and IAM is the emulator's."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from jitney.adapters.record_items import record_in
from local.settings import ROOT
from tests.local.gaps.contracts import refused
from tests.running_systems import session_keys, until
from tests.system.conftest import Own
from tests.system.own_system import ACCOUNTS, BOUND, GROUP, OPERATOR, PLAIN
from tests.system.test_reconciling import reconciled

KEPT, STOPPED = "robot-goes-on", "robot-stopped"
REASON = "a runner's key leaked"
pytestmark = GROUP


@pytest.fixture(autouse=True)
def _nothing_suspended(own: Own) -> Iterator[None]:
    """Remove all suspensions afterwards, as the documentation says for a lock-out."""
    yield
    page = (ROOT / "docs" / "suspensions.md").read_text(encoding="utf-8")
    (key,) = re.findall(r"--key '(.+)'", page)
    own.aws("dynamodb").delete_item(TableName=own.stack["tables"]["state"], Key=json.loads(key))
    reconciled(own)


def asks(own: Own, agent: str, target: str) -> Any:
    permissions = [{"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::{target}/raw/a.csv"]}]
    body = {"target": target, "permissions": permissions, "duration_seconds": 900, "reason": "monthly report"}
    return own.api("POST", "/v1/grants", body, agent=agent)


def issued(own: Own, agent: str, target: str) -> dict[str, Any]:
    answer = asks(own, agent, target)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def reader(own: Own, answer: dict[str, Any]) -> Any:
    return own.clients("s3", session_keys(answer["credentials"])).get_object


def suspended(own: Own, **asked: Any) -> dict[str, Any]:
    answer = own.api("POST", "/v1/suspensions", {"reason": REASON, **asked}, agent=OPERATOR)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def state_of(own: Own, agent: str, answer: dict[str, Any]) -> str:
    shown = own.api("GET", f"/v1/grants/{answer['grant']['id']}", agent=agent)
    return str(shown.json()["grant"]["state"])


def test_end_08_the_live_keys_of_a_suspended_agent_fail_in_every_account_and_anothers_go_on(own: Own):
    kept = issued(own, KEPT, PLAIN)
    stopped = {target: issued(own, STOPPED, target) for target in (BOUND, PLAIN)}
    keys = {target: {"Bucket": target, "Key": "raw/a.csv"} for target in ACCOUNTS}
    for target, answer in stopped.items():
        assert reader(own, answer)(**keys[target])["Body"].read()
    done = suspended(own, kind="agent", name=f"factory.{STOPPED}")
    assert (set(done["targets_denied"]), done["grants_ended"]) == (set(ACCOUNTS), 2)
    for target, answer in stopped.items():
        refused("AccessDenied", reader(own, answer), **keys[target])
        assert state_of(own, STOPPED, answer) == "revoked"
        renewal = own.api("POST", f"/v1/grants/{answer['grant']['id']}/credentials", agent=STOPPED)
        assert (renewal.status_code, renewal.json()["code"]) == (403, "suspended")
    assert reader(own, kept)(**keys[PLAIN])["Body"].read()
    refusal = asks(own, STOPPED, PLAIN)
    assert (refusal.status_code, refusal.json()["suspension"]["id"]) == (403, done["suspension"]["id"])
    assert REASON not in refusal.text
    path = f"/v1/suspensions/{done['suspension']['id']}"
    assert own.api("DELETE", path, {"reason": "rotated"}, agent=STOPPED).json()["code"] == "suspended"
    assert own.api("DELETE", path, {"reason": "rotated"}, agent=OPERATOR).status_code == 200
    assert asks(own, STOPPED, PLAIN).status_code == 201
    assert state_of(own, STOPPED, stopped[PLAIN]) == "revoked"
    (listed,) = own.api("GET", "/v1/suspensions", agent=OPERATOR).json()["suspensions"]
    assert (listed["reason"], listed["lifted_by"]) == (REASON, f"factory.{OPERATOR}")


def test_end_08_one_command_stops_an_issuer_and_the_time_is_on_record(own: Own):
    answers = [(target, issued(own, f"robot-of-many-{number}", target)) for number in range(3) for target in ACCOUNTS]
    warned = own.api("POST", "/v1/suspensions", {"kind": "issuer", "name": "factory", "reason": REASON}, agent=OPERATOR)
    assert (warned.status_code, warned.json()["code"]) == (409, "self_suspension")
    done = suspended(own, kind="issuer", name="factory", including_caller=True)
    assert done["grants_ended"] >= len(answers)  # and those of other tests
    for target, answer in answers:
        refused("AccessDenied", reader(own, answer), Bucket=target, Key="raw/a.csv")
    assert own.api("GET", "/v1/suspensions", agent=OPERATOR).json()["code"] == "suspended"
    assert asks(own, "robot-new", PLAIN).json()["code"] == "suspended"
    (last,) = (each for each in _records(own) if each["event"] == "suspension" and each["outcome"] == "revoked"
               and json.loads(each["detail"])["suspension"] == done["suspension"]["id"])  # fmt: skip
    detail = json.loads(last["detail"])
    assert {name: detail[name] for name in detail if name.endswith("_milliseconds")} == {
        name: done[name] for name in done if name.endswith("_milliseconds")
    }
    assert done["written_after_milliseconds"] > 0
    assert set(done["targets_measured"]) == set(ACCOUNTS)
    measured = until(lambda: _canaries(own, done["suspension"]["id"], len(ACCOUNTS)))
    assert all(each["denied_after_milliseconds"] > 0 for each in measured)


def _canaries(own: Own, suspension_id: str, number: int) -> list[dict[str, Any]] | None:
    """Return the details of the suspension's measurements, None while there are fewer than `number`."""
    details = [json.loads(each["detail"]) for each in _records(own) if each["event"] == "canary"]
    found = [each for each in details if each.get("suspension") == suspension_id]
    return found if len(found) == number else None


def _records(own: Own) -> list[dict[str, Any]]:
    pages = own.aws("dynamodb").get_paginator("scan").paginate(TableName=own.stack["tables"]["audit"])
    return [json.loads(record_in(each)) for page in pages for each in page["Items"] if "record" in each]
