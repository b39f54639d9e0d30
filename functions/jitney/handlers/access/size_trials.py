"""Tries the packed size of a session policy and its tags at STS before people review the request (STS 10).

Only STS knows the packed size. A trial starts a session with a policy that ended a day ago. That policy has exactly the
size of the later one, and denies everything. The adapter drops the credentials.
"""

from collections.abc import Callable
from typing import Any

from jitney.adapters.transactions import Conflict
from jitney.core.access.credentials import ENDED_SECONDS, TRIAL_PREFIX, session_request
from jitney.core.access.grant import Grant
from jitney.core.access.session_policy import SessionPolicy
from jitney.core.problems import Problem
from jitney.core.quotas import trial_quota
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.grant.issuance import target_of
from jitney.handlers.grant.responses import too_many_reviews_problem
from jitney.handlers.runtime.logs import logger

NEVER_ISSUED = frozenset({"policy_too_large", "access_profile_missing"})
"""Failures that prevent a review, because no credentials could be issued."""


class SizeTrial:
    """The trial of one request. Further attempts to write the same request do not repeat it.

    `policy_until` returns the session policy of the grant that would be reviewed, with its end in epoch seconds.
    """

    def __init__(
        self, authenticated: AuthenticatedRequest, policy_until: Callable[[Grant, int], SessionPolicy]
    ) -> None:
        self._call = authenticated
        self._policy_until = policy_until
        self._detail: dict[str, Any] | None = None

    def detail(self, grant: Grant) -> dict[str, Any]:
        """Return the record members of the trial: the packed size, or the code of the failure.

        Failures other than NEVER_ISSUED do not prevent the review. Raises Problem policy_too_large, with both sizes if
        STS refuses the packed policy, access_profile_missing, and too_many_reviews when the unit has used up the trials
        of this hour.
        """
        if self._detail is None:
            self._detail = self._tried(grant)
        return self._detail

    def _tried(self, grant: Grant) -> dict[str, Any]:
        ports, now = self._call.ports, self._call.now
        policy = self._policy_until(grant, now - ENDED_SECONDS)
        quota = trial_quota(grant.unit_key, ports.config.limits.reviews_per_hour, now)
        try:
            ports.store.consume([quota], now=now)
        except Conflict as used:
            raise too_many_reviews_problem(quota, grant.unit, now) from used
        target = target_of(grant, ports.config)
        request = session_request(grant, policy, target.external_id, now, prefix=TRIAL_PREFIX)
        try:
            return {"packed_policy_percent": ports.sessions.packed_size(request)}
        except Problem as problem:
            if problem.code in NEVER_ISSUED:
                raise
            logger.warning("packed size not tried", target=target.alias, code=problem.code)
            return {"packed_policy_untried": problem.code}


def grant_trial(authenticated: AuthenticatedRequest) -> SizeTrial:
    """Return the trial of the grant that a request would open."""

    def policy_until(grant: Grant, end: int) -> SessionPolicy:
        target = target_of(grant, authenticated.ports.config)
        return authenticated.session_policy(grant.permissions, grant.access_profile, target, end, grant.way)

    return SizeTrial(authenticated, policy_until)
