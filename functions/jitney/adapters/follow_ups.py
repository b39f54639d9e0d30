"""Uses of break-glass that nobody has looked at yet: `pk` GLASS, `sk` who owes it, `grant_id` which use.

Each use has two items, of the person's and of the agent's, which are written and taken away in the transaction of the
grant's own change (`jitney.adapters.store`). `expires` is when the grant itself is forgotten.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.access.grant import GRANT_RETENTION_SECONDS, Grant
from jitney.core.review.break_glass import follow_up_keys

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

FOLLOW_UP = "FOLLOW_UP"


class FollowUps:
    """What is owed. Raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", state_table: str) -> None:
        self._client = client
        self._table = state_table

    def outstanding(self) -> dict[str, str]:
        """Who owes that somebody looks at a use, as `core.review.break_glass.follow_up_keys` names them, and the id of the grant."""
        found: dict[str, str] = {}
        start: dict[str, Any] = {}
        while True:
            with aws_errors_as_unavailable("The store"):
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :glass",
                    ExpressionAttributeValues={":glass": {"S": FOLLOW_UP}},
                    ConsistentRead=True,
                    **start,
                )
            found |= {item["sk"]["S"]: item["grant_id"]["S"] for item in answer["Items"]}
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def changes_of(table: str, before: Grant, after: Grant) -> Iterator[dict[str, Any]]:
    """The parts of a transaction that enter a use of break-glass, or take it away once it was looked at."""
    if after.break_glass and not before.break_glass:
        for debtor in follow_up_keys(after, after.break_glass.human):
            item = _key(debtor) | {
                "grant_id": {"S": after.id},
                "expires": {"N": str(after.expires_at + GRANT_RETENTION_SECONDS)},
            }
            yield {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
    if after.break_glass and after.follow_up and not before.follow_up:
        for debtor in follow_up_keys(after, after.break_glass.human):
            mine = {
                "ConditionExpression": "attribute_not_exists(pk) OR grant_id = :grant",
                "ExpressionAttributeValues": {":grant": {"S": after.id}},
            }
            yield {"Delete": {"TableName": table, "Key": _key(debtor), **mine}}


def _key(debtor: str) -> dict[str, Any]:
    return {"pk": {"S": FOLLOW_UP}, "sk": {"S": debtor}}
