"""Authenticates callers by their tokens."""

from collections.abc import Collection

from jitney.adapters.transactions import Conflict
from jitney.core.identity.authenticate import Authenticated, authenticate
from jitney.core.identity.dpop import SentProof, replayed_proof
from jitney.core.identity.principal import Principal
from jitney.core.identity.refusal import Refusal
from jitney.core.problems import Problem
from jitney.core.records.refusal_counts import refusal_of
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.refusals import count_refused, counting_unauthenticated
from jitney.handlers.runtime.http import Request
from jitney.handlers.runtime.ports import Ports

MOST_NAME = 60


def authenticate_request(request: Request, ports: Ports) -> AuthenticatedRequest:
    """Authenticate the caller of `request`, who must not be suspended.

    Raises Problem (401, 403 suspended, 503) after counting the refusal.
    """
    authenticated = authenticate_even_suspended(request, ports)
    with authenticated.counting_refusals():
        authenticated.suspensions.require_unsuspended(authenticated.principal)
    return authenticated


def authenticate_even_suspended(request: Request, ports: Ports, query: Collection[str] = ()) -> AuthenticatedRequest:
    """Authenticate the caller of a route that gives no access, as `verify_caller` does.

    A suspended agent may read and release its grants.
    """
    now = ports.now()
    caller = verify_caller(request, ports, now, query)
    return AuthenticatedRequest(request, ports, now, caller, ports.suspensions.current())


def authenticate_reviewer(request: Request, ports: Ports) -> AuthenticatedRequest:
    """Authenticate a person who reviews in a terminal, as `authenticate_request` does.

    Only tokens of an issuer's entry with `for_reviews` are accepted, and no other function accepts them. They are not
    used up here.
    """
    now = ports.now()
    with counting_unauthenticated(request, ports, now):
        caller = _proven_caller(request, ports, now)
        who = caller.principal
        if not caller.for_reviews or (who.kind, who.human) != ("human", None):
            fix = "Sign in yourself with `jitney login --review`. An agent's token cannot review."
            raise _not_meant("The token is not for reviews.", fix, who)
    _require_known_query(request, who, ports, now, ())
    authenticated = AuthenticatedRequest(request, ports, now, caller, ports.suspensions.current())
    with authenticated.counting_refusals():
        authenticated.suspensions.require_unsuspended(who)
    return authenticated


def verify_caller(request: Request, ports: Ports, now: int, query: Collection[str] = ()) -> Authenticated:
    """Return the caller that the token of `request` names at `now`. The caller may be suspended.

    A single-use token is used up here, so it cannot request, list, fetch or release anything again (ID 14). `query` are
    the members that the query may have.

    Raises Problem (400, 401, 503) after counting the refusal.
    """
    with counting_unauthenticated(request, ports, now):
        caller = _proven_caller(request, ports, now)
        if caller.for_reviews:
            fix = "Use a token of an issuer's entry without for_reviews."
            raise _not_meant("The token is for reviews in a terminal only.", fix, caller.principal)
        _require_known_query(request, caller.principal, ports, now, query)
        use_up(caller, ports, now)
    return caller


def _require_known_query(request: Request, who: Principal, ports: Ports, now: int, known: Collection[str]) -> None:
    """Raise Problem request_invalid, and count it, for a member of the query that the route does not have.

    Without this, `?dry_run=true` would open a grant, and `?state=active` would list all grants.
    """
    for name in sorted(set(request.query) - set(known)):
        count_refused(refusal_of(who, "request_invalid", request.origin), ports, now, request.origin.request_id)
        fix = f"Remove it. The query can have {', '.join(known)}." if known else "Remove it. This route takes no query."
        detail = f"The query has the member {name[:MOST_NAME]!a}, which does not exist."
        raise Problem("request_invalid", detail, fix, {"parameter": name[:MOST_NAME]})


def _proven_caller(request: Request, ports: Ports, now: int) -> Authenticated:
    """Return the caller that the token of `request` names, after using up the request's DPoP proof, if it needs one."""
    sent = SentProof(request.headers.get("dpop"), request.method, f"{ports.scheme}:{request.address}")
    caller = authenticate(request.authorization, ports.config, ports.keys, now, sent)
    if caller.proof:
        try:
            ports.store.consume((caller.proof,), now=now)
        except Conflict as used:
            raise replayed_proof(caller.principal) from used
    return caller


def _not_meant(detail: str, fix: str, who: Principal) -> Refusal:
    return Refusal("token_audience", detail, fix, issuer_name=who.issuer_name, principal=who)


def use_up(caller: Authenticated, ports: Ports, now: int) -> None:
    """Use up the caller's single-use token. Raises Refusal token_replayed when it was used before."""
    if caller.single_use is None:
        return
    try:
        ports.store.consume((caller.single_use,), now=now)
    except Conflict as used:
        raise caller.replay_refusal() from used
