"""POST /v1/grants: request access."""

from jitney.handlers.access.grant_requests import request_grant
from jitney.handlers.caller.authentication import authenticate_request
from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports


def create_grant(request: Request, ports: Ports) -> Response:
    """Authenticate the caller, and answer its request as `request_grant` does."""
    return request_grant(authenticate_request(request, ports))


NEEDS = ("config", "policies", "shadow_policies", "actions", "keys", "store", "suspensions", "sessions")

handler = endpoint(create_grant, NEEDS)
