"""GET /v1/targets: what the caller could request, on each target.

A target on which policies permit the caller nothing is not in the answer, like one that does not exist. Every answer
counts as a dry run and is on record, because it reveals what policies permit.
"""

from typing import Any

from jitney.core.access.conditions import conditions_view
from jitney.core.identity.principal import Principal
from jitney.core.policy.permitted_access import PermittedAccess
from jitney.core.policy.permitted_target import PermittedTarget
from jitney.core.policy.permitted_terms import PermitTerms
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import authenticate_request
from jitney.handlers.caller.ungranted import count_preview
from jitney.handlers.caller.visible_targets import visible_targets
from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports

_REPEAT = "Jitney evaluated policies for as long as one answer may take. Repeat the request: it may find more targets."
"""The text does not promise more targets, because policies may permit the caller nothing on the others."""


def list_targets(request: Request, ports: Ports) -> Response:
    """200 with the targets. Raises Problem rate_limited."""
    authenticated = authenticate_request(request, ports)
    count_preview(authenticated, AuditEvent.TARGET_LIST)
    found, whole = visible_targets(authenticated.principal, ports, ports.config.targets)
    authenticated.record(
        AuditEvent.TARGET_LIST, Outcome.ALLOWED, detail={"targets": [each.target.alias for each in found]}
    )
    body: dict[str, Any] = {
        "caller": _caller_view(authenticated.principal),
        "targets": [_view(each, authenticated) for each in found],
    }
    fix = _REPEAT if not whole else "" if found else _nothing_permitted(authenticated.principal)
    return Response(200, body | ({"fix": fix} if fix else {}))


def _nothing_permitted(principal: Principal) -> str:
    """Return what a caller without targets can do."""
    groups = f"the groups {', '.join(sorted(principal.groups))}" if principal.groups else "no groups"
    return (
        f"No policy permits {principal.source_identity} anything; its token has {groups}. Ask your platform engineer "
        "for a policy that permits what you need, or for a group that has such a policy."
    )


def _caller_view(principal: Principal) -> dict[str, Any]:
    """Return the caller as policies see it."""
    return {
        "principal": principal.source_identity,
        "groups": sorted(principal.groups),
        "human": principal.human and principal.human.name,
        "claims": {name: list(value) if isinstance(value, tuple) else value for name, value in principal.tags},
    }


def _view(permitted: PermittedTarget, authenticated: AuthenticatedRequest) -> dict[str, Any]:
    target = permitted.target
    return {
        "target": target.alias,
        "account": target.account,
        "regions": list(dict.fromkeys((target.region, *target.other_regions))),
        "max_seconds": permitted.max_seconds,
        "ticket_patterns": list(target.ticket_patterns),
        "suspended": authenticated.suspensions.stopping(authenticated.principal, target) is not None,
        "incomplete": not permitted.whole,
        "access": [_access_view(each) for each in permitted.access],
        "access_profiles": [
            {"name": each.name, "partial": each.partial} | _terms_view(each.terms) for each in permitted.profiles
        ],
    }


def _access_view(access: PermittedAccess) -> dict[str, Any]:
    return {
        "access_level": str(access.level),
        "services": list(access.services),
        "actions": list(access.actions),
        "resources": list(access.resources),
        "conditions": conditions_view(access.conditions),
        "wildcards": access.wildcards,
        "partial": access.partial,
        "ways": [str(way) for way in access.ways],
        **_terms_view(access.terms),
    }


def _terms_view(terms: PermitTerms) -> dict[str, Any]:
    reviews = [list(groups) for groups in terms.reviews]
    return {"effect": str(terms.effect), "reviews": reviews, "max_seconds": terms.max_seconds}


handler = endpoint(list_targets, ("config", "policies", "actions", "keys", "store", "suspensions"))
