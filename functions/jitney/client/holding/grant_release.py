"""Releases the grants of a command that has ended, and notes what outlives them."""

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress

from jitney.client.api.broker import Broker
from jitney.client.api.responses import GrantResponse
from jitney.client.holding.held_grant import HeldGrant
from jitney.client.problems import ClientProblem
from jitney.client.processes.unsignalled import signals_blocked
from jitney.core.printable import strip_control_characters


def note(text: str) -> None:
    """Write one line to standard error, unless its reader or terminal is gone.

    Loads no module, because an upgrade may have removed the files of this version since the process started.
    """
    with suppress(OSError):
        sys.stderr.write(f"{strip_control_characters(text)}\n")
        sys.stderr.flush()


def release(broker: Broker, grant_id: str) -> None:
    """Release the grant, and note what outlives it.

    If the release fails, a note says so. The exit code stays the command's own.
    """
    _noted(grant_id, lambda: [broker.release(grant_id)])


def release_held(held: HeldGrant) -> None:
    """Release the grants that were held, as `release` does."""
    latest = held.latest
    _noted(latest.id if latest else "the grant", held.release)


def _noted(grant_id: str, released: Callable[[], Iterable[GrantResponse]]) -> None:
    # A supervisor may repeat its signal, or send it when the command has ended by itself. Ctrl+C ends the release.
    with signals_blocked(("SIGTERM", "SIGHUP")):
        try:
            for answer in released():
                for effect in answer.outlives:
                    note(f"jitney: {effect.sentence} {effect.left_to_do}")
        except ClientProblem as problem:
            note(f"jitney: {grant_id} was not released: {problem.title}. It ends by itself at its expiry.")
