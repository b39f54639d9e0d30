"""The other active grants of an agent or a human that hold part of a privilege escalation.

Two simultaneous requests, each for half of an escalation, must not both be decided without the other. So the grants of
an identity are one `GrantList`. Each grant is decided over the entries before its own; later requests see it.
"""

from collections.abc import Iterable

from jitney.core.access.grant import Grant, State
from jitney.core.access.grant_list import ListedGrant
from jitney.core.access.request import Permission
from jitney.core.actions import ActionTable


def list_key(identity: str) -> str:
    """Return the key of the list of an agent's or a human's grants."""
    return f"ACTIVE_GRANTS#{identity}"


def identities_of(principal: str, human: str | None) -> tuple[str, ...]:
    """Return the identities whose other grants count for a request: the agent's, and the human's across all agents."""
    return tuple(dict.fromkeys((principal, human or principal)))


def combination_actions_in(permissions: Iterable[Permission], actions: ActionTable) -> tuple[str, ...]:
    """Return the actions in `permissions` (canonical names) that escalate privileges in combination with others."""
    named = {name for each in permissions for name in each.actions}
    return tuple(sorted(named & actions.combination_actions))


def other_grant_of(grant: Grant, actions: ActionTable) -> ListedGrant | None:
    """Return the grant's entry; None when it holds no combination actions.

    A grant under review may start as late as the end of its review.
    """
    parts = combination_actions_in(grant.permissions, actions)
    waiting = grant.duration_seconds if grant.state is State.PENDING else 0
    return ListedGrant(grant.id, grant.owner_key, grant.expires_at + waiting, grant.account, parts) if parts else None


def is_counted(grant: Grant | None, now: int) -> bool:
    """Return whether an entry's grant counts at `now`: it is pending or active, or its credentials may still work.

    A released or revoked grant counts until a session of it was seen to be denied. A grant that cannot be found counts.
    """
    if grant is None or grant.at(now).state in (State.PENDING, State.ACTIVE):
        return True
    denied = grant.ending is not None and grant.ending.denied_after_milliseconds is not None
    return grant.may_have_credentials(now) and not denied
