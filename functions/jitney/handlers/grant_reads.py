"""GET /v1/grants: the caller's own grants."""

import re
from collections.abc import Sequence
from typing import Any

from jitney.core.access.grant import Grant, State
from jitney.core.problems import Problem
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import authenticate_even_suspended
from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports

_CURSOR = re.compile(r"([0-9]{12})[.](g-[a-z2-7]{14})", re.ASCII)
"""The place of a grant in the list, with a full stop for the number sign, which would end the query of an address."""


def list_grants(request: Request, ports: Ports) -> Response:
    """200 with a page of the caller's grants. Raises Problem request_invalid for a cursor of no page."""
    authenticated = authenticate_even_suspended(request, ports, query=("cursor",))
    with authenticated.counting_refusals():
        cursor = _cursor(request)
    grants, following = ports.store.grants_of(authenticated.principal.owner_key, cursor)
    # The names of another issuer's agents can be the same after an alias was given to that issuer.
    own = [
        authenticated.suspensions.applied(grant).at(authenticated.now) for grant in grants if authenticated.owns(grant)
    ]
    return Response(200, {"grants": _views(own, authenticated), "next": following.replace("#", ".") or None})


def _views(grants: Sequence[Grant], authenticated: AuthenticatedRequest) -> list[dict[str, Any]]:
    """Return the grants as the API lists them. Pending grants have their review."""
    pending = [each for each in grants if each.state is State.PENDING]
    if not pending:
        return [each.view() for each in grants]
    from jitney.handlers.review.review_views import review_views  # noqa: PLC0415 - most grants are not pending

    reviews = review_views(pending, authenticated)
    return [each.view() | ({"review": reviews[each.id]} if each.id in reviews else {}) for each in grants]


def _cursor(request: Request) -> str:
    cursor = request.query.get("cursor", "")
    if not cursor:
        return ""
    if place := _CURSOR.fullmatch(cursor):
        return "#".join(place.groups())
    fix = "Send the `next` of the previous page, or leave the cursor out."
    raise Problem("request_invalid", "The cursor is not valid.", fix, {"parameter": "cursor"})


handler = endpoint(list_grants, ("config", "keys", "store", "suspensions"))
