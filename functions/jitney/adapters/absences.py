"""Absences in the state table: `pk` AWAY, `sk` the person, `absence` its id and `text` the whole; one of each person.

They are few, and read together. `expires` is when the absence ends, for DynamoDB's TTL.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jitney.adapters.calls import unavailable_when_failing
from jitney.core.access.grant import Vote
from jitney.core.review.absences import Absence

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

AWAY = "AWAY"
_AS_READ = "absence = :id"


class Absences:
    """Who is away. Raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", state_table: str) -> None:
        self._client = client
        self._table = state_table

    def kept(self) -> list[Absence]:
        """Everybody's absences as last written; some may be over."""
        found: list[Absence] = []
        start: dict[str, Any] = {}
        while True:
            with unavailable_when_failing("The store"):
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :away",
                    ExpressionAttributeValues={":away": {"S": AWAY}},
                    ConsistentRead=True,
                    **start,
                )
            found += (Absence.read(item["text"]["S"]) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def write_of(table: str, before: Absence | None, after: Absence | None) -> dict[str, Any]:
    """The part of a transaction that puts an absence in the place of another, or ends it; if that is as it was read."""
    known: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if before:
        known = {"ConditionExpression": _AS_READ, "ExpressionAttributeValues": _id(before.id)}
    if after is None:
        return {"Delete": {"TableName": table, "Key": _key(before.human if before else ""), **known}}
    item = _key(after.human) | {
        "absence": {"S": after.id},
        "text": {"S": after.text()},
        "expires": {"N": str(after.ends_at)},
    }
    return {"Put": {"TableName": table, "Item": item, **known}}


def checks_of(table: str, votes: Sequence[Vote]) -> Iterator[dict[str, Any]]:
    """The parts of a transaction that let votes in only while the absences in which they were given are as read."""
    for human, absence in {place.absent: place.absence for vote in votes for place in vote.stands_in}.items():
        check = {"Key": _key(human), "ConditionExpression": _AS_READ, "ExpressionAttributeValues": _id(absence)}
        yield {"ConditionCheck": {"TableName": table, **check}}


def _id(absence: str) -> dict[str, Any]:
    return {":id": {"S": absence}}


def _key(human: str) -> dict[str, Any]:
    return {"pk": {"S": AWAY}, "sk": {"S": human}}
