"""Starts the review of a pending grant, even if an earlier attempt failed (REV 13)."""

from jitney.core.access.grant import Grant
from jitney.core.problems import Problem
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports


def start_review(grant: Grant, ports: Ports) -> None:
    """Start the workflow of a pending grant, or do nothing if it was started before.

    Raises Problem unavailable with the grant, which stays pending. A repeated request or the reconciler then starts the
    review.
    """
    try:
        ports.approval_workflow.start(grant)
    except Problem as problem:
        logger.warning("review not started", grant_id=grant.id, code=problem.code)
        detail = f"{problem.detail} Grant {grant.id} is pending, and its reviewers are not notified yet."
        fix = (
            "Make the same request again, with the same Idempotency-Key. If you do not, Jitney starts the review "
            "within minutes: read the grant to see its state."
        )
        raise Problem(problem.code, detail, fix, {"grant": grant.view()}, {"Retry-After": "5"}) from problem
