"""The emulator's clock. A request can claim to arrive later, so that tests need not wait for an expiry.

IAM and STS use the claimed time for the expiry of credentials and for aws:CurrentTime. A request cannot claim an
earlier time, so no request can avoid an expiry.
"""

import datetime as dt
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, Self

from ministack.core import iam_evaluator
from ministack.services import sts

HEADER = "x-jitney-arrives-at"
"""Epoch seconds."""

type Application = Callable[[Any, Any, Any], Awaitable[None]]

_arrival: ContextVar[float] = ContextVar("arrival", default=0.0)


def now() -> float:
    """Return the time of the request that is being served, in epoch seconds."""
    return max(_arrival.get(), time.time())


class _Moment(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Self:
        return cls.fromtimestamp(now(), tz)


def with_request_clock(application: Application) -> Application:
    """Return `application` with an IAM and an STS that use `now`."""
    iam_evaluator.time = sts.time = SimpleNamespace(time=now)
    iam_evaluator._dt = SimpleNamespace(datetime=_Moment, timezone=dt.timezone)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        claimed = dict(scope.get("headers", ())).get(HEADER.encode(), b"")
        _arrival.set(float(claimed) if claimed.isdigit() else 0.0)
        await application(scope, receive, send)

    return serve
