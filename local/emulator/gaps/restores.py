"""DynamoDB: restores of a table to a moment."""

import copy
import json
import time
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import dynamodb

from local.emulator.gaps.replacement import replaces

type Members = dict[str, Any]
type Answer = tuple[int, Members, Any]

MOST_CHANGES = 100_000
"""How many changes of a table are kept. Earlier moments cannot be restored."""


@dataclass(slots=True)
class History:
    """The changes of a table since `since` (epoch seconds): when, and the item before and after; None for none."""

    since: float = field(default_factory=time.time)
    changes: deque[tuple[float, Members | None, Members | None]] = field(default_factory=deque)

    def add(self, before: Members | None, after: Members | None) -> None:
        """Keep a change that happens now."""
        self.changes.append((time.time(), copy.deepcopy(before), after))
        if len(self.changes) > MOST_CHANGES:
            self.since = self.changes.popleft()[0]


_histories: dict[tuple[str, str, str], History] = {}


def moments_of_restores() -> None:
    """A table is restored to RestoreDateTime. Its RestoreSummary names the source and the moment.

    AWS refuses a table without point-in-time recovery, and a moment outside the recovery period. The period ends
    minutes ago in AWS, and now here.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableToPointInTime.html
    """
    _keep_changes()
    _describe_period()
    _restore_to_moments()


def _keep_changes() -> None:

    @replaces(dynamodb, "_emit_stream_event")
    def emit_and_keep(
        emit: Any, name: str, event: str, before: Members | None, after: Members | None, *more: Any, **named: Any
    ) -> None:
        if dynamodb._pitr_settings.get(name):
            _history(name).add(before, after)
        emit(name, event, before, after, *more, **named)

    @replaces(dynamodb, "_update_continuous_backups")
    def enable_from_now(enable: Any, request: Members) -> Answer:
        name = dynamodb._normalize_table_name(request.get("TableName"))
        enabled = dynamodb._pitr_settings.get(name)
        answer: Answer = enable(request)
        if not enabled:
            _histories[_place(name)] = History()
        return answer


def _describe_period() -> None:

    @replaces(dynamodb, "_describe_continuous_backups")
    def describe_period(describe: Any, request: Members) -> Answer:
        answer: Answer = describe(request)
        known = json.loads(answer[2])
        period = known.get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
        if "EarliestRestorableDateTime" not in period:
            return answer
        name = dynamodb._normalize_table_name(request["TableName"])
        period |= {"EarliestRestorableDateTime": _history(name).since, "LatestRestorableDateTime": time.time()}
        return _answer(known)

    @replaces(dynamodb, "_table_description")
    def description_with_summary(table_description: Any, name: str) -> Members:
        summary = dynamodb._tables[name].get("RestoreSummary")
        return {**table_description(name), **({"RestoreSummary": summary} if summary else {})}


def _restore_to_moments() -> None:

    @replaces(dynamodb, "_restore_table_to_point_in_time")
    def restore_to_moment(restore: Any, request: Members) -> Answer:
        name = request.get("SourceTableName") or dynamodb._normalize_table_name(request.get("SourceTableArn") or "")
        now = time.time()
        moment = now if request.get("UseLatestRestorableTime") else request.get("RestoreDateTime")
        if name in dynamodb._tables and (refusal := _refusal(name, moment, now)):
            return refusal
        answer: Answer = restore(request)
        if answer[0] != HTTPStatus.OK or moment is None:
            return answer
        target, source = (dynamodb._tables[each] for each in (request["TargetTableName"], name))
        for at, before, after in reversed(_history(name).changes):
            if at > moment:
                _undo(target, before, after)
        summary = {"RestoreDateTime": moment, "RestoreInProgress": False, "SourceTableArn": source["TableArn"]}
        target["RestoreSummary"] = summary
        return _answer({"TableDescription": dynamodb._table_description(request["TargetTableName"])})


def _refusal(name: str, moment: float | None, now: float) -> Answer | None:
    if not dynamodb._pitr_settings.get(name):
        return _error("PointInTimeRecoveryUnavailableException", f"Point in time recovery is not enabled for {name}")
    if moment is None:
        return _error("ValidationException", "RestoreDateTime or UseLatestRestorableTime is required")
    since = _history(name).since
    if not since <= moment <= now:
        return _error("InvalidRestoreTimeException", f"RestoreDateTime must be between {since} and {now}")
    return None


def _undo(table: Members, before: Members | None, after: Members | None) -> None:
    """Give an item the value from before a change."""
    item = before or after or {}
    partition = dynamodb._extract_key_val(item.get(table["pk_name"]))
    sort = dynamodb._extract_key_val(item.get(table["sk_name"])) if table["sk_name"] else "__no_sort__"
    if before:
        dynamodb._set_item(table, partition, sort, copy.deepcopy(before))
    else:
        dynamodb._remove_item(table, partition, sort)


def _history(name: str) -> History:
    return _histories.setdefault(_place(name), History())


def _place(name: str) -> tuple[str, str, str]:
    return get_account_id(), get_region(), name


def _answer(members: Members) -> Answer:
    answer: Answer = json_response(members)
    return answer


def _error(code: str, message: str) -> Answer:
    answer: Answer = error_response_json(code, message, HTTPStatus.BAD_REQUEST)
    return answer
