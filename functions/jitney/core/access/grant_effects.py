"""The effects of a grant that outlive it (row END 5)."""

from collections.abc import Iterable
from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.access.request import Permission, Way
from jitney.core.actions import READING, AccessLevel, ActionTable
from jitney.core.outliving import GrantEffect, grouped_effects

_READS = READING | {AccessLevel.READ_SECRET}


def answers_masked(way: str, *, reveal: bool) -> bool:
    """Return whether the agent of a grant gets answers without their secrets."""
    return way == Way.GATEWAY and not reveal


def effects_of(
    permissions: Iterable[Permission], actions: ActionTable, *, masked: bool = False
) -> tuple[GrantEffect, ...]:
    """Return what outlives a grant of `permissions`, whose action wildcards are expanded.

    With `masked` answers, the agent got no secret, so that nothing outlives an action that only reads.
    """
    granted = (actions.get(name) for permission in permissions for name in permission.actions)
    outside = _READS if masked else frozenset()
    return grouped_effects((each.name, each.outliving) for each in granted if each and each.level not in outside)


def issued_effects(grant: Grant, actions: ActionTable) -> tuple[GrantEffect, ...]:
    """Return what outlives a grant, or () if it never had credentials, or its call was not sent."""
    masked = answers_masked(grant.way, reveal=grant.reveal)
    return effects_of(grant.permissions, actions, masked=masked) if was_obtained(grant) else ()


def was_obtained(grant: Grant) -> bool:
    """Return whether the agent obtained the access: its credentials were issued, or its one call was sent.

    A grant for the gateway counts as obtained from its start, because its calls are not read here.
    """
    return grant.starts_at is not None and not grant.unissued and (grant.call is None or grant.used_at is not None)


def end_detail(grant: Grant, actions: ActionTable) -> dict[str, Any]:
    """Return the record members of an end that say what outlives the grant, or {} for nothing."""
    effects = [each.view() for each in issued_effects(grant, actions)]
    return {"outlives": effects} if effects else {}
