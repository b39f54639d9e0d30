"""POST and GET /v1/suspensions, DELETE /v1/suspensions/{id}: operators suspend agents, units, humans, issuers, targets.

One write stops everything that the suspension covers (`core.access.suspensions`). The other writes are a deny document
for each role and a record of each grant's end. Their number grows with the targets and grants. A call writes as many of
them as its time allows. The caller repeats the call until the suspension is complete. The reconciler writes the rest.
After the documents, the first call starts a function that measures when AWS denies
(`handlers.ending.suspension_measurements`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from jitney.core.access.grant import Grant
from jitney.core.access.request_body import parse_reason, parse_suspension
from jitney.core.access.suspension_entry import Suspension, SuspensionRequest
from jitney.core.access.suspension_names import SuspendedName
from jitney.core.access.suspensions import Suspensions
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.target_config import Target, TargetRole
from jitney.core.target_roles import earlier_roles
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import authenticate_request
from jitney.handlers.ending.deny_documents import log_undenied, write_deny_document
from jitney.handlers.ending.suspended_grants import end_moved_grants, end_suspended_grant, end_suspended_grants
from jitney.handlers.ending.suspended_names import suspended_name
from jitney.handlers.ending.suspension_completion import (
    complete_suspension,
    has_undenied,
    has_undenied_end,
    suspension_conflict,
    suspension_record,
)
from jitney.handlers.ending.suspension_measurements import grants_to_measure, start_measurement
from jitney.handlers.ending.suspension_progress import Progress
from jitney.handlers.grant.grant_updates import write_until_current
from jitney.handlers.runtime.edge import endpoints
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports

MOST_MILLISECONDS = 12_000
"""The time after which a call starts no further document. The last one may take 11 s more.

The function has 25 s, and API Gateway waits 29 s.
"""
RETRY_SECONDS = 1
NOT_TRIED, NO_TARGET = "not_tried", "no_target"
"""The codes of a target that a call had no time for, and of a role without a target, which Jitney cannot change."""


class CallStart(NamedTuple):
    """The start of a call: the monotonic time, and epoch milliseconds."""

    stopwatch: int
    milliseconds: int


def suspend(request: Request, ports: Ports) -> Response:
    """201 when everything is stopped and on record, 202 when the call must be repeated.

    Raises Problem for an unknown name. After the call's first write, nothing is issued, even if the answer is 202. If
    another operator suspended it already, or for another reason, the call that answers 201 records its own reason.
    """
    began = CallStart(ports.stopwatch(), ports.now_milliseconds())
    authenticated = authenticate_request(request, ports)
    with authenticated.counting_refusals():
        authenticated.require_operator("suspend")
        asked = parse_suspension(request.body, ports.config.limits)
        named = suspended_name(asked, ports)
    by, reason = authenticated.principal.source_identity, _masked(asked.reason, authenticated)
    new = partial(_begun, asked, reason, named, authenticated)
    suspension, suspensions = write_until_current(new, suspension_conflict, ports)
    progress = _carry_out(suspension, suspensions, began, ports)
    already = (suspension.by, suspension.reason) != (by, reason)
    if already and progress.complete:  # repeated calls have one record
        ports.store.record(suspension_record(Outcome.SET, suspension, reason, authenticated), now=authenticated.now)
    suspension = _with_progress(suspension, progress, authenticated)
    body = {"suspension": suspension.view(), "already_in_force": already, **progress.view()}
    if progress.complete:
        return Response(201, body)
    return Response(202, body, {"Retry-After": str(RETRY_SECONDS)})


def list_suspensions(request: Request, ports: Ports) -> Response:
    """200 for operators, with the suspensions in force and the ones lifted in the last days."""
    authenticated = authenticate_request(request, ports)
    with authenticated.counting_refusals():
        authenticated.require_operator("list suspensions")
    return Response(200, {"suspensions": [each.view() for each in authenticated.suspensions.entries]})


def lift(request: Request, ports: Ports) -> Response:
    """200 with the lifted suspension, also when repeated. Ended grants stay ended.

    Raises Problem suspension_not_found, or suspension_locked.
    """
    authenticated = authenticate_request(request, ports)
    with authenticated.counting_refusals():
        authenticated.require_operator("lift suspensions")
        reason = parse_reason(request.body, ports.config.limits)
    return Response(
        200,
        {"suspension": write_until_current(lambda: _lifted(reason, authenticated), suspension_conflict, ports).view()},
    )


def _begun(
    asked: SuspensionRequest, reason: MaskedComment, named: SuspendedName, authenticated: AuthenticatedRequest
) -> tuple[Suspension, Suspensions]:
    """Write the suspension with its record, unless it is in force already. Return it and all suspensions."""
    ports = authenticated.ports
    before = _current(authenticated)
    if same := before.of(asked.kind, named.name, named.issuer, named.role):
        return same, before
    by = authenticated.principal.source_identity
    suspension = Suspension(
        ports.new_id("s"), asked.kind, named.name, ports.now(), by, reason, role=named.role, issuer=named.issuer
    )
    with authenticated.counting_refusals():
        after = before.with_new(suspension)
        if after.stopping(authenticated.principal) and not asked.including_caller:
            detail = f"Suspending {suspension.title} would suspend you too, and you could not lift it."
            fix = "Ask an operator of another issuer, or send `including_caller` as true (--including-me)."
            raise Problem("self_suspension", detail, fix)
    record = suspension_record(Outcome.SET, suspension, reason, authenticated)
    ports.store.change_suspensions(before, after, record, now=authenticated.now)
    return suspension, after


def _current(authenticated: AuthenticatedRequest) -> Suspensions:
    """Return the suspensions to change. Raises Problem suspended if the operator was suspended during the call."""
    current = authenticated.ports.suspensions.current()
    with authenticated.counting_refusals():
        current.require_unsuspended(authenticated.principal)
    return current


def _lifted(reason: str, authenticated: AuthenticatedRequest) -> Suspension:
    """Lift the path's suspension with its record, unless it is lifted already. Return it."""
    ports = authenticated.ports
    before = _current(authenticated)
    suspension = before.with_id(authenticated.request.path.get("id", ""))
    if suspension is None:
        known = [each.id for each in before.in_force]
        fix = f"Use one of {', '.join(known[:10])}." if known else "No suspension is in force."
        problem = Problem("suspension_not_found", "There is no suspension with this id.", fix, {"alternatives": known})
        authenticated.count_refusal(problem.code)
        raise problem
    if not suspension.in_force:
        return suspension
    with authenticated.counting_refusals():
        suspension.require_liftable(ports.now())
    after = before.with_lifted(suspension, authenticated.principal.source_identity, ports.now())
    record = suspension_record(Outcome.ENDED, suspension, _masked(reason, authenticated), authenticated)
    ports.store.change_suspensions(before, after, record, now=authenticated.now)
    return after.with_id(suspension.id) or suspension


def _carry_out(suspension: Suspension, suspensions: Suspensions, began: CallStart, ports: Ports) -> Progress:
    """Write every role's deny document, start measurements, and write the ends of grants, as time permits."""

    def has_time() -> bool:
        return ports.stopwatch() - began.stopwatch < MOST_MILLISECONDS

    targets, seen = suspension.concerned(ports.config.targets.values()), ports.deny_list.seen_roles()
    failed = _not_denied(_roles(targets, seen, began.milliseconds), has_time, ports)
    written, written_at = ports.stopwatch() - began.stopwatch, ports.now()
    denied = [each for each in targets if each.alias not in failed]
    ended, all_ended, measured = 0, True, list[str]()
    if has_time():
        for grant in _ended_first(suspension, suspensions, denied, ports):
            ended += 1
            if start_measurement(grant, suspension, began.milliseconds, written_at, ports):
                measured.append(grant.target)
    for target in targets:
        in_iam = target.alias not in failed
        count, complete = end_suspended_grants(target.role_arn, suspensions, ports, has_time, in_iam=in_iam)
        ended, all_ended = ended + count, all_ended and complete
    others = [each for each in ports.config.targets.values() if each not in targets]
    count, complete = end_moved_grants(others, suspensions, ports, has_time)
    ended, all_ended = ended + count, all_ended and complete
    failed = _not_denied(_with_undenied_ends(suspension, failed, seen, has_time, ports), has_time, ports) | failed
    all_ended = all_ended and has_time()  # else a role that has to list a grant may not have been read
    for role_arn in sorted(each for each in seen if ports.config.target_with(each) is None):
        count, complete = end_suspended_grants(role_arn, suspensions, ports, has_time)
        ended, all_ended = ended + count, all_ended and complete
        if has_undenied((role_arn,), suspension, ports):
            failed[role_arn] = NO_TARGET
    aliases = tuple(each.alias for each in denied if each.alias not in failed)
    return Progress(aliases, failed, ended, all_ended, written, tuple(measured))


def _ended_first(
    suspension: Suspension, suspensions: Suspensions, denied: Iterable[Target], ports: Ports
) -> Iterator[Grant]:
    """Write the end of one grant on each of these targets, and yield it. The other ends may take much longer."""
    try:
        for grant in grants_to_measure(suspension, denied, ports):
            if end_suspended_grant(grant, suspensions, ports, in_iam=True):
                yield grant
    except Problem as problem:  # the role denies nevertheless, and the grant ends with the others
        logger.warning("time to deny not measured", suspension=suspension.id, code=problem.code)


def _roles(targets: Iterable[Target], seen: Collection[str], milliseconds: int) -> list[TargetRole]:
    """Return all roles that have to deny, including earlier roles of targets, whose credentials may be valid.

    Each call begins at another role. So accounts whose IAM hangs do not block the others.
    """
    roles = [
        TargetRole(each, arn)
        for each in targets
        for arn in (*each.role_arns, *earlier_roles(each.role_arn, each.roles, seen))
    ]
    first = milliseconds % len(roles) if roles else 0
    return roles[first:] + roles[:first]


def _with_undenied_ends(
    suspension: Suspension, failed: Collection[str], seen: Collection[str], has_time: Callable[[], bool], ports: Ports
) -> Iterator[TargetRole]:
    """Yield the roles whose documents have to list grants, because the names in the suspension do not deny them.

    Targets that have `failed` already are left out, and roles for which there is no time.
    """
    for role in _roles(ports.config.targets.values(), seen, 0):
        if has_time() and role.target.alias not in failed and has_undenied_end(role.arn, suspension, ports):
            yield role


def _not_denied(roles: Iterable[TargetRole], has_time: Callable[[], bool], ports: Ports) -> dict[str, str]:
    """Write the deny documents of the roles.

    Return the code of each target with a role that failed, or NOT_TRIED if there was no time for it.
    """
    failed: dict[str, str] = {}
    for role in roles:
        if not has_time():
            failed.setdefault(role.target.alias, NOT_TRIED)
            continue
        try:
            write_deny_document(role, ports)
        except Problem as problem:
            failed[role.target.alias] = problem.code
            log_undenied(role, problem)
    return failed


def _with_progress(suspension: Suspension, progress: Progress, authenticated: AuthenticatedRequest) -> Suspension:
    """Record the progress. Return the suspension, completed if everything that it covers has ended."""
    members: dict[str, Any] = {"target": suspension.target, "detail": suspension.detail | progress.view()}
    if not progress.complete:
        authenticated.record(AuditEvent.SUSPENSION, Outcome.FAILED, code="suspension_incomplete", **members)
        return suspension
    record = authenticated.new_record(AuditEvent.SUSPENSION, Outcome.REVOKED, **members)
    return complete_suspension(suspension, record, authenticated.ports)


def _masked(reason: str, authenticated: AuthenticatedRequest) -> MaskedComment:
    return authenticated.ports.masked_comment(reason, authenticated.principal.owner_key)


handler = endpoints(
    {
        ("POST", "/v1/suspensions"): suspend,
        ("GET", "/v1/suspensions"): list_suspensions,
        ("DELETE", "/v1/suspensions/{id}"): lift,
    },
    (
        *("config", "actions", "keys", "store", "suspensions", "deny_list", "role_policies", "approval_workflow"),
        "measurement_starts",
    ),
)
