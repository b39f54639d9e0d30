"""The one optimistic write: it starts over on a stale write up to a bound, and writes nothing without its record."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.adapters.transactions import StaleWrite, TakenNumber
from jitney.core.access.grant import Grant, State
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import GENESIS_HASH, AuditEvent, ChainedRecord, Origin, Outcome
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


PREDICTED = {sum(2**power for power in range(count)) + 1 for count in range(64)}
"""The numbers that a known rule would give to the next records of a grant with one."""


@pytest.mark.parametrize("taken", [{1}, {1, 2}, {1, 2, 4}, {*range(500)}, {*range(500), 1500}, PREDICTED], ids=len)
def test_aud_02_numbers_that_another_function_took_do_not_prevent_the_end_of_a_grant(
    system: System, monkeypatch: pytest.MonkeyPatch, taken: set[int]
):
    """Any function that writes records may put an item under each number of any grant's chain."""
    save, tried = system.store.save, list[int]()

    def saved(before: Grant, after: Grant, record: ChainedRecord, *rest: Any, **more: Any) -> None:
        tried.append(record.seq)
        if record.seq in taken:
            raise TakenNumber
        save(before, after, record, *rest, **more)

    monkeypatch.setattr(system.store, "save", saved)
    grant = replace(GRANT, records=1)
    system.store.grants[GRANT.id] = grant
    after = update_grant(grant, failed, system.ports)
    (link,) = system.store.links
    assert (after.state, after.records, after.chain_head) == (State.FAILED, link.seq + 1, link.hash)
    assert json.loads(link.text)["prev"] == (GRANT.chain_head or GENESIS_HASH)
    assert len(tried) < 15


def test_aud_02_the_next_number_of_a_changed_grant_is_tried_first(system: System, monkeypatch: pytest.MonkeyPatch):
    save, tried = system.store.save, list[int]()

    def saved(before: Grant, after: Grant, record: ChainedRecord, *rest: Any, **more: Any) -> None:
        tried.append(record.seq)
        if record.seq == 1:
            system.store.grants[GRANT.id] = replace(GRANT, records=7)
            raise TakenNumber
        save(before, after, record, *rest, **more)

    monkeypatch.setattr(system.store, "save", saved)
    update_grant(replace(GRANT, records=1), failed, system.ports)
    assert tried == [1, 7]


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
