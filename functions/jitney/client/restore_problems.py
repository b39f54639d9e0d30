"""The problems of `jitney restore` when AWS refuses a request."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from jitney.client.problems import Unavailable
from jitney.client.restored_forms import TITLE
from jitney.core.problems import Problem

AGAIN = "Run the same command again: repeating it is safe."


@contextmanager
def available(what: str) -> Iterator[None]:
    """Raise Unavailable if AWS refuses a request of the block. `what` names the subject of the requests."""
    try:
        yield
    except (BotoCoreError, ClientError, Problem) as error:
        # The adapters raise a Problem, whose cause says what AWS answered.
        why = (error.__cause__ or error) if isinstance(error, Problem) else error
        raise Unavailable("aws_refused", TITLE, f"AWS refused a request about {what}: {why}", AGAIN) from error
