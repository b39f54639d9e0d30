"""Makes gateway calls: from a call's service, operation and parameters to AWS's answer (rows GW 2 and GW 6)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import OperationModel

from jitney.adapters.aws_models import AwsEndpoint, AwsModels
from jitney.adapters.ticket_signer import signed_ticket
from jitney.adapters.upstream import CALL_SECONDS, Upstream
from jitney.adapters.wire_requests import wire_request
from jitney.core.access.credentials import Credentials
from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.gateway.held_answers import require_prompt_answer
from jitney.core.gateway.parameters import checked_parameters
from jitney.core.gateway.tickets import DirectBody, Ticket
from jitney.core.target_config import Target

_TOKENS = uuid.UUID("b4a45a6a-2f0e-5b0c-9d39-2f4c7a1f6f0e")
"""The namespace of the idempotency tokens."""


@dataclass(frozen=True, slots=True)
class ModelledCall:
    """A call whose parameters fit AWS's model, and the endpoint to send it to. `region` is never ""."""

    operation: OperationModel = field(repr=False)
    region: str
    parameters: Mapping[str, Any] = field(repr=False)
    endpoint: AwsEndpoint

    @property
    def service(self) -> str:
        """Botocore's name of the service."""
        name: str = self.operation.service_model.service_name
        return name

    @property
    def protocol(self) -> str:
        """The wire protocol of the request and of its answer."""
        name: str = self.operation.service_model.resolved_protocol
        return name


class AwsCalls:
    """Checks calls against AWS's models, and sends them."""

    def __init__(self, models: AwsModels, upstream: Upstream) -> None:
        self._models = models
        self._upstream = upstream

    def checked(
        self, service: str, operation: str, region: str, parameters: Mapping[str, Any], target: Target
    ) -> ModelledCall:
        """Return the call with its parameters as they will be serialized.

        `region` may be "" for the target's Region.

        Raises Problem operation_unknown, call_unsupported or call_invalid.
        """
        model = self._models.operation(service, operation)
        place = region or target.region
        partition = target.role_arn.split(":", 2)[1]
        endpoint = self._models.endpoint(model, partition, place, target.account)
        checked = checked_parameters(parameters, model, model.service_model.resolved_protocol)
        require_prompt_answer(model.service_model.service_name, model.name, checked)
        return ModelledCall(model, place, checked, endpoint)

    def ticket(self, call: ModelledCall, body: DirectBody, call_id: str, credentials: Credentials) -> Ticket:
        """Sign the call for the agent to send, and send nothing. `body` is what the agent uploads.

        Raises Problem call_invalid.
        """
        request = wire_request(call.operation, call.parameters, call.endpoint.url, _token(call_id))
        return signed_ticket(request, call.endpoint, body, credentials)

    def send(self, call: ModelledCall, call_id: str, credentials: Credentials, seconds: int) -> AwsAnswer:
        """Send the call once, and return AWS's answer. AWS recognizes a second attempt by the same `call_id`.

        AWS has `seconds` to answer, at most `upstream.CALL_SECONDS`.

        Raises Problem call_invalid, and the problems of `Upstream.send`.
        """
        request = wire_request(call.operation, call.parameters, call.endpoint.url, _token(call_id))
        version = call.operation.service_model.signature_version
        return self._upstream.send(request, call.endpoint, version, credentials, min(seconds, CALL_SECONDS))


def _token(call_id: str) -> str:
    return str(uuid.uuid5(_TOKENS, call_id))
