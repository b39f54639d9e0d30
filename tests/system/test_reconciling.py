"""What the reconciler does to a target's deny document, end to end. No other process writes this document."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from jitney.adapters.deny_list import DenyList, deny_entry_update
from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.id_ranges import SETTLED_SECONDS, STEP_SECONDS, dated_id
from tests.local.gaps.contracts import refused
from tests.running_systems import session_keys, until
from tests.system.conftest import Own
from tests.system.own_system import ACCOUNTS, GROUP, PLAIN

POLICY = "JitneyRevocations"
KEPT, CUT_OFF = "robot-1", "robot-2"
pytestmark = GROUP


@pytest.fixture
def document(own: Own) -> Callable[[], str]:
    """Return the deny document, or "" if there is none."""
    iam = own.aws("iam", ACCOUNTS[PLAIN])

    def fetch() -> str:
        try:
            return json.dumps(iam.get_role_policy(RoleName=f"{PLAIN}-robots", PolicyName=POLICY)["PolicyDocument"])
        except iam.exceptions.NoSuchEntityException:
            return ""

    return fetch


def ask(own: Own, agent: str) -> dict[str, Any]:
    """Return a new grant and its credentials."""
    permissions = [{"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::{PLAIN}/raw/a.csv"]}]
    body = {"target": PLAIN, "permissions": permissions, "duration_seconds": 900, "reason": "to be revoked"}
    answer = own.api("POST", "/v1/grants", body, agent=agent)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def role_of(own: Own) -> str:
    return str(own.stack["targets"][PLAIN]["role_arn"])


def reconciled(own: Own) -> dict[str, int]:
    """Return what the reconciler says it did."""
    answer = own.aws("lambda").invoke(FunctionName="jitney-reconciler", Payload=b"{}")
    payload = answer["Payload"].read()
    assert "FunctionError" not in answer, payload
    return dict(json.loads(payload))


def test_end_02_the_reconciler_prunes_and_mends(own: Own, document: Callable[[], str]):
    """A grant's deny entry is removed a minute after the grant's end. No time passes; the list is changed instead."""
    grant_id = ask(own, KEPT)["grant"]["id"]
    assert own.api("DELETE", f"/v1/grants/{grant_id}", agent=KEPT).status_code == 200
    assert grant_id in document()
    dynamodb, table = own.aws("dynamodb"), own.stack["tables"]["state"]
    role, now = role_of(own), int(time.time())
    (entry,) = (each for each in DenyList(dynamodb, table).deny_entries(role, now) if each.grant_id == grant_id)
    dynamodb.delete_item(TableName=table, Key=deny_entry_update(role, entry)["Key"])
    dynamodb.update_item(TableName=table, **deny_entry_update(role, entry._replace(until=now - 1)))
    reconciled(own)  # its schedule may have come first, and be at it still
    until(lambda: grant_id not in document())


@pytest.mark.slow
def test_end_02_only_the_unit_that_floods_the_document_is_cut_off(own: Own, document: Callable[[], str]):
    """Most of the list is written directly, not by a request for each entry. The release that overflows it is real."""
    kept, ended, beside = ask(own, KEPT), ask(own, CUT_OFF), ask(own, CUT_OFF)
    unit, now = ended["grant"]["unit"], int(time.time())
    role, table, dynamodb = role_of(own), own.stack["tables"]["state"], own.aws("dynamodb")
    reads = {"Bucket": PLAIN, "Key": "raw/a.csv"}
    # Ids of a later time, which no range of ids can replace.
    flood = [
        deny_entry_update(role, DenyEntry(dated_id(f"g-flood{number:09}", now + 3600), now, now + 900, unit))
        for number in range(600)
    ]
    try:
        for update in flood:
            dynamodb.update_item(TableName=table, **update)
        assert own.api("DELETE", f"/v1/grants/{ended['grant']['id']}", agent=CUT_OFF).status_code == 200
        for each in (ended, beside):
            refused("AccessDenied", own.clients("s3", session_keys(each["credentials"])).get_object, **reads)
        assert own.clients("s3", session_keys(kept["credentials"])).get_object(**reads)["Body"].read()
        conditions = [each["Condition"].get("StringEquals", {}) for each in json.loads(document())["Statement"]]
        assert {"aws:PrincipalTag/unit": [unit]} in conditions
        reconciled(own)
        ends = {
            who: own.api("GET", f"/v1/grants/{each['grant']['id']}", agent=who).json()["grant"]["cut_off_at"]
            for who, each in ((KEPT, kept), (CUT_OFF, beside))
        }
        assert ends[KEPT] is None
        assert ends[CUT_OFF]
    finally:
        for update in flood:
            dynamodb.delete_item(TableName=table, Key=update["Key"])
        turn = {"pk": {"S": f"ROLE#{role}"}, "sk": {"S": "LEASE"}}
        dynamodb.update_item(TableName=table, Key=turn, UpdateExpression="REMOVE cut_offs")
        reconciled(own)
    until(lambda: unit not in document())


@pytest.mark.slow
def test_end_06_ranges_of_ids_deny_a_flood_and_spare_open_grants(own: Own, document: Callable[[], str]):
    """The flood has ids of the same moment as the grant that is kept."""
    kept, ended = ask(own, KEPT), ask(own, CUT_OFF)
    kept_id, now = kept["grant"]["id"], int(time.time())
    role, table, dynamodb = role_of(own), own.stack["tables"]["state"], own.aws("dynamodb")
    reads = {"Bucket": PLAIN, "Key": "raw/a.csv"}
    names = [f"{kept_id[:5]}{number:011}" for number in range(600)]
    flood = [deny_entry_update(role, DenyEntry(name, now, now + 900, "local.flood")) for name in names]
    try:
        for update in flood:
            dynamodb.update_item(TableName=table, **update)
        until(lambda: time.time() > now + SETTLED_SECONDS + 2 * STEP_SECONDS)  # the step ended, and settled
        assert own.api("DELETE", f"/v1/grants/{ended['grant']['id']}", agent=CUT_OFF).status_code == 200
        refused("AccessDenied", own.clients("s3", session_keys(ended["credentials"])).get_object, **reads)
        assert own.clients("s3", session_keys(kept["credentials"])).get_object(**reads)["Body"].read()
        conditions = [each["Condition"] for each in json.loads(document())["Statement"]]
        (ranged,) = (each for each in conditions if "StringLike" in each)
        assert any(kept_id.startswith(each[:-1]) for each in ranged["StringLike"]["aws:PrincipalTag/grant"])
        assert kept_id in ranged["StringNotEquals"]["aws:PrincipalTag/grant"]
        assert not any("DateLessThanEquals" in each for each in conditions)
    finally:
        for update in flood:
            dynamodb.delete_item(TableName=table, Key=update["Key"])
        reconciled(own)
    until(lambda: kept_id not in document())
