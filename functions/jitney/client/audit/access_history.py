"""Access by agent or resource: requested, approved, granted, used and denied (`jitney audit who`)."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any, NamedTuple

from jitney.client.audit.audit_names import ANY_RESOURCE, KnownNames, Source, concerns, resource_arn
from jitney.client.audit.trail_silence import silences
from jitney.core.json_object import json_object
from jitney.core.policy.pairs import NEEDS_NO_PERMISSION
from jitney.core.report.grant_report import NOT_SENT

LOOKED_BACK = timedelta(days=90)
"""How far back names are looked up, so that a known name without events in the period is not an error."""
RECORDS = """
SELECT time, event, outcome, code, chain, seq, grant_id, principal, human, target, expires_at, reason, detail,
       CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources, CAST(policies AS JSON) AS policies
FROM unique_records
WHERE dt >= ? AND dt <= ? AND ? IN ('', principal)
  AND event IN ('request', 'vote', 'break_glass', 'review', 'release', 'revocation', 'expiry', 'call')
ORDER BY time, chain, seq
"""
CALLS = """
SELECT time, service, operation, verdict, denied, error_code, grant_id, source_identity AS principal, human, target,
       CAST(actions AS JSON) AS actions, CAST(resources AS JSON) AS resources, CAST(reasons AS JSON) AS reasons
FROM unique_calls
WHERE dt >= ? AND dt <= ? AND ? IN ('', source_identity)
  AND (verdict NOT IN ('explained', 'beyond_grant') OR purpose IN ('grant', 'reads', 'call'))
  AND (call_id = '' OR verdict <> 'explained')
  AND NOT (verdict = 'explained' AND service = 'sts' AND operation IN ('AssumeRole', 'GetScopedCredentials'))
ORDER BY time
"""
_WHAT = {"request": "requested", "vote": "decided", "break_glass": "break-glass", "call": "used"} | dict.fromkeys(
    ("review", "release", "revocation", "expiry"), "ended"
)


class HistoryRow(NamedTuple):
    """One event, or several equal calls. `by` is the person, or the policies, that decided.

    `what` is "requested", "decided", "break-glass", "used", "denied", "bypass" or "ended". `times` counts the calls of
    the row. The first one happened at `time`, and the last one at `last_time`. For an end, `time` is when access ended,
    even if that was recorded later.
    """

    time: str
    last_time: str
    what: str
    result: str
    agent: str
    human: str
    grant_id: str
    target: str
    actions: list[str]
    resources: list[str]
    by: str
    why: str
    times: int


class AccessHistory(NamedTuple):
    """The rows, ordered by time. `agent` and `resource` are names as in records; "" stands for any.

    `warnings` say when CloudTrail was silent on these days.
    """

    agent: str
    resource: str
    since: date
    until: date
    rows: tuple[HistoryRow, ...]
    warnings: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the history as JSON."""
        rows = [each._asdict() for each in self.rows]
        return self._asdict() | {"since": self.since.isoformat(), "until": self.until.isoformat(), "rows": rows}

    @property
    def read_until(self) -> date:
        """The last day of publishing that was read."""
        return read_until(self.until)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the rows' members."""
        return HistoryRow._fields

    @property
    def about(self) -> str:
        """The question in one line."""
        who, where = self.agent or "Any agent", self.resource or "any resource"
        return f"{who} on {where}, from {self.since} to {self.until}"


def access_history(source: Source, agent: str, resource: str, since: date, until: date) -> AccessHistory:
    """Return the history of an agent, of a resource with everything below it, or of both. "" stands for any.

    The last records of a day are published on the next one, so that day is read, too. Raises Invalid for a name that no
    record has.
    """
    known = KnownNames(source, min(since, until - LOOKED_BACK))
    principal = known.agent(agent) if agent else ""
    arn = resource_arn(resource, source.partition) if resource else ""
    first, last = since.isoformat(), until.isoformat()
    with ThreadPoolExecutor(1) as pool:
        silent = pool.submit(silences, source, since, until)
        records = source.run(RECORDS, (first, read_until(until).isoformat(), principal)).records()
        calls = source.run(CALLS, (first, last, principal)).records()
    rows = [*_of_records(list(records), arn), *_of_calls(calls, arn)]
    if arn and not any(concerns(arn, {*each.resources} - {ANY_RESOURCE}) for each in rows):
        known.resource(arn)
    happened = [each for each in rows if first <= each.time[:10] <= last]
    in_order = tuple(sorted(happened, key=lambda each: each.time))
    return AccessHistory(principal, arn, since, until, in_order, silent.result())


def read_until(until: date) -> date:
    """Return the last day of publishing that is read for events until a day."""
    return until + timedelta(days=1)


def _of_records(records: list[Mapping[str, Any]], arn: str) -> Iterator[HistoryRow]:
    """Yield requests for the resource, decisions on them, gateway calls on it, and ends of grants."""
    named = {at for at, each in enumerate(records) if not arn or concerns(arn, _named(each))}
    grants = {records[at]["grant_id"] for at in named} - {"", None}
    answered = {each["chain"] for each in records if each["event"] == "call" and each["outcome"] != "sent"}
    for at, each in enumerate(records):
        of_call = each["event"] == "call"
        if of_call and each["outcome"] == "sent" and each["chain"] in answered:
            continue
        if at in named or (each["grant_id"] in grants and not of_call):
            yield _record_row(each)


def _named(record: Mapping[str, Any]) -> set[str]:
    """Return the resources that a record is about. sts:GetCallerIdentity is on "*", but is about none.

    Other calls on "*", such as kms:Decrypt without a key, may have used any resource.
    """
    actions = {*(record["actions"] or ())}
    about_none = record["event"] == "call" and actions and actions <= NEEDS_NO_PERMISSION
    return set() if about_none else {*(record["resources"] or ())}


def _record_row(record: Mapping[str, Any]) -> HistoryRow:
    event, detail = str(record["event"]), _members(record["detail"])
    call = _members(detail.get("call"))
    code = f" ({record['code']})" if record["code"] else ""
    status = f" {call['status']}" if event == "call" and call.get("status") else ""
    by_policy = ", ".join(record["policies"] or ()) if event == "request" else ""
    undecided = ", still pending" if event == "vote" and detail.get("state") == "pending" else ""
    return HistoryRow(
        time=(happened := _happened(record, detail)),
        last_time=happened,
        what="denied" if event == "call" and record["outcome"] in NOT_SENT else _WHAT[event],
        result=f"{record['outcome']}{status}{undecided}{code}",
        agent=str(record["principal"] or ""),
        human=str(record["human"] or ""),
        grant_id=str(record["grant_id"] or ""),
        target=str(record["target"] or ""),
        actions=list(record["actions"] or ()),
        resources=list(record["resources"] or ()),
        by=str(detail.get("by") or "") or (f"policy {by_policy}" if by_policy else ""),
        why=str(detail.get("comment") or detail.get("reason") or record["reason"] or ""),
        times=1,
    )


def _happened(record: Mapping[str, Any], detail: Mapping[str, Any]) -> str:
    """Return the time of what a record is about. An end is recorded when it is found, which may be later."""
    at = str(record["time"])
    if record["event"] == "expiry":
        return min(at, str(record["expires_at"] or at))
    return str(detail.get("ended_at") or at) if _WHAT[str(record["event"])] == "ended" else at


def _of_calls(calls: Iterable[Mapping[str, Any]], arn: str) -> Iterator[HistoryRow]:
    """Yield the calls on the resource. Equal calls are one row."""
    found: dict[tuple[str, ...], HistoryRow] = {}
    for each in calls:
        if arn and not concerns(arn, each["resources"] or ()):
            continue
        row = _call_row(each)
        key = (row.what, row.result, row.agent, row.grant_id, row.target, *row.actions, "", *row.resources)
        found[key] = found[key]._replace(times=found[key].times + 1, last_time=row.time) if key in found else row
    yield from found.values()


def _call_row(call: Mapping[str, Any]) -> HistoryRow:
    explained = call["verdict"] in ("explained", "beyond_grant")
    what = ("denied" if call["denied"] else "used") if explained else str(call["verdict"])
    done = "beyond_grant" if call["verdict"] == "beyond_grant" else "done"
    return HistoryRow(
        time=str(call["time"]),
        last_time=str(call["time"]),
        what=what,
        result=str(call["error_code"] or done),
        agent=str(call["principal"] or ""),
        human=str(call["human"] or ""),
        grant_id=str(call["grant_id"] or ""),
        target=str(call["target"] or ""),
        actions=list(call["actions"] or ()) or [f"{call['service']}:{call['operation']}"],
        resources=list(call["resources"] or ()),
        by="",
        why=", ".join(call["reasons"] or ()),
        times=1,
    )


def _members(value: Any) -> Mapping[str, Any]:
    """Return a mapping, or the one in a JSON text; {} for anything else."""
    if isinstance(value, str):
        return json_object(value)
    return value if isinstance(value, dict) else {}
