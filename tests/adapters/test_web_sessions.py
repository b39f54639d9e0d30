"""What the pages store in the state table: sessions by the hash of their id, and who voted on what."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from moto import mock_aws

from jitney.adapters.store import Store
from jitney.adapters.vote_history import KEEP_VOTE_SECONDS, MOST_VOTES, VoteHistory
from jitney.adapters.web_sessions import WebSessions
from jitney.core.access.grant import Grant, Vote, VoteVerdict
from jitney.core.identity.principal import Principal
from jitney.core.identity.session import MAX_SESSION_SECONDS, Session, admission_of
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from tests.core.identity import minting
from tests.fakes import NOW, PENDING
from tests.handlers.review_browser import STAFF, with_staff
from tests.identities import identity
from tests.moto_clients import moto_client

ID = "a" * 43
ALICE = Principal(
    STAFF, "staff", "alice", "human", frozenset({"staff/security"}), "Alice", "staff.alice", "staff.alice"
)
ADMISSION = admission_of(with_staff(minting.config()).issuers["staff"], "alice")
SESSION = Session(ALICE, NOW, "k" * 43, ADMISSION)


@pytest.fixture
def client() -> Iterator[Any]:
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    with mock_aws():
        client = moto_client("dynamodb")
        for table in ("state", "audit"):
            names = [{"AttributeName": each["AttributeName"], "AttributeType": "S"} for each in keys]
            client.create_table(
                TableName=table, AttributeDefinitions=names, BillingMode="PAY_PER_REQUEST", KeySchema=keys
            )
        yield client


@pytest.fixture
def sessions(client: Any) -> WebSessions:
    return WebSessions(client, "state")


def test_a_session_is_what_it_was(sessions: WebSessions):
    sessions.begin(ID, SESSION)
    assert sessions.of(ID, with_staff(minting.config())) == SESSION
    assert sessions.of("b" * 43, with_staff(minting.config())) is None


@pytest.mark.parametrize("form", [{"S": "{}"}, {"S": "["}, {"S": "[]"}, {"N": "1"}], ids=str)
def test_ops_02_a_session_that_cannot_be_read_ends_and_its_person_signs_in_again(
    client: Any, sessions: WebSessions, form: dict[str, Any]
):
    sessions.begin(ID, SESSION)
    (stored,) = client.scan(TableName="state")["Items"]
    client.put_item(TableName="state", Item=stored | {"session": form})
    assert sessions.of(ID, with_staff(minting.config())) is None


def test_it_ends(sessions: WebSessions):
    sessions.begin(ID, SESSION)
    sessions.end(ID)
    sessions.end(ID)
    assert sessions.of(ID, with_staff(minting.config())) is None


def test_a_session_of_an_issuer_without_sign_in_is_gone(sessions: WebSessions):
    sessions.begin(ID, SESSION)
    assert sessions.of(ID, minting.config()) is None
    config = with_staff(minting.config())
    for change in ({"web": None}, {"kind": "agent"}):
        entry = replace(config.issuers["staff"], **change)
        assert sessions.of(ID, replace(config, issuers={**config.issuers, "staff": entry})) is None


def test_the_table_has_neither_the_id_nor_a_reason_to_keep_it_for_long(sessions: WebSessions, client: Any):
    sessions.begin(ID, SESSION)
    (item,) = client.scan(TableName="state")["Items"]
    assert ID not in str(item)
    assert item["expires"]["N"] == str(NOW + MAX_SESSION_SECONDS)


def test_an_id_cannot_be_taken_twice(sessions: WebSessions, client: Any):
    sessions.begin(ID, SESSION)
    with pytest.raises(Exception, match="The session could not be stored"):
        sessions.begin(ID, SESSION._replace(started_at=NOW + 1))


def saved(store: Store, grant: Grant, *votes: Vote) -> Grant:
    after = replace(grant, votes=(*grant.votes, *votes))
    link = audit.next_chained_record(audit.grant_record(AuditEvent.VOTE, Outcome.APPROVED, after, Origin(), NOW), grant)
    after = audit.with_chain_head(after, link)
    store.save(grant, after, link, now=NOW)
    return after


def test_a_vote_is_listed_for_its_voter_from_its_own_transaction(client: Any):
    store, votes = Store(client, "state", "audit"), VoteHistory(client, "state")
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.REQUEST, Outcome.REVIEW, PENDING, Origin(), NOW), PENDING
    )
    grant = audit.with_chain_head(PENDING, link)
    store.create_grant(grant, link, now=NOW)
    by_alice, by_bob = (
        Vote(identity(f"staff.{name}"), VoteVerdict.APPROVE, "x", "", NOW, "web") for name in ("alice", "bob")
    )
    grant = saved(store, grant, by_alice)
    assert votes.of(identity("staff.bob")) == []
    saved(store, grant, by_bob)
    assert votes.of(identity("staff.alice")) == votes.of(identity("staff.bob")) == [grant.id]
    listed = [item for item in client.scan(TableName="state")["Items"] if item["pk"]["S"].startswith("VOTES#")]
    assert {item["expires"]["N"] for item in listed} == {str(NOW + KEEP_VOTE_SECONDS)}


def test_the_newest_votes_are_listed_first_and_not_all(client: Any):
    for number in range(MOST_VOTES + 5):
        key = {"pk": {"S": f"VOTES#{identity('staff.alice').digest}"}, "sk": {"S": f"{NOW + number:012d}#g-{number}"}}
        client.put_item(TableName="state", Item=key)
    found = VoteHistory(client, "state").of(identity("staff.alice"))
    assert (found[0], len(found)) == (f"g-{MOST_VOTES + 4}", MOST_VOTES)
