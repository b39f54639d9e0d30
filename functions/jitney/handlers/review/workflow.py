"""Resumes the workflow of a grant that was decided, restarted or narrowed."""

from jitney.core.access.grant import Grant
from jitney.core.problems import Problem
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports


def resume_workflow(grant: Grant, ports: Ports) -> None:
    """Resume the workflow. If this fails, the reconciler resumes it (`handlers.review.stalled_workflows`)."""
    try:
        ports.approval_workflow.resume(grant, ports.now())
    except Problem as problem:
        logger.warning("workflow not resumed", grant_id=grant.id, code=problem.code)
