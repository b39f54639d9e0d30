"""What every AWS client here shares: short time limits, few retries, and failures told as problems."""

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
"""Three attempts that hang, and the pauses between them, end within the functions' 15 seconds (infra.function_specs)."""

TWO_ATTEMPTS = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
"""What is done for one person after another: two attempts that hang, and the pause, end in 9 s (handlers.channels)."""

ONE_ATTEMPT = Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 1})
"""A write that is repeated later could undo another's: it is made once, in 5 s at most, or not."""

SHORT_TIMEOUT = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})
"""For a call besides those that a function is there for: it has 4 s at most."""

LARGE_OBJECTS = Config(connect_timeout=1, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
"""For who reads and writes objects of megabytes, with nobody waiting for the answer."""


@contextmanager
def aws_errors_as_unavailable(part: str) -> Iterator[None]:
    """Turn any failure of an AWS call into Problem unavailable: what cannot be asked is not allowed (POL 8)."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise Problem("unavailable", f"{part} did not answer as it should.", "Try again in a moment.") from error
