"""GET /v1/health: the function is alive, and its version."""

import os

from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports


def health(_request: Request, _ports: Ports) -> Response:
    """200. It calls no other service."""
    return Response(200, {"status": "ok", "version": os.environ.get("JITNEY_VERSION", "unknown")})


handler = endpoint(health, ())
