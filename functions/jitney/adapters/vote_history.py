"""Who voted on what, for a month, in the state table: `pk` VOTES#<human>, `sk` the vote's time and the grant's id.

It is written in the transaction of the vote (`jitney.adapters.store`), on whatever channel that came.
"""

from typing import TYPE_CHECKING, Any

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.access.grant import Grant, Vote

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

KEEP_VOTE_SECONDS = 30 * 24 * 3600
MOST_VOTES = 20
"""Of one person that are listed, the newest."""


def put_vote(table: str, vote: Vote, grant: Grant) -> dict[str, Any]:
    """The entry of a vote, as one item of a transaction."""
    item = {
        "pk": {"S": f"VOTES#{vote.human}"},
        "sk": {"S": f"{vote.at:012d}#{grant.id}"},
        "expires": {"N": str(vote.at + KEEP_VOTE_SECONDS)},
    }
    return {"Put": {"TableName": table, "Item": item}}


class VoteHistory:
    """What people voted on. Raises Problem unavailable when DynamoDB does not answer."""

    def __init__(self, client: "DynamoDBClient", state_table: str) -> None:
        self._client = client
        self._table = state_table

    def of(self, human: str) -> list[str]:
        """The ids of the grants that a person, a source identity, voted on lately; the newest vote first."""
        with aws_errors_as_unavailable("The store"):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :human",
                ExpressionAttributeValues={":human": {"S": f"VOTES#{human}"}},
                ScanIndexForward=False,
                Limit=MOST_VOTES,
            )
        return list(dict.fromkeys(item["sk"]["S"].partition("#")[2] for item in answer["Items"]))
