"""The pending reviews of one unit.

Equal requests of an agent are joined, and the number of pending reviews is limited (row REV 12). Pure.

The pending reviews of a unit are one `GrantList`. So when two equal requests arrive at the same time, the second finds
the first. The next request removes ended reviews from the list.
"""

import hashlib

from jitney.core.access.grant import Grant
from jitney.core.access.grant_list import GrantList, ListedGrant
from jitney.core.access.request import permissions_view
from jitney.core.records.record_texts import canonical


def list_key(quota_key: str) -> str:
    """Return the key of the list of a unit's pending reviews. `quota_key` is described in `Principal`."""
    return f"PENDING#{quota_key}"


def pending_review(grant: Grant) -> ListedGrant:
    """Return the entry of a pending grant."""
    return ListedGrant(grant.id, grant.owner_key, grant.unit_key, grant.expires_at, request=request_hash(grant))


def equal_to(pending: GrantList, grant: Grant) -> tuple[str, ...]:
    """Return the ids of the same owner's grants that were listed as pending, with the same request as `grant`.

    Requests of another agent in the unit are not joined, because that agent could not fetch the credentials.
    """
    sought = grant.owner_key, request_hash(grant)
    return tuple(each.grant_id for each in pending.entries if (each.owner, each.request) == sought)


def is_uncollected(approved: Grant, wanted: Grant, now: int) -> bool:
    """Return whether `approved` is what `wanted` requests, no credentials were issued, and half its time is left.

    Its agent may have lost it, for example because its process was killed during the wait. A narrowed approval is
    another request.
    """
    left = approved.expires_at - now
    whole = request_hash(approved) == request_hash(wanted)
    return approved.unissued and whole and 2 * left >= approved.duration_seconds


def request_hash(grant: Grant) -> str:
    """Return the SHA-256, in hexadecimal, of everything that an agent states in a request."""
    members = {
        "target": grant.target,
        "permissions": permissions_view(grant.permissions),
        "access_profile": grant.access_profile,
        "way": grant.way,
        "reveal": grant.reveal,
        "duration_seconds": grant.duration_seconds,
        "reason": grant.reason,
        "ticket": grant.ticket,
        "changed": grant.repeated and grant.repeated.changed,
        "call": grant.call and grant.id,  # each call is reviewed by itself, also if another one is equal
    }
    return hashlib.sha256(canonical(members).encode()).hexdigest()
