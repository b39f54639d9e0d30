"""GET /v1/health: alive, and which version."""

import os

from handlers.edge import endpoint
from handlers.http import Request, Response
from handlers.ports import Ports


def health(_request: Request, _ports: Ports) -> Response:
    """200; says nothing about anything behind the function."""
    return Response(200, {"status": "ok", "version": os.environ.get("JITNEY_VERSION", "unknown")})


handler = endpoint(health, ())
