"""The sessions that sign gateway calls. Their credentials never leave the function's memory (row GW 1)."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from jitney.core.access.credentials import (
    Credentials,
    call_session_end,
    call_session_request,
    reads_session_request,
)
from jitney.core.access.grant import Grant
from jitney.core.access.session_policy import SessionPolicy, SessionPolicyOptions, compile_policy, options_for
from jitney.core.problems import Problem
from jitney.handlers.gateway.call_checks import GatewayCall

MOST_SESSIONS = 200
"""The number of grants whose session for reads a process keeps."""
MARGIN_SECONDS = 60
"""The time before a session's end in which the session is not used any more. A call takes less time."""


class ReadSessions:
    """Keeps each grant's session for reads in memory. A session belongs to one grant."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, Credentials]] = OrderedDict()  # when each was issued

    def of(self, grant: Grant, now: int, issue: Callable[[], Credentials]) -> Credentials:
        """Return the credentials of the session of `grant`, which is active.

        A new session from `issue` is kept and returned if none is kept, if a cut-off ended the kept one, or if the kept
        one ends soon and the grant does not.
        """
        issued_at, kept = self._kept.get(grant.id, (now, None))
        ended = grant.cut_off_at is not None and issued_at <= grant.cut_off_at < now
        if kept is None or ended or kept.expires_at <= min(now + MARGIN_SECONDS, grant.expires_at - 1):
            kept = issue()
            self._kept[grant.id] = (now, kept)
            if len(self._kept) > MOST_SESSIONS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(grant.id)
        return kept


def reads_session(gateway_call: GatewayCall) -> Credentials:
    """Return the session for the reads of a call's grant. If no session is kept, issue one. Raises Problem."""
    authenticated, grant = gateway_call.authenticated, gateway_call.grant

    def issue() -> Credentials:
        policy = compile_policy(
            grant.permissions, grant.expires_at, authenticated.ports.actions, _of_broker(gateway_call)
        )
        return authenticated.ports.sessions.issue(
            reads_session_request(grant, policy, gateway_call.target.external_id, authenticated.now)
        )

    return authenticated.ports.read_sessions.of(grant, authenticated.now, issue)


def call_session(gateway_call: GatewayCall, call_id: str) -> Credentials:
    """Return a session for only this call, for a minute at most. Raises Problem."""
    authenticated, grant = gateway_call.authenticated, gateway_call.grant
    with sized_for_one_call():
        policy = call_policy(gateway_call, call_session_end(grant, authenticated.now))
        return authenticated.ports.sessions.issue(
            call_session_request(grant, call_id, policy, gateway_call.target.external_id, authenticated.now)
        )


@contextmanager
def sized_for_one_call() -> Iterator[None]:
    """Raise Problem policy_too_large with a fix for a call: an agent cannot choose the permissions of a call."""
    try:
        yield
    except Problem as problem:
        if problem.code != "policy_too_large":
            raise
        extras = problem.extras.copy()
        extras.pop("split", None)
        fix = "Make several calls, and name fewer items in each."
        raise replace(problem, fix=fix, extras=extras) from problem


def call_policy(gateway_call: GatewayCall, end: int) -> SessionPolicy:
    """Return the policy of a session for only this call, until `end` (epoch seconds). Raises Problem policy_too_large.

    The agent itself sends a call with a ticket. So a target with `bind_to_caller` binds that session to the agent's
    address.
    """
    options = _of_broker(gateway_call)
    if gateway_call.call_request.direct is not None:
        options = options_for(gateway_call.target, gateway_call.authenticated.origin.source_ip)
    return compile_policy(gateway_call.needs.of_session, end, gateway_call.authenticated.ports.actions, options)


def _of_broker(gateway_call: GatewayCall) -> SessionPolicyOptions:
    """Return the options of a session that stays in the broker, so that no caller's address limits it."""
    return SessionPolicyOptions("", gateway_call.target.sealed, gateway_call.target.action_wildcards)
