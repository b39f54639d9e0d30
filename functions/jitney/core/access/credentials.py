"""The STS session of a grant: what is requested, and what STS returns."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from jitney.core.access.grant import Grant
from jitney.core.access.session_policy import SessionPolicy, scopable_policy
from jitney.core.stored_identity import name_of
from jitney.core.times import iso

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html; boto3 does not check these bounds.
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}", re.ASCII)
CANARY_PREFIX = "g-canary-"
"""Prefix of the names of canary sessions, which the broker keeps for itself.

A grant's id has one hyphen, so no grant's id starts with this prefix.
"""
TRIAL_PREFIX = "g-trial-"
"""Prefix of the names of sessions that only show whether STS accepts the size of a grant's policy and tags."""
READS_PREFIX = "c-reads-g-"
"""Prefix of the names of sessions with which the gateway reads for a grant. These sessions are kept in memory."""
CALL_ID = re.compile(r"c-[a-z2-7]{14}", re.ASCII)
"""The id of a call through the gateway. A call that may change something has a session of its own, named after it."""
CALL_SECONDS = 60
"""How long the session of one call is valid."""
ENDED_SECONDS = 86_400
"""How many seconds ago the policy of a trial ended, so that its session may do nothing. Clocks differ by less."""
MIN_STS_SESSION_SECONDS = 900
MAX_STS_SESSION_SECONDS = 3600
"""The longest session: AssumeRole from a Lambda function is role chaining, which AWS limits to one hour."""


class SessionRequest(NamedTuple):
    """One session: the role, its name and tags, its policy and its duration.

    `scopable` is set when even STS's shortest session would outlive the grant. The broker then keeps a session with the
    policy `scopable`, from which STS derives the agent's credentials. These are limited to `policy` and end at
    `ends_at` (epoch seconds).
    """

    role_arn: str
    external_id: str
    name: str
    source_identity: str
    tags: tuple[tuple[str, str], ...]
    policy: SessionPolicy
    duration_seconds: int
    ends_at: int
    scopable: SessionPolicy | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials of one grant.

    They are never stored, never logged, and hidden in repr. `expires_at` is in epoch seconds.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: int

    def view(self) -> dict[str, str]:
        """Return the credentials as the API sends them to the principal."""
        return {
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "session_token": self.session_token,
            "expiration": iso(self.expires_at),
        }


def session_request(
    grant: Grant, policy: SessionPolicy, external_id: str, now: int, *, prefix: str = "", ends_at: int | None = None
) -> SessionRequest:
    """Return the session of an active grant: named after the grant, with the principal as source identity (STS 3).

    The name of a session that the broker uses itself has a `prefix`, such as `CANARY_PREFIX`. So IAM can restrict who
    creates such sessions. The Deny statement in `policy` ends such a session, and the deny document matches it by its
    tags. `ends_at` is the end in `policy`; None if the session ends with the grant.

    Raises ValueError for a name, source identity or tag that STS would refuse.
    """
    tags = (("grant", grant.id), ("agent", grant.principal), ("unit", grant.unit), ("human", name_of(grant.human)))
    for name in (grant.id, grant.principal):
        if not _NAME.fullmatch(name):
            raise ValueError(f"STS does not accept this session name or source identity: {name!r}")
    for _, value in tags:
        if not _TAG_VALUE.fullmatch(value):
            raise ValueError(f"STS does not accept this session tag: {value!r}")
    end = grant.expires_at if ends_at is None else min(ends_at, grant.expires_at)
    left = end - now
    return SessionRequest(
        role_arn=grant.role_arn,
        external_id=external_id,
        name=prefix + grant.id.removeprefix("g-") if prefix else grant.id,
        source_identity=grant.principal,
        tags=tags,
        policy=policy,
        duration_seconds=min(max(left, MIN_STS_SESSION_SECONDS), MAX_STS_SESSION_SECONDS),
        ends_at=end,
        scopable=scopable_policy(policy) if not prefix and left < MIN_STS_SESSION_SECONDS else None,
    )


def reads_session_request(grant: Grant, policy: SessionPolicy, external_id: str, now: int) -> SessionRequest:
    """Return a session with which the gateway reads for a grant. `policy` is that of the whole grant, or of less.

    Raises ValueError as `session_request` does.
    """
    return session_request(grant, policy, external_id, now, prefix=READS_PREFIX)


def call_session_end(grant: Grant, now: int) -> int:
    """Return when the session of a call made at `now` ends (epoch seconds), at most CALL_SECONDS later."""
    return min(now + CALL_SECONDS, grant.expires_at)


def call_session_request(
    grant: Grant, call_id: str, policy: SessionPolicy, external_id: str, now: int
) -> SessionRequest:
    """Return the session of one call. `policy` allows that call, until `call_session_end`.

    Raises ValueError for a malformed call id, and as `session_request` does.
    """
    if not CALL_ID.fullmatch(call_id):
        raise ValueError(f"This is no call id: {call_id!r}")
    end = call_session_end(grant, now)
    return session_request(grant, policy, external_id, now, prefix=f"{call_id}-g-", ends_at=end)
