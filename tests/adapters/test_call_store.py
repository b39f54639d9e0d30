"""Calls are written once, with records and budgets (rows GW 6, 7 and 12). The fake has the same promises."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from moto import mock_aws

from jitney.adapters.call_store import ApprovedUse, CallStore
from jitney.adapters.grant_items import item_of
from jitney.adapters.suspension_item import SuspensionStore
from jitney.adapters.transactions import StaleWrite
from jitney.core.access.grant import State
from jitney.core.call_limits import CallLimits
from jitney.core.gateway.budgets import BudgetUse, CallBudget
from jitney.core.gateway.call_records import AnswerFacts, RecordedCall, call_record
from jitney.core.gateway.call_state import CallAttempt, CallState, key_hash, new_attempt, recorded
from jitney.core.gateway.kept_answers import KEPT_SECONDS
from jitney.core.gateway.recorded_state import RecordedState
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, AuditRecord, ChainedRecord, Origin, Outcome
from tests.fakes import GRANT, NOW, MemoryCallStore, MemoryStore
from tests.moto_clients import moto_client

LIMITS = CallLimits(calls=3, bytes_out=100, items_deleted=5, calls_per_minute=3, writes_in_flight=2)
OWNER, KEY = GRANT.owner_key, key_hash("k-1")
NOTHING = BudgetUse(GRANT.id, CallLimits(0, 0, 0, 0, 0))


@pytest.fixture
def client() -> Iterator[object]:
    with mock_aws():
        client = moto_client("dynamodb")
        for table, names in (("state", ("pk", "sk")), ("audit", ("pk", "sk")), ("answers", ("pk",))):
            client.create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
                KeySchema=[
                    {"AttributeName": name, "KeyType": kind}
                    for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        client.put_item(TableName="state", Item=item_of(GRANT))
        yield client


def real(client) -> CallStore:
    return CallStore(client, "state", "audit", "answers", SuspensionStore(client, "state"))


@pytest.fixture(params=["real", "memory"])
def calls(request, client) -> CallStore | MemoryCallStore:
    if request.param == "real":
        return real(client)
    return MemoryCallStore(MemoryStore({GRANT.id: GRANT}))


def record(outcome: Outcome) -> AuditRecord:
    call = {"service": "s3", "operation": "DeleteObject", "region": "eu-west-1"}
    facts = {"status": 200, "aws_request_id": "r-1"} if outcome is Outcome.ANSWERED else {}
    about = {"grant_id": GRANT.id, "principal": GRANT.principal, "issuer": GRANT.issuer}
    return AuditRecord(NOW, AuditEvent.CALL, outcome, **about, detail={"call": call | facts})


def new(call_id: str = "c-aaaaaaaaaaaaaa", key: str = KEY, now: int = NOW) -> tuple[CallAttempt, ChainedRecord]:
    attempt = new_attempt(call_id, GRANT.id, OWNER, key, "mac", now)
    return recorded(attempt, record(Outcome.SENT))


def use(**amounts: object) -> BudgetUse:
    return BudgetUse(GRANT.id, LIMITS, **amounts)  # type: ignore[arg-type]


def begun(calls, call_id: str = "c-aaaaaaaaaaaaaa", key: str = KEY, amounts: BudgetUse = NOTHING) -> CallAttempt:
    attempt, first = new(call_id, key)
    calls.begin(attempt, first, amounts, calls.budget(GRANT.id), now=NOW)
    return attempt


def shown(attempt: CallAttempt) -> RecordedState:
    """The call as its records show it."""
    facts = (attempt.sent_at, attempt.state, attempt.status, attempt.aws_request_id)
    return RecordedState(attempt.call_id, OWNER, GRANT.id, "s3", "DeleteObject", "eu-west-1", *facts)


def records(client, chain: str) -> int:
    return len([item for item in client.scan(TableName="audit")["Items"] if item["pk"]["S"] == chain])


def test_gw_06_one_read_finds_the_grant_the_suspensions_the_budget_and_the_earlier_attempt(calls):
    first = calls.read(GRANT.id, OWNER, KEY, NOW)
    assert (first.stored_grant, first.attempt, first.budget) == (GRANT, None, CallBudget())
    assert not first.suspensions.version
    attempt = begun(calls, amounts=use(calls=1))
    later = calls.read(GRANT.id, OWNER, KEY, NOW)
    assert later.attempt == calls.attempt(OWNER, KEY, NOW) == attempt
    assert later.budget.used["calls"] == 1
    assert calls.read("g-unknown", OWNER, key_hash("k-2"), NOW)[0::3] == (None, None)


def test_gw_06_it_is_one_consistent_request(client):
    sent: list[object] = []
    client.meta.events.register("before-parameter-build.dynamodb", lambda params, **_: sent.append(params))
    real(client).read(GRANT.id, OWNER, KEY, NOW)
    assert len(sent) == 1
    assert sent[0]["RequestItems"]["state"]["ConsistentRead"]
    assert len(sent[0]["RequestItems"]["state"]["Keys"]) == 4


def test_gw_06_of_two_executions_one_takes_the_key(calls):
    attempt = begun(calls)
    other, first = new("c-bbbbbbbbbbbbbb")
    with pytest.raises(StaleWrite):
        calls.begin(other, first, NOTHING, CallBudget(), now=NOW)
    assert calls.read(GRANT.id, OWNER, KEY, NOW).attempt == attempt
    assert calls.recorded_state(attempt.call_id) == shown(attempt)
    assert calls.recorded_state("c-bbbbbbbbbbbbbb") is None


def test_gw_06_keys_of_different_owners_are_different(calls):
    begun(calls)
    assert calls.read(GRANT.id, "another", KEY, NOW).attempt is None
    assert calls.attempt("another", KEY, NOW) is None


def test_gw_06_a_key_is_forgotten_when_its_time_is_over(calls):
    attempt = begun(calls)
    assert calls.attempt(OWNER, KEY, attempt.expires_at - 1) == attempt
    assert calls.attempt(OWNER, KEY, attempt.expires_at) is None


def test_gw_06_of_two_executions_that_send_a_call_again_one_does(calls):
    attempt = begun(calls)
    after, ended = recorded(attempt.not_sent(), record(Outcome.FAILED))
    calls.finish(after, ended, NOTHING, now=NOW)
    again, second = recorded(after.again(NOW + 1), record(Outcome.SENT))
    calls.begin(again, second, NOTHING, CallBudget(), now=NOW + 1)
    with pytest.raises(StaleWrite):
        calls.begin(again, second, NOTHING, CallBudget(), now=NOW + 1)
    with pytest.raises(StaleWrite):  # the first execution cannot free the key of the second
        calls.finish(after, ended, NOTHING, now=NOW + 2)
    assert calls.read(GRANT.id, OWNER, KEY, NOW).attempt == again


def test_gw_06_only_a_call_that_is_being_sent_begins(calls):
    attempt, first = new()
    with pytest.raises(ValueError, match="sent"):
        calls.begin(attempt.lost(), first, NOTHING, CallBudget(), now=NOW)


def test_gw_06_a_key_is_free_a_day_later_even_if_its_item_is_still_there(calls):
    attempt = begun(calls)
    assert calls.read(GRANT.id, OWNER, KEY, attempt.expires_at - 1).attempt == attempt
    assert calls.read(GRANT.id, OWNER, KEY, attempt.expires_at).attempt is None
    other, first = new("c-bbbbbbbbbbbbbb", now=attempt.expires_at)
    calls.begin(other, first, NOTHING, CallBudget(), now=attempt.expires_at)
    assert calls.recorded_state(attempt.call_id) == shown(attempt)  # its records remain
    with pytest.raises(StaleWrite):  # and the first execution cannot write over it
        calls.finish(*recorded(attempt.lost(), record(Outcome.FAILED)), NOTHING, now=attempt.expires_at)


def test_gw_07_a_call_and_its_record_are_written_together(client):
    calls = real(client)
    attempt = begun(calls)
    assert records(client, attempt.call_id) == 1
    other, first = new("c-bbbbbbbbbbbbbb")
    with pytest.raises(StaleWrite):
        calls.begin(other, first, NOTHING, CallBudget(), now=NOW)
    assert records(client, other.call_id) == 0
    after, ended = recorded(attempt.answered(200, "r-1"), record(Outcome.ALLOWED))
    calls.finish(after, ended, NOTHING, now=NOW)
    assert records(client, attempt.call_id) == 2


def test_gw_07_a_read_writes_its_record_and_its_budget_only(client):
    calls = real(client)
    only = audit.chain_record(record(Outcome.ANSWERED), "c-cccccccccccccc")
    calls.finish(None, only, use(calls=1, bytes_out=10), now=NOW)
    assert records(client, "c-cccccccccccccc") == 1
    kinds = {item["sk"]["S"] for item in client.scan(TableName="state")["Items"]}
    assert kinds == {"GRANT", "BUDGET"}
    assert calls.recorded_state("c-cccccccccccccc") is None
    assert calls.budget(GRANT.id).used == {"calls": 1, "bytes_out": 10}


def test_gw_06_an_answer_is_kept_for_its_owner_until_its_end(calls):
    attempt = begun(calls)
    answered = attempt.answered(200, "r-1", NOW + KEPT_SECONDS)
    calls.finish(*recorded(answered, record(Outcome.ALLOWED)), NOTHING, '{"status":200}', now=NOW)
    assert calls.kept_answer(answered, NOW + KEPT_SECONDS - 1) == {"status": 200}
    assert calls.kept_answer(answered, NOW + KEPT_SECONDS) is None
    assert calls.kept_answer(replace(answered, call_id="c-bbbbbbbbbbbbbb"), NOW) is None


def test_gw_06_an_answer_is_found_only_by_its_owner(client):
    calls = real(client)
    attempt = begun(calls)
    answered = attempt.answered(200, "r-1", NOW + KEPT_SECONDS)
    calls.finish(*recorded(answered, record(Outcome.ALLOWED)), NOTHING, '{"status":200}', now=NOW)
    assert calls.kept_answer(replace(answered, owner="another"), NOW) is None


def test_gw_06_an_answer_of_the_largest_size_fits_into_an_item(client):
    calls = real(client)
    attempt = begun(calls)
    answered = attempt.answered(200, "r-1", NOW + KEPT_SECONDS)
    noise = "".join(key_hash(str(number)) for number in range(4095))
    calls.finish(*recorded(answered, record(Outcome.ALLOWED)), NOTHING, f'{{"body":"{noise}"}}', now=NOW)
    assert calls.kept_answer(answered, NOW) == {"body": noise}


def test_gw_12_calls_are_counted_with_their_records_and_stop_at_the_limit(calls):
    for number in range(3):
        begun(calls, f"c-{number}", key_hash(str(number)), use(calls=1, items_deleted=1))
    with pytest.raises(Problem) as refused:
        begun(calls, "c-4", key_hash("4"), use(calls=1))
    assert refused.value.code == "call_budget_used"
    assert calls.recorded_state("c-4") is None
    assert calls.budget(GRANT.id).used == {"calls": 3, "items_deleted": 3}


def test_gw_12_a_call_that_did_not_run_is_no_longer_counted(calls):
    limits = LIMITS._replace(calls=1, items_deleted=1)
    for number in range(3):
        counted = BudgetUse(GRANT.id, limits, calls=1, items_deleted=1, lease_for=f"c-{number}")
        attempt, first = new(f"c-{number}", key_hash(str(number)))
        place = calls.begin(attempt, first, counted, calls.budget(GRANT.id), now=NOW)
        assert calls.budget(GRANT.id).used == {"calls": 1, "items_deleted": 1}
        calls.finish(*recorded(attempt.not_sent(), record(Outcome.FAILED)), counted.undone(place), now=NOW)
        budget = calls.budget(GRANT.id)
        assert (budget.used, budget.leases) == ({"calls": 0, "items_deleted": 0}, {})


@pytest.mark.parametrize(
    ("amounts", "code"),
    [
        ({"items_deleted": 6}, "call_budget_used"),  # nothing is used yet
        ({"bytes_out": 101}, "call_budget_used"),
        ({"calls": 4}, "call_budget_used"),
    ],
)
def test_gw_12_an_amount_above_the_whole_limit_is_refused(calls, amounts: dict[str, int], code: str):
    with pytest.raises(Problem) as refused:
        begun(calls, amounts=use(**amounts))
    assert refused.value.code == code
    assert calls.budget(GRANT.id) == CallBudget()


def test_gw_12_the_calls_of_a_minute_stop_at_their_limit(calls):
    limits = LIMITS._replace(calls=0)
    for number in range(3):
        begun(calls, f"c-{number}", key_hash(str(number)), BudgetUse(GRANT.id, limits, calls=1))
    with pytest.raises(Problem) as refused:
        begun(calls, "c-4", key_hash("4"), BudgetUse(GRANT.id, limits, calls=1))
    assert refused.value.code == "rate_limited"
    attempt, first = new("c-4", key_hash("4"))
    calls.begin(attempt, first, BudgetUse(GRANT.id, limits, calls=1), CallBudget(), now=NOW + 60)


def test_gw_12_places_for_calls_in_flight_are_taken_and_freed(calls):
    places = []
    for number in range(2):
        attempt, first = new(f"c-{number}", key_hash(str(number)))
        # Both executions read the budget before either wrote it, so the second may try a taken place.
        places.append(calls.begin(attempt, first, use(lease_for=attempt.call_id), CallBudget(), now=NOW))
    assert sorted(places) == [0, 1]
    with pytest.raises(Problem) as refused:
        begun(calls, "c-3", key_hash("3"), use(lease_for="c-3"))
    assert refused.value.code == "rate_limited"
    _, only = new("c-cccccccccccccc")
    calls.finish(None, only, use(ends_lease=places[0]), now=NOW)
    assert list(calls.budget(GRANT.id).leases) == [places[1]]
    begun(calls, "c-3", key_hash("3"), use(lease_for="c-3"))


def test_gw_12_an_answer_above_the_budget_is_not_written(calls):
    attempt = begun(calls)
    after, ended = recorded(attempt.answered(200, "r-1", NOW + 900), record(Outcome.ALLOWED))
    with pytest.raises(Problem) as refused:
        calls.finish(after, ended, use(bytes_out=101), "{}", now=NOW)
    assert refused.value.code == "call_budget_used"
    assert calls.read(GRANT.id, OWNER, KEY, NOW).attempt == attempt
    assert calls.kept_answer(after, NOW) is None


def test_gw_06_an_approval_is_used_with_the_call_or_not_at_all(calls):
    used = replace(GRANT, state=State.EXPIRED)
    chained = audit.next_chained_record(
        audit.grant_record(AuditEvent.EXPIRY, Outcome.EXPIRED, used, Origin(), NOW), GRANT
    )
    after = audit.with_chain_head(used, chained)
    attempt, first = new()
    calls.begin(attempt, first, NOTHING, CallBudget(), ApprovedUse(GRANT, after, chained), now=NOW)
    assert calls.read(GRANT.id, OWNER, KEY, NOW).stored_grant == after
    other, again = new("c-bbbbbbbbbbbbbb", key_hash("k-2"))
    with pytest.raises(StaleWrite):
        calls.begin(other, again, NOTHING, CallBudget(), ApprovedUse(GRANT, after, chained), now=NOW)
    assert calls.recorded_state(other.call_id) is None


def test_gw_07_a_write_that_another_transaction_blocks_is_repeated(client):
    codes = [[{"Code": "None"}, {"Code": "TransactionConflict"}], None]
    cancelled = client.exceptions.TransactionCanceledException

    def transact(**_: object) -> None:
        if code := codes.pop(0):
            raise cancelled({"Error": {}, "CancellationReasons": code}, "TransactWriteItems")

    blocked = SimpleNamespace(transact_write_items=Mock(side_effect=transact), exceptions=client.exceptions)
    calls = CallStore(blocked, "state", "audit", "answers", SuspensionStore(client, "state"))
    attempt, first = new()
    calls.begin(attempt, first, NOTHING, CallBudget(), now=NOW)
    assert blocked.transact_write_items.call_count == 2


def test_gw_06_what_dynamodb_does_not_answer_is_unavailable(client):
    for table in ("state", "audit"):
        client.delete_table(TableName=table)
    calls = real(client)
    for attempt_it in (
        lambda: calls.read(GRANT.id, OWNER, KEY, NOW),
        lambda: begun(calls),
        lambda: calls.recorded_state("c-aaaaaaaaaaaaaa"),
    ):
        with pytest.raises(Problem) as refused:
            attempt_it()
        assert refused.value.code == "unavailable"


def test_gw_06_the_state_of_a_call_comes_back_as_it_was_written(calls):
    attempt = begun(calls)
    for state in (attempt.lost(), attempt.not_sent(), attempt.answered(500, "r-1")):
        assert CallState(state.state) is state.state
    after, ended = recorded(attempt.answered(500, "r-1"), record(Outcome.ALLOWED))
    calls.finish(after, ended, NOTHING, now=NOW)
    assert calls.read(GRANT.id, OWNER, KEY, NOW).attempt == after


def test_gw_06_the_newest_record_of_a_call_shows_its_state(calls):
    attempt = begun(calls)
    after, ended = recorded(attempt.not_sent(), record(Outcome.FAILED))
    calls.finish(after, ended, NOTHING, now=NOW)
    assert calls.recorded_state(attempt.call_id) == shown(after)
    again, second = recorded(after.again(NOW + 40), replace(record(Outcome.SENT), time=NOW + 40))
    calls.begin(again, second, NOTHING, CallBudget(), now=NOW + 40)
    assert calls.recorded_state(attempt.call_id) == shown(again)
    assert calls.recorded_state(attempt.call_id).view(NOW + 70)["state"] == "sent"
    assert calls.recorded_state(attempt.call_id).view(NOW + 71)["state"] == "may_have_run"
    answered, last = recorded(again.answered(200, "r-1"), replace(record(Outcome.ANSWERED), time=NOW + 45))
    calls.finish(answered, last, NOTHING, now=NOW + 45)
    assert calls.recorded_state(attempt.call_id) == shown(answered)
    view = calls.recorded_state(attempt.call_id).view(NOW + 100)
    assert (view["state"], view["status"], view["request_id"]) == ("answered", 200, "r-1")


def test_gw_07_the_records_and_the_state_of_a_common_call_take_a_kilobyte_each(client):
    made = RecordedCall(
        service="s3",
        operation="PutObject",
        region="eu-west-1",
        parameters={
            "Bucket": "acme-reports",
            "Key": "2026/11/sales.csv",
            "Body": f"[4 bytes, SHA-256 {key_hash('b')}]",
        },
        parameters_mac=key_hash("p"),
        mac_key="bc1932dd-8613-4abd-85c3-00673264dad1",
        actions=("s3:PutObject",),
        resources=("arn:aws:s3:::acme-reports/2026/11/a.csv",),
        access_key_id="ASIAWO645SY5DFWCD4DF",
    )
    origin, calls = Origin("198.51.100.7", "3f0a2c1e-6b7d-4f52-9a55-0f6f2f4f1c11"), real(client)
    attempt = new_attempt("c-aaaaaaaaaaaaaa", GRANT.id, OWNER, KEY, key_hash("c"), NOW)
    sent, first = recorded(attempt, call_record(GRANT, made, Outcome.SENT, origin, NOW))
    calls.begin(sent, first, NOTHING, CallBudget(), now=NOW)
    facts = AnswerFacts(200, "4Q8XK2WJ5Z7N9B3M", 0)
    record = call_record(GRANT, made, Outcome.ANSWERED, origin, NOW, answer=facts, first=False)
    calls.finish(*recorded(sent.answered(200, facts.aws_request_id), record), NOTHING, now=NOW)
    items = [*client.scan(TableName="audit")["Items"], *client.scan(TableName="state")["Items"]]
    sizes = [billed_bytes(item) for item in items if item["sk"]["S"] != "GRANT"]
    assert len(sizes) == 3
    assert max(sizes) < 1024


def billed_bytes(item: dict[str, dict[str, Any]]) -> int:
    """Return the size of an item as DynamoDB bills it: its names, and its texts, numbers and bytes."""
    values = [
        value if isinstance(value, bytes) else value.encode() for each in item.values() for value in each.values()
    ]
    return sum(len(each) for each in [*(name.encode() for name in item), *values])


def test_a_call_is_read_without_the_members_that_only_another_version_knows(client):
    calls, (sent, first) = real(client), new()
    calls.begin(sent, first, NOTHING, CallBudget(), now=NOW)
    (item,) = [each for each in client.scan(TableName="state")["Items"] if "call" in each]
    stored = json.loads(item["call"]["S"])
    assert stored.keys() == asdict(sent).keys()
    item["call"]["S"] = json.dumps(stored | {"service": "s3", "added_later": 1})
    client.put_item(TableName="state", Item=item)
    assert calls.attempt(OWNER, KEY, NOW) == sent
