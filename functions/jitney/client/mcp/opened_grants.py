"""The grants that one server requested. The server releases them when it ends."""

import threading
import time
from collections.abc import Callable

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.responses import ApiGrant, GrantResponse
from jitney.client.holding.grant_release import release
from jitney.client.holding.grant_uses import GrantUse, end_of, may_be_shared
from jitney.client.problems import GrantEnded, Unavailable
from jitney.client.terminal.command_result import screen

_LEAST_SECONDS = 30.0
"""An earlier grant that ends sooner is not used again for an equal request."""


class OpenedGrants:
    """Requests grants, and remembers them until they are released. Thread-safe. `clock` gives the broker's time."""

    def __init__(self, broker: Broker, clock: Callable[[], float] | None = None) -> None:
        self._broker = broker
        self._clock = clock or broker.clock.now
        self._lock = threading.Lock()
        self._opened: dict[str, tuple[GrantRequest, float]] = {}  # and the end of the grant, inf if unknown
        self._uses: dict[str, GrantUse] = {}  # of grants that other processes may have joined
        self._ending = False

    def request(self, request: GrantRequest) -> tuple[GrantResponse, bool]:
        """Return the grant for a request, and whether it answers an earlier equal request.

        A client that repeats a request gets the first request's grant while that grant is pending or active. Raises
        what `Broker.request` raises, and Unavailable when the server is ending.
        """
        with self._lock:  # of two equal requests at the same time, the second gets the grant of the first
            self._require_running()
            self._forget_ended()
            if (earlier := self._earlier(request)) is not None:
                return earlier, True
            answer = self._broker.request(request)
            number = answer.grant.id
            if may_be_shared(answer.grant) and number not in self._uses:
                self._uses[number] = GrantUse(number)
            if not answer.repeats:  # else another process of this agent opened it
                self._opened[number] = (request, _end(answer.grant))
            if self._ending:  # `release_all` did not wait for this answer
                self._release_unused([number])
            self._require_running()
            return answer, answer.repeats

    def release(self, grant_id: str) -> GrantResponse:
        """Release any grant of the agent. Raises what `Broker.release` raises."""
        answer = self._broker.release(grant_id)
        with self._lock:
            self._opened.pop(grant_id, None)
            self._end_use(grant_id)
        return answer

    def release_all(self, at_most: float) -> None:
        """Release the remembered grants that no other process uses, and request no more. Waits `at_most` seconds.

        A note on standard error says what was not released.
        """
        end = time.monotonic() + at_most
        self._ending = True
        if self._lock.acquire(timeout=at_most / 2):  # so a request that is under way is finished
            self._forget_ended()
            self._lock.release()
        for grant_id, thread in self._release_unused([*{**self._opened, **self._uses}]).items():
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                screen().note(f"jitney: {grant_id} was not released in time. It ends by itself at its expiry.")

    def _require_running(self) -> None:
        if self._ending:
            detail = "This server is ending, and requests no more grants."
            raise Unavailable("server_ending", "The server is ending", detail)

    def _release_unused(self, grant_ids: list[str]) -> dict[str, threading.Thread]:
        """Begin to release those of the grants that the server opened and no other process uses."""
        unused = [each for each in grant_ids if self._end_use(each)]
        opened = [each for each in unused if self._opened.pop(each, None)]
        threads = {each: threading.Thread(target=release, args=(self._broker, each), daemon=True) for each in opened}
        for thread in threads.values():
            thread.start()
        return threads

    def _end_use(self, grant_id: str) -> bool:
        """Return whether no other process uses the grant."""
        use = self._uses.pop(grant_id, None)
        return use is None or use.end()

    def _forget_ended(self) -> None:
        """Forget grants that have ended. The caller holds the lock."""
        for grant_id in [each for each, (_, end) in self._opened.items() if end <= self._clock()]:
            del self._opened[grant_id]
            self._end_use(grant_id)

    def _earlier(self, request: GrantRequest) -> GrantResponse | None:
        """Return the pending or active grant of an equal earlier request. Forget grants that have ended."""
        for grant_id in [each for each, (opened, _) in self._opened.items() if opened == request]:
            try:
                answer = self._broker.grant(grant_id)
            except GrantEnded:
                del self._opened[grant_id]
                continue
            if answer.grant.state == "pending" or self._is_usable(answer):
                return answer
            if answer.grant.state != "active":
                del self._opened[grant_id]
        return None

    def _is_usable(self, answer: GrantResponse) -> bool:
        return answer.grant.state == "active" and _LEAST_SECONDS < _end(answer.grant) - self._clock() < float("inf")


def _end(grant: ApiGrant) -> float:
    """Return when an active grant ends, in epoch seconds. The end of other grants is unknown."""
    return end_of(grant.expires_at if grant.state == "active" else None)
