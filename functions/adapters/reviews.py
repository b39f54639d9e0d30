"""The approval workflow in Step Functions: one execution for one pending grant, named after it."""

import json
from typing import TYPE_CHECKING

from adapters.calls import unavailable_when_failing
from core.access.grant import Grant
from core.times import iso

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


class Reviews:
    """Starts the workflow that waits for the reviewers of a grant."""

    def __init__(self, client: "SFNClient", state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, grant: Grant) -> None:
        """Start the review of a pending grant. Raises Problem unavailable when it cannot be started (REV 13)."""
        asked = {"grant_id": grant.id, "expires_at": iso(grant.expires_at)}
        with unavailable_when_failing("The approval workflow"):
            self._client.start_execution(stateMachineArn=self._arn, name=grant.id, input=json.dumps(asked))
