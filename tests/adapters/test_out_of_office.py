"""Out-of-office entries in the state table: one per person, changed only as read, and checked with votes (REV 6)."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.adapters.out_of_office import OutOfOfficeStore
from jitney.adapters.store import Store
from jitney.adapters.transactions import StaleWrite
from jitney.core.access.grant import Grant, Vote, VoteVerdict
from jitney.core.delegation import Delegation
from jitney.core.quotas import Quota
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome
from jitney.core.review.out_of_office import OutOfOffice, OutOfOfficeEntries
from tests.adapters.test_store import (  # noqa: F401 - fixtures
    cancelled_by_another,
    client,
    opened,
    records,
    store,
    store_answering,
)
from tests.fakes import NOW, PENDING
from tests.identities import identity

AWAY = OutOfOffice("a-1", identity("corp.bob"), NOW, NOW + 3600, (("owners", identity("corp.carol")),))
OTHER = AWAY._replace(id="a-2", delegates=(("owners", identity("corp.dave")), ("security", identity("corp.carol"))))


@pytest.fixture
def absences(client: Any) -> OutOfOfficeStore:  # noqa: F811
    return OutOfOfficeStore(client, "state")


@pytest.fixture
def change(store: Store) -> Callable[[OutOfOffice | None, OutOfOffice | None], None]:  # noqa: F811
    numbers = iter(range(99))

    def changing(before: OutOfOffice | None, after: OutOfOffice | None) -> None:
        record = AuditRecord(NOW, AuditEvent.OUT_OF_OFFICE, Outcome.SET)
        link = audit.chain_record(record, f"r-{next(numbers)}")
        store.change_out_of_office(before, after, link, Quota("CHANGES#bob", 5, NOW + 3600), now=NOW)

    return changing


def test_rev_06_an_absence_comes_back_as_written_until_it_ends(absences, change, client):  # noqa: F811
    assert absences.all() == OutOfOfficeEntries(())
    change(None, AWAY)
    change(None, OTHER._replace(human=identity("corp.alice")))
    assert absences.all().readable == (OTHER._replace(human=identity("corp.alice")), AWAY)
    change(AWAY, OTHER)
    assert absences.all().readable[1] == OTHER
    change(OTHER, None)
    assert [each.human.name for each in absences.all().readable] == ["corp.alice"]
    assert len(records(client)) == 4


@pytest.mark.parametrize("text", ["[]", "{}", "{", '{"id": "a-3", "human": "bob", "delegates": []}', "newer"])
def test_ops_02_an_entry_that_cannot_be_read_hides_no_other_and_names_its_person(absences, change, client, text):  # noqa: F811
    change(None, AWAY)
    if text == "newer":
        text = json.dumps(json.loads(OTHER.text()) | {"only_for": ["analytics-prod"]})
    client.put_item(TableName="state", Item={"pk": {"S": "OUT_OF_OFFICE"}, "sk": {"S": "x"}, "text": {"S": text}})
    assert absences.all() == OutOfOfficeEntries((AWAY,), frozenset({"x"}))


@pytest.mark.parametrize(("before", "after"), [(None, OTHER), (OTHER, AWAY), (OTHER, None), (OTHER, OTHER)])
def test_rev_06_what_is_not_as_it_was_read_stays_and_no_record_says_otherwise(absences, change, client, before, after):  # noqa: F811
    change(None, AWAY)
    with pytest.raises(StaleWrite):
        change(before, after)
    assert absences.all() == OutOfOfficeEntries((AWAY,))
    assert len(records(client)) == 1


def test_rev_06_what_has_ended_does_not_end_again(change, client):  # noqa: F811
    with pytest.raises(StaleWrite):
        change(AWAY, None)
    assert records(client) == []


def test_rev_06_a_change_is_repeated_while_a_vote_of_a_delegate_is_written(client):  # noqa: F811
    link = audit.chain_record(AuditRecord(NOW, AuditEvent.OUT_OF_OFFICE, Outcome.SET), "r-1")
    busy = store_answering(client, cancelled_by_another(client, 1), {})
    busy.change_out_of_office(None, AWAY, link, Quota("CHANGES#bob", 5, NOW + 3600), now=NOW)


def voted(store: Store, grant: Grant, *places: Delegation) -> Grant:  # noqa: F811
    vote = Vote(identity("corp.carol"), VoteVerdict.APPROVE, "content", "", NOW, "web", places)
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.VOTE, Outcome.APPROVED, grant, audit.Origin(), NOW), grant
    )
    after = audit.with_chain_head(replace(grant, votes=(vote,)), link)
    store.save(grant, after, link, now=NOW)
    return after


def test_rev_06_a_vote_in_somebodys_place_is_written_only_while_they_are_away(store: Store, change):  # noqa: F811
    grant = opened(store, PENDING)
    places = [Delegation(group, identity("corp.bob"), "a-1", NOW, NOW + 3600) for group in ("owners", "security")]
    with pytest.raises(StaleWrite):
        voted(store, grant, *places)
    change(None, OTHER)
    with pytest.raises(StaleWrite):
        voted(store, grant, *places)
    assert store.grant(grant.id) == grant
    change(OTHER, AWAY)
    after = voted(store, grant, *places)
    assert store.grant(grant.id) == after


def test_rev_06_a_recounted_vote_needs_no_out_of_office_entry(store: Store, change, client):  # noqa: F811
    """Carol voted for bob, who is back. When alice votes, carol's vote counts for carol's own group, too."""
    grant = opened(store, PENDING)
    change(None, AWAY)
    one = voted(store, grant, Delegation("owners", identity("corp.bob"), "a-1", NOW, NOW + 3600))
    change(AWAY, None)
    stored = len(client.scan(TableName="state")["Items"])
    votes = (
        replace(one.votes[0], groups=("security",)),
        Vote(identity("corp.alice"), VoteVerdict.APPROVE, "c", "", NOW + 9, "web"),
    )
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.VOTE, Outcome.APPROVED, one, audit.Origin(), NOW), one
    )
    both = audit.with_chain_head(replace(one, votes=votes), link)
    store.save(one, both, link, now=NOW)
    assert store.grant(grant.id) == both
    assert len(client.scan(TableName="state")["Items"]) == stored + 1  # alice's, in the list of what she voted on
