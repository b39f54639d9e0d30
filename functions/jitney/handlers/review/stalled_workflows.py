"""Resumes the workflows that still wait, although their requests were decided or changed (REV 13).

The function that decides, narrows or restarts a request, or activates it by break-glass, resumes the workflow after its
write, and may fail in between. The workflow would then notify the reviewers at its next scheduled check, which can be
hours later.
"""

from jitney.core.access.grant import Grant
from jitney.core.problems import Problem
from jitney.core.review.schedule import NEVER_CHECKED, has_changed_since, is_waiting
from jitney.handlers.review.workflow import resume_workflow
from jitney.handlers.runtime.ports import Ports


def resume_stalled(ports: Ports) -> int:
    """Resume the running workflows whose wait should be over. Return their number. Raises Problem unavailable.

    A workflow that is about to end, or between two waits, ignores the call.
    """
    running = ports.approval_workflow.running()
    grants = ports.store.readable_grants(running) if running else {}
    stalled = [each for each in grants.values() if _is_stalled(each, ports)]
    for grant in stalled:
        resume_workflow(grant, ports)
    return len(stalled)


def _is_stalled(grant: Grant, ports: Ports) -> bool:
    """Return whether the wait should be over. A wait that cannot be read goes on until its next scheduled check."""
    if not is_waiting(grant, ports.now()):
        return True
    try:
        # Few requests ever change, so few tokens are read.
        since = ports.task_tokens.check_of(grant.id) if has_changed_since(grant, NEVER_CHECKED) else None
    except Problem as problem:
        if problem.code != "item_unreadable":
            raise
        return False
    return since is not None and has_changed_since(grant, since)
