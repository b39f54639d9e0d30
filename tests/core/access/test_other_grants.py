from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.access.document_times import IN_FORCE_SECONDS, RECORDED_SECONDS, DocumentTimes
from jitney.core.access.grant import GrantEnd, State
from jitney.core.access.grant_list import GrantList, ListedGrant
from jitney.core.access.other_grants import is_counted, list_keys, other_grant_of
from jitney.core.access.request import Permission, Way
from jitney.core.identity.principal import Principal
from jitney.core.issuer_config import Issuer
from jitney.core.stored_identity import identity_of
from tests.core.identity import minting
from tests.fakes import ACTIONS, GRANT, NOW, PENDING
from tests.identities import identity

PARTS = (Permission(("iam:PassRole", "s3:GetObject"), ("*",)), Permission(("ec2:RunInstances",), ("*",)))
ENTRIES = st.builds(
    ListedGrant,
    st.text(),
    st.text(),
    st.text(),
    st.integers(0, 2**40),
    st.text(),
    st.lists(st.text(), max_size=3).map(tuple),
    st.text(),
)


@given(st.lists(ENTRIES, max_size=4).map(tuple))
def test_a_list_comes_back_as_it_was_written(entries):
    listed = GrantList("a", "g-x", entries)
    assert GrantList.read("a", "g-x", listed.text()) == listed


@pytest.mark.parametrize("text", ["", "{}x", "[1]", '[["g", "o", 1, "a"]]'])
def test_pol_08_what_cannot_be_read_is_no_empty_holding(text):
    with pytest.raises((ValueError, TypeError)):
        GrantList.read("a", "g-x", text)


def test_an_entry_has_only_the_grants_combination_actions():
    assert other_grant_of(GRANT, ACTIONS) is None
    entry = other_grant_of(replace(GRANT, permissions=PARTS), ACTIONS)
    parts = ("ec2:RunInstances", "iam:PassRole")
    assert entry == ListedGrant(GRANT.id, GRANT.owner_key, GRANT.unit_key, NOW + 300, GRANT.account, parts)


def test_pol_05_a_pending_grant_counts_until_its_latest_possible_end():
    entry = other_grant_of(replace(PENDING, permissions=PARTS), ACTIONS)
    assert entry.until == PENDING.expires_at + PENDING.duration_seconds


def test_what_has_ended_is_dropped_when_something_is_entered():
    old, live, new = (
        ListedGrant(f"g-{until}", "o", "u", until, "a", ("iam:PassRole",)) for until in (NOW, NOW + 1, NOW + 2)
    )
    after = GrantList("a", "g-x", (old, live)).at(NOW).with_entry(new)
    assert after == GrantList("a", new.grant_id, (live, new))


def test_pol_05_a_grant_is_decided_over_what_was_entered_before_it():
    first, second, third = (ListedGrant(f"g-{number}", "o", "u", NOW) for number in range(3))
    listed = GrantList("a", "g-2", (first, second, third))
    assert listed.since("g-1") == (second, third)
    assert listed.since("") == listed.since("g-unknown") == ()


JOB = Principal(
    "https://idp",
    "ci",
    "job",
    "agent",
    frozenset(),
    "job",
    "ci.job",
    "ci.repository=1",
    None,
    (identity("people.old"),),
)
ALONE = replace(JOB, unit="ci.job", agent_owners=())


def keys(who: Principal, *issuers: Issuer) -> tuple[list[str], list[str]]:
    """The names of the lists' agents, units and people, without what all keys have."""
    own, related = list_keys(who, minting.config(*issuers))
    return [NAMES[each] for each in own], [NAMES[each] for each in related]


CI = {"ci.job", "ci.two", "ci.four", "ci.repository=1"}
IDENTITIES = [
    *(identity_of(each, "https://idp") for each in CI),
    *map(identity, ("people.alice", "people.old", "people.new", "corp.bot")),
]
NAMES = {f"ACTIVE_GRANTS#{'UNIT#' if '=' in each.name else ''}{each.digest}": each.name for each in IDENTITIES}


def test_pol_05_a_grant_counts_for_the_agent_its_unit_its_human_and_its_owners():
    assert keys(ALONE) == (["ci.job"], [])
    assert keys(replace(ALONE, human=identity("people.alice"))) == (["ci.job", "people.alice"], [])
    assert keys(JOB) == (["ci.job", "ci.repository=1", "people.old"], [])
    own, related = keys(replace(JOB, human=identity("people.alice")))
    assert (set(own), related) == ({"ci.job", "ci.repository=1", "people.alice", "people.old"}, [])


def test_pol_05_present_owners_and_the_agents_that_they_own_count():
    owned = {"job": ("people.new",), "two": ("people.new", "people.x"), "three": ("people.x",)}
    ci = minting.issuer("ci", "https://idp", owners=owned)
    corp = minting.issuer("corp", minting.CORP, owners={"bot": ("people.alice", "people.old")})
    people = minting.issuer("people", minting.PEOPLE)
    own, related = keys(JOB, ci, corp, people)
    assert (set(own), related) == ({"ci.job", "ci.repository=1", "people.new", "people.old"}, ["ci.two", "corp.bot"])
    four = replace(ALONE, subject="four", source_identity="ci.four", unit="ci.four")
    assert keys(four, ci, corp, people) == (["ci.four"], [])


def test_pol_05_the_lists_of_an_agent_are_the_same_under_another_alias():
    """Else an agent could combine grants from before and after its issuer got another alias."""
    renamed = replace(JOB, source_identity="build.job", unit="build.repository=1", issuer_name="build")
    assert list_keys(renamed, minting.config()) == list_keys(JOB, minting.config())
    assert list_keys(replace(JOB, issuer="https://other"), minting.config()) != list_keys(JOB, minting.config())


TAKEN_BACK = GrantEnd(NOW, "local.reader-agent", "")
DENIED = replace(TAKEN_BACK, denied_after_milliseconds=800)


@pytest.mark.parametrize(
    ("grant", "counted"),
    [
        (GRANT, True),
        (PENDING, True),
        (None, True),
        (replace(GRANT, expires_at=NOW), False),
        (replace(PENDING, expires_at=NOW), False),
        (replace(GRANT, state=State.FAILED), True),  # credentials of an earlier issue may be live
        (replace(PENDING, state=State.REJECTED), False),
        (replace(PENDING, state=State.RELEASED, ending=TAKEN_BACK), False),  # never issued
        (replace(GRANT, state=State.RELEASED, ending=TAKEN_BACK), True),
        (replace(GRANT, state=State.RELEASED, ending=DENIED), False),
        (replace(GRANT, state=State.REVOKED, ending=TAKEN_BACK), True),
        (replace(GRANT, state=State.REVOKED, ending=DENIED), False),
        (replace(GRANT, state=State.REVOKED, ending=TAKEN_BACK, expires_at=NOW), False),
    ],
)
def test_pol_05_a_grant_counts_while_its_credentials_may_work(grant, counted):
    assert is_counted(grant, DocumentTimes(), NOW) is counted


GATEWAY = replace(GRANT, way=Way.GATEWAY, permissions=(Permission(("sqs:SendMessage",), ("*",)),))


@pytest.mark.parametrize("state", [State.RELEASED, State.REVOKED])
@pytest.mark.parametrize(
    ("grant", "composed", "counted"),
    [
        (GRANT, 0, True),
        (GRANT, RECORDED_SECONDS - 1, True),
        (GRANT, RECORDED_SECONDS, False),
        (GATEWAY, 0, False),  # nothing of it is outside the broker
        (replace(GRANT, unissued=True), 0, False),
    ],
)
def test_pol_05_an_ended_grant_without_a_measurement_counts_until_a_document_denies_it(grant, composed, counted, state):
    over = replace(grant, state=state, ending=TAKEN_BACK)
    assert is_counted(over, DocumentTimes(NOW + composed), NOW + composed + IN_FORCE_SECONDS) is counted
