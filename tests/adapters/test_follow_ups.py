"""Outstanding follow-up reviews in the state table: one per person and per agent (REV 8)."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.adapters.follow_ups import FollowUps
from jitney.adapters.store import Store
from jitney.adapters.transactions import StaleWrite
from jitney.core.access.break_glass import BreakGlassUse, FollowUp, FollowUpVerdict
from jitney.core.access.grant import Grant
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.core.review.votes import activated
from tests.adapters.test_store import client, opened, records, store  # noqa: F401 - fixtures
from tests.fakes import NOW, PENDING
from tests.identities import identity

GLASS = BreakGlassUse(identity("corp.gina"), "down", "content", NOW, NOW + 3600, (identity("corp.olga"),))
DONE = FollowUp(identity("corp.alice"), FollowUpVerdict.CONFIRM, "right", NOW + 60)


def saved(store: Store, before: Grant, **changes: Any) -> Grant:  # noqa: F811
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.BREAK_GLASS, Outcome.APPROVED, before, Origin(), NOW), before
    )
    after = replace(activated(before, NOW) if "glass" in changes else before, **changes)
    store.save(before, audit.with_chain_head(after, link), link, now=NOW)
    return audit.with_chain_head(after, link)


@pytest.fixture
def glasses(client: Any) -> FollowUps:  # noqa: F811
    return FollowUps(client, "state")


def test_rev_08_a_use_is_outstanding_until_its_follow_up_review(store: Store, glasses: FollowUps):  # noqa: F811
    taken = saved(store, opened(store, PENDING), break_glass=GLASS)
    assert store.grant(taken.id) == taken
    owed = {f"HUMAN#{GLASS.human.digest}": taken.id, f"AGENT#{PENDING.agent.digest}": taken.id}
    assert glasses.outstanding() == owed
    noted = saved(store, taken)  # another record changes nothing of it
    assert glasses.outstanding() == owed
    done = saved(store, noted, follow_up=DONE)
    assert (store.grant(done.id), glasses.outstanding()) == (done, {})
    saved(store, done)
    assert glasses.outstanding() == {}


@pytest.mark.parametrize(
    ("grant", "glass"),
    [
        (replace(PENDING, id="g-cccccccccccccc"), replace(GLASS, human=identity("corp.zoe"))),
        (replace(PENDING, id="g-cccccccccccccc", principal="local.other"), GLASS),
    ],
    ids=["the same agent", "the same person"],
)
def test_rev_08_no_second_use_before_the_follow_up(
    client,  # noqa: F811
    store: Store,  # noqa: F811
    glasses: FollowUps,
    grant: Grant,
    glass: BreakGlassUse,
):
    first = saved(store, opened(store, PENDING), break_glass=GLASS)
    other = opened(store, grant)
    before, count = glasses.outstanding(), len(records(client))
    with pytest.raises(StaleWrite):
        saved(store, other, break_glass=glass)
    assert (store.grant(other.id), glasses.outstanding(), len(records(client))) == (other, before, count)
    saved(store, first, follow_up=DONE)
    saved(store, other, break_glass=glass)


def test_rev_08_looking_at_one_takes_no_other_away(client, store: Store, glasses: FollowUps):  # noqa: F811
    """DynamoDB may have deleted the items of the first use, and other items may have been added."""
    first = saved(store, opened(store, PENDING), break_glass=GLASS)
    for debtor in glasses.outstanding():
        client.put_item(
            TableName="state", Item={"pk": {"S": "FOLLOW_UP"}, "sk": {"S": debtor}, "grant_id": {"S": "g-other"}}
        )
    with pytest.raises(StaleWrite):
        saved(store, first, follow_up=DONE)
    assert set(glasses.outstanding().values()) == {"g-other"}
