"""Waking the workflow of a grant that is no longer pending, is asked anew or became less."""

from jitney.core.access.grant import Grant
from jitney.core.problems import Problem
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports


def resume_workflow(grant: Grant, ports: Ports) -> None:
    """Wake the workflow; it finds out by itself, at its next look, when this fails."""
    try:
        ports.reviews.decided(grant)
    except Problem as problem:
        logger.warning("workflow not woken", grant=grant.id, code=problem.code)
