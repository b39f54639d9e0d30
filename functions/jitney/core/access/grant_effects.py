"""The effects of a grant that outlive it (row END 5)."""

from collections.abc import Iterable
from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.access.request import Permission
from jitney.core.actions import ActionTable
from jitney.core.outliving import GrantEffect, grouped_effects


def effects_of(permissions: Iterable[Permission], actions: ActionTable) -> tuple[GrantEffect, ...]:
    """Return what outlives a grant of `permissions`, whose action wildcards are expanded."""
    granted = (actions.get(name) for permission in permissions for name in permission.actions)
    return grouped_effects((action.name, action.outliving) for action in granted if action)


def issued_effects(grant: Grant, actions: ActionTable) -> tuple[GrantEffect, ...]:
    """Return what outlives a grant, or () if it never had credentials."""
    issued = grant.starts_at is not None and not grant.unissued
    return effects_of(grant.permissions, actions) if issued else ()


def end_detail(grant: Grant, actions: ActionTable) -> dict[str, Any]:
    """Return the record members of an end that say what outlives the grant, or {} for nothing."""
    effects = [each.view() for each in issued_effects(grant, actions)]
    return {"outlives": effects} if effects else {}
