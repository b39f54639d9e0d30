"""Gets a grant for calls through the gateway, and serves an endpoint for it until it is released."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.holding.grant_release import note
from jitney.client.holding.holding import holding
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.request_options import WaitOptions
from jitney.client.problems import Invalid

if TYPE_CHECKING:
    from jitney.client.gateway.running import RunningEndpoint


@contextmanager
def gateway_endpoint(
    broker: Broker, access: GrantRequest | str, waiting: WaitOptions, *, keep: bool, user: str
) -> "Generator[RunningEndpoint]":
    """Serve an endpoint until the block ends. `access` is the request of a gateway grant, or the id of a gateway grant.

    The grant is released at the end unless `keep`. Notes say when another grant continues it, and when none does.
    `user` is the command's name in the notes. Raises the problems of requests and waits, and Invalid with the code
    extra_missing when the packages of the endpoint are not installed.
    """
    running = load_extra("jitney.client.gateway.running", "gateway", "The gateway's endpoint is not installed")
    with holding(broker, access, waiting, way="gateway", keep=keep, user=user) as held:
        grant = held.grant()
        if grant.way != "gateway":
            fix = "Use it without --gateway, or leave out --grant to make a new request."
            raise Invalid("credentials_grant", "Not a gateway grant", f"{grant.id} is a grant of credentials.", fix)
        with running.running_endpoint(broker, held, note) as served:
            yield served
