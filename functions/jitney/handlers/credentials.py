"""POST /v1/grants/{id}/credentials: first or renewed credentials of an active grant."""

from jitney.core.access.credential_seconds import parse_renewal
from jitney.core.access.eligibility import require_credentials_grant
from jitney.core.records.audit import AuditEvent
from jitney.handlers.caller.authentication import authenticate_request
from jitney.handlers.grant.issuance import renew_credentials
from jitney.handlers.grant.responses import active_grant, grant_response
from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports


def create_credentials(request: Request, ports: Ports) -> Response:
    """200 with credentials.

    Raises Problem for another caller's grant, a gateway grant, and one that is not active or not allowed now.
    """
    authenticated = authenticate_request(request, ports)
    with authenticated.counting_refusals(AuditEvent.ISSUE):
        grant = authenticated.own_grant()
        require_credentials_grant(grant, authenticated.now)
        grant = active_grant(grant, authenticated)
        seconds = parse_renewal(request.body, ports.config.limits)
    renewed, credentials = renew_credentials(grant, authenticated, seconds)
    return grant_response(200, renewed, authenticated, credentials)


handler = endpoint(create_credentials, ("config", "policies", "actions", "keys", "store", "suspensions", "sessions"))
