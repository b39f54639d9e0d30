"""An event of CloudTrail becomes a call that a grant explains, or a bypass that somebody is told of (row AUD 3).

Whatever was written before a crash is written the same the next time, and nothing is left out: what an event says is
noted before it is judged, and what is judged a bypass is told of before it is noted.
"""

from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from jitney.adapters.trail import chain_of
from jitney.core import audit
from jitney.core.access.grant import Grant
from jitney.core.audit import BYPASSES, AuditRecord, Event, Outcome
from jitney.core.masking.masker import Masker
from jitney.core.masking.tags import TAGLESS, Tags
from jitney.core.trail.call import Call, call_of
from jitney.core.trail.event import Issue, Refused, Sighting, require_told, sighting
from jitney.core.trail.join import DISPUTED, MOST_PARENTS, NOT_ISSUED, Verdict, is_forgotten, judge, name_of
from jitney.core.trail.line import line_of
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports


def correlate(event: Any, account: str, home: str, ports: Ports) -> None:
    """Take in one event; nothing happens to one that is about no target's role. Raises Refused, or Problem.

    `account` is whose bus told of it, `home` the broker's. Refused is what neither would tell, and what is of so long
    ago that its grant is forgotten: whether there was one, nobody can say any more.
    """
    seen, now = sighting(event, ports.target_roles), ports.now()
    if seen is None:
        return
    require_told(seen, account, home, now)
    grant = _grant(seen.session, ports)
    if grant is None and is_forgotten(seen.session, seen.at, now):
        raise Refused("grant_forgotten")
    masked = Masker(ports.masks, _tags(seen, grant, ports)).event(event).value
    call = call_of(masked, seen, ports.actions_of)
    disputed = False
    if seen.issue:
        disputed = ports.trail.keep_issue(seen.issue, now)
    if _settled(call, grant, now, ports) is None:
        # Whoever notes the key's beginning looks for calls afterwards: one of the two sees the other.
        ports.trail.keep_call(call, now)
        if _settled(call, grant, now, ports) is None:
            ports.trail_queue.again(call.account, call.access_key_id)
    if seen.issue:
        settle(seen.account, seen.issue.access_key_id, ports)
        if disputed:
            ports.trail_queue.again(seen.account, seen.issue.access_key_id)


def settle(account: str, access_key_id: str, ports: Ports, *, depth: int = 0, anew: bool = False) -> None:
    """Judge the calls with a key that are waiting; those with the keys that were scoped down from it, too.

    `anew` is that how the key's session began has become disputed: what was explained is judged again.
    """
    still = False
    grant_of = cache(lambda session: _grant(session, ports))
    for each in ports.trail.waiting(account, access_key_id, anew=anew):
        verdict = _settled(each.call, grant_of(each.call.session), each.since, ports, told=each.told)
        still = still or verdict is None
        if verdict and each.call.issued and depth < MOST_PARENTS:
            settle(account, each.call.issued, ports, depth=depth + 1, anew=verdict.reasons == DISPUTED)
    if still:
        ports.trail_queue.again(account, access_key_id)


def _settled(call: Call, grant: Grant | None, since: int, ports: Ports, *, told: bool = False) -> Verdict | None:
    """What the call came to, which is then noted; None while it waits. `told` is that its key was not issued."""
    now = ports.now()
    issue = _beginning(call.account, call.access_key_id, now, ports)
    verdict = judge(call, grant, issue, ports.issuers, waited=now - since)
    if verdict is None or (told and verdict.reasons == NOT_ISSUED):
        return verdict
    target = ports.target_aliases.get(call.role_arn, "")
    if not verdict.explained:
        _tell(call, verdict, target, issue, ports)
    line = line_of(call, verdict, grant, target, now)
    ports.trail.conclude(call, verdict.reasons, line, now, grant_id=verdict.grant_id)
    return verdict


def _beginning(account: str, access_key_id: str, now: int, ports: Ports) -> Issue | None:
    """How the session of a key began, by the keys that it was scoped down from; None where that is not known."""
    disputed = False
    for _ in range(MOST_PARENTS):
        issue = ports.trail.issue(account, access_key_id, now) if access_key_id else None
        if issue is None:
            return None
        disputed = disputed or issue.disputed
        if not issue.parent:
            return issue._replace(disputed=disputed)
        access_key_id = issue.parent
    return None


def _grant(session: str, ports: Ports) -> Grant | None:
    name = name_of(session)
    return ports.store.grant(name.grant_id) if name and name.grant_id else None


def _tags(seen: Sighting, grant: Grant | None, ports: Ports) -> Tags:
    """The tags of the grant's owner; none where it is not this session's."""
    if grant is None or grant.role_arn != seen.role_arn:
        return TAGLESS
    owner = grant.owner
    return Tags(lambda: ports.mask_keys.of(owner))


def _tell(call: Call, verdict: Verdict, target: str, issue: Issue | None, ports: Ports) -> None:
    """Count a bypass for the alarm, and put it on record: once for each key and its reasons."""
    logger.error("bypass", event_id=call.event_id, account=call.account, session=call.session, reasons=verdict.reasons)
    with single_metric(BYPASSES, unit=MetricUnit.Count, value=1) as metric:
        metric.add_dimension("service", "jitney")
    now = ports.now()
    record = AuditRecord(
        time=now,
        event=Event.BYPASS,
        outcome=Outcome.UNEXPLAINED,
        code=verdict.reasons[0],
        grant_id=verdict.grant_id,
        target=target,
        account=call.account,
        actions=call.actions,
        resources=call.resources,
        source_ip=call.source_ip,
        request_id=call.request_id,
        detail={
            "reasons": verdict.reasons,
            "event_id": call.event_id,
            "operation": f"{call.service}:{call.operation}",
            "session": call.session,
            "source_identity": call.source_identity,
            "access_key_id": call.access_key_id,
            "begun_by": issue.by if issue else "",
            "denied": call.error_code,
        },
    )
    chain = chain_of((call.role_arn, call.session, call.access_key_id, *verdict.reasons))
    ports.trail.record(audit.link(record, chain), now)
