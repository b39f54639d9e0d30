"""GET /v1/grants and /v1/grants/{id}: the caller's own grants."""

import re

from jitney.core.problems import Problem
from jitney.handlers.callers import authenticate_even_suspended
from jitney.handlers.edge import endpoint
from jitney.handlers.http import Request, Response
from jitney.handlers.ports import Ports
from jitney.handlers.responses import grant_response

_CURSOR = re.compile(r"[0-9]{12}#g-[a-z2-7]{14}", re.ASCII)


def read_grants(request: Request, ports: Ports) -> Response:
    """200 with the grant of the path's id, or with a page of the caller's grants. Raises Problem grant_not_found."""
    call = authenticate_even_suspended(request, ports)
    with call.counting_refusals():
        if "id" in request.path:
            return grant_response(200, call.own_grant().at(call.now), call)
        cursor = _cursor(request)
    grants, following = ports.store.grants_of(call.principal.owner_key, cursor)
    shown = [call.suspensions.applied(grant).at(call.now).view() for grant in grants]
    return Response(200, {"grants": shown, "next": following or None})


def _cursor(request: Request) -> str:
    cursor = request.query.get("cursor", "")
    if cursor and not _CURSOR.fullmatch(cursor):
        fix = "Send the `next` of the previous page, or leave the cursor out."
        raise Problem("request_invalid", "The cursor is not valid.", fix)
    return cursor


handler = endpoint(read_grants, ("config", "keys", "store", "suspensions"))
