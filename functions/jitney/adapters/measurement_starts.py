"""Starts the function that measures when AWS denies an ended grant. The caller does not wait for it."""

import json
from typing import TYPE_CHECKING

from jitney.adapters.aws_clients import aws_errors_as_unavailable

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient


class MeasurementStarts:
    """Invokes the function asynchronously. Raises Problem unavailable when Lambda does not accept the event."""

    def __init__(self, client: "LambdaClient", function_name: str) -> None:
        self._client = client
        self._name = function_name

    def start(
        self, grant_id: str, since_milliseconds: int, written_at: int, *, suspension: str = "", start_by: int = 0
    ) -> None:
        """Start the measurement of the grant.

        The grant's end was requested at `since_milliseconds` (epoch milliseconds), and IAM had the denial at
        `written_at` (epoch seconds). `suspension` is the id of the suspension that ended the grant. Then nothing is
        measured if the function starts after `start_by` (epoch seconds).
        """
        event = {"grant_id": grant_id, "since_milliseconds": since_milliseconds, "written_at": written_at}
        event |= {"suspension": suspension, "start_by": start_by} if suspension else {}
        with aws_errors_as_unavailable("Lambda"):
            self._client.invoke(FunctionName=self._name, InvocationType="Event", Payload=json.dumps(event).encode())
