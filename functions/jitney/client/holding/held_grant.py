"""One grant for one need, shared by all users: renewed in slices, and released at the end (rows CLI 4, CLI 6)."""

import threading
from collections.abc import Callable
from contextlib import suppress

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.responses import DEFAULT_RETRY_SECONDS, ApiCredentials, ApiGrant, GrantResponse
from jitney.client.holding.grant_memory import GrantMemory
from jitney.client.holding.slice_source import SliceSource
from jitney.client.holding.slices import DEFAULT_SLICES, Slice, Slices
from jitney.client.problems import ClientProblem, GrantEnded, Invalid, Rejected, ReviewPending, Revoked
from jitney.client.processes.unsignalled import start_unsignalled
from jitney.client.terminal.pending_wording import use_command

RELEASE_SECONDS = 10.0
"""How long a release waits for a renewal that is in progress."""


class HeldGrant:
    """Holds one grant for `need`, for any number of threads. Its keys are in the memory of this process only.

    `need` is a request, or the id of an existing grant with this `way`. A request is made when it is first needed, and
    again before its grant ends. Policies decide each time. A grant that was named by its id is neither requested again
    nor released.

    Only one call to the broker is in flight, for any number of waiting callers. A caller gets the present credentials
    while new ones are fetched. After a failure, callers get the same problem until the next attempt is due. After a
    rejection or revocation, or with the token of another agent, there is no further attempt, because a person has to
    decide whether to request again.

    `on_new_grant` is called with the grant that continues an earlier one, and `on_failure` with each problem of a
    renewal. `changed` says what differs from a rejected request. `aside` runs a function in the background.
    """

    def __init__(
        self,
        broker: Broker,
        need: GrantRequest | str,
        *,
        way: str = "credentials",
        slices: Slices = DEFAULT_SLICES,
        memory: GrantMemory | None = None,
        on_new_grant: Callable[[ApiGrant], None] = lambda _: None,
        on_failure: Callable[[ClientProblem], None] = lambda _: None,
        aside: Callable[[Callable[[], None]], None] = lambda act: start_unsignalled(
            threading.Thread(target=act, daemon=True)
        ),
    ) -> None:
        self.changed = "" if isinstance(need, str) else need.changed
        self._clock = broker.clock.now
        self._source = SliceSource(broker, need, way=way, slices=slices, memory=memory)
        self._on_new_grant = on_new_grant
        self._on_failure = on_failure
        self._aside = aside
        self._turn = threading.Lock()
        self._slice: Slice | None = None
        self._failure: tuple[ClientProblem, float, float] | None = None  # with its time, and the pause after it
        self._released = False

    @property
    def latest(self) -> ApiGrant | None:
        """The grant in use, or None before the first."""
        held = self._slice
        return held.grant if held else None

    def begin(self, decided: Callable[[GrantResponse], GrantResponse]) -> ApiGrant:
        """Return the grant. `decided` gets an answer about a pending grant, and returns the answer after the decision.

        Raises the problems of requests and of `decided`.
        """
        try:
            return self.grant()
        except ReviewPending as pending:
            if not pending.grant_id:
                raise
            decided(pending.answer)
            self.ask_again()
            return self.grant()

    def ask_again(self) -> None:
        """Make the next call ask the broker again, because a caller saw the decision on a pending review."""
        if self._failure and isinstance(self._failure[0], ReviewPending):
            self._failure = None

    def start_over(self) -> None:
        """Release the remembered grant before the first call, which then makes a new request."""
        self._source.start_over()

    def grant(self) -> ApiGrant:
        """Return an active grant, as `credentials` does. It may be a gateway grant, which has no credentials."""
        return self._current().grant

    def credentials(self) -> ApiCredentials:
        """Return credentials that remain valid for at least the usable time.

        Raises ReviewPending, Denied, GrantEnded or Unavailable when there are none, and Invalid for a gateway grant.
        """
        held = self._current()
        if held.credentials is None:
            detail = f"Grant {held.grant.id} is for calls through the gateway, so it has no credentials."
            fix = f"Use it with `{use_command(held.grant)}`, or request a grant with the way credentials."
            raise Invalid("gateway_grant", "No credentials", detail, fix)
        return held.credentials

    def release(self) -> tuple[GrantResponse, ...]:
        """Release the grants of the request, as `SliceSource.release` does. No caller gets credentials after that.

        A renewal that lasts longer than `RELEASE_SECONDS` releases the grant that it gets.
        """
        self._released = True
        turn = self._turn.acquire(timeout=RELEASE_SECONDS)
        self._slice = None
        if turn:
            self._turn.release()
        return self._source.release()

    def _current(self) -> Slice:
        held, now = self._slice, self._clock()
        if held is None or held.left(now) <= held.usable:
            return self._fresh()
        if held.left(now) <= held.margin and not self._failed(now) and not self._turn.locked():
            self._aside(self._renew_early)
        return self._slice or held

    def _renew_early(self) -> None:
        """Renew while callers use the present credentials. They go on using them after a failure."""
        with suppress(ClientProblem):  # it was noted
            self._fresh(early=True)

    def _fresh(self, *, early: bool = False) -> Slice:
        """Return the present slice, or the next one if less than the usable time is left; `early`, the margin."""
        with self._turn:
            held, now = self._slice, self._clock()
            if held and held.left(now) > (held.margin if early else held.usable):
                return held
            if failed := self._failed(now):
                raise failed.with_traceback(None)  # each raise would add to the traceback of the one before
            return self._renewed()

    def _renewed(self) -> Slice:
        """Fetch the next slice. The caller holds the lock for renewals."""
        self._require_held()
        before = self._slice
        try:
            renewed = self._source.next(before)
        except ClientProblem as problem:
            self._note_failure(problem)
            raise
        finally:
            if self._released:
                with suppress(ClientProblem):  # a grant that is not released ends by itself
                    self._source.release()
        self._require_held()
        self._slice, self._failure = renewed, None
        if before and before.grant.id != renewed.grant.id:
            self._on_new_grant(renewed.grant)
        return renewed

    def _require_held(self) -> None:
        if self._released:
            detail = "This process has released its grant."
            raise GrantEnded("grant_released", "The grant was released", detail, "Make a new request.")

    def _note_failure(self, problem: ClientProblem) -> None:
        pause = float(problem.members.retry_seconds or DEFAULT_RETRY_SECONDS)
        for_good = isinstance(problem, (Rejected, Revoked)) or problem.code == "agent_changed"
        pause = float("inf") if for_good else pause
        self._failure = (problem, self._clock(), pause)
        self._on_failure(problem)

    def _failed(self, now: float) -> ClientProblem | None:
        """Return the problem of the last attempt until the next is due, also when the clock was set back since."""
        if self._failure is None:
            return None
        problem, at, pause = self._failure
        return problem if abs(now - at) < pause else None
