"""A call that may have run is never sent again, and its repeat gets the first one's outcome (row GW 6)."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.gateway import call_state
from jitney.core.gateway.call_state import (
    SENDING_SECONDS,
    TRANSITIONS,
    CallAttempt,
    CallState,
    Repeat,
    content_mac,
    key_hash,
    new_attempt,
    recorded,
)
from jitney.core.gateway.recorded_state import recorded_state
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditRecord, Outcome, chain_record
from tests.examples import examples
from tests.fakes import GRANT, NOW

CONTENT = content_mac(b"key", b'["CreateUser"]')
SENT = new_attempt("c-aaaaaaaaaaaaaa", GRANT.id, GRANT.owner_key, key_hash("k-1"), CONTENT, NOW)
ANSWERED = SENT.answered(200, "r-1", NOW + 900)
LOST = SENT.lost()
NOT_SENT = SENT.not_sent()


def code_of(attempt: CallAttempt, now: int, content: str = CONTENT) -> str:
    with pytest.raises(Problem) as refused:
        attempt.repeat(content, now)
    assert refused.value.fix
    return refused.value.code


@pytest.mark.parametrize(
    ("attempt", "after", "expected"),
    [
        (SENT, 0, "call_in_progress"),
        (SENT, SENDING_SECONDS, "call_in_progress"),
        (SENT, SENDING_SECONDS + 1, "call_may_have_run"),
        (LOST, 0, "call_may_have_run"),
        (LOST, 86_399, "call_may_have_run"),
        (SENT.answered(200, "r-1"), 0, "call_already_made"),
        (ANSWERED, 900, "call_already_made"),
        (SENT.answered(500, "r-1"), 0, "call_already_made"),
    ],
)
def test_gw_06_a_repeat_is_refused_if_the_call_may_have_run(attempt: CallAttempt, after: int, expected: str):
    assert code_of(attempt, NOW + after) == expected


@pytest.mark.parametrize(
    ("attempt", "after", "expected"),
    [
        (ANSWERED, 899, Repeat.ANSWER),
        (SENT.answered(503, "r-1", NOW + 900), 1, Repeat.ANSWER),
        (NOT_SENT, 0, Repeat.SEND),
    ],
)
def test_gw_06_a_repeat_gets_the_answer_or_is_sent(attempt: CallAttempt, after: int, expected: Repeat):
    assert attempt.repeat(CONTENT, NOW + after) is expected


@pytest.mark.parametrize("attempt", [SENT, ANSWERED, LOST, NOT_SENT])
def test_gw_06_a_key_belongs_to_one_body(attempt: CallAttempt):
    assert code_of(attempt, NOW, content_mac(b"key", b'["DeleteUser"]')) == "idempotency_mismatch"


def test_gw_06_a_body_is_hashed_with_the_owner_s_key():
    assert content_mac(b"key", b"body") != content_mac(b"other", b"body")
    assert content_mac(b"key", b"body") != content_mac(b"key", b"body2")


def test_gw_06_the_client_learns_when_to_ask_again_and_what_aws_said():
    with pytest.raises(Problem) as waiting:
        SENT.repeat(CONTENT, NOW)
    assert waiting.value.status == 409
    assert waiting.value.headers == {"Retry-After": "1"}
    with pytest.raises(Problem) as made:
        SENT.answered(404, "r-9").repeat(CONTENT, NOW)
    members = made.value.body()
    assert (members["call_id"], members["aws_status"], members["aws_request_id"]) == (SENT.call_id, 404, "r-9")


def test_gw_06_a_call_is_sent_again_only_after_it_was_not_sent():
    assert NOT_SENT.again(NOW + 5).state is CallState.SENDING
    assert NOT_SENT.again(NOW + 5).sent_at == NOW + 5
    for attempt in (SENT, ANSWERED, LOST):
        with pytest.raises(ValueError, match="cannot become"):
            attempt.again(NOW)
    for ended in (ANSWERED, LOST, NOT_SENT):
        for change in (lambda each: each.answered(200, ""), CallAttempt.lost, CallAttempt.not_sent):
            with pytest.raises(ValueError, match="cannot become"):
                change(ended)


@settings(max_examples=examples(200))
@given(st.lists(st.sampled_from(list(CallState)), max_size=8))
def test_gw_06_no_path_leads_back_from_a_call_that_may_have_run(path: list[CallState]):
    state, left = CallState.SENDING, set()
    for following in path:
        if following in TRANSITIONS[state]:
            left.add(state)
            state = following
    assert not left & {CallState.ANSWERED, CallState.MAY_HAVE_RUN}


def test_gw_07_the_records_of_a_call_are_a_chain():
    first, begun = recorded(SENT, AuditRecord(NOW, "call", Outcome.SENT))
    second, ended = recorded(first.lost(), AuditRecord(NOW, "call", Outcome.FAILED))
    assert (begun.chain, begun.seq, ended.seq) == (SENT.call_id, 0, 1)
    assert begun.hash in ended.text
    assert (second.records, second.chain_head) == (2, ended.hash)


def shown(attempt: CallAttempt, outcome: Outcome, now: int = NOW) -> dict[str, Any]:
    """Return what the API shows of a call with one record."""
    call = {"service": "iam", "operation": "CreateUser", "region": "us-east-1"}
    call |= {"parameters_mac": CONTENT, "status": attempt.status, "aws_request_id": attempt.aws_request_id}
    _, record = recorded(attempt, AuditRecord(NOW, "call", outcome, grant_id=GRANT.id, detail={"call": call}))
    state = recorded_state([json.loads(record.text)])
    assert state is not None
    return state.view(now)


def test_gw_06_the_view_of_a_call_shows_no_hash_of_its_parameters():
    view = shown(ANSWERED, Outcome.ANSWERED)
    assert (view["state"], view["status"], view["request_id"]) == ("answered", 200, "r-1")
    assert not {ANSWERED.key, ANSWERED.content} & {str(each) for each in view.values()}
    assert shown(SENT, Outcome.SENT, NOW + SENDING_SECONDS + 1)["state"] == "may_have_run"
    assert "status" not in shown(SENT, Outcome.SENT)


def test_gw_06_a_call_without_records_and_one_that_only_read_have_no_state():
    read = chain_record(AuditRecord(NOW, "call", Outcome.ANSWERED, detail={"call": {"service": "s3"}}), "c-a")
    assert recorded_state([]) is recorded_state([json.loads(read.text)]) is None


def test_gw_06_a_key_is_known_for_a_day():
    assert SENT.expires_at == NOW + call_state.KEY_SECONDS == NOW + 86_400
