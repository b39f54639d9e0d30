"""Taking a grant back: the state change with its record, the deny document, and how long it took (END 1)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from adapters.store import Changed
from core import audit
from core.access.credentials import session_request
from core.access.denial import Denial, denial
from core.access.grant import Ending, Grant, State
from core.access.request import Permission
from core.access.session_policy import compile_policy
from core.audit import AuditRecord, Event, Outcome
from core.config import Target
from core.problems import Problem
from handlers.callers import Call
from handlers.denying import deny
from handlers.edge import logger
from handlers.issuing import target_of

EVENTS: Mapping[State, tuple[Event, Outcome]] = {
    State.RELEASED: (Event.RELEASE, Outcome.RELEASED),
    State.REVOKED: (Event.REVOCATION, Outcome.REVOKED),
}
ATTEMPTS = 5
CANARY = (Permission(("sts:GetAccessKeyInfo",), ("*",)),)
CANARY_SECONDS = 5
"""With the time to write, and the calls around it, less than the 15 s that the function has."""
CANARY_PAUSE_SECONDS = 0.2
CANARY_POLICY_SECONDS = 60
"""Longer than the function runs: the canary must not take its own end for the denial."""


def end(grant: Grant, state: State, reason: str, call: Call) -> Grant:
    """The grant, released or revoked by the caller, once AWS has been told to deny its live credentials.

    A grant that has ended before is left as it is, but its denial is made sure of. Raises Problem denial_unwritten or
    unavailable with the grant as it then is: it gives no new credentials, and repeating the call goes on.
    """
    started = call.ports.stopwatch()
    ending = Ending(call.now, call.principal.source_identity, reason)
    ended = _recorded_end(grant, ending, state, call)
    if ended.ending is None or not ended.live(call.now):
        return ended
    try:
        target = target_of(ended, call.ports.config)
        deny(target, call.ports)
    except Problem as problem:
        raise Problem(problem.code, problem.detail, problem.fix, {"grant": ended.view()}) from problem
    if ended.ending is not ending or not target.canary:
        return ended
    return _measured(ended, ending, target, started, call)


def _recorded_end(grant: Grant, ending: Ending, state: State, call: Call) -> Grant:
    """Write the end of a grant, its record and its denial."""
    event, outcome = EVENTS[state]
    detail = {"by": ending.by, "reason": ending.reason}

    def step(before: Grant) -> _Written | None:
        ended = before.end(state, ending)
        if ended.ending is not ending:
            return None
        record = audit.of_grant(event, outcome, ended, call.origin, call.now, detail=detail)
        return _Written(ended, record, denial(ended, call.now) if ended.live(call.now) else None)

    return _write(grant, step, call).at(call.now)


def _measured(grant: Grant, ending: Ending, target: Target, started: int, call: Call) -> Grant:
    """The grant with the time from the call to the first denial, as a canary session of the same grant sees it.

    The canary's credentials can do one harmless thing and stay here. That nothing could be measured is on record too.
    """
    milliseconds = _first_denial(grant, target, started, call)
    outcome = Outcome.FAILED if milliseconds is None else Outcome.DENIED
    detail = {"kill_milliseconds": milliseconds}

    def step(before: Grant) -> _Written:
        measured = replace(before, ending=replace(ending, kill_milliseconds=milliseconds))
        record = audit.of_grant(Event.CANARY, outcome, measured, call.origin, call.ports.now(), detail=detail)
        return _Written(measured, record)

    try:
        return _write(grant, step, call)
    except Problem as problem:  # it has ended and is denied all the same
        logger.warning("kill time not recorded", grant=grant.id, code=problem.code, kill_milliseconds=milliseconds)
        return grant


class _Written(NamedTuple):
    """A grant as it shall be, and what is written with it."""

    grant: Grant
    record: AuditRecord
    denial: Denial | None = None


def _write(grant: Grant, step: Callable[[Grant], _Written | None], call: Call) -> Grant:
    """Write what `step` makes of the grant; when others wrote at the same time, of what it is then.

    The grant as it then is; nothing is written where `step` makes nothing. Raises Problem grant_conflict, unavailable.
    """
    for _ in range(ATTEMPTS):
        written = step(grant)
        if written is None:
            return grant
        link = audit.next_link(written.record, grant)
        after = audit.linked(written.grant, link)
        try:
            call.ports.store.save(grant, after, link, denial=written.denial, now=call.now)
        except Changed:
            current = call.ports.store.grant(grant.id)
            if current is None:
                break
            grant = current
        else:
            return after
    raise Problem("grant_conflict", "The grant changed at the same time.", "Ask again.")


def _first_denial(grant: Grant, target: Target, started: int, call: Call) -> int | None:
    """Milliseconds from `started` to the canary's first denial; None if there was none in time."""
    ports = call.ports
    policy = compile_policy(CANARY, call.now + CANARY_POLICY_SECONDS, ports.actions)
    try:
        asked = session_request(grant, policy, target.external_id, call.now, handed_out=False)
        credentials = ports.sessions.issue(asked)
    except Problem:
        return None
    denied = ports.canary.call_of(credentials)
    first_call = ports.stopwatch()
    while ports.stopwatch() - first_call < CANARY_SECONDS * 1000:
        if denied():
            return ports.stopwatch() - started
        ports.pause(CANARY_PAUSE_SECONDS)
    return None
