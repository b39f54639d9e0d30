"""What the audit table tells of one grant: its records, and the calls in its name; by keys, never by scan.

As `adapters.store` and `adapters.trail` put it there. What does not belong at its key is no line of the grant's, and is
handed on as an empty one, which whoever tells the story counts.
"""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from adapters.calls import unavailable_when_failing
from core.integrity.items import is_line, is_record
from core.story.lines import Line
from core.trail.call import CALLS, keys_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

MOST_RECORDS, MOST_KEYS, MOST_CALLS = 1000, 50, 500
"""What one page reads of a grant at most."""
CONCLUSIONS = ("EXPLAINED#", "BYPASS#", "UNISSUED#")

type Item = dict[str, Any]


class Stories:
    """Records and calls by grant. Every method raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", audit_table: str) -> None:
        self._client = client
        self._table = audit_table

    def records(self, grant_id: str) -> list[Line]:
        """The grant's own chain, its first MOST_RECORDS."""
        return [_line(item, "record", is_record) for item in islice(self._items(grant_id), MOST_RECORDS)]

    def calls(self, grant_id: str) -> list[Line]:
        """The calls in the grant's name, as they were published; not more than MOST_CALLS of MOST_KEYS keys.

        One whose key's beginning was learned late is there twice.
        """
        keys = [item["of"]["S"] for item in islice(self._items(keys_of(grant_id)), MOST_KEYS) if "of" in item]
        lines = (
            line
            for key in keys
            if key.startswith(CALLS)
            for kind in CONCLUSIONS
            for item in self._items(key, kind)
            if (line := _line(item, "line", is_line)).get("grant_id", grant_id) == grant_id
        )
        return list(islice(lines, MOST_CALLS))

    def _items(self, partition: str, begins: str = "") -> Iterator[Item]:
        start: Item = {}
        condition = "pk = :key AND begins_with(sk, :begins)" if begins else "pk = :key"
        values: Item = {":key": {"S": partition}} | ({":begins": {"S": begins}} if begins else {})
        while True:
            with unavailable_when_failing("The audit table"):
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    **start,
                )
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _line(item: Item, attribute: str, belongs: Callable[[str, str, str], bool]) -> Line:
    text = item.get(attribute, {}).get("S", "")
    if not belongs(item["pk"]["S"], item["sk"]["S"], text):
        return {}
    found: Line = json.loads(text)
    return found
