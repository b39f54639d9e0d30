"""The one optimistic write: it starts over on a stale write up to a bound, and writes nothing without its record."""

from dataclasses import replace

import pytest

from jitney.adapters.transactions import StaleWrite
from jitney.core.access.grant import Grant, State
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.handlers.grant.grant_updates import PATIENT, URGENT, GrantUpdate, Turn, update_grant, write_until_current
from tests.fakes import GRANT, NOW
from tests.handlers.conftest import ROOT, System


def failed(before: Grant) -> GrantUpdate:
    after = before.move(State.FAILED)
    return GrantUpdate(after, audit.grant_record(AuditEvent.ISSUE, Outcome.FAILED, after, Origin(), NOW))


def test_sts_06_only_the_optimistic_write_makes_a_recorded_grant():
    made = [path.name for path in (ROOT / "functions/jitney").rglob("*.py") if "RecordedGrant(" in path.read_text()]
    assert made == ["grant_updates.py"]


def test_aud_01_an_update_is_decided_again_on_the_changed_grant_and_written_with_its_record(system: System):
    system.store.grants[GRANT.id] = replace(GRANT, records=7)
    seen: list[int] = []

    def decide(before: Grant) -> GrantUpdate:
        seen.append(before.records)
        return failed(before)

    after = update_grant(GRANT, decide, system.ports)
    assert (seen, after.records, len(system.store.links)) == ([GRANT.records, 7], 8, 1)
    assert system.store.grants[GRANT.id] == after


def test_no_update_writes_nothing_and_a_missing_grant_is_a_conflict(system: System):
    assert update_grant(GRANT, lambda _: None, system.ports) is GRANT
    system.store.grants[GRANT.id] = replace(GRANT, records=7)
    system.store.grant = lambda _id: None  # type: ignore[method-assign]
    with pytest.raises(Problem, match="kept changing") as raised:
        update_grant(GRANT, failed, system.ports)
    assert (raised.value.code, system.store.links) == ("grant_conflict", [])


@pytest.mark.parametrize("turn", [PATIENT, URGENT])
def test_a_write_that_stays_stale_ends_in_its_conflict(system: System, turn: Turn):
    attempts: list[None] = []

    def attempt() -> None:
        attempts.append(None)
        raise StaleWrite

    with pytest.raises(Problem):
        write_until_current(
            attempt, lambda: Problem("grant_conflict", "It kept changing.", "Repeat."), system.ports, turn
        )
    assert turn.seconds <= system.milliseconds / 1000 <= turn.seconds + turn.longest_pause_seconds
    assert 10 < len(attempts) < 50
