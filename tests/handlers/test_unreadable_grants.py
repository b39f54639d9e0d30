"""A grant that this version cannot read stops no list and no run, gives nothing, and can be ended."""

import json
import re
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from jitney.adapters.deny_list import DenyList
from jitney.adapters.grant_items import grant_key, item_of, text_of
from jitney.adapters.record_items import record_attribute
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.adapters.table_reads import item_key
from jitney.adapters.transactions import StaleWrite
from jitney.adapters.unreadable_grants import UNREADABLE_REASON
from jitney.adapters.vote_history import VoteHistory, put_vote
from jitney.core.access.grant import Grant, State, Vote, VoteVerdict
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome, chain_record
from jitney.core.records.chain_numbers import MAX_SEQ, sort_key
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grant.grant_updates import update_grant
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.held_reads import read_grant
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.runtime.edge import Route
from jitney.handlers.suspensions import suspend
from tests.adapters.test_store import client, records  # noqa: F401 - a fixture
from tests.cloudtrail_events import assume_role_event, call_event
from tests.core.identity import minting
from tests.fakes import GRANT, PENDING, ROLE_ARN
from tests.handlers.conftest import System
from tests.handlers.review_browser import Browser, review_system
from tests.handlers.test_correlator import Correlator
from tests.handlers.test_ending import targets_are
from tests.identities import identity
from tests.infra.alarm_states import metrics_in

NOW = minting.NOW
OWN = {
    "issuer": "https://idp.corp.example.com", "principal": "corp.reader-agent", "unit": "corp.reader-agent",
    "created_at": NOW, "starts_at": NOW, "expires_at": NOW + 900,
}  # fmt: skip
MINE = replace(GRANT, **OWN)
READABLE = replace(MINE, id="g-cccccccccccccc")
OPERATOR: dict[str, Any] = {"sub": "carol", "groups": ["security"]}
REASON = {"reason": "the laptop was stolen"}


def unreadable(grant: Grant) -> dict[str, Any]:
    item = item_of(grant)
    return item | {"terms": {"S": json.dumps(json.loads(text_of(item, "terms")) | {"geofence": "eu"})}}


@pytest.fixture
def stored(system: System, client: Any) -> System:  # noqa: F811 - the fixture
    """The handlers over real tables, with an unreadable grant beside a readable one of the same agent."""
    system.ports.store, system.ports.deny_list = Store(client, "state", "audit"), DenyList(client, "state")
    system.ports.suspensions = SuspensionStore(client, "state")
    system.canary.denied_at = 1
    for item in (unreadable(MINE), item_of(READABLE)):
        client.put_item(TableName="state", Item=item)
    return system


def item(client: Any) -> dict[str, Any]:  # noqa: F811
    found: dict[str, Any] = client.get_item(TableName="state", Key=grant_key(MINE.id))["Item"]
    return found


def test_ops_02_its_owners_list_leaves_it_out(stored: System):
    status, body, _ = stored.call(list_grants)
    assert (status, [each["id"] for each in body["grants"]]) == (200, [READABLE.id])


def test_ops_02_the_reviewers_list_leaves_it_out(client: Any):  # noqa: F811
    desk = review_system()
    desk.system.ports.store = Store(client, "state", "audit")
    waits = replace(PENDING, created_at=NOW, expires_at=NOW + 3600)
    for each in (unreadable(waits), item_of(replace(waits, id=READABLE.id))):
        client.put_item(TableName="state", Item=each)
    browser = Browser(desk)
    browser.sign_in("alice")
    shown = browser.send("GET", "/reviews")
    assert (shown.status, READABLE.id in shown.text, PENDING.id in shown.text) == (200, True, False)
    assert browser.send("GET", f"/reviews/{PENDING.id}").status == 503


def test_ops_02_the_list_of_a_reviewers_decisions_leaves_it_out(client: Any):  # noqa: F811
    desk = review_system()
    desk.system.ports.store = Store(client, "state", "audit")
    desk.system.ports.vote_history = VoteHistory(client, "state")
    decided = replace(MINE, id="g-dddddddddddddd")
    for at, each in enumerate((READABLE, MINE, decided)):
        vote = Vote(identity("staff.alice"), VoteVerdict.APPROVE, "", "", NOW + at, "web")
        stored = unreadable(each) if each is MINE else item_of(each)
        for item in (stored, put_vote("state", vote, each)["Put"]["Item"]):
            client.put_item(TableName="state", Item=item)
    browser = Browser(desk)
    browser.sign_in("alice")
    shown = browser.send("GET", "/reviews")
    assert shown.status == 200
    assert re.findall(r"/reviews/(g-\w+)", shown.text) == [decided.id, READABLE.id]


def test_ops_02_cloudtrail_events_of_it_are_kept_for_a_version_that_reads_it(client: Any):  # noqa: F811
    correlator = Correlator()
    correlator.ports.store = Store(client, "state", "audit")
    client.put_item(TableName="state", Item=unreadable(GRANT))
    own, other = (
        (assume_role_event(1), call_event(2)),
        assume_role_event(3, session="mallory", key="ASIAAAAAAAAAAAAAAAA9"),
    )
    assert len(correlator.take_in(*own, other)) == len(own)
    assert [each["verdict"] for each in correlator.lines().values()] == ["bypass"]
    client.put_item(TableName="state", Item=item_of(GRANT))
    assert correlator.take_in(*own) == []
    assert [each["verdict"] for each in correlator.lines().values()] == ["bypass", "explained", "explained"]


@pytest.mark.parametrize("route", [create_credentials, read_grant])
def test_ops_02_it_gives_no_credentials_and_shows_nothing(stored: System, route: Route):
    status, body, _ = stored.call(route, grant_id=MINE.id)
    assert (status, body["code"]) == (503, "grant_unreadable")
    stranger = minting.token(sub="other-agent")
    assert stored.call(route, grant_id=MINE.id, token=stranger)[1]["code"] == "grant_not_found"
    assert not stored.sessions.asked


ENDS: dict[str, tuple[Route, dict[str, Any], str]] = {
    "an operator revokes it": (revoke_grant, OPERATOR, "revoked"),
    "its agent releases it": (release_grant, {}, "released"),
}


@pytest.mark.parametrize(("route", "claims", "state"), ENDS.values(), ids=ENDS)
def test_ops_02_it_can_be_ended_and_is_denied(
    stored: System,
    client: Any,  # noqa: F811
    route: Route,
    claims: dict[str, Any],
    state: str,
):
    status, body, _ = stored.call(route, REASON, grant_id=MINE.id, token=minting.token(**claims))
    assert (status, body["grant"]["state"], body["grant"]["reason"]) == (200, state, UNREADABLE_REASON)
    assert stored.role_policies.denies(ROLE_ARN) == {MINE.id}
    assert json.loads(item(client)["ending"]["S"])["by"]
    written = [json.loads(each) for each in records(client)]
    assert [each["grant_id"] for each in written if each["outcome"] == state] == [MINE.id]
    assert stored.call(route, REASON, grant_id=MINE.id, token=minting.token(**claims))[0] == 200
    client.put_item(TableName="state", Item=item(client) | {"terms": item_of(MINE)["terms"]})
    assert stored.ports.store.grant(MINE.id).state is State(state)  # also after the newer version is back


FORGED: dict[str, dict[str, Any]] = {
    "a number of records that is no integer": {"records": {"N": "1.5"}},
    "a negative number of records": {"records": {"N": "-5"}},
    "more records than DynamoDB can count": {"records": {"N": "9" * 38}},
    "a text as number of records": {"records": {"S": "many"}},
    "a state that cannot be read": {"lifecycle": {"S": '{"state": "unknown"}'}},
    "a release": {"ending": {"S": json.dumps({"at": NOW - 5, "by": "x", "reason": ""})}},
    "a revocation": {"ending": {"S": json.dumps({"at": NOW - 5, "by": "x", "reason": "r", "written_at": NOW})}},
    "a revocation in the future": {"ending": {"S": json.dumps({"at": NOW + 5000, "by": "x", "reason": "r"})}},
    "a release that no calendar has": {"ending": {"S": json.dumps({"at": 10**20, "by": "x", "reason": ""})}},
    "a cut-off that no calendar has": {"lifecycle": {"S": '{"state":"active","chain_head":"","cut_off_at":-1}'}},
    "a sent call": {"call_sent": {"N": f"{NOW}"}},
    "a call sent at a time that no calendar has": {"call_sent": {"N": "9" * 30}},
}
"""Attributes that functions that write neither `terms` nor credentials may write."""


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_end_01_no_forged_attribute_prevents_a_revocation(
    stored: System,
    client: Any,  # noqa: F811
    forged: dict[str, Any],
):
    """Not even together with items under the next numbers of the grant's chain, which any of these may write, too."""
    client.put_item(TableName="state", Item=item_of(READABLE) | forged)
    for number in range(5):
        taken = item_key(READABLE.id, sort_key(number)) | record_attribute("{}")
        client.put_item(TableName="audit", Item=taken)
    operator = minting.token(**OPERATOR)
    assert stored.call(revoke_grant, REASON, grant_id=READABLE.id, token=operator)[0] == 200
    assert stored.role_policies.denies(ROLE_ARN) == {READABLE.id}
    (revoked,) = [each for each in map(json.loads, records(client)) if each.get("outcome") == "revoked"]
    assert (revoked["grant_id"], 5 <= revoked["seq"] <= MAX_SEQ) == (READABLE.id, True)


def test_end_01_a_forged_release_does_not_prevent_the_release_and_no_release_changes_a_revocation(
    stored: System,
    client: Any,  # noqa: F811
):
    revoked = replace(READABLE, id="g-dddddddddddddd")
    for each, forged in ((READABLE, "a release"), (revoked, "a revocation")):
        client.put_item(TableName="state", Item=item_of(each) | FORGED[forged])
        assert stored.call(release_grant, grant_id=each.id)[0] == 200
    assert stored.role_policies.denies(ROLE_ARN) == {READABLE.id}
    ends = [(each["grant_id"], each["outcome"]) for each in map(json.loads, records(client))]
    assert ends == [(READABLE.id, "released")]
    assert stored.ports.store.grant(revoked.id).state is State.REVOKED


@pytest.mark.parametrize("forged", [{"busy_until": {"S": "later"}}, {"last_acquired": {"BOOL": True}}], ids=str)
def test_end_03_no_forged_lease_prevents_a_revocation(
    stored: System,
    client: Any,  # noqa: F811
    forged: dict[str, Any],
):
    operator = minting.token(**OPERATOR)
    client.put_item(TableName="state", Item=item_key(f"ROLE#{ROLE_ARN}", "LEASE") | forged)
    assert stored.call(revoke_grant, REASON, grant_id=READABLE.id, token=operator)[0] == 200
    assert stored.role_policies.denies(ROLE_ARN) == {READABLE.id}
    reconcile(stored.ports)
    assert stored.role_policies.denies(ROLE_ARN) == {READABLE.id}


def test_ops_02_a_failed_revocation_of_it_can_be_repeated(stored: System, client: Any):  # noqa: F811
    stored.role_policies.refusals = 10_000
    operator = minting.token(**OPERATOR)
    assert stored.call(revoke_grant, REASON, grant_id=MINE.id, token=operator)[0] == 503
    stored.role_policies.refusals = 0
    assert stored.call(revoke_grant, REASON, grant_id=MINE.id, token=operator)[0] == 200
    assert stored.role_policies.denies(ROLE_ARN) == {MINE.id}


def test_ops_02_a_revocation_of_one_that_is_gone_meanwhile_is_to_be_repeated(
    stored: System,
    client: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(stored.ports.store, "unreadable_grant", lambda *_: None)
    status, body, _ = stored.call(revoke_grant, REASON, grant_id=MINE.id, token=minting.token(**OPERATOR))
    assert (status, body["code"]) == (409, "grant_conflict")


def test_pol_08_no_revocation_takes_a_store_that_fails_for_an_unreadable_grant(
    stored: System,
    client: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):
    def failing(*_: Any) -> Any:
        raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")

    monkeypatch.setattr(stored.ports.store, "grant", failing)
    status, body, _ = stored.call(revoke_grant, REASON, grant_id=READABLE.id, token=minting.token(**OPERATOR))
    assert (status, body["code"]) == (503, "unavailable")


@pytest.mark.parametrize("known", ["whole", "part"])
@pytest.mark.parametrize("code", ["grant_unreadable", "unavailable"])
def test_ops_02_only_an_end_goes_on_with_a_part_of_a_grant(
    stored: System,
    client: Any,  # noqa: F811
    known: str,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
):
    """Another writer changed the grant, and the second attempt cannot read it."""
    store, part = stored.ports.store, stored.ports.store.unreadable_grant(MINE.id)
    grant = MINE if known == "whole" else part
    assert grant
    client.put_item(TableName="state", Item=unreadable(replace(MINE, records=MINE.records + 1)))
    seen = list[Grant]()

    def change(before: Grant) -> None:
        seen.append(before)
        if len(seen) == 1:
            raise StaleWrite

    if code == "unavailable":
        monkeypatch.setattr(store, "grant", Mock(side_effect=Problem(code, "It does not answer.", "Try again.")))
    if (known, code) == ("part", "grant_unreadable"):
        update_grant(grant, change, stored.ports)
        assert [each.records for each in seen] == [MINE.records, MINE.records + 1]
        return
    with pytest.raises(Problem) as raised:
        update_grant(grant, change, stored.ports)
    assert (raised.value.code, len(seen)) == (code, 1)


def test_end_08_an_unreadable_deny_entry_keeps_a_suspension_incomplete_until_its_denial_is_on_record(
    stored: System,
    client: Any,  # noqa: F811
):
    def entries() -> list[dict[str, Any]]:
        sought = {":role": {"S": f"ROLE#{ROLE_ARN}"}, ":deny": {"S": "DENY#"}}
        query = "pk = :role AND begins_with(sk, :deny)"
        found: list[dict[str, Any]] = client.query(
            TableName="state", KeyConditionExpression=query, ExpressionAttributeValues=sought
        )["Items"]
        return found

    operator = minting.token(**OPERATOR)
    client.delete_item(TableName="state", Key=grant_key(MINE.id))
    assert stored.call(revoke_grant, REASON, grant_id=READABLE.id, token=operator)[0] == 200
    (entry,) = entries()
    reconcile(stored.ports)  # so the role is known
    client.put_item(TableName="state", Item=entry | {"ended_at": {"S": "soon"}})
    before = stored.ports.config
    targets_are(stored, alias="other", role_arn=f"{ROLE_ARN}-other")
    status, body, _ = stored.call(suspend, {"kind": "agent", "name": OWN["principal"], **REASON}, token=operator)
    assert (status, body["targets_failed"]) == (202, {ROLE_ARN: "no_target"})
    assert reconcile(stored.ports)["completed"] == 0
    stored.ports.config = before
    assert reconcile(stored.ports)["completed"] == 1
    assert entries() == [entry | {"by_operator": {"BOOL": False}}]
    written = [json.loads(each) for each in records(client)]
    assert [each["grant_id"] for each in written if each["event"] == "deny_entry"] == [READABLE.id] * 2


def test_end_08_a_suspended_one_can_be_revoked_before_a_step_wrote_its_end(stored: System, client: Any):  # noqa: F811
    suspensions = stored.ports.suspensions.current()
    one = Suspension("s-aaaaaaaaaaaaaa", SuspensionKind.AGENT, MINE.principal, stored.now, "corp.olga", "leaked")
    suspended = suspensions.with_new(one)
    record = chain_record(AuditRecord(stored.now, AuditEvent.SUSPENSION, Outcome.SET), "r-aaaaaaaaaaaaaa")
    stored.ports.store.change_suspensions(suspensions, suspended, record, now=stored.now)
    stored.now += 5
    status, body, _ = stored.call(revoke_grant, REASON, grant_id=MINE.id, token=minting.token(**OPERATOR))
    assert (status, stored.role_policies.denies(ROLE_ARN)) == (200, {MINE.id}), body
    (revoked,) = [each for each in map(json.loads, records(client)) if each.get("event") == "revocation"]
    assert (revoked["grant_id"], revoked["outcome"]) == (MINE.id, "revoked")


def test_ops_02_no_one_else_can_end_it(stored: System, client: Any):  # noqa: F811
    before = item(client)
    stranger = minting.token(sub="other-agent")
    assert stored.call(release_grant, grant_id=MINE.id, token=stranger)[1]["code"] == "grant_not_found"
    assert stored.call(revoke_grant, REASON, grant_id=MINE.id, token=stranger)[1]["code"] == "not_operator"
    assert stored.call(revoke_grant, REASON, grant_id=MINE.id)[1]["code"] == "not_operator"
    assert item(client) == before


def test_ops_02_the_reconciler_serves_the_others(stored: System, client: Any):  # noqa: F811
    overdue = replace(READABLE, id="g-dddddddddddddd", expires_at=NOW - 600)
    for each in (item_of(overdue), unreadable(replace(overdue, id="g-eeeeeeeeeeeeee"))):
        client.put_item(TableName="state", Item=each)
    assert reconcile(stored.ports)["expired"] == 1
    assert stored.ports.store.grant(overdue.id).state is State.EXPIRED


def test_ops_02_each_run_of_the_reconciler_counts_the_open_ones(stored: System, capsys: pytest.CaptureFixture[str]):
    """Also the active ones, which end later, and if nothing is suspended."""
    for _ in range(2):
        reconcile(stored.ports)
        counted = {name: values for (_, name, _), values in metrics_in(capsys.readouterr().out).items()}
        assert counted["UnreadableGrants"] == [1]


def test_ops_02_one_grant_that_fails_does_not_keep_the_reconciler_from_others_and_repairs(
    stored: System,
    client: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):
    overdue = [replace(READABLE, id=f"g-{letter * 14}", expires_at=NOW - 600 + at) for at, letter in enumerate("de")]
    for each in overdue:
        client.put_item(TableName="state", Item=item_of(each))
    stored.role_policies.documents[ROLE_ARN] = '{"Statement": []}'
    save = stored.ports.store.save

    def failing(before: Grant, *given: Any, **named: Any) -> None:
        if before.id == overdue[0].id:
            raise Problem("unavailable", "Down.", "Wait.")
        save(before, *given, **named)

    monkeypatch.setattr(stored.ports.store, "save", failing)
    with pytest.raises(RuntimeError, match="the expiries"):
        reconcile(stored.ports)
    assert [stored.ports.store.grant(each.id).state for each in overdue] == [State.ACTIVE, State.EXPIRED]
    assert stored.role_policies.documents[ROLE_ARN] == ""


@pytest.mark.parametrize(
    ("failure", "last"),
    [(ValueError("one grant's own"), State.EXPIRED), (Problem("unavailable", "Down.", "Wait."), State.ACTIVE)],
)
def test_ops_02_many_broken_grants_keep_the_reconciler_from_no_other_and_an_outage_ends_its_run(
    stored: System,
    client: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    last: State,
):
    overdue = [
        replace(READABLE, id=f"g-{mark * 14}", expires_at=NOW - 600 + place) for place, mark in enumerate("defghi")
    ]
    for each in overdue:
        client.put_item(TableName="state", Item=item_of(each))
    save = stored.ports.store.save

    def failing(before: Grant, *given: Any, **named: Any) -> None:
        if before.id != overdue[-1].id:
            raise failure
        save(before, *given, **named)

    monkeypatch.setattr(stored.ports.store, "save", failing)
    with pytest.raises(RuntimeError, match="the expiries"):
        reconcile(stored.ports)
    assert stored.ports.store.grant(overdue[-1].id).state is last


def test_ops_02_ends_are_recorded_though_the_targets_account_is_closed(
    stored: System,
    client: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):
    overdue = replace(READABLE, id="g-dddddddddddddd", expires_at=NOW - 600)
    client.put_item(TableName="state", Item=item_of(overdue))

    def closed(_role: Any) -> Any:
        raise ValueError("an answer that nothing expects")

    monkeypatch.setattr(stored.role_policies, "of", closed)
    with pytest.raises(RuntimeError, match="analytics-prod"):
        reconcile(stored.ports)
    assert stored.ports.store.grant(overdue.id).state is State.EXPIRED
