"""What published records count (row OPS 1). No record stops the others, though functions may write any JSON."""

import json
from typing import Any

import pytest

from jitney.core.gateway.call_records import AnswerFacts, call_record
from jitney.core.records.audit import AuditEvent, AuditRecord, Origin, Outcome, chain_record, grant_record
from jitney.core.records.record_metrics import MetricUnit, metrics_of
from tests.fakes import GRANT, NOW
from tests.handlers.test_gateway_join import GET


def values_of(*records: AuditRecord) -> list[tuple[str, int]]:
    return [
        (each.name, each.value) for each in metrics_of(json.loads(chain_record(each, "r-x").text) for each in records)
    ]


def of(event: AuditEvent, outcome: Outcome, count: int = 1, **detail: Any) -> AuditRecord:
    return AuditRecord(NOW, event, outcome, count=count, detail=detail)


METRICS = {
    ("request", "allowed"): "RequestsAllowed",
    ("request", "review"): "RequestsReviewed",
    ("request", "denied"): "RequestsDenied",
    ("request", "refused"): "RequestsRefused",
    ("review", "failed"): "ReviewsFailed",
    ("break_glass", "approved"): "BreakGlassUses",
    ("revocation", "revoked"): "Revocations",
    ("release", "released"): "Releases",
    ("canary", "failed"): "DenialsUnmeasured",
    ("suspension", "failed"): "SuspensionsIncomplete",
    ("call", "answered"): "GatewayCalls",
    ("call", "denied"): "GatewayCallsRefused",
    ("call", "refused"): "GatewayCallsRefused",
}


def test_ops_01_a_record_is_counted_by_its_event_and_outcome():
    found = {(event, outcome): values_of(of(event, outcome)) for event in AuditEvent for outcome in Outcome}
    assert {key: values for key, values in found.items() if values} == {
        (AuditEvent(event), Outcome(outcome)): [(name, 1)] for (event, outcome), name in METRICS.items()
    }


def test_ops_01_a_record_of_many_refusals_counts_as_many():
    assert values_of(of(AuditEvent.REQUEST, Outcome.REFUSED, count=40)) == [("RequestsRefused", 40)]


@pytest.mark.parametrize(
    ("detail", "values"),
    [
        ({"state": "active", "waited_seconds": 90}, [("ReviewsApproved", 1), ("TimeToApprove", 90)]),
        ({"state": "rejected", "waited_seconds": 90}, [("ReviewsRejected", 1)]),
        ({"state": "pending"}, []),
    ],
)
def test_ops_01_a_vote_counts_once_it_decides(detail: dict[str, Any], values: list[tuple[str, int]]):
    assert values_of(of(AuditEvent.VOTE, Outcome.APPROVED, **detail)) == values


def test_ops_01_times_until_aws_denies_are_values_with_their_unit():
    measured = of(AuditEvent.CANARY, Outcome.DENIED, denied_after_milliseconds=4200)
    unseen = of(AuditEvent.CANARY, Outcome.FAILED, denied_after_milliseconds=None)
    assert values_of(measured, unseen) == [
        ("TimeToDeny", 4200),
        ("DenialsUnmeasured", 1),
    ]
    (value,) = metrics_of([json.loads(chain_record(measured, "r-x").text)])
    assert value.unit is MetricUnit.MILLISECONDS


@pytest.mark.parametrize(
    ("denied", "allowed", "counted"),
    [
        ({"eu-west-1": None}, {"eu-west-1": 16_000}, [16_000]),
        ({"eu-west-1": 5_000, "us-east-1": None}, {"eu-west-1": 4_000, "us-east-1": 16_200}, [16_200]),
        ({"eu-west-1": 5_000, "us-east-1": None}, {"eu-west-1": 4_000, "us-east-1": None}, []),
        ({"eu-west-1": None}, {"eu-west-1": None}, []),
        ({"eu-west-1": None}, {"eu-west-1": "late"}, []),
    ],
    ids=["never denied", "not denied in one Region", "no session in one Region", "no session", "no number"],
)
def test_ops_01_a_denial_that_is_not_seen_counts_with_the_time_of_the_last_allowed_call(
    denied: dict[str, Any], allowed: dict[str, Any], counted: list[int]
):
    times = {"denials_milliseconds": denied, "allowed_milliseconds": allowed}
    unseen = of(AuditEvent.CANARY, Outcome.FAILED, denied_after_milliseconds=None, **times)
    found = [value for name, value in values_of(unseen) if name == "TimeToDeny"]
    assert found == counted


def test_ops_01_messages_that_a_channel_did_not_take_are_counted():
    sent = [{"channel": "slack", "to": "#a", "code": code} for code in ("", "already_sent", "late", "no_answer")]
    assert values_of(of(AuditEvent.NOTICE, Outcome.SENT, sent=sent)) == [("MessagesFailed", 2)]


def test_ops_01_a_message_that_is_sent_again_does_not_count_yet():
    late, lost = ({"channel": "mail", "to": "corp.a", "code": code} for code in ("late", "no_answer"))
    assert values_of(of(AuditEvent.NOTICE, Outcome.SENT, sent=[late | {"again": True}])) == []
    assert values_of(of(AuditEvent.NOTICE, Outcome.SENT, sent=[late | {"again": True}, lost])) == [
        ("MessagesFailed", 1)
    ]


def test_ops_01_masked_places_of_an_answer_are_counted_with_its_call():
    answer = AnswerFacts(200, "request-2", 12, ("SecretString", "Tags"))
    record = call_record(GRANT, GET, Outcome.ANSWERED, Origin(), NOW, answer=answer)
    assert values_of(record) == [("GatewayCalls", 1), ("MaskedPlaces", 2)]
    sent = call_record(GRANT, GET, Outcome.SENT, Origin(), NOW)
    assert values_of(sent) == []


def test_ops_01_other_records_count_nothing():
    assert values_of(grant_record(AuditEvent.EXPIRY, Outcome.EXPIRED, GRANT, Origin(), NOW)) == []
    assert values_of(of(AuditEvent.PREVIEW, Outcome.ALLOWED)) == []


GOOD = chain_record(of(AuditEvent.REQUEST, Outcome.ALLOWED), "r-x").text


@pytest.mark.parametrize(
    "members",
    [
        {"count": "40"},
        {"count": -1},
        {"count": 10**400},
        {"count": None},
        {"event": 7},
        {"outcome": []},
        {"event": "vote", "detail": "no JSON"},
        {"event": "vote", "detail": "[" * 100_000},
        {"event": "vote", "detail": '{"state":"active","waited_seconds":"long"}', "outcome": "x"},
        {"event": "canary", "detail": '{"denied_after_milliseconds":1e308}'},
        {"event": "notice", "detail": '{"sent":[7,null]}'},
        {"event": "call", "detail": '{"call":{"masked":"all"}}', "outcome": "sent"},
        {"event": "call", "detail": "[]", "outcome": "sent"},
    ],
)
def test_ops_01_no_record_stops_the_metrics_of_others(members: dict[str, Any]):
    good = json.loads(GOOD)
    names = [each.name for each in metrics_of([good | members, {}, good])]
    assert names[-1] == "RequestsAllowed"
    assert set(names) <= {"RequestsAllowed", "ReviewsApproved"}
