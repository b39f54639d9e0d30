"""Votes by person, kept for a month.

In the state table: `pk` VOTES#<digest of the person>, `sk` the vote's time and the grant's id.

The vote's transaction writes the entry (`jitney.adapters.store`), for every channel.
"""

from typing import Any

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.table_reads import TableItems, item_key
from jitney.core.access.grant import Grant, Vote
from jitney.core.stored_identity import Identity

KEEP_VOTE_SECONDS = 30 * 24 * 3600
MOST_VOTES = 20
"""How many of a person's votes are listed at most. The newest come first."""


def put_vote(table: str, vote: Vote, grant: Grant) -> dict[str, Any]:
    """Return the transaction item that adds a vote to the history."""
    item = {
        **item_key(f"VOTES#{vote.human.digest}", f"{vote.at:012d}#{grant.id}"),
        "expires": {"N": str(vote.at + KEEP_VOTE_SECONDS)},
    }
    return {"Put": {"TableName": table, "Item": item}}


class VoteHistory(TableItems):
    """Reads votes by person. Raises Problem unavailable when DynamoDB does not answer."""

    def of(self, human: Identity) -> list[str]:
        """Return the ids of the grants on which a person voted, the newest vote first."""
        with aws_errors_as_unavailable("The store"):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :human",
                ExpressionAttributeValues={":human": {"S": f"VOTES#{human.digest}"}},
                ScanIndexForward=False,
                Limit=MOST_VOTES,
            )
        return list(dict.fromkeys(item["sk"]["S"].partition("#")[2] for item in answer["Items"]))
