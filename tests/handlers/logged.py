"""What the functions log, as CloudWatch gets it."""

import io

import pytest

from jitney.handlers.runtime.logs import logger


def log_of(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return the stream that gets what is logged until the test ends."""
    stream = io.StringIO()
    for each in logger.handlers:
        monkeypatch.setattr(each, "stream", stream)
    return stream
