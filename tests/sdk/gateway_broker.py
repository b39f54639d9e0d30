"""A broker in this process whose grants are for calls through the gateway, with moto as AWS behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.core.models import botocore_stubber

import jitney
from jitney.client.api.broker_clock import BrokerClock
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.responses import GrantResponse
from jitney.client.gateway.call_answers import CallUnderReview
from tests.client.fake_broker import GRANT_ID, ended, grant, under_review
from tests.client.gateway.aws_behind import CALL_ID, AwsBehindBroker

ACCESS: dict[str, Any] = {"actions": "s3:*", "resources": "*", "reason": "monthly report", "way": "gateway"}
CALL_REVIEW = CallUnderReview(CALL_ID, GrantResponse.read(under_review()), 1)


@dataclass
class GatewayBroker(AwsBehindBroker):
    """Grants every request, and makes its calls."""

    clock: BrokerClock = field(default_factory=BrokerClock)
    api_url: str = "https://jitney.example.com"
    requests: list[GrantRequest] = field(default_factory=list)
    released: list[str] = field(default_factory=list)

    def request(self, request: GrantRequest, **_: Any) -> GrantResponse:
        self.requests.append(request)
        return self.grant(GRANT_ID)

    def grant(self, grant_id: str, wait_seconds: int = 0) -> GrantResponse:
        asked = self.requests[-1] if self.requests else GrantRequest("t", (), 300, "r", reveal=True)
        return GrantResponse.read(
            {"grant": grant(id=grant_id, way="gateway", reveal=asked.reveal, expires_at="2099-01-01T00:00:00Z")}
        )

    def release(self, grant_id: str) -> GrantResponse:
        self.released.append(grant_id)
        return GrantResponse.read(ended())


@contextmanager
def gateway_session(broker: GatewayBroker, **asked: Any) -> Iterator[Any]:
    """Yield the SDK's session. moto answers the broker, and would otherwise answer the session's clients as well."""
    with jitney.grant("analytics-prod", broker=broker, **ACCESS | asked) as session:
        session.events.unregister("before-send", botocore_stubber)
        yield session
