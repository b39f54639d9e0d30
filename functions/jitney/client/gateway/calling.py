"""Sends calls to the broker, once for each key, and waits while a call is under review."""

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from jitney.client.api.broker import Broker
from jitney.client.api.broker_clock import elapsed_seconds
from jitney.client.api.polling import HOLD_SECONDS
from jitney.client.gateway.call_answers import CallAnswer, CallUnderReview, DirectTicket
from jitney.client.gateway.protocol_errors import NOT_RUN
from jitney.client.gateway.received import ReceivedRequest, too_large
from jitney.client.gateway.wire_parser import ParsedCall
from jitney.client.problems import ClientProblem, Invalid
from jitney.client.terminal import pending_wording, wording

MAX_CALL_BYTES = 5_000_000
"""The most bytes of a call as JSON that the broker accepts."""
IN_PROGRESS_SECONDS = 300.0
"""How long a call is repeated while another attempt is sending it. The broker forgets a lost attempt sooner."""

_INVOCATION = "amz-sdk-invocation-id"
_SAFE_METHODS = frozenset({"GET", "HEAD"})  # RFC 9110 section 9.2.1
_LOOK_SECONDS = 0.25
"""How often a wait checks whether the client is still connected."""
_MOST_KEYS = 10_000
"""How many keys are kept with their grant. SDKs repeat a call within minutes."""


class AbandonedError(Exception):
    """The client closed the connection, so the call is not sent any more."""


def key_and_repeatable(request: ReceivedRequest) -> tuple[str, bool]:
    """Return the call's idempotency key, and whether to attempt it again although this attempt may have run.

    AWS's SDKs send the same invocation id with each attempt at a call, so each attempt has the same key. Another
    client's next attempt has another key, and is safe only if the method changes nothing.
    """
    invocation = request.headers.get(_INVOCATION, "")
    return (invocation_key(invocation), True) if invocation else (uuid.uuid4().hex, request.method in _SAFE_METHODS)


def invocation_key(invocation: str) -> str:
    """Return the key of all attempts at the call with this invocation id."""
    return hashlib.sha256(invocation.encode()).hexdigest()[:32]


def for_last_attempt(problem: ClientProblem) -> ClientProblem:
    """Return the problem of a call that may not be attempted again.

    If there was no answer to an attempt of Jitney, the call may have run.
    """
    if problem.code != "no_response" and not (problem.code in NOT_RUN and problem.members.may_have_run):
        return problem
    detail = f"{problem.detail} The call may have run."
    fix = "Read the state of the resource before you decide to call again."
    return Invalid("call_may_have_run", "The call may have run", detail, fix)


class CallSender:
    """Sends calls. `grant_of` returns the id of the grant for a key. All attempts at one call get the same grant.

    `changed` says what differs from rejected calls. `note` shows a line to the person, and `sleep` takes seconds.
    `on_review` gets each answer about a call under review. `wait_left` returns how many more seconds to wait for a
    review.
    """

    def __init__(
        self,
        broker: Broker,
        grant_of: Callable[[str], str],
        note: Callable[[str], None],
        *,
        changed: str = "",
        on_review: Callable[[CallUnderReview], None] = lambda _: None,
        wait_left: Callable[[], float] = lambda: float("inf"),
        clock: Callable[[], float] = elapsed_seconds,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._broker = broker
        self._grant_of = grant_of
        self._note = note
        self._changed = changed
        self._on_review = on_review
        self._wait_left = wait_left
        self._clock = clock
        self._sleep = sleep
        self._turns = _Turns()

    def send(
        self, call: ParsedCall, key: str, connected: Callable[[], bool], direct: Mapping[str, Any] | None = None
    ) -> CallAnswer | DirectTicket:
        """Return AWS's answer. The same POST is repeated with the same key while the call is under review.

        With `direct`, the broker's answer is a ticket. Raises AbandonedError when the client closed its connection
        before the call was sent. Raises ClientProblem.
        """
        document = {
            "grant": self._grant_of(key),
            "service": call.service,
            "operation": call.operation.name,
            "region": call.region,
            "parameters": call.parameters,
        }
        document |= {} if direct is None else {"direct": direct}
        document |= {"changed": self._changed} if self._changed else {}
        if len(json.dumps(document)) > MAX_CALL_BYTES:
            raise too_large()
        with self._turns.turn(key):  # an SDK that gave up on an attempt may begin the next one at once
            return self._until_answered(document, key, connected)

    def _until_answered(
        self, document: Mapping[str, Any], key: str, connected: Callable[[], bool]
    ) -> CallAnswer | DirectTicket:
        shown, began, repeated = None, self._clock(), False
        while True:
            if not connected():
                raise AbandonedError
            try:
                answer = self._broker.call(document, key)
            except ClientProblem as problem:
                repeated = repeated or problem.members.repeated
                if problem.code != "call_in_progress" or self._clock() - began > IN_PROGRESS_SECONDS:
                    problem.extras |= {"may_have_run": True} if repeated else {}
                    raise
                repeated = True
                self._wait(problem.members.retry_seconds or 1, connected)
                continue
            if not isinstance(answer, CallUnderReview):
                return answer
            self._on_review(answer)
            if (stage := _stage(answer)) != shown:
                self._note(self._progress(document, answer))
                shown = stage
            self._await_decision(answer, connected)

    def _await_decision(self, answer: CallUnderReview, connected: Callable[[], bool]) -> None:
        """Wait until the POST should be repeated: after a decision, or after an answer that the broker held.

        If the broker does not hold answers, wait for the time in Retry-After.
        """
        if not connected():
            raise AbandonedError
        began, seconds = self._clock(), int(min(HOLD_SECONDS, self._wait_left()))
        try:
            latest = self._broker.grant(answer.child.grant.id, seconds)
        except ClientProblem:
            self._wait(answer.retry_seconds, connected)  # the repeated POST shows the problem
            return
        if latest.grant.state == "pending" and not (latest.held and self._clock() - began >= 1):
            self._wait(answer.retry_seconds, connected)

    def _progress(self, document: Mapping[str, Any], answer: CallUnderReview) -> str:
        call = f"{document['service']} {document['operation']} ({answer.call_id})"
        pending = pending_wording.pending(answer.child, self._broker.clock.now(), call)
        return f"jitney: {pending}; waiting {pending_wording.waits_for(answer.child)}".rstrip()

    def _wait(self, seconds: float, connected: Callable[[], bool]) -> None:
        end = self._clock() + max(1.0, float(seconds))
        while (left := end - self._clock()) > 0:
            if not connected():
                raise AbandonedError
            self._sleep(min(left, _LOOK_SECONDS))


def _stage(answer: CallUnderReview) -> str:
    """Return the part of a call's review that is noted whenever it changes."""
    return wording.review_status(answer.child.review) if answer.child.review else ""


class GrantsOfKeys:
    """The grant of each key that was used. All attempts at one call name the same grant.

    If an attempt named another grant, the broker would treat it as another call.
    """

    def __init__(self, present: Callable[[], str]) -> None:
        self._present = present
        self._grants: dict[str, str] = {}
        self._guard = threading.Lock()

    def of(self, key: str) -> str:
        """Return the grant of the key. A new key gets the present grant."""
        present = self._grants.get(key) or self._present()
        with self._guard:
            found = self._grants.setdefault(key, present)
            if len(self._grants) > _MOST_KEYS:
                del self._grants[next(iter(self._grants))]
        return found


class _Turns:
    """A lock for each key in use, so that two attempts at one call take turns."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def turn(self, key: str) -> Generator[None]:
        with self._guard:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                _, users = self._locks.pop(key)
                if users > 1:
                    self._locks[key] = (lock, users - 1)
