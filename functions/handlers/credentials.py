"""POST /v1/grants/{id}/credentials: credentials of an active grant, after its review or again."""

from handlers.callers import identify
from handlers.edge import endpoint
from handlers.http import Request, Response
from handlers.issuing import reissue
from handlers.ports import Ports


def create_credentials(request: Request, ports: Ports) -> Response:
    """200 with credentials, or Problem: not the caller's grant, not active (any more), no longer allowed."""
    call = identify(request, ports)
    current, credentials = reissue(call.own_grant(), call)
    return Response(200, {"grant": current.view(), "credentials": credentials.view()})


handler = endpoint(create_credentials, ("config", "policies", "actions", "keys", "store", "sessions"))
