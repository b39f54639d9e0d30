"""Sends the heartbeats of CloudTrail, and records when they stop and arrive again (rows OPS 1, AUD 4)."""

from jitney.adapters.transactions import StaleWrite
from jitney.core.config import Target
from jitney.core.problems import Problem
from jitney.core.trail.gaps import change_of_gap
from jitney.core.trail.heartbeat import BROKER
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports


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
    """Record the gaps of the broker's account and of each target that began or ended. Return their number.

    A watch begins when the reconciler first sees the target. Raises Problem unavailable.
    """
    now, count = ports.now(), 0
    known = ports.trail_watches.watches(consistent=True)
    accounts = {BROKER: ""} | {alias: each.account for alias, each in ports.config.targets.items()}
    for target, account in accounts.items():
        if target not in known:
            ports.trail_watches.note(target, now)
            continue
        change = change_of_gap(known[target], ports.new_id("r"), account, now)
        if change is None:
            continue
        try:
            ports.trail_watches.change(change, now)
        except StaleWrite:  # a heartbeat arrived meanwhile: the next run looks again
            continue
        count += 1
        logger.warning("trail gap", target=target, lasts=change.after.open_gap is not None)
    return {"trail_gaps": count}
