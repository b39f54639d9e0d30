"""A grant that this process holds open for its sessions, clients and threads (row CLI 6)."""

import logging
import os
import threading
import time
import warnings
import weakref

from jitney.client.api.broker import Broker
from jitney.client.api.polling import ended_problem
from jitney.client.api.responses import ApiCredentials, ApiGrant
from jitney.client.holding.held_grant import HeldGrant
from jitney.client.problems import ClientProblem, Invalid

LOG = logging.getLogger("jitney")
CHECK_SECONDS = 1.0
"""The shortest time between two reads of the grant's state after refusals by AWS."""
_FINAL = frozenset({"revoked", "released", "rejected", "failed"})


class KeptHere:
    """The base of objects that give access to keys. They cannot be pickled or copied."""

    __slots__ = ()

    def __reduce__(self) -> str | tuple[object, ...]:
        kind = type(self).__name__
        why = "because it gives access to keys: open a grant where needed"
        raise TypeError(f"{kind} cannot be pickled or copied, {why}")


class OpenGrant(KeptHere):
    """Gives credentials, or the grant for calls through the gateway, until it is closed.

    It is closed at the end of the process, too, and when nothing refers to it any more. A forked process cannot use it,
    and does not release it.
    """

    def __init__(self, broker: Broker, held: HeldGrant) -> None:
        self.broker = broker
        self._held = held
        self._process = os.getpid()
        self._ended: ClientProblem | None = None
        self._checked_at = float("-inf")
        self._checking = threading.Lock()
        self._finalizer = weakref.finalize(self, _released_late, held, os.getpid())

    def __repr__(self) -> str:
        """Return the id of the grant, without the keys."""
        grant = self._held.latest
        return f"{type(self).__name__}({grant.id if grant else ''})"

    @property
    def latest(self) -> ApiGrant:
        """The grant in use."""
        grant = self._held.latest
        return self.grant() if grant is None else grant

    @property
    def changed(self) -> str:
        """What differs from rejected requests, as the caller said."""
        return self._held.changed

    def grant(self) -> ApiGrant:
        """Return an active grant. Raises the problem if there is none."""
        self._require_open()
        return self._held.grant()

    def credentials(self) -> ApiCredentials:
        """Return credentials that remain valid for some time. Raises the problem if there are none."""
        self._require_open()
        return self._held.credentials()

    def why_refused(self) -> ClientProblem | None:
        """Return the problem that the grant was revoked or released, or None if it was not.

        Call this after AWS refused a call. Threads that call it at the same time get the same answer.
        """
        with self._checking:
            if self._ended or time.monotonic() - self._checked_at < CHECK_SECONDS:
                return self._ended
            self._checked_at = time.monotonic()
            try:
                grant = self.broker.grant(self.latest.id)
            except ClientProblem as problem:
                LOG.warning("jitney: the state of %r is unknown: %s", self, problem)
                return None
            if grant.grant.state in _FINAL:
                self._ended = ended_problem(grant.grant)
            return self._ended

    def close(self) -> None:
        """Release the grant, so that its keys stop working. In a forked process, or when repeated, this does nothing.

        A failed release is logged. The keys then expire on their own.
        """
        if self._finalizer.detach() and os.getpid() == self._process:
            _release(self._held)

    def _require_open(self) -> None:
        if os.getpid() != self._process:
            detail = "The grant was opened by another process, which this one was forked from."
            raise Invalid("grant_of_other_process", "Another process's grant", detail, "Open a grant in this process.")
        if self._ended:
            raise self._ended


def _released_late(held: HeldGrant, process: int) -> None:
    """Release a grant that the program forgot to close."""
    if os.getpid() != process:
        return
    number = held.latest.id if held.latest else "a grant"
    if threading.main_thread().is_alive():
        # The garbage collector may have interrupted a thread that holds a lock of the connection.
        threading.Thread(target=_release, args=(held,), name="jitney-release").start()
    else:
        _release(held)
    # The warning comes last, because a program may turn warnings into errors.
    warnings.warn(f"{number} was not closed: use `with`", ResourceWarning, stacklevel=2)


def _release(held: HeldGrant) -> None:
    number = held.latest.id if held.latest else "The grant"
    try:
        answers = held.release()
    except ClientProblem as problem:
        LOG.warning("jitney: %s was not released: %s It ends by itself.", number, problem)
        return
    for effect in (each for answer in answers for each in answer.outlives):
        LOG.warning("jitney: %s %s", effect.sentence, effect.left_to_do)
