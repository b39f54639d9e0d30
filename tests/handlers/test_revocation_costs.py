"""END 6: what a revocation costs does not grow with deny entries that expired; counted, not timed."""

import sys
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from jitney.core.access.deny_document import ROLE_POLICY_LIMIT, DenyEntry, most_names
from jitney.handlers.releases import release_grant
from jitney.handlers.revocations import revoke_grant
from tests.core.identity import minting
from tests.fakes import ROLE_ARN
from tests.handlers.conftest import System
from tests.revocation_costs import PAGE_ITEMS, CountingTable, active_grant, entries, use

NOW = minting.NOW
LIVE = entries(400, NOW, range(30, 900), units=40)


@cache
def expired() -> list[DenyEntry]:
    return entries(20_000, NOW, range(960, 4000))


@cache
def agents() -> list[DenyEntry]:
    return entries(5_000, NOW, range(30, 900), units=5_000)


class Cost:
    """The AWS calls of one revocation, the items that it reads, and the functions that it calls: its own work."""

    def __init__(self, listed: list[DenyEntry]) -> None:
        self.system = System()
        grant = active_grant(NOW)
        table = CountingTable(grant, listed)
        use(table, self.system.ports)
        count = 0

        def counting(_frame: Any, event: str, _argument: Any) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        token = minting.token(sub="carol", groups=["security"])
        body = {"reason": "the laptop was stolen"}
        sys.setprofile(counting)
        try:
            status, answer, _ = self.system.call(revoke_grant, body, grant_id=grant.id, token=token)
        finally:
            sys.setprofile(None)
        assert (status, answer["grant"]["state"]) == (200, "revoked")
        assert grant.id in self.system.role_policies.denies(ROLE_ARN)
        self.calls, self.items, self.work = table.calls, table.items_read, count


@pytest.fixture(scope="module")
def empty() -> Cost:
    Cost([])  # what is cached by the first call of a process
    return Cost([])


def test_end_06_expired_entries_cost_a_revocation_nothing(empty: Cost):
    flooded = Cost(expired())
    assert flooded.calls == empty.calls
    assert flooded.items == empty.items == 1
    assert abs(flooded.work - empty.work) <= 0.02 * empty.work


def test_end_06_live_entries_cost_their_reading_and_no_more_calls(empty: Cost):
    flooded = Cost([*expired(), *LIVE])
    assert flooded.calls == empty.calls
    assert flooded.items == len(LIVE) + 1
    assert flooded.work - empty.work <= 0.2 * empty.work


def test_end_06_five_thousand_agents_cost_a_page_more_and_linear_work(empty: Cost):
    flooded = Cost([*expired(), *agents()])
    pages = -(-(len(agents()) + 1) // PAGE_ITEMS)
    # As many ids are read as a document can name, then all entries. The open grants are read, pending ones and active
    # ones, and ranges of ids spare them.
    assert flooded.calls - empty.calls == {"query": pages + 2}
    assert flooded.items == most_names(ROLE_POLICY_LIMIT) + len(agents()) + 1
    assert flooded.work < empty.work + 200 * len(agents())


def test_end_06_a_release_costs_the_same(empty: Cost):
    system = System()
    grant = replace(active_grant(NOW), principal="corp.reader-agent")
    table = CountingTable(grant, expired())
    use(table, system.ports)
    assert system.call(release_grant, grant_id=grant.id)[0] == 200
    assert table.items_read == 1
    # Its quota of measurements takes the transaction that the record of a revocation's denial takes.
    assert table.calls == empty.calls
