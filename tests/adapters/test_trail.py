"""What the trail's queue receives: one message per key and period, with the longest delay. How long items are kept."""

import json

import pytest

from jitney.adapters.trail import (
    CALL_RETENTION_SECONDS,
    QUEUED_ONCE_SECONDS,
    RECHECK_SECONDS,
    REQUEUE_DELAY_SECONDS,
    TrailQueue,
)
from jitney.adapters.transactions import RECORD_RETENTION_SECONDS
from jitney.configuration.settings import LONGEST_REVIEW_SECONDS, LONGEST_SESSION_SECONDS
from jitney.core.access.grant import GRANT_RETENTION_SECONDS
from jitney.core.integrity.seal_chain import OVERDUE_SECONDS
from tests.cloudtrail_events import ACCOUNT, KEY, assume_role_event, call_event
from tests.fakes import GRANT
from tests.handlers.test_correlator import Correlator

pytestmark = pytest.mark.usefixtures("functions_environment")


class Queue:
    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []

    def send_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        MessageBody: str,  # noqa: N803
        DelaySeconds: int,  # noqa: N803
        MessageGroupId: str,  # noqa: N803
    ) -> None:
        assert QueueUrl == "queue"
        assert MessageGroupId == f"k-{ACCOUNT}-{json.loads(MessageBody)['judge_calls']['access_key_id'] or 'none'}"
        self.sent.append((json.loads(MessageBody)["judge_calls"]["access_key_id"], DelaySeconds))


def test_aud_06_waiting_calls_with_one_key_are_requeued_once():
    client, clock = Queue(), [1000]
    queue = TrailQueue(client, "queue", lambda: clock[0])
    for _ in range(3):
        queue.requeue(ACCOUNT, KEY)
    queue.requeue(ACCOUNT, "ASIAOTHER")
    assert client.sent == [(KEY, REQUEUE_DELAY_SECONDS), ("ASIAOTHER", REQUEUE_DELAY_SECONDS)]
    clock[0] += QUEUED_ONCE_SECONDS
    queue.requeue(ACCOUNT, KEY)
    assert len(client.sent) == 3


def test_aud_06_calls_without_a_key_are_requeued_too():
    client = Queue()
    TrailQueue(client, "queue", lambda: 1000).requeue(ACCOUNT, "")
    assert client.sent == [("", REQUEUE_DELAY_SECONDS)]


@pytest.mark.parametrize("later", range(0, RECHECK_SECONDS + 60, 30))
def test_aud_03_a_message_arrives_when_no_process_caches_the_origin_of_before_a_request(later: int):
    """Then each process knows of a dispute about the key, also if the message was sent for an earlier request."""
    client, clock = Queue(), [1000]
    queue, due = TrailQueue(client, "queue", lambda: clock[0]), []
    for clock[0] in (1000, 1000 + later):
        queue.requeue(ACCOUNT, KEY)
        due += [clock[0] + delay for _, delay in client.sent[len(due) :]]
    assert due[-1] - clock[0] >= RECHECK_SECONDS + 60  # a function's timeout, and clocks that differ


def test_aud_06_a_failed_requeue_is_repeated():
    class Broken(Queue):
        def send_message(self, **asked: object) -> None:
            if not self.sent:
                self.sent.append(("failed", 0))
                raise OSError
            super().send_message(**asked)  # type: ignore[arg-type]

    client = Broken()
    queue = TrailQueue(client, "queue", lambda: 1000)
    try:
        queue.requeue(ACCOUNT, KEY)
    except OSError:
        queue.requeue(ACCOUNT, KEY)
    assert client.sent[1:] == [(KEY, REQUEUE_DELAY_SECONDS)]


def test_aud_09_a_published_call_stays_longer_than_what_only_the_join_needs():
    """Calls are never sealed: without the table, a change of them in S3 would leave no evidence."""
    correlator = Correlator(GRANT)
    correlator.take_in(call_event(2), assume_role_event(1))
    kept = {sk: int(item["expires"]["N"]) - correlator.now for (_, sk), item in correlator.table.items.items()}
    verdicts = {sk: seconds for sk, seconds in kept.items() if sk.startswith("EXPLAINED#")}
    assert len(verdicts) == 2
    assert set(verdicts.values()) == {CALL_RETENTION_SECONDS}
    assert len(kept) > len(verdicts)
    assert {seconds for sk, seconds in kept.items() if sk not in verdicts} == {RECORD_RETENTION_SECONDS}


def test_aud_09_a_record_stays_until_it_is_sealed_and_while_a_report_or_an_event_needs_it():
    assert RECORD_RETENTION_SECONDS >= GRANT_RETENTION_SECONDS + LONGEST_REVIEW_SECONDS + LONGEST_SESSION_SECONDS
    assert RECORD_RETENTION_SECONDS >= 100 * OVERDUE_SECONDS
    assert CALL_RETENTION_SECONDS > RECORD_RETENTION_SECONDS
