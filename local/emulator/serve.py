"""Serves an ASGI application until the process gets SIGTERM."""

import asyncio
import os
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.core import lambda_runtime

from local.processes import LIFELINE_VARIABLE, hold_lifeline


def run(application: Any) -> None:
    """Serve on BIND_HOST:GATEWAY_PORT until SIGTERM or the lifeline's end. Then end the functions' processes."""
    Path(os.environ["TMPDIR"]).mkdir(parents=True, exist_ok=True)
    hold_lifeline(os.environ.get(LIFELINE_VARIABLE, ""))
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.2
    config.shutdown_timeout = 1.0
    config.loglevel = os.environ["LOG_LEVEL"]
    try:
        asyncio.run(serve(application, config))
    finally:
        lambda_runtime.reset()
        # Threads that still wait for an execution or a stream would keep the interpreter from ending.
        os._exit(0)
