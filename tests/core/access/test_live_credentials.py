"""END 6: a deny entry only where credentials may be outside Jitney, and for as long as they can be used."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.credentials import CALL_SECONDS
from jitney.core.access.deny_document import CLOCK_SKEW_SECONDS, IN_FLIGHT_SECONDS, DenyEntry
from jitney.core.access.grant import Grant, GrantEnd, State
from jitney.core.access.live_credentials import FASTEST_DENIAL_SECONDS, NoDenial, denial_of, needs_denial
from jitney.core.access.request import Permission, Way
from jitney.core.access.reviewed_call import ReviewedCall
from tests.fakes import CALL, GRANT, NOW, PENDING

HOUR = replace(GRANT, expires_at=NOW + 3600)
TICKET_SECONDS = IN_FLIGHT_SECONDS + CALL_SECONDS


def gateway(*actions: str, **members: Any) -> Grant:
    return replace(HOUR, way=Way.GATEWAY, permissions=(Permission(actions, ("*",)),), **members)


def ended(grant: Grant, state: State, at: int = NOW) -> Grant:
    return replace(grant, state=state, ending=GrantEnd(at, "corp.olga", "leaked" if state is State.REVOKED else ""))


@pytest.mark.parametrize("state", [State.RELEASED, State.REVOKED])
@pytest.mark.parametrize(
    ("grant", "denied"),
    [
        (HOUR, 3600),
        (replace(HOUR, state=State.FAILED), 3600),  # an earlier issue may have succeeded
        (replace(HOUR, unissued=True), NoDenial.NOT_ISSUED),
        (PENDING, NoDenial.NOT_ISSUED),
        (replace(HOUR, way=Way.GATEWAY, call=CALL), NoDenial.NOT_ISSUED),  # its session names the other grant
        (gateway("dynamodb:GetItem", "sqs:SendMessage"), NoDenial.IN_BROKER),
        (gateway("dynamodb:GetItem", "s3:ListBucket"), TICKET_SECONDS),
        (gateway("S3:PutObject"), TICKET_SECONDS),
        (gateway("s3-object-lambda:GetObject"), TICKET_SECONDS),
        (gateway("*"), TICKET_SECONDS),
        (gateway("s3:GetObject", expires_at=NOW + 90), 90),
        (replace(HOUR, permissions=()), 3600),  # as an unreadable grant
    ],
)
def test_end_06_an_end_is_denied_for_as_long_as_credentials_may_be_outside(
    grant: Grant, denied: int | NoDenial, state: State
):
    assert isinstance(grant.call, ReviewedCall | None)
    over = ended(grant, state)
    if isinstance(denied, NoDenial):
        assert denial_of(over) is denied
        assert not needs_denial(over, NOW)
        return
    entry = denial_of(over, by_operator=True)
    until = NOW + denied + CLOCK_SKEW_SECONDS
    assert entry == DenyEntry(GRANT.id, NOW, until, GRANT.unit, by_operator=True, unwritten=state is State.REVOKED)
    assert [needs_denial(over, NOW + each) for each in (0, denied - 1, denied)] == [True, True, False]


@pytest.mark.parametrize("left", range(FASTEST_DENIAL_SECONDS + 2))
@pytest.mark.parametrize("grant", [HOUR, gateway("s3:GetObject")])
def test_end_06_a_release_that_no_denial_could_overtake_is_not_denied_and_each_revocation_is(grant: Grant, left: int):
    at = grant.expires_at - left
    released, revoked = (denial_of(ended(grant, state, at)) for state in (State.RELEASED, State.REVOKED))
    none = NoDenial.NOT_ISSUED if not left else NoDenial.ENDS_FIRST if left < FASTEST_DENIAL_SECONDS else None
    assert released is none if none else isinstance(released, DenyEntry)
    assert isinstance(revoked, DenyEntry) is (left > 0)


def test_end_06_only_an_ended_grant_has_a_denial():
    with pytest.raises(ValueError, match="only a released or revoked grant"):
        denial_of(GRANT)
