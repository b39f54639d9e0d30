"""CloudTrail events become explained calls or bypasses, in any order (row AUD 3)."""

import json
from collections import Counter
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from jitney.adapters.record_items import record_in
from jitney.adapters.trail import RECHECK_SECONDS, Trail
from jitney.client.audit import trail_files
from jitney.core.access.grant import GRANT_RETENTION_SECONDS, Grant, GrantEnd, State
from jitney.core.trail.call import MOST_BYTES
from jitney.core.trail.join import MAX_EVENT_DELAY_SECONDS
from jitney.handlers.correlator import receive
from jitney.handlers.runtime.ports import Ports
from jitney.handlers.trail.trail_events import BATCH_MILLISECONDS
from tests.cloudtrail_events import (
    ACCOUNT,
    BROKER,
    GRANT_SCOPE,
    ISSUERS,
    KEY,
    MASKS,
    SECRET,
    SIGN_IN,
    MemoryQueue,
    MemoryTable,
    assume_role_event,
    call_event,
    delivered,
    forwarded_event,
    identity,
    scoped,
    sign_in_event,
    stamp,
)
from tests.core.report.recorded_grants import report_of, requested
from tests.core.trail.test_heartbeat import REVOKERS, revoker_called
from tests.fakes import GRANT, NOW, ROLE_ARN, MemoryMaskKeys, MemoryStore, MemoryTrailWatches
from tests.identities import identity as person

pytestmark = pytest.mark.usefixtures("functions_environment")


class Correlator:
    """The function over a table in memory, with a clock that the test sets."""

    def __init__(self, *grants: Grant) -> None:
        self.now = NOW + 600
        self.milliseconds = 0
        self.table = MemoryTable()
        self.queue = MemoryQueue()
        self.store = MemoryStore(grants={each.id: each for each in grants})
        self.trail_watches = MemoryTrailWatches(self.store)
        self.start()

    def start(self) -> None:
        """A new process."""
        self.ports = Ports(
            store=self.store,
            trail=Trail(self.table, "audit"),  # type: ignore[arg-type]
            trail_queue=self.queue,
            trail_watches=self.trail_watches,
            mask_keys=MemoryMaskKeys(),
            masks=MASKS,
            grant_scope=GRANT_SCOPE,
            sealed_roles=frozenset(),
            issuing_roles=ISSUERS,
            target_roles={ROLE_ARN: ACCOUNT},
            target_aliases={ROLE_ARN: "analytics-prod"},
            revokers=REVOKERS,
            now=lambda: self.now,
            stopwatch=lambda: self.milliseconds,
        )

    def take_in(self, *events: Any) -> list[str]:
        """The messages that failed, of a batch of these events."""
        return self.receive(*map(forwarded_event, events))

    def receive(self, *bodies: str) -> list[str]:
        return [each["itemIdentifier"] for each in receive(delivered(bodies), self.ports)["batchItemFailures"]]

    def look_again(self) -> None:
        """The delayed messages come."""
        asked, self.queue.asked = self.queue.asked, []
        for account, key in asked:
            assert not self.receive(json.dumps({"judge_calls": {"account": account, "access_key_id": key}}))

    def lines(self) -> dict[str, dict[str, Any]]:
        """What each event came to: its explanation, where there is one."""
        found: dict[str, dict[str, Any]] = {}
        for (_, sk), item in self.table.items.items():  # an explanation never comes before the bypass
            if "line" in item:
                found[sk.partition("#")[2]] = json.loads(item["line"]["S"])
        return found

    def reasons(self) -> list[tuple[str, ...]]:
        return [tuple(line["reasons"]) for line in self.lines().values()]

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(record_in(item)) for item in self.table.items.values() if "record" in item]


@pytest.fixture
def correlator() -> Correlator:
    return Correlator(GRANT)


def test_aud_03_a_call_is_joined_to_its_grant_by_account_role_session_name_and_key(correlator: Correlator):
    assert correlator.take_in(assume_role_event(1), call_event(2)) == []
    issue, call = correlator.lines().values()
    assert (issue["operation"], issue["verdict"], issue["grant_id"]) == ("AssumeRole", "explained", GRANT.id)
    assert (call["operation"], call["verdict"], call["grant_id"]) == ("GetObject", "explained", GRANT.id)
    assert (call["actions"], call["resources"]) == (["s3:GetObject"], ["arn:aws:s3:::reports/2026/q3.csv"])
    assert (call["target"], call["time"], call["bytes_out"]) == ("analytics-prod", "2026-11-24T12:00:10Z", 12)
    assert correlator.records() == []


def test_aud_05_a_call_has_the_resource_that_its_parameters_name(correlator: Correlator):
    """Most events have no list of resources. Then a search for a resource's calls would find none."""
    secret = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:s-4Rzn83"
    read = {"eventSource": "secretsmanager.amazonaws.com", "eventName": "GetSecretValue", "resources": None}
    correlator.take_in(assume_role_event(1), call_event(2, requestParameters={"secretId": secret}, **read))
    assert [line["resources"] for line in correlator.lines().values() if line["operation"] == "GetSecretValue"] == [
        [secret]
    ]


def test_aud_03_a_table_reads_each_grant_once(correlator: Correlator, monkeypatch: pytest.MonkeyPatch):
    other, reads, read = replace(GRANT, id="g-cccccccccccccc"), Counter[str](), correlator.store.grant
    monkeypatch.setattr(correlator.store, "grant", lambda grant_id: reads.update([grant_id]) or read(grant_id))
    others = [call_event(number, who=identity(other.id)) for number in (6, 7)]
    assert correlator.take_in(assume_role_event(1), *map(call_event, range(2, 6)), *others) == []
    assert reads == {GRANT.id: 1, other.id: 2}  # an unknown grant is looked up each time
    correlator.store.grants[other.id] = other
    correlator.take_in(call_event(8), *others)
    assert reads == {GRANT.id: 2, other.id: 3}


def test_aud_03_a_call_before_its_keys_origin_is_saved_and_joined_later(correlator: Correlator):
    correlator.take_in(call_event(2))
    assert correlator.lines() == {}
    assert correlator.queue.asked == [(ACCOUNT, KEY)]
    correlator.take_in(assume_role_event(1))
    assert [line["verdict"] for line in correlator.lines().values()] == ["explained", "explained"]


def test_aud_08_a_sign_in_to_the_console_is_reported(correlator: Correlator):
    """Both events have the `detail-type` of sign-ins. The event of ConsoleLogin shows no access key."""
    login = sign_in_event(3, "ConsoleLogin")
    del login["userIdentity"]["accessKeyId"]
    events = [forwarded_event(each, **{"detail-type": SIGN_IN}) for each in (sign_in_event(2), login)]
    assert correlator.receive(forwarded_event(assume_role_event(1)), *events) == []
    found = {line["operation"]: (line["verdict"], *line["reasons"]) for line in correlator.lines().values()}
    assert found.pop("AssumeRole") == ("explained",)
    assert found == {
        "GetSigninToken": ("beyond_grant", "action_not_granted"),
        "ConsoleLogin": ("bypass", "key_not_issued"),
    }


@pytest.fixture
def slow(correlator: Correlator) -> Correlator:
    """A correlator that has time for a few calls of the table in each batch."""

    def wait() -> None:
        correlator.milliseconds += BATCH_MILLISECONDS // 10

    correlator.table.before = wait
    return correlator


def test_aud_03_a_slow_batch_returns_the_messages_for_which_no_time_is_left(slow: Correlator):
    events = [assume_role_event(1), *map(call_event, range(10, 30))]
    batches = 0
    while events:
        failed = slow.take_in(*events)
        assert len(failed) < len(events)
        events, batches = [events[int(each)] for each in failed], batches + 1
    assert batches > 2
    assert {line["verdict"] for line in slow.lines().values()} == {"explained"}
    assert len(slow.lines()) == 21


def test_aud_03_calls_for_which_no_time_is_left_are_judged_later(slow: Correlator):
    slow.table.before = lambda: None
    slow.take_in(*map(call_event, range(10, 40)))
    slow.table.before = lambda: setattr(slow, "milliseconds", slow.milliseconds + BATCH_MILLISECONDS // 10)
    slow.queue.asked.clear()
    assert slow.take_in(assume_role_event(1)) == []
    rounds = 0
    while slow.queue.asked:
        slow.look_again()
        rounds += 1
    assert rounds > 1
    assert len(slow.lines()) == 31


def test_aud_03_calls_with_a_narrower_key_of_disputed_origin_are_judged_again_later(slow: Correlator):
    """Their key has one origin. Only that of the key from which it was scoped down is disputed."""
    narrower = "ASIAAAAAAAAAAAAAAAA7"
    calls = [call_event(number, who=identity(key=narrower)) for number in range(10, 40)]
    tick, slow.table.before = slow.table.before, lambda: None
    slow.take_in(assume_role_event(9), scoped(2, key=KEY, to=narrower), *calls)
    assert set(slow.reasons()) == {()}
    slow.table.before = tick
    slow.take_in(assume_role_event(1, at=NOW + 100))
    rounds = 0
    while slow.queue.asked and rounds < 100:
        slow.now += RECHECK_SECONDS
        slow.look_again()
        rounds += 1
    assert rounds > 1
    assert set(slow.reasons()) == {("key_issued_twice",)}


def test_aud_03_a_session_start_that_arrives_again_reads_none_of_the_sessions_calls(
    correlator: Correlator, monkeypatch: pytest.MonkeyPatch
):
    """A backfill delivers each event again. A session can make millions of calls, and the function has 1 GB."""
    correlator.take_in(call_event(2))  # it waits, and stays in the table
    correlator.take_in(assume_role_event(1), *map(call_event, range(10, 210)))
    correlator.start()
    read = list[str]()
    for name in ("query", "batch_get_item"):
        ask = getattr(correlator.table, name)

        def counted(_ask: Any = ask, **asked: Any) -> Any:
            answer = _ask(**asked)
            items = answer.get("Items") or answer.get("Responses", {}).get("audit", [])
            read.extend(each["sk"]["S"] for each in items)
            return answer

        monkeypatch.setattr(correlator.table, name, counted)
    assert correlator.receive(forwarded_event(assume_role_event(1), account=BROKER)) == []
    assert len(read) < 10
    assert len(correlator.lines()) == 202


@pytest.mark.parametrize("sign", ["a", '"', "\\", "é", "😀"])
@pytest.mark.parametrize("length", [10_000, 30_000, 60_000, 100_000])
def test_aud_03_no_text_makes_a_call_too_large_for_the_table(correlator: Correlator, sign: str, length: int):
    """DynamoDB counts bytes, and the line of a call escapes quotation marks. An item may have 400 KB."""
    text, arns = {"text": sign * length}, [f"arn:aws:s3:::reports/{number}{'é' * 500}" for number in range(60)]
    listed = [{"ARN": each} for each in arns]
    events = (
        assume_role_event(1),
        call_event(2, requestParameters=text, responseElements=text, resources=listed),
    )
    assert correlator.take_in(*reversed(events)) == []
    assert len(correlator.lines()) == 2
    for item in correlator.table.items.values():
        texts = [each for value in item.values() for each in value.values()]
        assert sum(len(each if isinstance(each, bytes) else each.encode()) for each in texts) < 400_000


MANY = {f"member {number}": "x" * 20 for number in range(10_000)}
SHORT: dict[str, Any] = {"bucketName": "other", "key": "k"}


@pytest.mark.parametrize(
    ("parameters", "reasons"),
    [
        (SHORT | {"text": '"' * 60_000}, ("resource_not_granted", "resource_policy_possible")),
        (SHORT | {"lines": ['"'] * 40_000, "more": "x" * 100}, ("resource_not_granted", "resource_policy_possible")),
        ({"GetObjectRequest": SHORT | {"text": '"' * 60_000}}, ("resource_not_granted", "resource_policy_possible")),
        ({"text": '"' * 60_000}, ()),
        (SHORT | MANY, ()),
        ({'"' * 60_000: SHORT}, ()),
        ({"text": {'"' * 60_000: {"x" * 60_000: "x"}}}, ()),
    ],
    ids=["a long text", "a long list", "below a request", "nothing else", "many members", "a long name", "long names"],
)
def test_aud_08_a_caller_hides_no_name_behind_long_parameters(correlator: Correlator, parameters: Any, reasons: Any):
    read = call_event(2, requestParameters=parameters, resources=[])
    assert correlator.take_in(assume_role_event(1), read) == []
    line = next(each for each in correlator.lines().values() if each["operation"] == "GetObject")
    assert tuple(line["reasons"]) == reasons
    assert len(json.dumps(line["request"])) <= MOST_BYTES


def test_aud_03_a_key_of_unknown_origin_is_a_provisional_bypass(correlator: Correlator):
    correlator.take_in(call_event(2))
    correlator.now += MAX_EVENT_DELAY_SECONDS - 1
    correlator.look_again()
    assert correlator.lines() == {}
    correlator.now += 1
    correlator.look_again()
    assert correlator.reasons() == [("key_not_issued",)]
    assert correlator.queue.asked == []
    (record,) = correlator.records()
    assert (record["event"], record["outcome"], record["code"]) == ("bypass", "unexplained", "key_not_issued")
    correlator.take_in(assume_role_event(1))
    assert correlator.reasons() == [(), ()]


def test_aud_03_a_late_origin_outside_jitney_is_a_bypass_for_that_reason(correlator: Correlator):
    correlator.take_in(call_event(2))
    correlator.now += MAX_EVENT_DELAY_SECONDS
    correlator.look_again()
    correlator.take_in(assume_role_event(1, by=ADMIN))
    assert correlator.reasons() == [("not_issued_by_jitney",)] * 2
    assert {each["code"] for each in correlator.records()} == {"key_not_issued", "not_issued_by_jitney"}


def test_aud_03_a_scoped_down_session_belongs_to_the_same_grant(correlator: Correlator):
    last = "ASIAAAAAAAAAAAAAAAA7"
    correlator.take_in(call_event(3, who=identity(key=last)), scoped(2, key=KEY, to=last))
    assert correlator.lines() == {}
    correlator.take_in(assume_role_event(1))
    assert correlator.reasons() == [(), (), ()]
    assert {line["grant_id"] for line in correlator.lines().values()} == {GRANT.id}


ADMIN = "AROAADMINAAAAAAAAAAAA"
BYPASSES = {
    "another session name": ([call_event(1, who=identity(session="admin"))], "unknown_session_name"),
    "a grant's name with a suffix": ([call_event(1, who=identity(session=f"{GRANT.id}-x"))], "unknown_session_name"),
    "no such grant": ([call_event(1, who=identity(session="g-zzzzzzzzzzzzzz"))], "unknown_grant"),
    "another source identity": ([call_event(1, who=identity(source_identity="corp.mallory"))], "wrong_source_identity"),
    "no source identity": ([call_event(1, who=identity(source_identity=""))], "wrong_source_identity"),
    "manual session, other name": ([assume_role_event(1, by=ADMIN, session="admin")], "unknown_session_name"),
    "manual session, grant's name": ([assume_role_event(1, by=ADMIN)], "not_issued_by_jitney"),
    "a call after that": ([assume_role_event(1, by=ADMIN), call_event(2)], "not_issued_by_jitney"),
    "a function for canaries only": ([assume_role_event(1, by="AROAMEASUREMENTSAAAAA")], "not_issued_by_jitney"),
    "before it began": ([assume_role_event(1), call_event(2, at=NOW - 61)], "before_the_start"),
    "after it ended": ([assume_role_event(1), call_event(2, at=GRANT.expires_at + 61)], "after_the_end"),
    "a canary of no grant": ([call_event(1, who=identity(session="g-canary-zzzzzzzzzzzzzz"))], "unknown_grant"),
    "a check by an unknown role": ([call_event(1, who=identity(session="g-check-zzzzzzzzzzzzzz", source_identity=""))],
                          "wrong_source_identity"),
}  # fmt: skip


@pytest.mark.parametrize(("events", "reason"), BYPASSES.values(), ids=BYPASSES)
def test_aud_03_an_unexplained_call_is_a_recorded_bypass(correlator, events, reason, capsys):
    correlator.take_in(*events)
    assert reason in {each for reasons in correlator.reasons() for each in reasons}
    records = correlator.records()
    assert {(each["event"], each["code"]) for each in records} == {("bypass", reason)}
    assert records[0]["target"] == "analytics-prod"
    assert '"Bypasses":[1' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("events", "metric"),
    [
        ([call_event(1, who=identity(session="admin"))], "Bypasses"),
        ([sign_in_event(1, "ConsoleLogin", key="")], "Bypasses"),  # without a key, a provisional bypass at once
        ([assume_role_event(1), call_event(2, eventSource="iam.amazonaws.com", eventName="CreateUser")],
         "BeyondGrantCalls"),
    ],
)  # fmt: skip
def test_aud_03_a_repeated_event_raises_no_alarm_again(correlator, events, metric, capsys):
    correlator.take_in(*events)
    assert f'"{metric}":[1' in capsys.readouterr().out
    correlator.start()
    correlator.receive(*backfilled(*events))
    assert metric not in capsys.readouterr().out
    assert len(correlator.records()) == 1


AGENT = {
    "principal": GRANT.principal,
    "issuer": GRANT.issuer,
    "subject": GRANT.subject,
    "unit": GRANT.unit,
    "human": "corp.alice",
}


@pytest.mark.parametrize(
    ("session", "reason", "agent"),
    [(GRANT.id, "wrong_source_identity", AGENT), ("g-zzzzzzzzzzzzzz", "unknown_grant", dict.fromkeys(AGENT, ""))],
)
def test_aud_03_the_record_of_a_bypass_names_the_agent_of_its_grant(session: str, reason: str, agent: dict[str, str]):
    correlator = Correlator(replace(GRANT, human=person("corp.alice")))
    correlator.take_in(call_event(1, who=identity(session=session, source_identity="corp.mallory")))
    (record,) = correlator.records()
    assert (record["code"], {name: record[name] for name in AGENT}) == (reason, agent)
    assert json.loads(record["detail"])["source_identity"] == "corp.mallory"


@pytest.mark.parametrize(
    ("session", "by"), [("g-canary-aaaaaaaaaaaaaa", "MEASUREMENTS"), ("g-check-abcdefghijklmn", "TARGETCHECKS")]
)
def test_aud_03_the_brokers_sessions_are_explained_if_the_right_function_started_them(correlator, session, by):
    correlator.take_in(
        assume_role_event(1, session=session, by=f"AROA{by:A<17}"), call_event(2, who=identity(session=session))
    )
    assert correlator.reasons() == [(), ()]
    another = Correlator(GRANT)
    another.take_in(assume_role_event(1, session=session), call_event(2, who=identity(session=session)))
    assert another.reasons() == [("not_issued_by_jitney",)] * 2


TRIAL = f"g-trial-{GRANT.id[2:]}"


@pytest.mark.parametrize("session", [GRANT.id, TRIAL])
@pytest.mark.parametrize("changes", [{"role_arn": f"{ROLE_ARN}x"}, {"account": "999999999999"}])
def test_aud_03_a_grants_name_in_a_session_of_another_role_is_a_bypass(session: str, changes: dict[str, Any]):
    correlator = Correlator(replace(GRANT, **changes))
    correlator.take_in(assume_role_event(1, session=session))
    assert correlator.reasons() == [("role_of_another_grant",)]


def test_aud_03_a_key_in_another_session_than_it_was_issued_for_is_a_bypass():
    other = replace(GRANT, id="g-bbbbbbbbbbbbbb")
    correlator = Correlator(GRANT, other)
    correlator.take_in(assume_role_event(1), call_event(2, who=identity(session=other.id)))
    assert correlator.reasons() == [(), ("key_of_another_session",)]


@pytest.mark.parametrize("source_identity", ["", "corp.mallory"])
def test_sts_10_a_trial_without_a_grant_has_a_source_identity(source_identity: str):
    correlator = Correlator()
    correlator.take_in(assume_role_event(1, session=TRIAL, source_identity=source_identity))
    assert correlator.reasons() == [() if source_identity else ("wrong_source_identity",)]


def test_aud_03_a_session_of_a_grant_that_never_started_is_a_bypass():
    correlator = Correlator(replace(GRANT, state=State.PENDING, starts_at=None))
    correlator.take_in(assume_role_event(1))
    assert correlator.reasons() == [("before_the_start",)]


def test_aud_03_clocks_may_differ_by_a_minute(correlator: Correlator):
    correlator.take_in(assume_role_event(1), call_event(2, at=NOW - 60), call_event(3, at=GRANT.expires_at + 60))
    assert correlator.reasons() == [(), (), ()]


@pytest.mark.parametrize("grants", [(GRANT,), (), (replace(GRANT, state=State.PENDING, starts_at=None),)])
def test_sts_10_a_trial_of_a_size_is_no_bypass_with_and_without_its_grant(grants):
    correlator = Correlator(*grants)
    correlator.take_in(assume_role_event(1, session=TRIAL))
    assert correlator.reasons() == [()]
    (line,) = correlator.lines().values()
    assert line["purpose"] == "trial"
    assert correlator.records() == []


CHAINED = {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "requestParameters": {"roleArn": "other"}}


@pytest.mark.parametrize("members", [{}, CHAINED, CHAINED | {"requestParameters": None}])
def test_sts_10_a_trial_that_can_call_anything_is_a_bypass(correlator: Correlator, members: dict[str, Any]):
    call = call_event(2, who=identity(session=TRIAL), **members)
    denied = call_event(3, who=identity(session=TRIAL), errorCode="AccessDenied")
    correlator.take_in(assume_role_event(1, session=TRIAL), call, denied)
    assert correlator.reasons() == [(), ("trial_session_used",), ()]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"by": "AROAMEASUREMENTSAAAAA"}, "not_issued_by_jitney"),
        ({"by": ADMIN}, "not_issued_by_jitney"),
        ({"source_identity": "corp.mallory"}, "wrong_source_identity"),
        ({"source_identity": ""}, "wrong_source_identity"),
    ],
)
def test_sts_10_a_trial_by_another_is_a_bypass(correlator: Correlator, members: dict[str, Any], reason: str):
    correlator.take_in(assume_role_event(1, session=TRIAL, **members))
    assert reason in correlator.reasons()[0]


def test_aud_03_a_denied_call_after_the_end_is_no_bypass():
    ended = replace(GRANT, state=State.RELEASED, ending=GrantEnd(NOW + 20, "corp.agent", ""))
    correlator = Correlator(ended)
    denied = call_event(2, at=NOW + 200, errorCode="AccessDenied", errorMessage="User: ... with an explicit deny")
    whoever = call_event(3, at=NOW + 200, eventSource="sts.amazonaws.com", eventName="GetCallerIdentity")
    correlator.take_in(assume_role_event(1), denied, whoever, call_event(4, at=NOW + 70))
    assert correlator.reasons() == [(), (), (), ()]
    correlator.take_in(call_event(5, at=NOW + 81))
    assert correlator.reasons()[-1] == ("after_the_end",)


def test_aud_03_credentials_from_before_a_cut_off_are_a_bypass_after_it():
    correlator = Correlator(replace(GRANT, cut_off_at=NOW + 20))
    anew = "ASIAAAAAAAAAAAAAAAA7"
    correlator.take_in(assume_role_event(1), assume_role_event(2, at=NOW + 30, key=anew))
    correlator.take_in(call_event(3, at=NOW + 90, who=identity(key=anew)), call_event(4, at=NOW + 90))
    assert correlator.reasons() == [(), (), (), ("after_the_cut_off",)]


def test_aud_03_calls_by_a_service_for_a_session_are_joined_without_key(correlator: Correlator):
    who = identity(key="ASIAAAAAAAAAAAAAAAZZ") | {"invokedBy": "athena.amazonaws.com"}
    correlator.take_in(call_event(1, who=who), call_event(2, who=identity(key="")))
    assert correlator.reasons() == [(), ("key_not_issued",)]


def test_aud_04_the_report_distinguishes_a_session_start_from_role_chaining(correlator: Correlator):
    chained = call_event(
        2, eventSource="sts.amazonaws.com", eventName="AssumeRole", requestParameters={"roleArn": "other"}
    )
    correlator.take_in(assume_role_event(1), chained)
    report = report_of(requested(), list(correlator.lines().values()))
    assert (report.usage.sessions_started, [use.name for use in report.usage.beyond_grant]) == (1, ["sts:AssumeRole"])


CREATE_KEY = {
    "eventSource": "iam.amazonaws.com",
    "eventName": "CreateAccessKey",
    "requestParameters": {"userName": "backdoor"},
    "resources": [],
}
DELETE_TRAIL = CREATE_KEY | {
    "eventSource": "cloudtrail.amazonaws.com",
    "eventName": "DeleteTrail",
    "requestParameters": {"name": "main"},
}


def test_aud_08_a_call_beyond_the_grant_has_an_alarm_a_record_and_a_mark_in_the_report(correlator, capsys):
    correlator.take_in(assume_role_event(1), call_event(2, **CREATE_KEY), call_event(3, **CREATE_KEY))
    correlator.take_in(call_event(4, **DELETE_TRAIL))
    assert [line["verdict"] for line in correlator.lines().values()] == ["explained"] + ["beyond_grant"] * 3
    assert correlator.reasons()[1:] == [("action_not_granted",)] * 3
    records = correlator.records()
    assert [(each["event"], each["code"], each["grant_id"]) for each in records] == [
        ("beyond_grant", "action_not_granted", GRANT.id)
    ] * 2
    assert {(each["principal"], each["unit"]) for each in records} == {(GRANT.principal, GRANT.unit)}
    operations = [json.loads(each["detail"])["operation"] for each in records]
    assert operations == ["iam:CreateAccessKey", "cloudtrail:DeleteTrail"]
    printed = capsys.readouterr().out
    assert '"BeyondGrantCalls":[1' in printed
    assert '"Bypasses":[' not in printed
    report = report_of(requested(), list(correlator.lines().values()))
    assert {use.name: use.times for use in report.usage.beyond_grant} == {
        "iam:CreateAccessKey": 2,
        "cloudtrail:DeleteTrail": 1,
    }
    assert (report.usage.uses, report.usage.bypasses) == ((), ())


def test_aud_08_what_a_resource_policy_may_have_allowed_is_recorded_without_an_alarm(correlator, capsys):
    elsewhere = {"requestParameters": {"bucketName": "public", "key": "k"}, "resources": []}
    correlator.take_in(assume_role_event(1), call_event(2, **elsewhere))
    assert correlator.reasons() == [(), ("resource_not_granted", "resource_policy_possible")]
    assert [each["event"] for each in correlator.records()] == ["beyond_grant"]
    assert "BeyondGrantCalls" not in capsys.readouterr().out
    correlator.ports.sealed_roles = frozenset({ROLE_ARN})
    correlator.take_in(call_event(3, **elsewhere))
    assert correlator.reasons()[-1] == ("resource_not_granted",)
    assert '"BeyondGrantCalls":[1' in capsys.readouterr().out


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_aud_08_a_dispute_about_the_key_replaces_a_verdict_beyond_the_grant(correlator: Correlator, order):
    events = [assume_role_event(1), call_event(2, **CREATE_KEY), assume_role_event(3, by=ADMIN), call_event(4)]
    for place in order:
        correlator.take_in(events[place])
    correlator.now += MAX_EVENT_DELAY_SECONDS
    correlator.look_again()
    verdicts = {sk for _, sk in correlator.table.items if sk.endswith(f"-{2:012d}") and not sk.startswith("CALL#")}
    assert f"BYPASS#00000000-0000-4000-8000-{2:012d}" in verdicts


def test_aud_03_both_accounts_copies_of_an_event_are_one(correlator: Correlator):
    copy = assume_role_event(1) | {
        "eventID": "11111111-0000-4000-8000-000000000001",
        "recipientAccountId": "111122223333",
    }
    correlator.take_in(assume_role_event(1), copy)
    assert len(correlator.lines()) == 1


def test_mask_05_a_secret_in_an_event_is_masked_before_it_is_stored(correlator: Correlator, capsys):
    event = call_event(
        2,
        eventSource="iam.amazonaws.com",
        eventName="CreateAccessKey",
        requestParameters={"userName": "x", "note": f"password={SECRET}"},
        responseElements={"accessKey": {"accessKeyId": "AKIAAAAAAAAAAAAAAAAA", "secretAccessKey": SECRET}},
        userAgent=f"aws-cli aws_secret_access_key={SECRET}",
    )
    correlator.take_in(event)
    correlator.take_in(
        assume_role_event(1), call_event(3, who=identity(session="admin"), requestParameters={"password": SECRET})
    )
    written = json.dumps(list(correlator.table.items.values()), default=str) + capsys.readouterr().out
    assert SECRET not in written
    assert "FwoGZXIvYXdzEXAMPLETOKEN" not in written
    assert "[masked credential" in correlator.lines()["00000000-0000-4000-8000-000000000002"]["response"]


@pytest.mark.parametrize("session", [GRANT.id, "admin"], ids=["the grant's", "another one"])
def test_mask_05_a_masked_number_or_boolean_in_an_event_says_so(correlator: Correlator, session: str):
    options = {"phase1LifetimeSeconds": 28_800, "enableTunnelLifecycleControl": True}
    event = call_event(
        2,
        who=identity(session=session),
        eventSource="ec2.amazonaws.com",
        eventName="ModifyVpnTunnelOptions",
        requestParameters={"vpnConnectionId": "vpn-1", "tunnelOptions": options},
    )
    correlator.take_in(assume_role_event(1), event)
    request = json.loads(correlator.lines()["00000000-0000-4000-8000-000000000002"]["request"])
    assert request["vpnConnectionId"] == "vpn-1"
    assert all(each.startswith("[masked sensitive") for each in request["tunnelOptions"].values())


@pytest.mark.parametrize("session", [GRANT.id, f"g-canary-{GRANT.id[2:]}"])
def test_aud_03_an_event_older_than_grant_retention_is_rejected(session: str, capsys, caplog):
    correlator = Correlator()  # TTL took the grant
    correlator.now = NOW + GRANT_RETENTION_SECONDS + 11
    assert correlator.take_in(call_event(2, who=identity(session=session))) == []
    assert correlator.table.items == {}
    assert [each.code for each in caplog.records] == ["grant_forgotten"]
    assert '"TrailEventsRefused":[1' in capsys.readouterr().out


def test_aud_03_sessions_without_a_grant_are_judged_at_any_age(correlator: Correlator):
    correlator.now = NOW + 2 * GRANT_RETENTION_SECONDS
    correlator.take_in(
        call_event(1, who=identity(session="admin")),
        assume_role_event(2),
        call_event(3),
        call_event(4, at=GRANT.expires_at + 61),
    )
    assert correlator.reasons() == [("unknown_session_name",), (), (), ("after_the_end",)]


def test_aud_03_the_event_of_a_vpc_endpoint_is_no_second_call(correlator: Correlator):
    """It shows the endpoint's denials only. So a call that IAM denied after the end would look like access."""
    late, vpce = NOW + 500, {"eventType": "AwsVpceEvent", "eventCategory": "NetworkActivity", "requestParameters": None}
    denied = call_event(2, at=late, errorCode="AccessDenied")
    passed = call_event(3, at=late, **vpce)
    stopped = call_event(4, at=late, errorCode="VpceAccessDenied", **vpce)
    correlator.take_in(assume_role_event(1), denied, passed, stopped)
    assert sorted(line["error_code"] for line in correlator.lines().values()) == [
        "",
        "AccessDenied",
        "VpceAccessDenied",
    ]
    assert {line["verdict"] for line in correlator.lines().values()} == {"explained"}


def test_events_about_other_roles_are_ignored(correlator: Correlator):
    other = identity()
    other["sessionContext"]["sessionIssuer"]["arn"] = f"{ROLE_ARN}x"
    correlator.take_in(call_event(1, who=other), call_event(2, who={"type": "IAMUser", "userName": "alice"}))
    assert correlator.table.items == {}


def nested(levels: int) -> dict[str, Any]:
    """Return an object that holds objects, this many levels deep."""
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


HOSTILE = {
    "not JSON": ("{", "not_json"),
    "too deep": ("[" * 100_000, "not_json"),
    "deeper than an event": (call_event(1, requestParameters=nested(201)), "nested_too_deeply"),
    "deeper lists than in an event": (
        call_event(1, requestParameters={"a": json.loads("[" * 201 + "]" * 201)}),
        "nested_too_deeply",
    ),
    "deeper than Python counts": (call_event(1, requestParameters=nested(3000)), "nested_too_deeply"),
    "no object": ("[]", "not_an_event"),
    "no event": (forwarded_event(7), "not_an_event"),
    "another kind": (forwarded_event({}, **{"detail-type": "Other"}), "not_an_event"),
    "an event of another source": (forwarded_event(assume_role_event(1), source="my.app"), "not_by_aws"),
    "of almost AWS": (forwarded_event(assume_role_event(1), source="awsx"), "not_by_aws"),
    "without a caller": (forwarded_event(assume_role_event(1), source=None), "not_an_event"),
    "from no account": (forwarded_event(assume_role_event(1), account=None), "not_an_event"),
    "from another account": (forwarded_event(call_event(1), account="999999999999"), "reported_by_wrong_account"),
    "a beginning from another account": (
        forwarded_event(assume_role_event(1), account="999999999999"),
        "reported_by_wrong_account",
    ),
    "a session's call from the broker's account": (
        forwarded_event(call_event(1), account=BROKER),
        "reported_by_wrong_account",
    ),
    "a narrower key from the broker's account": (
        forwarded_event(scoped(1, key=KEY, to="ASIAAAAAAAAAAAAAAAA7"), account=BROKER),
        "reported_by_wrong_account",
    ),
    "of tomorrow": (call_event(1, at=NOW + 600 + 301), "event_time"),
    "no time": (call_event(1) | {"eventTime": "yesterday"}, "event_time"),
    "no id": (call_event(1) | {"eventID": None}, "event_id"),
    "an id with another key's name": (call_event(1) | {"eventID": "a#b"}, "event_id"),
    "half a character": (call_event(1) | {"userAgent": "\ud800"}, "not_text"),
    "not a number": (call_event(1) | {"additionalEventData": float("nan")}, "not_text"),
    "a name with a break": (call_event(1, who=identity(session="g-a\n")), "session_name"),
    "two names": (call_event(1, who=identity() | {"principalId": "AROA:other"}), "session_name"),
    "another kind of identity": (call_event(1, who=identity() | {"type": "FederatedUser"}), "not_of_this_account"),
    "another account": (call_event(1, who=identity() | {"accountId": "999999999999"}), "not_of_this_account"),
    "a key that is none": (call_event(1, who=identity(key="../x")), "access_key_id"),
    "no key came of it": (assume_role_event(1) | {"responseElements": None}, "access_key_id"),
    "no operation": (call_event(1, eventName=""), "event_name"),
    "a source of one's own": (call_event(1, eventSource="evil.example.com"), "event_source"),
}


@pytest.mark.parametrize(("event", "code"), HOSTILE.values(), ids=HOSTILE)
def test_aud_03_malformed_messages_are_counted_and_block_nothing(
    correlator: Correlator, event: Any, code: str, capsys, caplog
):
    body = event if isinstance(event, str) else forwarded_event(event)
    good = [forwarded_event(each) for each in (assume_role_event(8), call_event(9))]
    assert correlator.receive(good[0], body, good[1]) == []
    assert correlator.reasons() == [(), ()]
    assert '"TrailEventsRefused":[1' in capsys.readouterr().out
    assert [each.code for each in caplog.records] == [code]


def test_aud_06_only_failed_messages_are_redelivered(correlator: Correlator):
    correlator.store.broken = True
    elsewhere = call_event(2, who={"type": "IAMUser", "userName": "alice"})
    assert correlator.take_in(assume_role_event(1), elsewhere) == ["0"]
    correlator.store.broken = False
    assert correlator.take_in(assume_role_event(1)) == []


def test_aud_03_forged_bus_events_explain_and_hide_nothing(correlator: Correlator):
    correlator.take_in(call_event(2))
    correlator.now += MAX_EVENT_DELAY_SECONDS
    correlator.look_again()
    took = call_event(10, eventSource="iam.amazonaws.com", eventName="DeleteUser", requestParameters={"userName": "x"})
    for forged in (assume_role_event(9), took):
        correlator.receive(forwarded_event(forged, source="my.app"), forwarded_event(forged, account="999999999999"))
    assert correlator.reasons() == [("key_not_issued",)]


def test_aud_03_the_brokers_account_may_report_session_starts(correlator: Correlator):
    correlator.receive(forwarded_event(assume_role_event(1), account=BROKER))
    correlator.take_in(call_event(2))
    assert correlator.reasons() == [(), ()]


EVIL = "AROAEVILADMINAAAAAAAA"
ORDERS = list(permutations((assume_role_event(9), assume_role_event(1, by=EVIL), call_event(2))))


@pytest.mark.parametrize("events", ORDERS)
def test_aud_03_a_key_with_two_origins_explains_nothing_in_any_order(correlator, events):
    for event in events:
        correlator.take_in(event)
    held = [sk for _, sk in correlator.table.items]
    assert all(f"BYPASS#{each.get('sharedEventID') or each['eventID']}" in held for each in events)
    assert "key_issued_twice" in {each["code"] for each in correlator.records()}


def test_aud_03_a_forged_origin_that_comes_first_hides_nothing(correlator: Correlator):
    correlator.take_in(assume_role_event(9))
    correlator.take_in(assume_role_event(1, by=EVIL), call_event(2), call_event(3, at=NOW + 20))
    assert set(correlator.reasons()) == {("key_issued_twice",)}
    narrower = "ASIAAAAAAAAAAAAAAAA7"
    other = Correlator(GRANT)
    other.take_in(assume_role_event(9), scoped(2, key=KEY, to=narrower), call_event(3, who=identity(key=narrower)))
    assert set(other.reasons()) == {()}
    other.take_in(assume_role_event(1, at=NOW + 100))
    assert set(other.reasons()) == {("key_issued_twice",)}


def test_aud_03_copies_of_an_origin_are_no_dispute(correlator: Correlator):
    correlator.take_in(
        assume_role_event(1),
        assume_role_event(1),
        assume_role_event(1) | {"eventID": "other", "eventTime": stamp(NOW + 1)},
        call_event(2),
    )
    assert correlator.reasons() == [(), ()]


def backfilled(*events: Any) -> list[str]:
    """Return the messages of a backfill that finds these events in a file of the target's account."""
    found = trail_files.select_events(list(events), ACCOUNT)
    return [trail_files.message_of(each) for each in found if isinstance(each, trail_files.SelectedEvent)]


def test_aud_03_a_backfill_hides_no_call_behind_a_role_with_jitneys_path(correlator: Correlator):
    """The holder of a key may assume a role of their own account. Its path makes it look like a target's role."""
    theirs = "arn:aws:iam::999999999999:role/jitney/theirs"
    assumed = assume_role_event(2, at=NOW + 10) | {"userIdentity": identity()}
    assumed["requestParameters"]["roleArn"] = theirs
    correlator.receive(*backfilled(assume_role_event(1), assumed))
    assert correlator.reasons() == [(), ("action_not_granted",)]


def test_ops_01_a_backfill_sends_no_heartbeat(correlator: Correlator):
    """Its events come from S3. They do not show that the rule forwards events."""
    event = revoker_called(at=correlator.now - 300)
    correlator.receive(*backfilled(event))
    assert correlator.trail_watches.found == {}
    correlator.take_in(event)
    assert list(correlator.trail_watches.found) == ["analytics-prod"]
