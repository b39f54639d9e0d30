"""POST /v1/targets/{alias}/check: tries what a target's roles must allow and must refuse."""

import difflib

from jitney.core.access.target_check import SESSION_PREFIX, AttemptResult, attempts
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.stored_identity import name_of
from jitney.core.target_config import Target
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import authenticate_request
from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports


def check_target(request: Request, ports: Ports) -> Response:
    """200 with every attempt and its answer. Raises Problem if the caller is not an operator or the target is unknown.

    One chain records the start before a session exists, and later the result (STS 6).
    """
    authenticated = authenticate_request(request, ports)
    with authenticated.counting_refusals():
        authenticated.require_operator("check targets")
        target = _target(authenticated)
    chain = ports.new_id("r")
    session = SESSION_PREFIX + chain.removeprefix("r-")
    started = _record(authenticated, target, chain, Outcome.ALLOWED, session)
    try:
        who = authenticated.principal
        results = ports.target_checks.run(attempts(target, session, who.source_identity, name_of(who.human)))
    except Problem as problem:
        _record(authenticated, target, chain, Outcome.FAILED, session, started, code=problem.code)
        raise
    passed = all(each.ok for each in results)
    _record(
        authenticated, target, chain, Outcome.PASSED if passed else Outcome.FAILED, session, started, results=results
    )
    body = {"target": target.alias, "account": target.account, "session": session, "passed": passed}
    return Response(200, body | {"attempts": [each.view() for each in results]})


def _target(authenticated: AuthenticatedRequest) -> Target:
    alias, targets = authenticated.request.path.get("alias", ""), authenticated.ports.config.targets
    if alias in targets:
        return targets[alias]
    closest = difflib.get_close_matches(alias[:64], targets, n=3)
    fix = f"Use one of: {', '.join(closest or sorted(targets)[:10])}."
    raise Problem("target_unknown", f"Target {alias[:64]!a} does not exist.", fix, {"alternatives": closest})


def _record(
    authenticated: AuthenticatedRequest,
    target: Target,
    chain: str,
    outcome: Outcome,
    session: str,
    before: audit.ChainedRecord | None = None,
    *,
    code: str = "",
    results: tuple[AttemptResult, ...] = (),
) -> audit.ChainedRecord:
    """Write the next record of a check's chain. Its `detail` has the session name and the wrong answers."""
    wrong = {each.attempt.name: each.answer for each in results if not each.ok}
    detail = {"session": session} | ({"wrong": wrong} if wrong else {})
    about = {"target": target.alias, "account": target.account, "detail": detail}
    record = authenticated.new_record(AuditEvent.TARGET_CHECK, outcome, code=code, **about)
    link = audit.chain_record(record, chain, *((before.seq + 1, before.hash) if before else ()))
    authenticated.ports.store.record(link, now=authenticated.now)
    return link


handler = endpoint(check_target, ("config", "keys", "store", "suspensions", "target_checks"))
