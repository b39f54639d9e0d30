"""Settings of all AWS clients: short timeouts, few retries, failures as problems."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jitney.core.problems import Problem

DEFAULT_CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
)
"""Three attempts that hang, with the pauses between them, end within a function's 15 s (infra.function_specs)."""

TWO_ATTEMPTS = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
"""For messages to one person after another: two attempts that hang, with the pause, end in 9 s (handlers.channels)."""

ONE_ATTEMPT = Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 1})
"""For a write that would undo a newer one if it were repeated late: one attempt, in at most 5 s."""

SHORT_TIMEOUT = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})
"""For a side call of a function: it ends in at most 4 s."""

LARGE_OBJECTS = Config(connect_timeout=1, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
"""For objects of megabytes, when no caller waits for the answer."""


@contextmanager
def aws_errors_as_unavailable(part: str) -> Iterator[None]:
    """Turn any failure of an AWS call into Problem unavailable: without an answer, access is denied (POL 8)."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise Problem("unavailable", f"{part} did not answer as it should.", "Try again in a moment.") from error
