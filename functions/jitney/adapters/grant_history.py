"""What the audit table tells of one grant: its records, and the calls in its name; by keys, never by scan.

As `adapters.store` and `adapters.trail` put it there. What does not belong at its key is no line of the grant's, and is
handed on as an empty one, which whoever tells the story counts.
"""

import json
from collections.abc import Callable, Iterator
from itertools import islice, product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.integrity.publishable_items import is_call_line, is_record
from jitney.core.report.published_lines import Line
from jitney.core.trail.call import CALLS_PREFIX, grant_keys_partition

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

MOST_RECORDS, MOST_KEYS, MOST_CALLS = 1000, 50, 500
"""What one page reads of a grant at most."""
MOST_OTHERS = 1000
"""Calls of other grants that are read on the way: those without a key lie together, all of an account."""
CONCLUSIONS = ("BYPASS#", "UNISSUED#", "EXPLAINED#")
"""The gravest first: an agent makes as many calls and keys as it likes, and these are read while there is room."""

Item: TypeAlias = dict[str, Any]


class HistoryPage(NamedTuple):
    """What was read, and whether there is more."""

    lines: list[Line]
    cut: bool


class GrantHistory:
    """Records and calls by grant. Every method raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", audit_table: str) -> None:
        self._client = client
        self._table = audit_table

    def records(self, grant_id: str) -> HistoryPage:
        """The grant's own chain; where it is longer than MOST_RECORDS, as many of its first as of its last."""
        items, cut = _most(self._items(grant_id), MOST_RECORDS)
        if cut:
            first = MOST_RECORDS // 2
            last = list(islice(self._items(grant_id, backwards=True), MOST_RECORDS - first))
            items = items[:first] + last[::-1]
        return HistoryPage([_line(item, "record", is_record) for item in items], cut)

    def calls(self, grant_id: str) -> HistoryPage:
        """The calls in the grant's name, as they were published; not more than MOST_CALLS of MOST_KEYS keys.

        Those that nothing explains come first. One whose key's beginning was learned late is there twice. Of keys that
        others share, not more is read than holds MOST_OTHERS of theirs.
        """
        items, cut = _most(self._items(grant_keys_partition(grant_id)), MOST_KEYS)
        keys = [item["calls_pk"]["S"] for item in items if "calls_pk" in item]
        lines, others = list[Line](), 0
        for kind, key in product(CONCLUSIONS, [key for key in keys if key.startswith(CALLS_PREFIX)]):
            for item in self._items(key, kind):
                line = _line(item, "line", is_call_line)
                if line.get("grant_id", grant_id) == grant_id:
                    lines.append(line)
                else:
                    others += 1
                if len(lines) > MOST_CALLS:
                    return HistoryPage(lines[:MOST_CALLS], cut=True)
                if others > MOST_OTHERS:
                    cut = True
                    break
        return HistoryPage(lines, cut)

    def _items(self, partition: str, begins: str = "", *, backwards: bool = False) -> Iterator[Item]:
        start: Item = {}
        condition = "pk = :key AND begins_with(sk, :begins)" if begins else "pk = :key"
        values: Item = {":key": {"S": partition}} | ({":begins": {"S": begins}} if begins else {})
        while True:
            with aws_errors_as_unavailable("The audit table"):
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ScanIndexForward=not backwards,
                    **start,
                )
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _most(things: Iterator[T], most: int) -> tuple[list[T], bool]:
    """The first `most`, and whether there are more."""
    found = list(islice(things, most + 1))
    return found[:most], len(found) > most


def _line(item: Item, attribute: str, belongs: Callable[[str, str, str], bool]) -> Line:
    text = item.get(attribute, {}).get("S", "")
    if not belongs(item["pk"]["S"], item["sk"]["S"], text):
        return {}
    found: Line = json.loads(text)
    return found
