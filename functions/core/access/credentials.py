"""What STS is asked for a grant, and what comes back."""

import re
from dataclasses import dataclass, field

from core.access.grant import Grant
from core.access.session_policy import SessionPolicy
from core.times import iso

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html; boto3 checks none of these upper bounds.
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}", re.ASCII)
SHORTEST_SECONDS = 900
LONGEST_SECONDS = 3600
"""A Lambda function holds role credentials, so its AssumeRole is role chaining: one hour at most."""


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """One AssumeRole call: who, as what, for how long and with which policy and tags."""

    role_arn: str
    external_id: str
    name: str
    source_identity: str
    tags: tuple[tuple[str, str], ...]
    policy: SessionPolicy
    duration_seconds: int
    ends_at: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials of one grant; never stored, never logged, hidden in repr. `expires_at` in epoch seconds."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: int

    def view(self) -> dict[str, str]:
        """The credentials as the API hands them to the principal that asked."""
        return {
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "session_token": self.session_token,
            "expiration": iso(self.expires_at),
        }


def session_request(grant: Grant, policy: SessionPolicy, external_id: str, now: int) -> SessionRequest:
    """The AssumeRole call for an active grant: its name is the grant's id, its source identity the principal (STS 3).

    Raises ValueError for a name, source identity or tag that STS would refuse.
    """
    tags = (("grant", grant.id), ("agent", grant.principal), ("human", grant.human or ""))
    for name in (grant.id, grant.principal):
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a session name or source identity: {name!r}")
    for _, value in tags:
        if not _TAG_VALUE.fullmatch(value):
            raise ValueError(f"not a session tag: {value!r}")
    seconds = min(max(grant.expires_at - now, SHORTEST_SECONDS), LONGEST_SECONDS)
    return SessionRequest(
        grant.role_arn, external_id, grant.id, grant.principal, tags, policy, seconds, grant.expires_at
    )
