"""The emulator's clock: a request may say that it arrives later, so that tests see an end without waiting for it.

What IAM and STS decide by time is then decided as of that moment: when credentials expire and what aws:CurrentTime is.
Only later: nobody gets past an end by it.
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
    """Epoch seconds, for the request that is being served."""
    return max(_arrival.get(), time.time())


class _Moment(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Self:
        return cls.fromtimestamp(now(), tz)


def with_request_clock(application: Application) -> Application:
    """`application`, whose IAM and STS go by `now`."""
    iam_evaluator.time = sts.time = SimpleNamespace(time=now)
    iam_evaluator._dt = SimpleNamespace(datetime=_Moment, timezone=dt.timezone)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        told = dict(scope.get("headers", ())).get(HEADER.encode(), b"")
        _arrival.set(float(told) if told.isdigit() else 0.0)
        await application(scope, receive, send)

    return serve
