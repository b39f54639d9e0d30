"""An endpoint on a real socket, with moto as AWS behind its broker."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from jitney.client.gateway.calling import CallSender, GrantsOfKeys
from jitney.client.gateway.direct_transfers import DirectTransfers
from jitney.client.gateway.endpoint import GatewayEndpoint
from jitney.client.gateway.http_server import LoopbackServer
from jitney.client.gateway.signature import PlaceholderKeys
from jitney.client.gateway.wire_parser import WireParser
from tests.client.gateway.aws_behind import MODELS, AwsBehindBroker

GRANT_ID = "g-abcdefghijklm2"
PARSER = WireParser(MODELS)


@dataclass
class Grants:
    """Returns the grant of each new call."""

    next: Callable[[], str] = lambda: GRANT_ID


@dataclass
class Served:
    """A running endpoint, its broker, and the lines that it showed."""

    port: int
    keys: PlaceholderKeys
    broker: AwsBehindBroker
    notes: list[str] = field(default_factory=list)
    grants: Grants = field(default_factory=Grants)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, region: str = "eu-west-1", **config: Any) -> Any:
        """Return boto3's client for a service at the endpoint."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=self.keys.access_key_id,
            aws_secret_access_key=self.keys.secret,
            config=Config(inject_host_prefix=False, **config),
        )


@contextmanager
def serving(*, reveal: bool) -> Iterator[Served]:
    keys, notes, broker, grants = PlaceholderKeys.new(), [], AwsBehindBroker(), Grants()
    with mock_aws():
        sender = CallSender(
            broker,
            GrantsOfKeys(lambda: grants.next()).of,  # noqa: PLW0108 - a test replaces it later
            notes.append,
            sleep=lambda seconds: time.sleep(min(seconds, 0.01)),
        )
        transfers = DirectTransfers(
            sender, reveal=reveal, clock=time.time, sleep=lambda seconds: time.sleep(min(seconds, 0.01))
        )
        server = LoopbackServer(lambda port: GatewayEndpoint(port, keys, PARSER, transfers, notes.append, time.time))
        server.start()
        try:
            yield Served(server.port, keys, broker, notes, grants)
        finally:
            server.close()


@pytest.fixture
def served() -> Iterator[Served]:
    """An endpoint with a grant that reveals."""
    with serving(reveal=True) as endpoint:
        yield endpoint


@pytest.fixture
def served_masked() -> Iterator[Served]:
    """An endpoint with a grant whose answers are masked."""
    with serving(reveal=False) as endpoint:
        yield endpoint
