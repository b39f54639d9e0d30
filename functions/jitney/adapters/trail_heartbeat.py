"""Heartbeats: a call in each target's account and Region. Its CloudTrail event shows that events arrive (row OPS 1)."""

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.role_policies import revoker_keys
from jitney.core.target_config import Target

if TYPE_CHECKING:
    from types_boto3_sts import STSClient

SESSION_NAME = "trail-heartbeat"


class TrailHeartbeat:
    """Makes the calls that `core.trail.heartbeat` recognizes. `client_of` returns a client of STS in a Region."""

    def __init__(self, sts: "STSClient", client_of: Callable[[str, str, str, str], "STSClient"]) -> None:
        self._sts = sts
        self._client_of = client_of

    def send(self, target: Target) -> None:
        """Make two calls: AssumeRole in the broker's account, GetCallerIdentity in the target's account and Region.

        The target's EventBridge rule receives only events of its own Region. The event of AssumeRole is in the broker's
        Region, so it is not enough. Raises Problem unavailable.
        """
        keys = revoker_keys(self._sts, target, SESSION_NAME)
        with closing(self._client_of(target.region, *keys)) as client, aws_errors_as_unavailable("STS"):
            client.get_caller_identity()
