"""Lives of backfills: lost, late and repeated events, crashes and an attacker, against a model (rows AUD 3 and 6).

The backfill and the correlator are Jitney's. `backfill_lives` has their steps, `backfill_events` has those of AWS, and
`backfill_model` says what is expected.
"""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from jitney.adapters import trail
from jitney.client.audit import backfill, trail_files
from jitney.core.trail import event as trail_event
from jitney.handlers import correlator
from jitney.handlers.runtime.logs import logger
from jitney.handlers.trail import trail_events
from tests import lives
from tests.client.backfill_events import FORGOTTEN, GRANTS, HOSTILE
from tests.client.backfill_lives import Again, BackfillLives
from tests.client.test_integrity_lives import Serial
from tests.cloudtrail_events import ACCOUNT, BROKER, MemoryTable
from tests.lives import live_many

LIVES = 60


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, functions_environment: None):
    monkeypatch.setattr(logger, "disabled", True)
    monkeypatch.setattr(backfill, "aws_clients", lambda *_, **__: (BackfillLives.bucket,))
    monkeypatch.setattr(backfill, "ThreadPoolExecutor", Serial)
    report = trail_events._report

    def noted(call: Any, verdict: Any, *more: Any) -> None:
        if isinstance(more[-1].trail_queue, Again):
            more[-1].trail_queue.life.reports[call.event_id, verdict.reasons] += 1
        report(call, verdict, *more)

    monkeypatch.setattr(trail_events, "_report", noted)
    monkeypatch.setattr(trail_events, "count", lambda *_, **__: None)


def _arrival(random: Random) -> dict[str, Any]:
    return {
        "live": random.choice(((), (), (), (0,), (400,), (0, 3000), (20_000,))),
        "file": random.choice((0, 300, 300, 300, 3000, 20 * 3600, None)),
    }


STEPS: dict[str, Callable[[Random], dict[str, Any]]] = {
    "session": lambda random: {
        "by": random.choice(("jitney", "jitney", "admin", "self")),
        "name": random.choice((*(each.id for each in GRANTS), "admin")),
        "arrival": _arrival(random),
    },
    "call": lambda random: {
        "key": random.randrange(20),
        "arrival": _arrival(random),
        "hostile": random.randrange(len(HOSTILE)),
    },
    "assume_elsewhere": lambda random: {
        "key": random.randrange(20),
        "session": random.choice((GRANTS[0].id, FORGOTTEN)),
        "arrival": _arrival(random),
        "denied": random.random() < 0.2,
    },
    "scope_down": lambda random: {"key": random.randrange(20), "arrival": _arrival(random)},
    "dispute": lambda random: {"key": random.randrange(20), "arrival": _arrival(random)},
    "old": lambda random: {
        "name": random.choice((FORGOTTEN, "admin")),
        "by": random.choice(("jitney", "admin")),
        "arrival": _arrival(random),
    },
    "heartbeat": lambda _: {},
    "end_grant": lambda random: {"grant": random.randrange(2)},
    "wait": lambda random: {"seconds": random.choice((30, 400, 900, 3000, 30_000))},
    "backfill": lambda random: {
        "since": random.choice((0, 0, 1, 2, 101)),
        "days": random.choice((0, 0, 1, 3)),
        "stop_after": random.choice((None, None, 0, 1, 2)),
        "accounts": random.choice(((), (), (ACCOUNT,), (BROKER,))),
    },
    "deliver": lambda random: {
        "seed": random.randrange(1000),
        "most": random.choice((3, 1000)),
        "fuse": random.choice((None, 0, 3, 7, 15)),
        "dies": random.random() < 0.5,
    },
    "settle": lambda random: {"seed": random.randrange(1000)},
}
OFTEN = ("session", "call", "call", "wait", "wait", "backfill", "deliver", "deliver", "settle")


def test_aud_03_each_event_in_a_file_is_judged_once_and_as_if_a_rule_had_forwarded_it():
    live_many(BackfillLives, STEPS, OFTEN, LIVES)


def _patched(*patch: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda monkeypatch: monkeypatch.setattr(*patch)


def _takes_the_assumed_role_for_the_session(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(correlator, "BACKFILLED", "unmarked")


def _believes_the_name_of_the_assumed_session(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trail_files.SelectedEvent, "sessions", property(lambda event: event[1:2]))


def _reads_only_the_days_themselves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(backfill, "timedelta", lambda days: timedelta(days=days if days > 1 else 0))


def _sends_refused_messages_no_more(patch: pytest.MonkeyPatch) -> None:
    def once(self: Any, batch: Any) -> int:
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
        self._sqs.send_message_batch(QueueUrl="queue", Entries=entries)
        return 0

    patch.setattr(backfill.Backfill, "_send_batch", once)


def _counts_each_copy_of_an_event(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trail_event, "_event_id", lambda event: str(event["eventID"]))


def _writes_over(patch: pytest.MonkeyPatch) -> None:
    def put(self: Any, *, Item: dict[str, Any], **_: Any) -> None:  # noqa: N803
        self.items[Item["pk"]["S"], "#".join(Item["sk"]["S"].split("#")[-1:])] = Item

    patch.setattr(MemoryTable, "put_item", put)


PLANTED: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "takes the assumed role for the session": _takes_the_assumed_role_for_the_session,
    "believes the name of the assumed session": _believes_the_name_of_the_assumed_session,
    "reads only the days themselves": _reads_only_the_days_themselves,
    "sends refused messages no more": _sends_refused_messages_no_more,
    "counts each copy of an event": _counts_each_copy_of_an_event,
    "writes over what is there": _writes_over,
    "reports what was reported": _patched(trail.Trail, "has_verdict", lambda *_: False),
    "keeps no call that waits": _patched(trail.Trail, "save_call", lambda *_: None),
    "saves the verdict on a key of unknown origin as final": _patched(
        trail, "verdict_key", lambda id_, _: f"BYPASS#{id_}"
    ),
    "does not look for what waits": _patched(trail_events, "judge_calls", lambda *_, **__: None),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_aud_03_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch):
    PLANTED[bug](monkeypatch)
    monkeypatch.setattr(lives, "_shortest", lambda _, steps: steps)
    with pytest.raises(AssertionError, match="seed"):
        live_many(BackfillLives, STEPS, OFTEN, LIVES)
