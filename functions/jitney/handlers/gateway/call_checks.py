"""Checks a gateway call before anything is sent: its grant, AWS's model, its needs, and the policies."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from jitney.adapters.aws_calls import ModelledCall
from jitney.adapters.call_store import CallContext
from jitney.core.access.credentials import CALL_SECONDS
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant
from jitney.core.access.request import ExplainedAction, Permission, Way, names_of, permissions_of
from jitney.core.call_limits import NO_CALL_LIMITS, CallLimits, narrowest
from jitney.core.calls.second_names import may_reach_another
from jitney.core.gateway.call_records import approvals_detail, bounded_parameters
from jitney.core.gateway.call_request import CallRequest
from jitney.core.gateway.call_values import with_call_values
from jitney.core.gateway.inside_grant import CallNeeds, reading_part, require_inside
from jitney.core.gateway.tickets import DOWNLOADS
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.target_config import Target
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.ungranted import record_ungranted
from jitney.handlers.gateway.call_parameters import parameters_of
from jitney.handlers.grant.issuance import approvals_of, target_of
from jitney.handlers.grant.responses import active_grant, deciding_policies, denied_call_problem
from jitney.handlers.runtime.ports import Ports


@dataclass(frozen=True, slots=True)
class GatewayCall:
    """A call that fits AWS's model and that its grant covers. `key_hash` is the hash of its Idempotency-Key.

    `content` is the keyed hash of its body. `context` is the stored state that the call depends on. `grant_approvals`
    are the approvals of its grant with which the call was decided.
    """

    authenticated: AuthenticatedRequest
    call_request: CallRequest
    key_hash: str
    content: str
    context: CallContext
    grant: Grant
    target: Target
    modelled: ModelledCall = field(repr=False)
    needs: CallNeeds
    grant_approvals: frozenset[str] = frozenset()

    @property
    def ticket_seconds(self) -> int:
        """How long the agent can use the call's ticket; 0 for a call that the gateway sends itself."""
        return 0 if self.call_request.direct is None else CALL_SECONDS


def check_call(
    authenticated: AuthenticatedRequest, call_request: CallRequest, key_hash: str, content: str, context: CallContext
) -> GatewayCall:
    """Return the call if its grant covers it, otherwise raise Problem. Nothing is sent or decided yet.

    Refusals are counted. A call outside its grant is recorded instead, because the answer shows what is missing in the
    grant.
    """

    def call(needs: CallNeeds) -> GatewayCall:
        return GatewayCall(authenticated, call_request, key_hash, content, context, grant, target, modelled, needs)

    with authenticated.counting_refusals(AuditEvent.CALL):
        grant = active_grant(authenticated.own(context.stored_grant), authenticated)
        target = target_of(grant, authenticated.ports.config)
        _require_gateway(grant)
        require_address(grant, authenticated)
        modelled, explained = explained_call(call_request, target, authenticated.ports)
    try:
        downloads = call_request.direct is not None and modelled.operation.name in DOWNLOADS
        needs = require_inside(explained, grant, authenticated.ports.actions, reveal=downloads)
    except Problem as problem:
        # Another problem means that a record cannot hold what the call needs.
        needed = permissions_of(explained) if problem.code == "call_outside_grant" else ()
        _record(call(CallNeeds(needed, (), reads=False)), Outcome.REFUSED, problem.code)
        raise
    return call(needs)


def explained_call(
    call_request: CallRequest, target: Target, ports: Ports
) -> tuple[ModelledCall, tuple[ExplainedAction, ...]]:
    """Return the call, checked against AWS's model, and what it needs on the target. Raises Problem."""
    modelled = ports.aws_calls.checked(
        call_request.service, call_request.operation, call_request.region, call_request.parameters, target
    )
    needed = ports.explain_calls([call_request.as_call()], target)
    names = (modelled.service, modelled.operation.name)
    return modelled, with_call_values(needed, *names, call_request.parameters, ports.actions)


def decided_call(gateway_call: GatewayCall) -> tuple[GatewayCall, Decision]:
    """Return the call and the decision about it: allowed, or reviewed. Raises Problem denied after recording it.

    Of its additional permissions, the call keeps those that policies allow, and those under review if the call itself
    is. So a call without a review cannot use a permission that needs a review of each call. The limits of the permits
    that decide about additional permissions count for the call, too.

    A read shares the session of all reads of its grant only if policies would allow this call everything that it could
    read with it. So IAM enforces what policies say about a call, even if AWS reads the call in another way.
    """
    approvals = approvals_of(gateway_call.grant, gateway_call.authenticated)
    gateway_call = replace(gateway_call, grant_approvals=approvals)
    with gateway_call.authenticated.counting_refusals(AuditEvent.CALL):
        decide = _decide(gateway_call)
        decision = decide(gateway_call.needs.permissions)
        denied, further = decision.effect is Effect.DENY, gateway_call.needs.further
        accepted = _Accepted() if denied else _accepted(further, decide, decision.effect)
    if denied:
        _record(gateway_call, Outcome.DENIED, "denied", **deciding_policies(decision))
        raise denied_call_problem(decision)
    modelled = gateway_call.modelled
    shares = (
        gateway_call.needs.reads
        and accepted.further == further
        and not may_reach_another(modelled.service, modelled.parameters)
        and _allows_all_reads(gateway_call, decide)
    )
    made = replace(gateway_call, needs=gateway_call.needs._replace(further=accepted.further, shares=shares))
    return made, replace(decision, call_limits=narrowest((decision.call_limits, accepted.limits)))


def approved_call(gateway_call: GatewayCall, approvals: Collection[str]) -> GatewayCall:
    """Return a reviewed call as it may be sent with the `approvals` of its own review.

    It keeps the additional permissions that policies allow with these approvals. Other groups may have to approve the
    rest, and they did not.
    """
    needs = gateway_call.needs
    accepted = _accepted(needs.further, _decide(gateway_call, approvals), Effect.ALLOW)
    return replace(gateway_call, needs=needs._replace(further=accepted.further))


def _decide(gateway_call: GatewayCall, approvals: Collection[str] = ()) -> Callable[[tuple[Permission, ...]], Decision]:
    """Return the function that decides about permissions of a call, with the `approvals` of its own review."""
    authenticated, modelled, grant = gateway_call.authenticated, gateway_call.modelled, gateway_call.grant
    others = authenticated.other_grants(gateway_call.target, grant)

    def decide(permissions: tuple[Permission, ...]) -> Decision:
        of_grant = gateway_call.grant_approvals
        request = grant.as_request().for_call(permissions, modelled.service, modelled.operation.name, of_grant)
        return authenticated.decide(request, others, approvals, grant, gateway_call.ticket_seconds)

    return decide


def _allows_all_reads(gateway_call: GatewayCall, decide: Callable[[tuple[Permission, ...]], Decision]) -> bool:
    """Return whether policies allow the call everything that its grant can read."""
    authenticated, grant, modelled = gateway_call.authenticated, gateway_call.grant, gateway_call.modelled
    readable = reading_part(grant.permissions, authenticated.ports.actions)
    if readable == gateway_call.needs.permissions:
        return True

    def allowed() -> bool:
        try:
            return decide(readable).effect is Effect.ALLOW
        except Problem:  # such as a grant with too much for one decision
            return False

    seen = gateway_call.grant_approvals, authenticated.principal, authenticated.now // 60
    key = (grant.id, readable, modelled.service, modelled.operation.name, *seen)
    return authenticated.ports.read_sessions.remembered(key, allowed)


class _Accepted(NamedTuple):
    """The additional permissions that a call keeps, and the limits of the permits that decided about them."""

    further: tuple[Permission, ...] = ()
    limits: CallLimits = NO_CALL_LIMITS


def _accepted(
    further: tuple[Permission, ...], decide: Callable[[tuple[Permission, ...]], Decision], effect: Effect
) -> _Accepted:
    """Return the additional permissions that policies allow, or about which they decide with this effect."""
    effects = (Effect.ALLOW, effect)
    if not further:
        return _Accepted()
    together = decide(further)
    if together.effect in effects:
        return _Accepted(further, together.call_limits)
    decided = [(each, decision) for each in further if (decision := decide((each,))).effect in effects]
    return _Accepted(tuple(each for each, _ in decided), narrowest(decision.call_limits for _, decision in decided))


def _require_gateway(grant: Grant) -> None:
    if grant.way is not Way.GATEWAY:
        detail = f"Grant {grant.id} is for credentials, so the gateway makes no calls for it."
        fix = 'Call AWS with its credentials, or request a grant with "way": "gateway".'
        raise Problem("credentials_grant", detail, fix, {"grant": grant.view()})
    if grant.call:
        # The grant of a reviewed call outlives the grant in which that call is made. So it allows no other call.
        detail = f"Grant {grant.id} covers one reviewed call in grant {grant.call.grant_id}, and no other call."
        again = "To make that call, repeat its POST with the same Idempotency-Key."
        fix = f"{again} Make other calls in grant {grant.call.grant_id}."
        raise Problem("request_invalid", detail, fix)


def require_address(grant: Grant, authenticated: AuthenticatedRequest) -> None:
    """Raise Problem unless the call comes from the address to which the grant is bound (row STS 2).

    AWS sees the function's address instead, so a session policy cannot enforce this limit.
    """
    if grant.bound_address and authenticated.origin.source_ip != grant.bound_address:
        detail = f"Grant {grant.id} is bound to the address from which it was requested."
        raise Problem("address_mismatch", detail, "Call from that address, or request a new grant from this one.")


def _record(gateway_call: GatewayCall, outcome: Outcome, code: str, **members: Any) -> None:
    """Record a call that is not sent. Raises Problem rate_limited if the caller got too many such answers."""
    grant, modelled, permissions = gateway_call.grant, gateway_call.modelled, gateway_call.needs.permissions
    named: dict[str, Any] = {
        "service": modelled.service,
        "operation": modelled.operation.name,
        "region": modelled.region,
    }
    if permissions:
        ports, direct = gateway_call.authenticated.ports, gateway_call.call_request.direct
        named["parameters"] = bounded_parameters(parameters_of(modelled, direct, grant.owner_key, ports).shown)
    about = {"grant_id": grant.id, "target": grant.target, "account": grant.account}
    asked = names_of(permissions)._asdict()
    detail = {"call": named | approvals_detail(gateway_call.grant_approvals)}
    record_ungranted(
        AuditEvent.CALL, outcome, gateway_call.authenticated, code=code, detail=detail, **about, **asked, **members
    )
