"""A run of the reconciler ends in time, however many grants ended together (row END 4)."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import State
from jitney.handlers import reconciler
from jitney.handlers.ending.reconciler_run import ENDS_MILLISECONDS, MARKS_MILLISECONDS
from jitney.handlers.reconciler import EXPIRY_GRACE_SECONDS, reconcile
from jitney.handlers.suspensions import suspend
from tests.fakes import GRANT, ROLE_ARN
from tests.handlers.conftest import System
from tests.handlers.test_ending import mine, operator

OTHER_ROLE = f"{ROLE_ARN}-other"
WRITE_MILLISECONDS = 1000
IN_TIME = ENDS_MILLISECONDS // WRITE_MILLISECONDS
FLOOD = 2 * IN_TIME + 10


@pytest.fixture
def flooded(system: System, monkeypatch: pytest.MonkeyPatch) -> System:
    """Many grants of one target end at the same time. A second target has one grant, which ends last."""
    target = system.config.targets["analytics-prod"]
    other = replace(target, alias="other", role_arn=OTHER_ROLE)
    system.ports.__dict__["config"] = replace(system.config, targets={target.alias: target, "other": other})
    mine(system, FLOOD)
    late = replace(GRANT, id="g-zzzzzzzzzzzzzz", target="other", role_arn=OTHER_ROLE, expires_at=system.now + 1000)
    system.store.grants[late.id] = late
    save = system.store.save

    def slow(*given: Any, **named: Any) -> None:
        system.pause(WRITE_MILLISECONDS / 1000)
        save(*given, **named)

    monkeypatch.setattr(system.store, "save", slow)
    return system


def states(system: System) -> list[State]:
    return [each.state for each in system.store.grants.values()]


def test_end_04_a_flood_of_expiries_leaves_time_for_denials_and_heartbeats(flooded: System):
    flooded.now += 1000 + EXPIRY_GRACE_SECONDS
    flooded.role_policies.documents[OTHER_ROLE] = '{"Statement": []}'
    done = reconcile(flooded.ports)
    assert (done["expired"], done["repaired"]) == (IN_TIME, 1)
    assert flooded.milliseconds < MARKS_MILLISECONDS
    assert flooded.trail_heartbeat.sent == ["analytics-prod", "other"]


def test_end_04_a_flood_on_one_target_does_not_delay_the_ends_on_another(flooded: System):
    flooded.now += 1000 + EXPIRY_GRACE_SECONDS
    reconcile(flooded.ports)
    assert flooded.store.grants["g-zzzzzzzzzzzzzz"].state is State.EXPIRED


def test_end_04_the_next_runs_record_the_other_ends(flooded: System):
    flooded.now += 1000 + EXPIRY_GRACE_SECONDS
    expired = [reconcile(flooded.ports)["expired"] for _ in range(4)]
    assert expired == [IN_TIME, IN_TIME, FLOOD + 1 - 2 * IN_TIME, 0]
    assert set(states(flooded)) == {State.EXPIRED}


def test_end_07_a_suspension_of_many_grants_is_complete_when_all_ends_are_written(flooded: System):
    suspend_target(flooded)
    left = states(flooded).count(State.ACTIVE) - 1
    runs = [reconcile(flooded.ports) for _ in range(3)]
    assert [each["suspended"] for each in runs] == [IN_TIME, left - IN_TIME, 0]
    assert [(each["unfinished"] > 0, each["completed"]) for each in runs] == [(True, 0), (False, 1), (False, 0)]


def test_end_04_a_failed_expiry_keeps_no_suspension_incomplete(flooded: System, monkeypatch: pytest.MonkeyPatch):
    suspend_target(flooded)
    reconcile(flooded.ports)
    flooded.now += 1000 + EXPIRY_GRACE_SECONDS

    def failing(*_: Any) -> None:
        raise ValueError

    monkeypatch.setattr(reconciler, "record_expiry", failing)
    with pytest.raises(RuntimeError, match="the expiries"):
        reconcile(flooded.ports)
    assert not flooded.store.suspensions.incomplete_at(flooded.now)


def suspend_target(system: System) -> None:
    """Suspend the flooded target. The call ends some grants itself."""
    body = {"kind": "target", "name": "analytics-prod", "reason": "an agent floods it"}
    assert system.call(suspend, body, token=operator())[0] in (200, 201, 202)
