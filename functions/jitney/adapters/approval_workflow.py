"""The approval workflow in Step Functions: one execution for each pending grant, named after the grant.

A holder of the task token can end the wait of a workflow. So the token is stored only in the state table, encrypted
with the table's key (row REV 2). Its item has `pk` REVIEW#<grant> and `sk` TOKEN. Ending the wait decides nothing,
because the workflow then reads the grant.
"""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.table_reads import Item, item_key, read_item, readable
from jitney.core.access.grant import Grant
from jitney.core.review.schedule import ScheduleCheck, wait_goes_on

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_stepfunctions import SFNClient

KEEP_TOKEN_SECONDS = 9 * 86400
"""Seconds for which a token is kept, longer than any review waits."""
EXPIRED_TOKEN_ERRORS = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
"""Step Functions' errors for a token whose wait is over. The workflow reads the grant anyway."""


class TaskTokens:
    """Stores the task token of a grant's waiting workflow. Raises Problem unavailable."""

    def __init__(self, dynamodb: "DynamoDBClient", state_table: str) -> None:
        self._dynamodb = dynamodb
        self._table = state_table

    def keep(self, grant_id: str, token: str, since: ScheduleCheck, now: int) -> None:
        """Store the token of a wait. The workflow made the check `since` before this wait.

        If the token of a later wait is stored, this wait is over, and `keep` raises Problem unavailable.
        """
        item = _key(grant_id) | {
            "token": {"S": token},
            "since": {"N": str(since.at)},
            "change": {"N": str(since.change)},
            "expires": {"N": str(now + KEEP_TOKEN_SECONDS)},
        }
        with aws_errors_as_unavailable("The store"):
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR since <= :since",
                ExpressionAttributeValues={":since": item["since"]},
            )

    def of(self, grant_id: str) -> tuple[str, ScheduleCheck] | None:
        """Return the stored token and the check before its wait, or None. Earlier versions stored only its time.

        Raises Problem item_unreadable as `readable`.
        """
        item = read_item(self._dynamodb, "The store", self._table, _key(grant_id))
        if item is None:
            return None
        with readable("the wait of the review"):
            check = ScheduleCheck.read(int(item["since"]["N"]))
            return item["token"]["S"], check._replace(change=int(item["change"]["N"])) if "change" in item else check

    def check_of(self, grant_id: str) -> ScheduleCheck | None:
        """Return the check before the wait of the stored token, or None."""
        found = self.of(grant_id)
        return found[1] if found else None


class TaskAnswers:
    """Ends the task of a workflow by its token. An answer to a task that has ended has no effect.

    Raises Problem unavailable.
    """

    def __init__(self, client: "SFNClient") -> None:
        self._client = client

    def succeed(self, token: str, grant_id: str) -> None:
        """End the task with success."""
        _answer(lambda: self._client.send_task_success(taskToken=token, output=json.dumps({"grant_id": grant_id})))

    def fail(self, token: str, error: str) -> None:
        """End the task with an error, whose name the workflow matches."""
        _answer(lambda: self._client.send_task_failure(taskToken=token, error=error))


def _answer(send: Callable[[], object]) -> None:
    with aws_errors_as_unavailable("The approval workflow"):
        try:
            send()
        except ClientError as error:
            if error.response["Error"]["Code"] not in EXPIRED_TOKEN_ERRORS:
                raise


class ApprovalWorkflow:
    """Starts and resumes the workflow of a grant under review. Raises Problem unavailable."""

    def __init__(self, client: "SFNClient", state_machine_arn: str, tokens: TaskTokens) -> None:
        self._client = client
        self._arn = state_machine_arn
        self._tokens = tokens

    def start(self, grant: Grant) -> bool:
        """Start the workflow of a pending grant, unless it is running. Return False if it ran before and has ended.

        Step Functions recognizes a repeat by the name and input for 90 days, longer than any review.
        https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
        """
        started = {"grant_id": grant.id, "since": 0}
        with aws_errors_as_unavailable("The approval workflow"):
            try:
                self._client.start_execution(stateMachineArn=self._arn, name=grant.id, input=json.dumps(started))
            except self._client.exceptions.ExecutionAlreadyExists:
                return False
        return True

    def resume(self, grant: Grant, now: int) -> None:
        """Resume the workflow of a changed grant, if it waits and has work at `now`.

        A wait that goes on is not ended. Each new wait adds events to the execution, which fails after 25,000.
        """
        found = self._tokens.of(grant.id)
        if found and not wait_goes_on(grant, found[1], now):
            TaskAnswers(self._client).succeed(found[0], grant.id)

    def running(self) -> frozenset[str]:
        """Return the ids of the grants whose workflow is running. The list may be some moments old."""
        with aws_errors_as_unavailable("The approval workflow"):
            return frozenset(self._running())

    def _running(self) -> Iterator[str]:
        pages = self._client.get_paginator("list_executions")
        for page in pages.paginate(stateMachineArn=self._arn, statusFilter="RUNNING"):
            yield from (execution["name"] for execution in page["executions"])


def _key(grant_id: str) -> Item:
    return item_key(f"REVIEW#{grant_id}", "TOKEN")
