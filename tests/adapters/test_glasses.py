"""Uses of break-glass that nobody has looked at, in the state table: one of a person and of an agent (REV 8)."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.adapters.glasses import Glasses
from jitney.adapters.store import Changed, Store
from jitney.core import audit
from jitney.core.access.glass import FollowUp, Glass, Judgement
from jitney.core.access.grant import Grant
from jitney.core.audit import Event, Origin, Outcome
from jitney.core.review.votes import activated
from tests.adapters.test_store import client, opened, records, store  # noqa: F401 - fixtures
from tests.fakes import NOW, PENDING

GLASS = Glass("corp.gina", "down", "content", NOW, NOW + 3600, ("corp.olga",))
DONE = FollowUp("corp.alice", Judgement.CONFIRM, "right", NOW + 60)


def saved(store: Store, before: Grant, **changes: Any) -> Grant:  # noqa: F811
    link = audit.next_link(audit.of_grant(Event.BREAK_GLASS, Outcome.APPROVED, before, Origin(), NOW), before)
    after = replace(activated(before, NOW) if "glass" in changes else before, **changes)
    store.save(before, audit.linked(after, link), link, now=NOW)
    return audit.linked(after, link)


@pytest.fixture
def glasses(client: Any) -> Glasses:  # noqa: F811
    return Glasses(client, "state")


def test_rev_08_what_is_owed_stands_there_until_somebody_looked_at_it(store: Store, glasses: Glasses):  # noqa: F811
    taken = saved(store, opened(store, PENDING), glass=GLASS)
    assert store.grant(taken.id) == taken
    owed = {"HUMAN#corp.gina": taken.id, "AGENT#local.reader-agent": taken.id}
    assert glasses.owed() == owed
    noted = saved(store, taken)  # another record changes nothing of it
    assert glasses.owed() == owed
    done = saved(store, noted, follow_up=DONE)
    assert (store.grant(done.id), glasses.owed()) == (done, {})
    saved(store, done)
    assert glasses.owed() == {}


@pytest.mark.parametrize(
    ("grant", "glass"),
    [
        (replace(PENDING, id="g-cccccccccccccc"), replace(GLASS, human="corp.zoe")),
        (replace(PENDING, id="g-cccccccccccccc", principal="local.other"), GLASS),
    ],
    ids=["the same agent", "the same person"],
)
def test_rev_08_who_owes_breaks_no_other_glass(client, store: Store, glasses: Glasses, grant: Grant, glass: Glass):  # noqa: F811
    first = saved(store, opened(store, PENDING), glass=GLASS)
    other = opened(store, grant)
    before, told = glasses.owed(), len(records(client))
    with pytest.raises(Changed):
        saved(store, other, glass=glass)
    assert (store.grant(other.id), glasses.owed(), len(records(client))) == (other, before, told)
    saved(store, first, follow_up=DONE)
    saved(store, other, glass=glass)


def test_rev_08_looking_at_one_takes_no_other_away(client, store: Store, glasses: Glasses):  # noqa: F811
    """DynamoDB may have forgotten the items of the first, and others have come."""
    first = saved(store, opened(store, PENDING), glass=GLASS)
    for debtor in glasses.owed():
        client.put_item(
            TableName="state", Item={"pk": {"S": "GLASS"}, "sk": {"S": debtor}, "grant_id": {"S": "g-other"}}
        )
    with pytest.raises(Changed):
        saved(store, first, follow_up=DONE)
    assert set(glasses.owed().values()) == {"g-other"}
