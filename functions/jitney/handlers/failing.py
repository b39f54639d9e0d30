"""The end of a request whose review cannot go on."""

from jitney.core import audit
from jitney.core.access.grant import Grant, State
from jitney.core.audit import Event, Origin, Outcome
from jitney.handlers.changing import Step, change
from jitney.handlers.expiring import record_expiry
from jitney.handlers.ports import Ports


def fail_review(grant: Grant, code: str, error: str, ports: Ports) -> Grant:
    """The grant, failed if it was pending, with the record that says why; expired if its time is over.

    Raises Problem grant_conflict, unavailable.
    """
    now = ports.now()

    def step(before: Grant) -> Step | None:
        if before.at(now).state is not State.PENDING:
            return None
        failed = before.move(State.FAILED)
        record = audit.of_grant(Event.REVIEW, Outcome.FAILED, failed, Origin(), now, code=code, detail={"error": error})
        return Step(failed, record)

    failed = change(grant, step, ports)
    return record_expiry(failed, ports) if failed.state is State.PENDING else failed
