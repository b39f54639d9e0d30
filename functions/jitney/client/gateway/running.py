"""Starts and stops the endpoint of one grant."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from jitney import resources
from jitney.adapters.aws_models import AwsModels
from jitney.client.api.broker import Broker
from jitney.client.api.responses import ApiGrant
from jitney.client.gateway.calling import CallSender, GrantsOfKeys
from jitney.client.gateway.direct_transfers import DirectTransfers
from jitney.client.gateway.endpoint import GatewayEndpoint
from jitney.client.gateway.environment import endpoint_environment, gateway_environment
from jitney.client.gateway.http_server import LoopbackServer
from jitney.client.gateway.signature import PlaceholderKeys
from jitney.client.gateway.wire_parser import WireParser
from jitney.client.holding.held_grant import HeldGrant


class RunningEndpoint(NamedTuple):
    """An endpoint that accepts requests signed with `keys`, at `port` of 127.0.0.1, once it is started.

    `start` may be called once.
    """

    port: int
    keys: PlaceholderKeys
    grant: ApiGrant
    start: Callable[[], None]

    def environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return `environment` for a command whose calls go through the endpoint, without other keys of AWS."""
        return gateway_environment(environment, self.port, self.keys, self.grant.region, self.grant.id)

    def variables(self) -> dict[str, str]:
        """Return only the variables."""
        return endpoint_environment(self.port, self.keys, self.grant.region)


@contextmanager
def running_endpoint(broker: Broker, held: HeldGrant, note: Callable[[str], None]) -> Generator[RunningEndpoint]:
    """Serve an endpoint whose calls use the held grant, until the block ends.

    `note` shows a line to the person.
    """
    keys = PlaceholderKeys.new()
    parser = WireParser(AwsModels.load(resources.MODELS.read_bytes()))
    grant = held.grant()
    grants = GrantsOfKeys(lambda: held.grant().id)
    sender = CallSender(broker, grants.of, note, changed=held.changed)
    transfers = DirectTransfers(sender, reveal=grant.reveal, clock=broker.clock.now)
    server = LoopbackServer(lambda port: GatewayEndpoint(port, keys, parser, transfers, note, time.time))
    try:
        yield RunningEndpoint(server.port, keys, grant, server.start)
    finally:
        server.close()
