from dataclasses import replace

import pytest

from jitney.core.access.credentials import (
    CANARY_PREFIX,
    MAX_STS_SESSION_SECONDS,
    MIN_STS_SESSION_SECONDS,
    Credentials,
    call_session_end,
    call_session_request,
    reads_session_request,
    session_request,
)
from jitney.core.access.eligibility import require_active_grant
from jitney.core.access.grant import OPEN_STATES, TRANSITIONS, GrantEnd, State, Vote, VoteVerdict
from jitney.core.access.session_policy import compile_policy, scopable_policy
from jitney.core.access.stored_state import with_derived_state
from jitney.core.problems import Problem
from tests.fakes import ACTIONS, GRANT, NOW, PENDING
from tests.identities import identity


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_a_grant_makes_only_the_listed_transitions(before: State, after: State):
    grant = replace(GRANT, state=before)
    if after in TRANSITIONS[before]:
        assert grant.move(after).state is after
    else:
        with pytest.raises(ValueError, match="cannot go"):
            grant.move(after)


def test_an_ended_grant_never_becomes_active_again():
    ended = {State.REJECTED, State.EXPIRED, State.RELEASED, State.REVOKED, State.FAILED, State.USED}
    assert all(TRANSITIONS[state] <= ended for state in ended)


NO = Vote(identity("corp.alice"), VoteVerdict.REJECT, "content", "not today", NOW, "web")
RELEASED, REVOKED = GrantEnd(NOW, "corp.agent", ""), GrantEnd(NOW, "corp.olga", "leaked")
# The derived state of a grant whose stored `state` is open, by its other members.
BORNE_OUT = {
    State.PENDING: PENDING,
    State.ACTIVE: GRANT,
    State.REJECTED: replace(PENDING, votes=(NO,)),
    State.RELEASED: replace(GRANT, ending=RELEASED),
    State.REVOKED: replace(GRANT, ending=replace(REVOKED, denied_after_milliseconds=900)),
}


@pytest.mark.parametrize("said", State)
@pytest.mark.parametrize("state", BORNE_OUT)
def test_pol_01_an_unsupported_state_opens_nothing(state: State, said: State):
    read = with_derived_state(replace(BORNE_OUT[state], state=said))
    ends = State.EXPIRED if said is State.EXPIRED else State.FAILED
    assert read.state is (ends if state in OPEN_STATES and said not in OPEN_STATES else state)
    assert replace(read, state=said) == replace(BORNE_OUT[state], state=said)


@pytest.mark.parametrize("said", sorted(set(State) - OPEN_STATES))
def test_end_01_an_unsupported_end_does_not_prevent_a_revocation(said: State):
    """The grant's credentials may be live."""
    read = with_derived_state(replace(GRANT, state=said))
    for ending in (RELEASED, REVOKED):
        assert read.end(ending.state, ending) == replace(GRANT, state=ending.state, ending=ending)
    assert with_derived_state(replace(PENDING, state=said)).end(State.REVOKED, REVOKED).ending is None
    over = replace(GRANT, state=State.EXPIRED, expires_at=NOW)
    assert over.end(State.REVOKED, REVOKED) is over


@pytest.mark.parametrize("grant", [GRANT, PENDING], ids=["active", "pending"])
def test_end_04_a_grant_expires_without_a_process(grant):
    assert grant.at(grant.expires_at - 1).state is grant.state
    assert grant.at(grant.expires_at).state is State.EXPIRED


REFUSED = {
    State.PENDING: (409, "grant_pending"),
    State.REJECTED: (410, "grant_rejected"),
    State.EXPIRED: (410, "grant_ended"),
    State.RELEASED: (409, "grant_released"),
    State.REVOKED: (410, "grant_revoked"),
    State.FAILED: (410, "grant_ended"),
    State.USED: (410, "grant_ended"),
}


@pytest.mark.parametrize("state", REFUSED)
def test_sts_07_only_active_grants_get_credentials(state: State):
    with pytest.raises(Problem) as raised:
        require_active_grant(replace(GRANT, state=state), NOW)
    assert (raised.value.status, raised.value.code) == REFUSED[state]
    assert raised.value.fix


@pytest.mark.parametrize(
    ("seconds", "asked"), [(30, MIN_STS_SESSION_SECONDS), (1800, 1800), (9999, MAX_STS_SESSION_SECONDS)]
)
def test_sts_04_the_requested_lifetime_is_one_that_sts_accepts(seconds: int, asked: int):
    grant = replace(GRANT, expires_at=NOW + seconds)
    request = session_request(grant, compile_policy(grant.permissions, grant.expires_at, ACTIONS), "x", NOW)
    assert (request.duration_seconds, request.ends_at) == (asked, NOW + seconds)


@pytest.mark.parametrize(("seconds", "scoped"), [(5, True), (899, True), (900, False), (3600, False)])
def test_end_04_a_session_that_outlives_the_grant_is_scoped_down(seconds: int, scoped: bool):
    grant = replace(GRANT, expires_at=NOW + seconds)
    policy = compile_policy(grant.permissions, grant.expires_at, ACTIONS)
    request = session_request(grant, policy, "x", NOW)
    assert request.policy == policy
    assert request.scopable == (scopable_policy(policy) if scoped else None)
    assert session_request(grant, policy, "x", NOW, prefix=CANARY_PREFIX).scopable is None


CALL_ID = "c-bcdefghijklmno"


@pytest.mark.parametrize(("left", "seconds"), [(3600, 60), (61, 60), (60, 60), (7, 7)])
def test_gw_01_a_call_has_a_session_of_its_own_for_a_minute_at_most(left: int, seconds: int):
    grant = replace(GRANT, expires_at=NOW + left)
    end = call_session_end(grant, NOW)
    policy = compile_policy(grant.permissions, end, ACTIONS)
    request = call_session_request(grant, CALL_ID, policy, "x", NOW)
    assert request.name == f"{CALL_ID}-{GRANT.id}"
    assert request.ends_at == end == NOW + seconds
    assert (request.policy, request.scopable) == (policy, None)
    assert request.duration_seconds == MIN_STS_SESSION_SECONDS


@pytest.mark.parametrize("left", [3600, 899, 7])
def test_gw_01_reads_share_a_session_that_ends_with_the_grant_and_is_never_scoped_down(left: int):
    grant = replace(GRANT, expires_at=NOW + left)
    request = reads_session_request(grant, compile_policy(grant.permissions, NOW + left, ACTIONS), "x", NOW)
    assert request.name == f"c-reads-{GRANT.id}"
    assert (request.ends_at, request.scopable) == (NOW + left, None)
    assert request.duration_seconds == max(left, MIN_STS_SESSION_SECONDS)


def test_end_01_the_gateways_sessions_have_the_tags_that_the_deny_document_names():
    policy = compile_policy(GRANT.permissions, GRANT.expires_at, ACTIONS)
    expected = session_request(GRANT, policy, "x", NOW)
    for request in (
        reads_session_request(GRANT, policy, "x", NOW),
        call_session_request(GRANT, CALL_ID, policy, "x", NOW),
    ):
        assert request.tags == expected.tags
        assert (request.source_identity, request.external_id) == (expected.source_identity, "x")


@pytest.mark.parametrize(
    "call_id", ["", "c-reads", "g-bcdefghijklmno", "c-bcdefghijklmn", f"{CALL_ID}-x", f"{CALL_ID}\n"]
)
def test_gw_01_a_session_is_named_after_a_call_id_only(call_id: str):
    policy = compile_policy(GRANT.permissions, GRANT.expires_at, ACTIONS)
    with pytest.raises(ValueError, match="no call id"):
        call_session_request(GRANT, call_id, policy, "x", NOW)


def test_end_04_a_renewal_near_the_end_of_a_long_grant_is_scoped_down():
    grant = replace(GRANT, duration_seconds=3600, expires_at=NOW + 3600)
    policy = compile_policy(grant.permissions, grant.expires_at, ACTIONS)
    assert session_request(grant, policy, "x", NOW).scopable is None
    assert session_request(grant, policy, "x", NOW + 3000).scopable


@pytest.mark.parametrize(
    "members",
    [
        {"principal": "a"},
        {"principal": "a b"},
        {"principal": "x" * 65},
        {"human": identity("#")},
        {"principal": "é" * 3},
    ],
)
def test_sts_03_names_that_sts_would_refuse_are_never_sent(members):
    grant = replace(GRANT, **members)
    with pytest.raises(ValueError, match="STS does not accept this session"):
        session_request(grant, compile_policy(grant.permissions, grant.expires_at, ACTIONS), "x", NOW)


def test_sts_03_the_session_names_the_grant_and_its_principal():
    grant = replace(GRANT, human=identity("corp.alice"))
    request = session_request(grant, compile_policy(grant.permissions, grant.expires_at, ACTIONS), "x", NOW)
    assert (request.name, request.source_identity) == (grant.id, grant.principal)
    assert dict(request.tags) == {
        "grant": grant.id,
        "agent": grant.principal,
        "unit": grant.unit,
        "human": "corp.alice",
    }


def test_sts_05_credentials_do_not_show_in_a_repr():
    assert "hidden" not in repr(Credentials("ASIAEXAMPLE", "hidden", "hidden", NOW))
