"""One grant for one need, shared by all users: renewed in slices, and released at the end (rows CLI 4, CLI 6)."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.polling import ended_problem, pending_problem
from jitney.client.api.responses import DEFAULT_RETRY_SECONDS, ApiCredentials, ApiGrant, GrantResponse
from jitney.client.holding.grant_memory import GrantMemory, ProcessMemory
from jitney.client.holding.grant_uses import RequestedGrants, end_of
from jitney.client.holding.slices import DEFAULT_SLICES, Slice, Slices
from jitney.client.problems import ClientProblem, Denied, GrantEnded, Invalid, ReviewPending
from jitney.client.processes.unsignalled import start_unsignalled
from jitney.client.terminal.pending_wording import use_command

RELEASE_SECONDS = 10.0
"""How long a release waits for a renewal that is in progress."""
LEAST_SECONDS = 60
"""Of a grant that continues another for less time than requested. Policies' time windows change by the minute."""


class HeldGrant:
    """Holds one grant for `need`, for any number of threads. Its keys are in the memory of this process only.

    `need` is a request, or the id of an existing grant with this `way`. A request is made when it is first needed, and
    again before its grant ends. Policies decide each time. A grant that was named by its id is neither requested again
    nor released.

    Only one call to the broker is in flight, for any number of waiting callers. A caller gets the present credentials
    while new ones are fetched. After a failure, callers get the same problem until the next attempt is due. After a
    rejection or revocation there is no further attempt, because a person has to decide whether to request again.

    `on_new_grant` is called with the grant that continues an earlier one, and `on_failure` with each problem of a
    renewal. `changed` says what differs from a rejected request. `clock` gives epoch seconds: the
    broker's, unless it is given. `aside` runs a function in the background.
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
        clock: Callable[[], float] | None = None,
        aside: Callable[[Callable[[], None]], None] = lambda act: start_unsignalled(
            threading.Thread(target=act, daemon=True)
        ),
    ) -> None:
        self._broker = broker
        self._request = None if isinstance(need, str) else need
        self.changed = self._request.changed if self._request else ""
        self._memory = ProcessMemory(need) if isinstance(need, str) else memory or ProcessMemory()
        self._gateway = (self._request.way if self._request else way) == "gateway"
        self._slices = slices
        self._on_new_grant = on_new_grant
        self._on_failure = on_failure
        self._clock = clock or broker.clock.now
        self._aside = aside
        self._turn = threading.Lock()
        self._slice: Slice | None = None
        self._failure: tuple[ClientProblem, float] | None = None
        self._requested = RequestedGrants()
        self._pending: GrantResponse | None = None
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
        except ReviewPending:
            if self._pending is None:
                raise
            decided(self._pending)
            self.ask_again()
            return self.grant()

    def ask_again(self) -> None:
        """Make the next call ask the broker again, because a caller saw the decision on a pending review."""
        if self._failure and isinstance(self._failure[0], ReviewPending):
            self._failure = None

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
        """Release the active grants of the request that no other holder uses. Repeats do nothing.

        A pending grant stays under review. A revoked grant stays remembered, so that no other holder requests it again.
        Returns the broker's answers. Tries all grants, and then raises the first problem.
        """
        self._released = True
        turn = self._turn.acquire(timeout=RELEASE_SECONDS)
        try:
            self._slice = None
            opened = self._requested.taken()
        finally:
            if turn:
                self._turn.release()
        answers, problems = [], []
        for number in opened:
            try:
                answers.append(answer := self._broker.release(number))
                if self._memory.grant_id == number and answer.grant.state != "revoked":
                    self._memory.remember("")
            except ClientProblem as problem:
                problems.append(problem)
        if problems:
            raise problems[0]
        return tuple(answers)

    def _current(self) -> Slice:
        held, now = self._slice, self._clock()
        if held and held.left(now) > held.margin:
            return held
        if held and held.left(now) > held.usable:
            if not self._failed(now) and not self._turn.locked():
                self._aside(self._try_renewal)
            return self._slice or held
        with self._turn:
            held, now = self._slice, self._clock()
            if held and held.left(now) > held.usable:
                return held
            if failed := self._failed(now):
                raise failed
            return self._renewed()

    def _try_renewal(self) -> None:
        """Renew, unless another thread is doing it or has done it.

        A failure is noted, and callers keep using the present credentials.
        """
        if not self._turn.acquire(blocking=False):
            return
        try:
            held = self._slice
            if not held or held.left(self._clock()) <= held.margin:
                with suppress(ClientProblem):  # `_renewed` has noted it
                    self._renewed()
        finally:
            self._turn.release()

    def _failed(self, now: float) -> ClientProblem | None:
        return self._failure[0] if self._failure and now < self._failure[1] else None

    def _renewed(self) -> Slice:
        """Fetch the next slice. The caller holds the lock for renewals."""
        if self._released:
            detail = "This process has released its grant."
            raise GrantEnded("grant_released", "The grant was released", detail, "Make a new request.")
        before = self._slice
        try:
            answer = self._answer()
        except ClientProblem as problem:
            self._note_failure(problem)
            if not before or not self._has_more(before, problem):
                raise
            answer = self._of_grant(before.grant.id)
        else:
            self._failure = None
        self._slice = renewed = self._sliced(answer)
        if before and before.grant.id != renewed.grant.id:
            self._on_new_grant(renewed.grant)
        return renewed

    def _note_failure(self, problem: ClientProblem) -> None:
        for_good = problem.code in ("grant_rejected", "rejected_before", "grant_revoked")
        pause = float(problem.extras.get("retry_seconds", DEFAULT_RETRY_SECONDS))
        self._failure = (problem, float("inf") if for_good else self._clock() + pause)
        self._on_failure(problem)

    def _has_more(self, before: Slice, problem: ClientProblem) -> bool:
        """Return whether the problem is about the next grant, and the present grant lasts longer than its slice."""
        end = end_of(before.grant.expires_at)
        about_successor = self._request is not None and 0 < end - self._clock() <= before.margin
        return about_successor and isinstance(problem, (Denied, ReviewPending)) and end > before.ends_at

    def _answer(self) -> GrantResponse:
        """Return an active grant with its credentials, if it has any. Request a new grant when the present one ends."""
        number = self._memory.grant_id
        if number and not (self._request and self._ends_soon()):
            try:
                return self._of_grant(number)
            except GrantEnded:
                if self._request is None:
                    raise
                self._memory.remember("")
        if self._request is None:
            return self._of_grant(number)
        self._require_no_revocation()
        answer = self._requested_answer(self._request)
        self._note(answer.grant)  # first, so that a grant that cannot be remembered is released
        self._memory.remember(answer.grant.id)
        if answer.grant.state == "active" and (answer.credentials or answer.grant.way == "gateway"):
            return answer
        return self._of_grant(answer.grant.id, answer)

    def _requested_answer(self, request: GrantRequest) -> GrantResponse:
        """Request a grant. If it would continue another one and is denied, request it for the longest time that passes.

        So access lasts until a time window closes. A first request is not changed: a person sees its denial.
        """
        try:
            return self._broker.request(request, credential_seconds=self._slices.seconds)
        except Denied as problem:
            present, seconds = self._slice, _longest_seconds(problem)
            if (
                present is None
                or seconds < LEAST_SECONDS
                or seconds <= end_of(present.grant.expires_at) - self._clock()
            ):
                raise
        return self._broker.request(replace(request, duration_seconds=seconds), credential_seconds=self._slices.seconds)

    def _require_no_revocation(self) -> None:
        """Raise Revoked when the present grant is revoked, because a person has to decide whether to request again.

        This process may not know of the revocation: for a grant that is as short as a slice, it fetches keys only once.
        """
        number = self._memory.grant_id
        if number and (present := self._broker.grant(number).grant).state == "revoked":
            raise ended_problem(present)

    def _of_grant(self, number: str, known: GrantResponse | None = None) -> GrantResponse:
        """Return a grant, with new credentials unless it is for the gateway. Raises the problem of issuing them."""
        answer = known if known and known.grant.state == "pending" else None
        if answer is None and not self._gateway:
            try:
                issued = self._broker.credentials(number, credential_seconds=self._slices.seconds)
                self._note(issued.grant)
                return GrantResponse(issued.grant, issued.credentials)
            except ReviewPending:
                pass
            except ClientProblem as problem:
                if problem.code != "gateway_grant":
                    raise
        answer = answer or self._broker.grant(number)
        self._note(answer.grant)
        if answer.grant.state == "pending":
            self._pending = answer
            raise pending_problem(answer, self._clock())
        if answer.grant.state != "active":
            raise ended_problem(answer.grant)
        return answer

    def _note(self, grant: ApiGrant) -> None:
        if self._request:
            self._requested.note(grant, self._clock())

    def _ends_soon(self) -> bool:
        """Return whether the present grant ends within the margin, so that another slice of it would be too short.

        False if its end has passed by this machine's clock, which can be wrong: the broker says whether it has ended.
        """
        held = self._slice
        if held is None or held.grant.id != self._memory.grant_id:
            return False
        return 0 < end_of(held.grant.expires_at) - self._clock() <= held.margin

    def _sliced(self, answer: GrantResponse) -> Slice:
        grant, slices = answer.grant, self._slices
        end = end_of(answer.credentials.expiration if answer.credentials else grant.expires_at)
        if self._request is None and end >= end_of(grant.expires_at):
            return Slice(grant, answer.credentials, end, 0, 0)  # nothing follows it
        shorter = grant.duration_seconds < slices.seconds
        margin = min(slices.margin, grant.duration_seconds / 3) if shorter else slices.margin
        return Slice(grant, answer.credentials, end, margin, slices.usable)


def _longest_seconds(problem: Denied) -> int:
    """Return for how long the whole request would pass; 0 if it would not."""
    return 0 if problem.extras.get("allowed_subset") else int(problem.extras.get("longest_seconds", 0))
