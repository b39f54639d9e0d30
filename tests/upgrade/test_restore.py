"""A restore to an earlier time: nothing that was revoked since revives, and nothing stays open (row OPS 2)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from jitney.adapters.record_items import record_attribute, record_in
from jitney.client.problems import Invalid, Unavailable
from jitney.client.restore.restored_suspensions import BY, LOCK_SECONDS
from jitney.client.restore.restored_tables import RestoredTables, RestorePlan
from jitney.core.access.deny_document import IN_FLIGHT_SECONDS
from jitney.core.access.grant import State
from jitney.core.access.suspension_entry import SuspensionKind
from jitney.core.integrity.publishable_items import record_at
from jitney.core.times import iso
from jitney.handlers.credentials import create_credentials
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_grant
from jitney.handlers.reconciler import reconcile
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.suspensions import lift, list_suspensions, suspend
from tests.fakes import ROLE_ARN
from tests.upgrade.flows import DELETE_B, READ, REASON, allowed, decide, gateway, request, under_review
from tests.upgrade.stored_system import StoredSystem, Tables, stored_system

PLAN = RestorePlan({"analytics-prod": ROLE_ARN}, LOCK_SECONDS)
BODY = {"target": "analytics-prod", "permissions": [READ], "duration_seconds": 900, "reason": "monthly report"}


class Drill:
    """A system whose state table is restored to the moment `restore_point`, with a live audit table and live roles."""

    def __init__(self, before: StoredSystem) -> None:
        self.ids = allowed(before) | under_review(before) | gateway(before)
        before.system.now += 10
        self.restore_point: Tables = before.dump()
        before.system.now += 10
        for name in ("active", "gateway"):
            assert before.call(revoke_grant, REASON, grant_id=self.ids[name], token=before.operator())[0] == 200
        decide(before, before.browser("alice"), self.ids["pending"], "reject", comment="no")
        self.ids["later"] = request(before, [READ], 201, idempotency_key="later")
        self.lost: Tables = before.dump()
        self.documents = dict(before.system.role_policies.documents)
        self.now = before.system.now + 600

    def switched(self, after: StoredSystem, *, prepared: bool = True) -> StoredSystem:
        """Return the system over the restored tables, prepared by the command."""
        after.system.now = self.now
        after.begin_ids_at(2_000_000)
        audit = (self.lost if prepared else self.restore_point)["audit"]
        after.load({"state": self.restore_point["state"], "audit": audit})
        after.system.role_policies.documents |= self.documents
        if prepared:
            restored(after).prepare(PLAN)
        return after


def clients(stored: StoredSystem) -> tuple[Any, ...]:
    return stored.client, stored.kms


def restored(stored: StoredSystem, state: str = "state", audit: str = "audit", earlier: str = "") -> RestoredTables:
    now = lambda: stored.system.now  # noqa: E731 - the clock of the system
    return RestoredTables(clients(stored), state, audit, earlier, now=now, pause=lambda _: None)


@pytest.fixture(scope="module")
def drill() -> Drill:
    """Return what was stored, which no test changes: each has its own system over restored tables."""
    with stored_system() as before:
        return Drill(before)


@pytest.fixture
def after(drill: Drill) -> Iterator[StoredSystem]:
    with stored_system(encrypted=True) as stored:
        yield drill.switched(stored)


def records_of(stored: StoredSystem, grant_id: str, *, intact: bool = False) -> list[Mapping[str, Any]]:
    found = stored.client.query(
        TableName="audit",
        KeyConditionExpression="pk = :chain",
        ExpressionAttributeValues={":chain": {"S": grant_id}},
    )["Items"]
    if intact:
        read = (record_at(item["pk"]["S"], item["sk"]["S"], record_in(item)) for item in found)
        return [each for each in read if each]
    return [json.loads(record_in(item)) for item in found]


def test_ops_02_without_the_command_a_revoked_grant_would_revive(drill: Drill):
    with stored_system(encrypted=True) as stored:
        careless = drill.switched(stored, prepared=False)
        assert careless.call(create_credentials, grant_id=drill.ids["active"])[0] == 200


@pytest.mark.parametrize("empty", [True, False])
def test_ops_02_without_the_command_sessions_from_before_are_denied_when_the_document_is_replaced(
    drill: Drill, empty: bool
):
    """`restored_tables` was removed, or names a table that is not prepared."""
    with stored_system(encrypted=True) as stored:
        if not empty:
            drill.switched(stored, prepared=False)
        stored.system.role_policies.documents |= drill.documents
        stored.system.now = drill.now
        assert drill.ids["active"] in drill.documents[ROLE_ARN]
        assert reconcile(stored.ports)["repaired"] == 1
        statements = json.loads(stored.system.role_policies.documents[ROLE_ARN])["Statement"]
        until = {"aws:TokenIssueTime": iso(drill.now + IN_FLIGHT_SECONDS)}
        assert {"DateLessThanEquals": until} in [each["Condition"] for each in statements]


@pytest.mark.parametrize("name", ["active", "pending", "not started", "of an access profile"])
def test_ops_02_no_grant_of_the_restored_table_gives_anything(after: StoredSystem, drill: Drill, name: str):
    status, answer = after.call(create_credentials, grant_id=drill.ids[name])
    assert (status, answer["code"]) in ((403, "suspended"), (409, "grant_revoked"), (410, "grant_revoked"))
    call = {"grant": drill.ids["gateway"], **DELETE_B}
    assert after.call(create_call, call, idempotency_key="delete b")[0] in (403, 409, 410)
    assert after.call(create_grant, BODY)[1]["code"] == "suspended"
    assert not after.system.sessions.asked
    assert not after.upstream.sent


def test_ops_02_sessions_from_before_stay_denied_even_of_grants_that_the_table_does_not_know(
    after: StoredSystem, drill: Drill
):
    reconcile(after.ports)
    document = json.loads(after.system.role_policies.documents[ROLE_ARN])
    whole_role = [each for each in document["Statement"] if each["Condition"].get("StringLike") == EVERY_SESSION]
    assert whole_role
    assert drill.ids["later"] not in {item["pk"]["S"].partition("#")[2] for item in drill.restore_point["state"]}


EVERY_SESSION = {"aws:PrincipalTag/grant": ["*"]}


def test_ops_02_open_grants_are_listed_and_their_ends_are_recorded_without_a_fork(after: StoredSystem, drill: Drill):
    listed = {each["id"]: each["state"] for each in after.call(list_grants)[1]["grants"]}
    assert listed.keys() >= {drill.ids[name] for name in ("active", "gateway", "pending", "not started")}
    assert set(listed.values()) <= {"rejected", "revoked", "used"}
    reconcile(after.ports)
    for name in ("active", "gateway", "pending", "not started"):
        assert after.grant(drill.ids[name]).state is State.REVOKED
        chain = records_of(after, drill.ids[name])
        assert [each["seq"] for each in chain] == [*range(len(chain))]
        assert [each["prev"] for each in chain[1:]] == [each["hash"] for each in chain[:-1]]
    assert after.call(read_grant, grant_id=drill.ids["active"])[0] == 200
    status, _ = after.call(revoke_grant, REASON, grant_id=drill.ids["spent token"], token=after.operator())
    assert status == 200


def test_ops_02_after_the_suspension_is_lifted_only_new_grants_work(after: StoredSystem, drill: Drill):
    reconcile(after.ports)
    until = after.system.now + LOCK_SECONDS
    after.system.now = until - 1
    operator = after.operator()
    (listed,) = after.call(list_suspensions, token=operator)[1]["suspensions"]
    assert (listed["kind"], listed["name"], listed["by"]) == ("target", "analytics-prod", BY)
    assert listed["not_before"] == iso(until)
    status, problem = after.call(lift, REASON, grant_id=listed["id"], token=operator)
    assert (status, problem["code"], problem["not_before"]) == (409, "suspension_locked", iso(until))
    assert iso(until) in problem["detail"]
    after.system.now = until
    operator = after.operator()
    assert after.call(lift, REASON, grant_id=listed["id"], token=operator)[0] == 200
    assert after.call(create_grant, BODY)[0] == 201
    assert after.call(create_credentials, grant_id=drill.ids["active"])[0] != 200
    assert after.grant(drill.ids["active"]).state is State.REVOKED


@pytest.mark.parametrize("text", ["[]", "{", "{}", '{"seq":"9","hash":7}', '{"seq":9}'])
def test_ops_02_a_forged_record_in_the_chain_of_a_grant_does_not_stop_the_command(drill: Drill, text: str):
    key = {"pk": {"S": drill.ids["active"]}, "sk": {"S": "999999"}}
    with stored_system(encrypted=True) as stored:
        stored.client.put_item(TableName="audit", Item=key | record_attribute(text))
        switched = drill.switched(stored)
        reconcile(switched.ports)
        assert switched.grant(drill.ids["active"]).state is State.REVOKED
        numbers = [each["seq"] for each in records_of(switched, drill.ids["active"], intact=True)]
        assert numbers == [*range(len(numbers))]


@pytest.mark.parametrize(
    "members",
    [
        {"lifecycle": {"S": "[]"}},
        {"lifecycle": {"S": "{"}},
        {"lifecycle": {"N": "1"}},
        {"records": {"S": "2"}},
        {"records": {"N": "1.5"}},
        {"records": {}},
    ],
    ids=str,
)
def test_ops_02_a_grant_that_cannot_be_read_does_not_stop_the_command(after: StoredSystem, members: Any):
    for item in after.client.scan(TableName="state")["Items"]:
        if "open_role" in item:
            changed = {name: value for name, value in (item | {"records": {"N": "0"}} | members).items() if value}
            after.client.put_item(TableName="state", Item=changed)
    again = restored(after)
    again.prepare(PLAN)
    assert again.summary.open_grants == again.summary.continued > 0


def test_ops_02_the_command_repeats_safely_and_sets_what_a_restore_does_not_bring(after: StoredSystem, drill: Drill):
    again = restored(after)
    after.system.now += 1200  # the deployment took this long, and earlier functions issued a session before its end
    again.prepare(PLAN)
    reconcile(after.ports)
    (denial,) = [
        each["Condition"]["DateLessThanEquals"]["aws:TokenIssueTime"]
        for each in json.loads(after.system.role_policies.documents[ROLE_ARN])["Statement"]
        if each["Condition"].get("StringLike") == EVERY_SESSION
    ]
    assert denial == iso(after.system.now + IN_FLIGHT_SECONDS)
    assert again.summary.open_grants > 0
    assert again.summary.continued == 0
    current = after.ports.suspensions.current()
    assert [each.name for each in current.in_force if each.kind is SuspensionKind.TARGET] == ["analytics-prod"]
    assert again.summary.audit_stream_arn
    for name in ("state", "audit"):
        table = after.client.describe_table(TableName=name)["Table"]
        assert table["DeletionProtectionEnabled"]
        ttl = after.client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires")
        backups = after.client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_ops_02_a_suspension_that_begins_again_is_not_complete(after: StoredSystem):
    """Sessions that the earlier functions issued before the second run are not denied yet."""
    reconcile(after.ports)
    assert [each.completed_at for each in after.ports.suspensions.current().in_force] == [after.system.now]
    restored(after).prepare(PLAN)
    assert [each.completed_at for each in after.ports.suspensions.current().in_force] == [None]


def test_ops_02_a_target_stays_suspended_if_another_has_its_alias_now(after: StoredSystem, drill: Drill):
    for _ in range(2):
        restored(after).prepare(RestorePlan({"analytics-prod": f"{ROLE_ARN}-other"}, LOCK_SECONDS))
        found = [each for each in after.ports.suspensions.current().in_force if each.kind is SuspensionKind.TARGET]
        assert sorted(each.role for each in found) == [ROLE_ARN, f"{ROLE_ARN}-other"]


def test_ops_02_tables_of_another_form_or_without_a_key_are_refused():
    wrong = {
        ("audit", "audit"): "audit is not a state table",
        ("answers", "audit"): "answers is not a state table",
        ("state", "state"): "state is not an audit table",
        ("state", "audit", "audit"): "audit is not a state table",
    }
    with stored_system(encrypted=True) as stored:
        for names, what in wrong.items():
            with pytest.raises(Invalid, match=what):
                restored(stored, *names).prepare(PLAN)
        assert not stored.ports.suspensions.current().entries


def test_ops_02_a_table_with_another_key_than_jitneys_is_refused():
    with stored_system() as stored:
        another = stored.kms.create_key()["KeyMetadata"]["KeyId"]
        stored.kms.create_alias(AliasName="alias/jitney", TargetKeyId=another)
        with pytest.raises(Invalid, match="state is encrypted with a key of DynamoDB, not with alias/jitney"):
            restored(stored).prepare(PLAN)
    with stored_system(encrypted=True) as stored:
        another = stored.kms.create_key()["KeyMetadata"]["KeyId"]
        stored.kms.update_alias(AliasName="alias/jitney", TargetKeyId=another)
        with pytest.raises(Invalid, match=r"state is encrypted with arn:aws:kms:.*, not with alias/jitney"):
            restored(stored).prepare(PLAN)
        assert not stored.ports.suspensions.current().entries


def test_ops_02_without_jitneys_key_the_command_says_so():
    with stored_system() as stored, pytest.raises(Unavailable, match="alias/jitney"):
        restored(stored).prepare(PLAN)


def test_ops_02_a_suspension_that_an_operator_changes_meanwhile_stays(after: StoredSystem, drill: Drill):
    """The second run is after the deployment: between its read and its write, an operator suspends an agent."""
    asked = {"kind": "agent", "name": "corp.reader-agent", "reason": "its key leaked"}
    times, shown = list[int](), list[str]()

    def now() -> int:
        times.append(after.system.now)
        if len(times) == 1:
            assert after.call(suspend, asked, token=after.operator())[0] in (201, 202)
        return after.system.now

    again = RestoredTables(clients(after), "state", "audit", "", shown.append, now, lambda _: None)
    again.prepare(PLAN)
    found = {(each.kind, each.by == BY) for each in after.ports.suspensions.current().in_force}
    assert found == {(SuspensionKind.TARGET, True), (SuspensionKind.AGENT, False)}
    assert len(times) == 2
    assert shown[:2] == ["reading suspensions from the audit table: 0 records", "suspending analytics-prod"]


def test_ops_02_a_description_from_before_the_change_is_not_read_as_the_changed_table(
    drill: Drill, monkeypatch: pytest.MonkeyPatch
):
    """DescribeTable is eventually consistent. A restored table has no stream before the change."""
    with stored_system(encrypted=True) as stored:
        after = drill.switched(stored, prepared=False)
        after.client.update_table(TableName="audit", StreamSpecification={"StreamEnabled": False})
        described, late = after.client.describe_table, list[Any]()

        def stale(**asked: Any) -> Any:
            return late.pop() if late and asked["TableName"] == "audit" else described(**asked)

        def changed(**asked: Any) -> Any:
            table = described(TableName=asked["TableName"])["Table"]
            table.pop("LatestStreamArn", None)
            late.extend([{"Table": table}] * 2)
            return update(**asked)

        update = after.client.update_table
        monkeypatch.setattr(after.client, "describe_table", stale)
        monkeypatch.setattr(after.client, "update_table", changed)
        tables = restored(after)
        tables.prepare(PLAN)
        assert "/stream/" in tables.summary.audit_stream_arn
        assert described(TableName="audit")["Table"]["DeletionProtectionEnabled"]
