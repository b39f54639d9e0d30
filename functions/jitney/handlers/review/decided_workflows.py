"""Resumes the workflows of decided requests that no other function resumed (REV 13).

The function that decides resumes the workflow after its write, and may fail in between. The workflow would then notify
the reviewers at its next scheduled check, which can be half an hour later.
"""

from jitney.core.review.schedule import is_waiting
from jitney.handlers.review.workflow import resume_workflow
from jitney.handlers.runtime.ports import Ports


def resume_decided(ports: Ports) -> int:
    """Resume the running workflows whose requests are decided. Return their number. Raises Problem unavailable.

    A workflow that is about to end ignores the call.
    """
    running = ports.approval_workflow.running()
    grants = ports.store.readable_grants(running) if running else {}
    decided = [each for each in grants.values() if not is_waiting(each, ports.now())]
    for grant in decided:
        resume_workflow(grant, ports)
    return len(decided)
