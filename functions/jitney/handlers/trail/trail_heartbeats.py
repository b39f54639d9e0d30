"""Sends the heartbeats of CloudTrail, and records when they stop and arrive again (rows OPS 1, AUD 4)."""

from collections.abc import Mapping

from jitney.adapters.transactions import StaleWrite
from jitney.core.problems import Problem
from jitney.core.target_config import Target
from jitney.core.trail.event import MAX_CLOCK_SKEW_SECONDS
from jitney.core.trail.gaps import TrailWatch, change_of_gap
from jitney.core.trail.heartbeat import BROKER
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports


def send_heartbeat(target: Target, ports: Ports) -> dict[str, int]:
    """Make a call in the target's account that CloudTrail must report.

    A separate alarm fires if the event is missing.
    """
    try:
        ports.trail_heartbeat.send(target)
    except Problem as problem:
        logger.warning("trail heartbeat not sent", target=target.alias, code=problem.code)
    return {}


def record_gaps(ports: Ports) -> dict[str, int]:
    """Record each gap that began or ended, of the broker's account or of a target. Return the number of gaps.

    A watch begins when the reconciler first sees the target. The watch of a removed target remains, because its
    credentials may still work, and Jitney does not get the events of their calls. The failure of one watch does not
    stop the others. Raises the last failure at the end.
    """
    known = ports.trail_watches.watches(consistent=True)
    accounts = {BROKER: ""} | {alias: each.account for alias, each in ports.config.targets.items()}
    count = 0
    last: Exception | None = None
    for target, account in (dict.fromkeys(known, "") | accounts).items():
        try:
            count += _record_gap(target, account, known, ports)
        except (Problem, ValueError) as error:
            logger.error("trail gap not recorded", target=target, error=type(error).__name__)
            last = error
    if last:
        raise last
    return {"trail_gaps": count}


def _record_gap(target: str, account: str, known: Mapping[str, TrailWatch | None], ports: Ports) -> bool:
    """Return whether a gap of the target began or ended, and was recorded. Raises ValueError and Problem."""
    now = ports.now()
    if target not in known:
        ports.trail_watches.note(target, now)
        return False
    watch = known[target]
    if watch is None:
        raise ValueError("the watch cannot be read")
    if watch.seen_at > now + MAX_CLOCK_SKEW_SECONDS:
        raise ValueError("the time of the last heartbeat is ahead of the clock, so no gap would be seen")
    change = change_of_gap(watch, ports.new_id("r"), account, now)
    if change is None:
        return False
    try:
        ports.trail_watches.change(change, now)
    except StaleWrite:  # a heartbeat arrived meanwhile: the next run looks again
        return False
    logger.warning("trail gap", target=target, lasts=change.after.open_gap is not None)
    return True
