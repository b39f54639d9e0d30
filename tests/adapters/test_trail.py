"""What the trail's queue receives: one message per key and period, with the longest delay."""

import json

from jitney.adapters.trail import RECHECK_SECONDS, REQUEUE_DELAY_SECONDS, TrailQueue
from tests.cloudtrail_events import ACCOUNT, KEY


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
        assert MessageGroupId == json.loads(MessageBody)["judge_calls"]["access_key_id"]
        self.sent.append((json.loads(MessageBody)["judge_calls"]["access_key_id"], DelaySeconds))


def test_aud_06_waiting_calls_with_one_key_are_requeued_once():
    client, clock = Queue(), [1000]
    queue = TrailQueue(client, "queue", lambda: clock[0])
    for _ in range(3):
        queue.requeue(ACCOUNT, KEY)
    queue.requeue(ACCOUNT, "ASIAOTHER")
    assert client.sent == [(KEY, REQUEUE_DELAY_SECONDS), ("ASIAOTHER", REQUEUE_DELAY_SECONDS)]
    clock[0] += RECHECK_SECONDS
    queue.requeue(ACCOUNT, KEY)
    assert len(client.sent) == 3


def test_aud_06_the_requeue_delay_exceeds_the_recheck_time():
    assert REQUEUE_DELAY_SECONDS - RECHECK_SECONDS >= 60  # a function's timeout, and clocks that differ


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
