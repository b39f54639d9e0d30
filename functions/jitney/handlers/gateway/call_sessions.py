"""The sessions that sign gateway calls. Their credentials never leave the function's memory (row GW 1)."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TypeAlias

from jitney.core.access.credentials import (
    Credentials,
    call_session_end,
    call_session_request,
    reads_session_request,
)
from jitney.core.access.grant import Grant
from jitney.core.access.request import Permission
from jitney.core.access.session_policy import SessionPolicy, SessionPolicyOptions, compile_policy, options_for
from jitney.core.problems import Problem
from jitney.handlers.gateway.call_checks import GatewayCall

MOST_SESSIONS = 200
"""The number of sessions for reads that a process keeps."""
MARGIN_SECONDS = 60
"""The time before a session's end in which the session is not used any more. A call takes less time."""
_SessionKey: TypeAlias = tuple[str, tuple[Permission, ...]]
"""A grant's id, and the permissions of a session."""


class ReadSessions:
    """Keeps sessions for reads in memory. A session belongs to one grant, and has all or some of its permissions."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_SessionKey, tuple[int, Credentials]] = OrderedDict()  # when each was issued
        self._allowed: OrderedDict[Hashable, bool] = OrderedDict()

    def of(
        self, grant: Grant, permissions: tuple[Permission, ...], now: int, issue: Callable[[], Credentials]
    ) -> Credentials:
        """Return the credentials of the session of `grant`, which is active, for `permissions`.

        A new session from `issue` is kept and returned if none is kept, if a cut-off ended the kept one, or if the kept
        one ends soon and the grant does not.
        """
        key = grant.id, permissions
        issued_at, kept = self._kept.get(key, (now, None))
        ended = grant.cut_off_at is not None and issued_at <= grant.cut_off_at < now
        if kept is None or ended or kept.expires_at <= min(now + MARGIN_SECONDS, grant.expires_at - 1):
            kept = issue()
            self._kept[key] = (now, kept)
            if len(self._kept) > MOST_SESSIONS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept

    def remembered(self, key: Hashable, allowed: Callable[[], bool]) -> bool:
        """Return whether a call may use the session of all reads of its grant, as `allowed` says at its first call."""
        if key not in self._allowed:
            self._allowed[key] = allowed()
            if len(self._allowed) > MOST_SESSIONS:
                self._allowed.popitem(last=False)
        return self._allowed[key]


def reads_session(gateway_call: GatewayCall) -> Credentials:
    """Return the session for the reads of a call's grant, or for only this read and those that need the same.

    If no such session is kept, issue one. Raises Problem.
    """
    authenticated, grant, needs = gateway_call.authenticated, gateway_call.grant, gateway_call.needs
    permissions = grant.permissions if needs.shares else needs.of_session

    def issue() -> Credentials:
        with nullcontext() if needs.shares else sized_for_one_call():
            policy = compile_policy(
                permissions, grant.expires_at, authenticated.ports.actions, _of_broker(gateway_call)
            )
            return authenticated.ports.sessions.issue(
                reads_session_request(grant, policy, gateway_call.target.external_id, authenticated.now)
            )

    return authenticated.ports.read_sessions.of(grant, permissions, authenticated.now, issue)


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
