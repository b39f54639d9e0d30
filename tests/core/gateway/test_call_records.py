"""The records of calls through the gateway (rows GW 7 and GW 8)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.call_lookup import CALL_EVENT, call_index, read_call_id
from jitney.core.gateway.call_records import MOST_BYTES, AnswerFacts, RecordedCall, call_record
from jitney.core.records.audit import AuditEvent, Origin, Outcome, chain_record
from tests.fakes import GRANT, NOW

CALL_ID = "c-bcdefghijklmno"
CALL = RecordedCall(
    service="dynamodb",
    operation="PutItem",
    region="eu-west-1",
    parameters={"TableName": "orders", "Item": {"id": {"S": "1"}, "token": {"S": "[masked credential 3f9a2c]"}}},
    parameters_mac="0123456789abcdef" * 4,
    mac_key="bc1932dd-8613-4abd-85c3-00673264dad1",
    actions=("dynamodb:PutItem",),
    resources=("arn:aws:dynamodb:eu-west-1:444455556666:table/orders",),
    access_key_id="ASIAAAAAAAAAAAAAAAA2",
)
ORIGIN = Origin("198.51.100.7", "request-1")


def stored(outcome: Outcome, call: RecordedCall = CALL, **more: Any) -> dict[str, Any]:
    """Return the members of a record as it is stored."""
    made = chain_record(call_record(GRANT, call, outcome, ORIGIN, NOW, **more), CALL_ID)
    members: dict[str, Any] = json.loads(made.text)
    return members | {"detail": json.loads(members["detail"])}


def test_gw_07_the_record_before_a_call_says_what_is_sent_and_with_which_key():
    record = stored(Outcome.SENT)
    assert (record["event"], record["outcome"], record["chain"]) == ("call", "sent", CALL_ID)
    assert (record["grant_id"], record["principal"], record["target"]) == (GRANT.id, GRANT.principal, GRANT.target)
    assert (record["actions"], record["resources"]) == (list(CALL.actions), list(CALL.resources))
    assert record["detail"]["call"] == {
        "service": "dynamodb",
        "operation": "PutItem",
        "region": "eu-west-1",
        "parameters": CALL.parameters,
        "parameters_mac": CALL.parameters_mac,
        "mac_key_id": CALL.mac_key,
        "access_key_id": CALL.access_key_id,
    }


def test_gw_07_the_record_of_an_answer_says_what_aws_answered_and_what_was_masked():
    answer = AnswerFacts(200, "AWSREQUESTID", 1234, ("/Item/token",))
    record = stored(Outcome.ANSWERED, answer=answer, first=False)
    call = record["detail"]["call"]
    assert {name: call[name] for name in ("status", "aws_request_id", "bytes_out", "masked")} == {
        "status": 200,
        "aws_request_id": "AWSREQUESTID",
        "bytes_out": 1234,
        "masked": ["/Item/token"],
    }
    assert "parameters" not in call
    assert call["parameters_mac"] == CALL.parameters_mac


def test_gw_07_a_failure_has_its_code():
    assert stored(Outcome.FAILED, code="call_may_have_run")["code"] == "call_may_have_run"


def test_mask_05_a_secret_that_was_left_in_the_parameters_is_masked_in_the_record():
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    call = replace(CALL, parameters={"Item": {"note": {"S": f"password={secret}"}}})
    assert secret not in json.dumps(stored(Outcome.SENT, call))


@pytest.mark.parametrize("size", [1_001, 100_000, 5_000_000])
def test_gw_07_parameters_of_any_size_fit_into_a_record(size: int):
    record = stored(Outcome.SENT, replace(CALL, parameters={"Bucket": "b", "Notes": "n" * size, "Key": "k"}))
    shown = record["detail"]["call"]["parameters"]
    assert (shown["Bucket"], shown["Key"]) == ("b", "k")
    cut = size > MOST_BYTES
    assert shown["Notes"].endswith("]") is cut
    assert (f"[{size:,} characters, SHA-256 " in shown["Notes"]) is cut
    assert len(json.dumps(record)) < 2 * MOST_BYTES


def test_gw_07_too_many_parameters_leave_their_length():
    many = {"Records": [{"Data": "x" * 900}] * 1000}
    assert stored(Outcome.SENT, replace(CALL, parameters=many))["detail"]["call"]["parameters"] == {
        "omitted_characters": len(json.dumps(many, separators=(",", ":")))
    }


def test_gw_08_a_reads_id_follows_from_its_key_and_aws_request_id():
    made = read_call_id("ASIAAAAAAAAAAAAAAAA2", "AWSREQUESTID")
    assert made == read_call_id("ASIAAAAAAAAAAAAAAAA2", "AWSREQUESTID")
    assert len({made, read_call_id("ASIAAAAAAAAAAAAAAAA3", "AWSREQUESTID"), read_call_id("ASIA", "B")}) == 3
    assert len(made) == len(CALL_ID)


@pytest.mark.parametrize("outcome", Outcome)
def test_gw_08_only_the_first_record_of_a_call_is_in_the_index_and_failures_apart(outcome: Outcome):
    made = chain_record(call_record(GRANT, CALL, outcome, ORIGIN, NOW), CALL_ID)
    place = f"2026-11-24T12:00:00Z {CALL_ID}"
    failed = outcome is Outcome.FAILED
    assert dict(made.index) == {"call_of": GRANT.id, "call_at": f"unanswered {place}" if failed else place}
    assert chain_record(call_record(GRANT, CALL, outcome, ORIGIN, NOW), CALL_ID, 1, made.hash).index == ()
    assert chain_record(call_record(GRANT, CALL, outcome, ORIGIN, NOW), "r-refusal").index == ()
    others = [each for each in AuditEvent if each != CALL_EVENT]
    assert not any(call_index({**json.loads(made.text), "event": each}) for each in others)
    assert not call_index({**json.loads(made.text), "grant_id": ""})
