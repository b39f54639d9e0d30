"""The approval workflow in Step Functions: one execution for one pending grant, named after it.

The task token by which the workflow waits lies in the state table (`pk` REVIEW#<grant>, `sk` TOKEN), encrypted with the
table's key, and goes nowhere else: whoever has it can end the wait (row REV 2).
"""

import json
from typing import TYPE_CHECKING

from adapters.calls import unavailable_when_failing
from core.access.grant import Grant
from core.times import iso

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_stepfunctions import SFNClient

KEEP_TOKEN_SECONDS = 8 * 86400
"""Longer than any review waits."""


class Reviews:
    """Starts the workflow that waits for the reviewers of a grant, and wakes it. Raises Problem unavailable."""

    def __init__(
        self, client: "SFNClient", state_machine_arn: str, dynamodb: "DynamoDBClient", state_table: str
    ) -> None:
        self._client = client
        self._arn = state_machine_arn
        self._dynamodb = dynamodb
        self._table = state_table

    def start(self, grant: Grant) -> None:
        """Start the review of a pending grant; nothing hangs when it cannot be started (REV 13)."""
        asked = {"grant_id": grant.id, "expires_at": iso(grant.expires_at)}
        with unavailable_when_failing("The approval workflow"):
            self._client.start_execution(stateMachineArn=self._arn, name=grant.id, input=json.dumps(asked))

    def wait(self, grant_id: str, token: str, now: int) -> None:
        """Keep the task token by which the workflow waits from now on, in place of an earlier one."""
        item = {**_key(grant_id), "token": {"S": token}, "expires": {"N": str(now + KEEP_TOKEN_SECONDS)}}
        with unavailable_when_failing("The store"):
            self._dynamodb.put_item(TableName=self._table, Item=item)

    def decided(self, grant: Grant) -> None:
        """Wake the workflow of a grant that is no longer pending, if it waits."""
        with unavailable_when_failing("The approval workflow"):
            answer = self._dynamodb.get_item(TableName=self._table, Key=_key(grant.id), ConsistentRead=True)
            if "Item" in answer:
                output = json.dumps({"grant_id": grant.id, "state": grant.state})
                self._client.send_task_success(taskToken=answer["Item"]["token"]["S"], output=output)


def _key(grant_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"REVIEW#{grant_id}"}, "sk": {"S": "TOKEN"}}
