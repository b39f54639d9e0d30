"""The state of a call that changes something, and what a repeat of its POST gets.

Such a call is on record before it is sent, and is never sent again if it may have run (row GW 6). A repeat has the same
Idempotency-Key, which the agent or its SDK sets. Calls that only read have no state, and may be repeated.

    sent      one execution is sending the call, or was ended while it did. After 30 s the call may have run.
    answered  AWS answered, even with an error. A repeat gets this answer, even an error 500, and is not sent.
    may_have_run  AWS received the call, and no whole answer came.
    not_sent  AWS refused the call by throttling, or received nothing. So a repeat is sent.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from jitney.core.problems import Problem, ProblemMembers
from jitney.core.records.audit import GENESIS_HASH, AuditRecord, ChainedRecord, chain_record

KEY_SECONDS = 24 * 3600
"""How long an Idempotency-Key is known."""
SENDING_SECONDS = 30
"""No execution takes longer: API Gateway ends a call after 29 s, and the function ends before that."""
IN_PROGRESS_SECONDS = 1
"""How many seconds a repeat should wait while the call is being sent."""


class CallState(StrEnum):
    """The state of a call."""

    SENDING = "sent"  # the API's name, which is also stored
    ANSWERED = "answered"
    MAY_HAVE_RUN = "may_have_run"
    NOT_SENT = "not_sent"


TRANSITIONS: Mapping[CallState, frozenset[CallState]] = {
    CallState.SENDING: frozenset({CallState.ANSWERED, CallState.MAY_HAVE_RUN, CallState.NOT_SENT}),
    CallState.ANSWERED: frozenset(),
    CallState.MAY_HAVE_RUN: frozenset(),
    CallState.NOT_SENT: frozenset({CallState.SENDING}),
}
"""Every allowed change. So a call is sent again only if AWS did not run it."""


class Repeat(StrEnum):
    """What a repeated POST gets."""

    SEND = "send"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class CallAttempt:
    """A call under its key. Times are in epoch seconds.

    `key` is the hash of the Idempotency-Key, and `content` the keyed hash of the body, whose parameters are not stored.
    `sent_at` is when an execution last began to send it. `records` counts the records of its chain, and `chain_head` is
    the hash of the last one. AWS's answer has `status` and `aws_request_id`; it is kept until `answer_until`, 0 if it
    is not kept.
    """

    call_id: str
    owner: str
    key: str
    content: str
    grant_id: str
    created_at: int
    sent_at: int
    state: CallState = CallState.SENDING
    status: int = 0
    aws_request_id: str = ""
    answer_until: int = 0
    records: int = 0
    chain_head: str = ""

    @property
    def expires_at(self) -> int:
        """When the key is forgotten."""
        return self.created_at + KEY_SECONDS

    def at(self, now: int) -> CallState:
        """Return the state at `now`.

        If an execution was ended while it sent the call, the stored state still says that the call is being sent.
        """
        return state_at(self.state, self.sent_at, now)

    def again(self, now: int) -> "CallAttempt":
        """Return the call as it is sent again. Raises ValueError unless its state is NOT_SENT."""
        return replace(self._changed(CallState.SENDING), sent_at=now)

    def answered(self, status: int, aws_request_id: str, answer_until: int = 0) -> "CallAttempt":
        """Return the call with AWS's answer."""
        answer = {"status": status, "aws_request_id": aws_request_id, "answer_until": answer_until}
        return replace(self._changed(CallState.ANSWERED), **answer)  # type: ignore[arg-type]

    def lost(self) -> "CallAttempt":
        """Return the call without a whole answer."""
        return self._changed(CallState.MAY_HAVE_RUN)

    def not_sent(self) -> "CallAttempt":
        """Return the call after AWS throttled it, or received nothing of it."""
        return self._changed(CallState.NOT_SENT)

    def _changed(self, state: CallState) -> "CallAttempt":
        if state not in TRANSITIONS[self.state]:
            raise ValueError(f"a call cannot become {state} when it is {self.state}")
        return replace(self, state=state)

    def repeat(self, content: str, now: int) -> Repeat:
        """Return what a repeat with this body gets.

        Raises Problem idempotency_mismatch, call_in_progress, call_may_have_run or call_already_made.
        """
        if not hmac.compare_digest(content, self.content):
            raise key_reused()
        state = self.at(now)
        if state is CallState.SENDING:
            raise in_progress(self.call_id)
        if state is CallState.MAY_HAVE_RUN:
            raise self._may_have_run()
        if state is CallState.ANSWERED and now >= self.answer_until:
            raise self.already_made()
        return Repeat.SEND if state is CallState.NOT_SENT else Repeat.ANSWER

    def _may_have_run(self) -> Problem:
        detail = "An earlier attempt sent this call, and its answer did not arrive completely. The call may have run."
        fix = "Read the state of the resource. To call again anyway, use a new Idempotency-Key."
        return Problem("call_may_have_run", detail, fix, {"call_id": self.call_id})

    def already_made(self) -> Problem:
        """Return the problem of a repeat when the answer is not kept."""
        detail = f"AWS answered this call with status {self.status}. Jitney does not store the answer."
        fix = "Read the state of the resource. To call again anyway, use a new Idempotency-Key."
        members: ProblemMembers = {
            "call_id": self.call_id,
            "aws_status": self.status,
            "aws_request_id": self.aws_request_id,
        }
        return Problem("call_already_made", detail, fix, members)


def state_at(state: CallState, sent_at: int, now: int) -> CallState:
    """Return the state at `now` of a call whose last state is `state`."""
    overdue = state is CallState.SENDING and now > sent_at + SENDING_SECONDS
    return CallState.MAY_HAVE_RUN if overdue else state


def new_attempt(call_id: str, grant_id: str, owner: str, key: str, content: str, now: int) -> CallAttempt:
    """Return a call that is about to be sent for the first time. `key` is the hash of its Idempotency-Key."""
    return CallAttempt(call_id, owner, key, content, grant_id, now, now)


def key_hash(idempotency_key: str) -> str:
    """Return the form in which an Idempotency-Key is stored."""
    return hashlib.sha256(idempotency_key.encode()).hexdigest()


def content_mac(mac_key: bytes, canonical: bytes) -> str:
    """Return the keyed hash of a call's canonical body. Without the key, parameters cannot be guessed from it."""
    return hmac.new(mac_key, b"jitney call body 1\0" + canonical, hashlib.sha256).hexdigest()


def recorded(attempt: CallAttempt, record: AuditRecord) -> tuple[CallAttempt, ChainedRecord]:
    """Return the call with `record` as the next of its chain, and the record at this position.

    The record says the call's state. So the state can be read without the key (core.gateway.recorded_state).
    """
    call = {**record.detail.get("call", {}), "state": str(attempt.state)}
    record = replace(record, detail={**record.detail, "call": call})
    chained = chain_record(record, attempt.call_id, attempt.records, attempt.chain_head or GENESIS_HASH)
    return replace(attempt, records=chained.seq + 1, chain_head=chained.hash), chained


def key_reused() -> Problem:
    """Return the problem that a key belongs to another call."""
    fix = "Use a new key for a new call. Repeat a call with exactly the same body."
    return Problem("idempotency_mismatch", "This Idempotency-Key was used with another body.", fix)


def in_progress(call_id: str) -> Problem:
    """Return the problem that another execution is sending the call."""
    detail = "The same call is being sent. Its outcome is not known yet."
    fix = "Repeat the POST with the same Idempotency-Key and body. You then get the outcome."
    retry = {"Retry-After": str(IN_PROGRESS_SECONDS)}
    return Problem("call_in_progress", detail, fix, {"call_id": call_id}, retry)
