"""Gets a grant, and serves its credentials to the processes of one command until it is released."""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.responses import ApiGrant, GrantWithCredentials
from jitney.client.credentials.container_credentials import (
    HIDDEN_SOURCES,
    ContainerCredentials,
    EndpointToken,
    container_variables,
    shell_variables,
)
from jitney.client.gateway.http_server import LoopbackServer
from jitney.client.holding.grant_release import note
from jitney.client.holding.holding import holding
from jitney.client.inputs.request_options import WaitOptions
from jitney.client.processes.child import container_environment
from jitney.client.processes.unsignalled import start_unsignalled


@dataclass(frozen=True, slots=True)
class ServedCredentials:
    """An endpoint with the credentials of a grant, at a port of 127.0.0.1. It accepts connections once it is started.

    `grant` is the first grant. `start` may be called once.
    """

    port: int
    grant: ApiGrant
    token: EndpointToken
    start: Callable[[], None] = field(repr=False)

    def variables(self) -> dict[str, str]:
        """Return the variables that lead SDKs to the endpoint, and the target's Region."""
        return shell_variables(self.port, self.token, self.grant.region)

    def environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return `environment` for a command that gets its credentials only from the endpoint."""
        variables = container_variables(self.port, self.token) | HIDDEN_SOURCES
        return container_environment(environment, variables, self.grant)


@contextmanager
def credentials_endpoint(
    broker: Broker, access: GrantRequest | str, waiting: WaitOptions, *, keep: bool, user: str
) -> Generator[ServedCredentials]:
    """Get a grant, and serve its credentials until the block ends. `access` is the request, or the id of a grant.

    The grant is released at the end unless `keep`. Notes say whether another grant continues the access.
    `user` is the command's name in the notes. Raises the problems of requests and waits.
    """
    with holding(broker, access, waiting, way="credentials", keep=keep, user=user) as held:
        held.credentials()
        token = EndpointToken()
        server = LoopbackServer(lambda port: ContainerCredentials(port, token, held))
        try:
            yield ServedCredentials(server.port, held.grant(), token, server.start)
        finally:
            server.close()


def note_end(broker: Broker, user: str, issued: GrantWithCredentials) -> None:
    """Show a line when the keys of the command `user` end, if this process still runs then."""

    def note_now() -> None:
        text = f"jitney: {user} outlives its keys of {issued.grant.id}, which ended now. Its AWS calls fail."
        note(f"{text} Leave out --static-keys, so that keys are renewed, or request more time: --for 1h.")

    left = datetime.fromisoformat(issued.credentials.expiration).timestamp() - broker.clock.now()
    timer = threading.Timer(min(max(left, 0), threading.TIMEOUT_MAX), note_now)
    timer.daemon = True
    start_unsignalled(timer)
