"""A broker in this process that checks and serializes calls as the deployed one does, and moto as AWS behind it."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.auth import SigV4Auth
from botocore.credentials import Credentials
from moto.core.models import botocore_stubber

from jitney import resources
from jitney.adapters.aws_models import AwsModels
from jitney.adapters.wire_requests import wire_request
from jitney.client.api.broker_clock import BrokerClock
from jitney.client.api.responses import GrantResponse
from jitney.client.gateway.call_answers import CallAnswer, CallUnderReview, DirectTicket
from jitney.client.problems import Invalid
from jitney.core.gateway.call_request import parse_call
from jitney.core.gateway.parameters import checked_parameters
from jitney.core.problems import Problem
from tests.client.fake_broker import grant

MODELS = AwsModels.load(resources.MODELS.read_bytes())
CALL_ID = "c-abcdefghijklm2"
ACCOUNT = "123456789012"
Answer = CallAnswer | CallUnderReview | DirectTicket


@dataclass
class AwsBehindBroker:
    """Takes calls as `Broker.call` does. `instead` may answer or raise before AWS is called."""

    instead: Callable[[Mapping[str, Any], str], Answer | None] = lambda call, key: None
    clock: BrokerClock = field(default_factory=BrokerClock)
    calls: list[tuple[Mapping[str, Any], str]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    """The operations that AWS received."""

    looks: list[tuple[str, int]] = field(default_factory=list)
    """The reviewed calls that were looked at, and for how many seconds the answer should be held."""
    decided: Callable[[int], GrantResponse] = lambda seconds: GrantResponse.read({"grant": grant("pending")})

    def grant(self, grant_id: str, wait_seconds: int = 0) -> GrantResponse:
        self.looks.append((grant_id, wait_seconds))
        return self.decided(wait_seconds)

    def call(self, call: Mapping[str, Any], key: str) -> Answer:
        self.calls.append((call, key))
        if (answer := self.instead(call, key)) is not None:
            return answer
        made = parse_call(json.dumps(call).encode())
        try:
            operation = MODELS.operation(made.service, made.operation)
            protocol = operation.service_model.resolved_protocol
            checked = checked_parameters(made.parameters, operation, protocol)
            endpoint = MODELS.endpoint(operation, "aws", made.region, ACCOUNT)
            request = wire_request(operation, checked, endpoint.url, "00000000-0000-4000-8000-000000000000")
        except Problem as problem:
            raise Invalid(problem.code, problem.code, problem.detail, problem.fix, problem.extras) from problem
        SigV4Auth(
            Credentials("AKIAIOSFODNN7EXAMPLE", "secret"), endpoint.signing_name, endpoint.signing_region
        ).add_auth(request)
        self.sent.append(f"{made.service}:{made.operation}")
        answer = botocore_stubber("before-send", request.prepare())
        headers = {name: str(value) for name, value in answer.headers.items()}
        document = {
            "call_id": CALL_ID,
            "status": answer.status_code,
            "headers": headers,
            "body": base64.b64encode(answer.content).decode(),
            "body_encoding": "base64",
            "masked": [],
            "budget": {},
        }
        return CallAnswer.read(document)
