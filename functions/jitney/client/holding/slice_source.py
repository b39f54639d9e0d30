"""Gets slices of grants from the broker, for one need, and releases the grants at the end."""

import threading
from contextlib import suppress
from dataclasses import replace

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.polling import ended_problem, pending_problem
from jitney.client.api.responses import ApiGrant, GrantResponse
from jitney.client.holding.grant_memory import GrantMemory
from jitney.client.holding.grant_uses import RequestedGrants, end_of
from jitney.client.holding.slices import Slice, Slices
from jitney.client.problems import ClientProblem, Denied, GrantEnded, Invalid, Unavailable

LEAST_SECONDS = 60
"""Of a grant that continues another for less time than requested. Policies' time windows change by the minute."""


class SliceSource:
    """Gets one slice after the other for `need`, which is a request, or the id of an existing grant with this `way`.

    A request is made when it is first needed, and again when its grant has no further slice. The grant is kept in
    `memory`. A grant that was named by its id is neither requested again nor released. Not thread-safe, except for
    `release`.
    """

    def __init__(
        self,
        broker: Broker,
        need: GrantRequest | str,
        *,
        way: str,
        slices: Slices,
        memory: GrantMemory | None,
    ) -> None:
        self._broker = broker
        self._request = None if isinstance(need, str) else need
        self._memory = GrantMemory(need) if isinstance(need, str) else memory or GrantMemory()
        self._gateway = (self._request.way if self._request else way) == "gateway"
        self._slices = slices
        self._clock = broker.clock.now
        self._requested = RequestedGrants()
        self._releasing = threading.Lock()

    def next(self, present: Slice | None) -> Slice:
        """Return the slice that follows `present`, of the same grant or of the grant that continues it.

        Raises the problems of requests and of issuing credentials, and Unavailable if the keys end before they arrive.
        """
        following = self._sliced(self._answer(present), present)
        if following.left(self._clock()) > 0:
            return following
        detail = f"The keys of {following.grant.id} ended before they arrived."
        raise Unavailable("response_late", "The answer came too late", detail, "Try again, or request more time.")

    def start_over(self) -> None:
        """Release the remembered grant of the request, such as one of a killed process, and forget it."""
        if self._request and self._memory.grant_id:
            with suppress(ClientProblem):  # a grant that is not released ends by itself
                self._note(self._broker.grant(self._memory.grant_id))
                self.release()
            self._memory.remember("")

    def release(self) -> tuple[GrantResponse, ...]:
        """Release the active grants of the request that no other holder uses. Repeats do nothing.

        A pending grant stays under review. A revoked grant stays remembered, so that no other holder requests it again.
        Returns the broker's answers. Tries all grants, and then raises the first problem. A second release waits for
        the first, so that the process does not end before it.
        """
        answers, problems = [], []
        with self._releasing:
            for number in self._requested.taken():
                try:
                    answers.append(answer := self._broker.release(number))
                    if self._memory.grant_id == number and answer.grant.state != "revoked":
                        self._memory.remember("")
                except ClientProblem as problem:
                    problems.append(problem)
        if problems:
            raise problems[0]
        return tuple(answers)

    def _answer(self, present: Slice | None) -> GrantResponse:
        """Return an active grant with its credentials, if it has any: the remembered grant, or else a new one.

        The remembered grant is used up if `present` reaches its end, or if only the usable time is left.
        """
        number = self._memory.grant_id
        if self._request is None:
            return self._of_grant(number)
        if number:
            try:
                if present is None or present.grant.id != number or not present.ends_with_grant(self._clock()):
                    answer = self._of_grant(number)
                    if not 0 < end_of(answer.grant.expires_at) - self._clock() <= self._slices.usable:
                        return answer
                self._require_no_revocation(number)
            except GrantEnded:
                self._memory.remember("")
        return self._of_request(self._request, present)

    def _of_request(self, request: GrantRequest, present: Slice | None) -> GrantResponse:
        answer = self._requested_answer(request, present)
        self._note(answer)  # first, so that a grant that cannot be remembered is released
        self._memory.remember(answer.grant.id)
        _require_same_agent(answer.grant, present)
        if answer.grant.state == "active" and not answer.credentials and not self._gateway:
            return self._of_grant(answer.grant.id)
        return self._active(answer)

    def _requested_answer(self, request: GrantRequest, present: Slice | None) -> GrantResponse:
        """Request a grant. If it would continue another one and is denied, request it for the longest time that passes.

        So access lasts until a time window closes. A first request is not changed: a person sees its denial.
        """
        seconds = self._slices.seconds
        try:
            return self._broker.request(request, credential_seconds=seconds)
        except Denied as problem:
            longest = _longest_seconds(problem)
            left = end_of(present.grant.expires_at) - self._clock() if present else float("inf")
            if longest < LEAST_SECONDS or longest <= left:
                raise
        return self._broker.request(replace(request, duration_seconds=longest), credential_seconds=seconds)

    def _require_no_revocation(self, number: str) -> None:
        """Raise Revoked when the present grant is revoked, because a person has to decide whether to request again.

        This process may not know of the revocation: for a grant that is as short as a slice, it fetches keys only once.
        """
        if (grant := self._broker.grant(number).grant).state == "revoked":
            raise ended_problem(grant)

    def _of_grant(self, number: str) -> GrantResponse:
        """Return a grant, with new credentials unless it is for the gateway. Raises the problem of issuing them."""
        if self._gateway:
            return self._active(self._broker.grant(number))
        try:
            return self._issued(number)
        except ClientProblem as problem:
            if problem.code not in ("grant_pending", "gateway_grant"):
                raise
        answer = self._active(self._broker.grant(number))
        return answer if answer.grant.way == "gateway" else self._issued(number)  # it was approved meanwhile

    def _issued(self, number: str) -> GrantResponse:
        issued = self._broker.credentials(number, credential_seconds=self._slices.seconds)
        return self._active(GrantResponse(issued.grant, issued.credentials))

    def _active(self, answer: GrantResponse) -> GrantResponse:
        """Return the answer if its grant is active. Raises ReviewPending, or the problem that it has ended."""
        self._note(answer)
        if answer.grant.state == "pending":
            raise pending_problem(answer, self._clock())
        if answer.grant.state != "active":
            raise ended_problem(answer.grant)
        return answer

    def _note(self, answer: GrantResponse) -> None:
        if self._request:
            self._requested.note(answer.grant, self._clock())

    def _sliced(self, answer: GrantResponse, present: Slice | None) -> Slice:
        grant, slices = answer.grant, self._slices
        grant_end = end_of(grant.expires_at)
        end = end_of(answer.credentials.expiration) if answer.credentials else grant_end
        before = present.grant if present and present.grant.id != grant.id else None
        if end >= grant_end and (self._request is None or (before and grant_end <= end_of(before.expires_at))):
            return Slice(grant, answer.credentials, end, 0, 0)  # nothing follows it, or nothing that lasts longer
        seconds = grant_end - end_of(grant.starts_at or grant.created_at)
        margin = slices.margin if seconds >= (slices.seconds or 0) else min(slices.margin, seconds / 3)
        return Slice(grant, answer.credentials, end, margin, slices.usable)


def _require_same_agent(grant: ApiGrant, present: Slice | None) -> None:
    """Raise Invalid if another agent, or the agent of another human, requested the grant that continues `present`."""
    before = present.grant if present else grant
    if (grant.principal, grant.human) != (before.principal, before.human):
        detail = f"{before.id} is of {_holder(before)}, and the token is now of {_holder(grant)}."
        fix = "Start the command again, to use the access of the present token."
        raise Invalid("agent_changed", "Another agent", detail, fix)


def _holder(grant: ApiGrant) -> str:
    return f"{grant.principal} for {grant.human}" if grant.human else grant.principal


def _longest_seconds(problem: Denied) -> int:
    """Return for how long the whole request would pass; 0 if it would not."""
    return 0 if problem.members.allowed_subset else problem.members.longest_seconds
