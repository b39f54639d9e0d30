"""Taking a grant back: the state change with its record, the deny document, and how long it took (END 1)."""

from collections.abc import Mapping
from dataclasses import replace

from jitney.core import audit
from jitney.core.access.credentials import session_request
from jitney.core.access.denial import denial
from jitney.core.access.grant import Ending, Grant, State
from jitney.core.access.parse import MAX_REASON
from jitney.core.access.request import Permission
from jitney.core.access.session_policy import compile_policy
from jitney.core.audit import Event, Outcome
from jitney.core.config import Config, Target
from jitney.core.problems import Problem
from jitney.core.review.inert import cut
from jitney.core.times import iso
from jitney.handlers.callers import Call
from jitney.handlers.changing import Step, change
from jitney.handlers.denying import deny
from jitney.handlers.logs import logger
from jitney.handlers.waking import wake

EVENTS: Mapping[State, tuple[Event, Outcome]] = {
    State.RELEASED: (Event.RELEASE, Outcome.RELEASED),
    State.REVOKED: (Event.REVOCATION, Outcome.REVOKED),
}
CANARY = (Permission(("sts:GetAccessKeyInfo",), ("*",)),)
CANARY_SECONDS = 5
"""With the time to write, and the calls around it, less than the 15 s that the function has."""
CANARY_PAUSE_SECONDS = 0.2
CANARY_POLICY_SECONDS = 60
"""Longer than the function runs: the canary must not take its own end for the denial."""


def end(grant: Grant, state: State, reason: str, call: Call) -> Grant:
    """The grant, released or revoked by the caller, once AWS has been told to deny its live credentials.

    `reason` is as it was written; it is on record masked, and cut if it is long.
    A grant that has ended before is left as it is, but its denial is made sure of. Raises Problem denial_unwritten or
    unavailable with the grant as it then is: it gives no new credentials, and repeating the call goes on.
    """
    started = call.ports.stopwatch()
    said = cut(call.ports.mask_said(grant.owner).text(reason), MAX_REASON)
    ending = Ending(call.now, call.principal.source_identity, said)
    ended = _recorded_end(grant, ending, state, call)
    if ended.starts_at is None:
        wake(ended, call.ports)
    if ended.ending is None or not ended.live(call.now):
        return ended
    try:
        target = _deniable(ended, call.ports.config)
        deny(target, call.ports)
    except Problem as problem:
        raise Problem(problem.code, problem.detail, problem.fix, {"grant": ended.view()}) from problem
    if ended.ending is not ending or not target.canary:
        return ended
    return _measured(ended, ending, target, started, call)


def _deniable(grant: Grant, config: Config) -> Target:
    """The target of the grant's role by whatever alias it has now: with another, the credentials work all the same.

    Raises Problem denial_unwritten where the role has none.
    """
    if target := config.target_with(grant.role_arn):
        return target
    detail = (
        f"No target has the role {grant.role_arn} any more: AWS cannot be told, and credentials of this grant work "
        f"until {iso(grant.expires_at)}."
    )
    fix = (
        "Tell your platform engineer: deny the role by hand (Jitney's docs/targets.md says how), or put a target with "
        "that role back into jitney.yaml, deploy it, and repeat the call."
    )
    raise Problem("denial_unwritten", detail, fix)


def _recorded_end(grant: Grant, ending: Ending, state: State, call: Call) -> Grant:
    """Write the end of a grant, its record and its denial."""
    event, outcome = EVENTS[state]
    detail = {"by": ending.by, "reason": ending.reason}

    def step(before: Grant) -> Step | None:
        ended = before.end(state, ending)
        if ended.ending is not ending:
            return None
        record = audit.of_grant(event, outcome, ended, call.origin, call.now, detail=detail)
        return Step(ended, record, denial(ended, call.now) if ended.live(call.now) else None)

    return change(grant, step, call.ports).at(call.now)


def _measured(grant: Grant, ending: Ending, target: Target, started: int, call: Call) -> Grant:
    """The grant with the time from the call to the first denial, as a canary session of the same grant sees it.

    The canary's credentials can do one harmless thing and stay here. That nothing could be measured is on record too.
    """
    milliseconds = _first_denial(grant, target, started, call)
    outcome = Outcome.FAILED if milliseconds is None else Outcome.DENIED
    detail = {"kill_milliseconds": milliseconds}

    def step(before: Grant) -> Step:
        measured = replace(before, ending=replace(ending, kill_milliseconds=milliseconds))
        record = audit.of_grant(Event.CANARY, outcome, measured, call.origin, call.ports.now(), detail=detail)
        return Step(measured, record)

    try:
        return change(grant, step, call.ports)
    except Problem as problem:  # it has ended and is denied all the same
        logger.warning("kill time not recorded", grant=grant.id, code=problem.code, kill_milliseconds=milliseconds)
        return grant


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
