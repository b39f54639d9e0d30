"""Absences in the state table: `pk` AWAY, `sk` the person, `absence` its id and `text` the whole; one of each person.

They are few, and read together. `expires` is when the absence ends, for DynamoDB's TTL.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.access.grant import Vote
from jitney.core.review.out_of_office import OutOfOffice

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

OUT_OF_OFFICE = "OUT_OF_OFFICE"
_AS_READ = "absence = :id"


class OutOfOfficeStore:
    """Who is away. Raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", state_table: str) -> None:
        self._client = client
        self._table = state_table

    def kept(self) -> list[OutOfOffice]:
        """Everybody's absences as last written; some may be over."""
        found: list[OutOfOffice] = []
        start: dict[str, Any] = {}
        while True:
            with aws_errors_as_unavailable("The store"):
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :away",
                    ExpressionAttributeValues={":away": {"S": OUT_OF_OFFICE}},
                    ConsistentRead=True,
                    **start,
                )
            found += (OutOfOffice.read(item["text"]["S"]) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def write_of(table: str, before: OutOfOffice | None, after: OutOfOffice | None) -> dict[str, Any]:
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
    used = {place.delegator: place.out_of_office_id for vote in votes for place in vote.delegations}
    for human, absence in used.items():
        check = {"Key": _key(human), "ConditionExpression": _AS_READ, "ExpressionAttributeValues": _id(absence)}
        yield {"ConditionCheck": {"TableName": table, **check}}


def _id(absence: str) -> dict[str, Any]:
    return {":id": {"S": absence}}


def _key(human: str) -> dict[str, Any]:
    return {"pk": {"S": OUT_OF_OFFICE}, "sk": {"S": human}}
