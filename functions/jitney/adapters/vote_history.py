"""Votes by person, kept for a month in the state table: `pk` VOTES#<human>, `sk` the vote's time and the grant's id.

An entry is written in the transaction of its vote (`jitney.adapters.store`), from every channel.
"""

from typing import TYPE_CHECKING, Any

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.access.grant import Grant, Vote

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

KEEP_VOTE_SECONDS = 30 * 24 * 3600
MOST_VOTES = 20
"""Limit of one person's votes that are listed, the newest first."""


def put_vote(table: str, vote: Vote, grant: Grant) -> dict[str, Any]:
    """Return the transaction item of a vote's entry."""
    item = {
        "pk": {"S": f"VOTES#{vote.human}"},
        "sk": {"S": f"{vote.at:012d}#{grant.id}"},
        "expires": {"N": str(vote.at + KEEP_VOTE_SECONDS)},
    }
    return {"Put": {"TableName": table, "Item": item}}


class VoteHistory:
    """Reads votes by person. Raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", state_table: str) -> None:
        self._client = client
        self._table = state_table

    def of(self, human: str) -> list[str]:
        """Return the ids of the grants that a person, a source identity, voted on, the newest vote first."""
        with aws_errors_as_unavailable("The store"):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :human",
                ExpressionAttributeValues={":human": {"S": f"VOTES#{human}"}},
                ScanIndexForward=False,
                Limit=MOST_VOTES,
            )
        return list(dict.fromkeys(item["sk"]["S"].partition("#")[2] for item in answer["Items"]))
