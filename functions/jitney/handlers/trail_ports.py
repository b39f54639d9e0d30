"""The ports of what reads CloudTrail's events."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import boto3

from jitney.adapters.calls import CLIENT
from jitney.handlers.base_ports import BasePorts
from jitney.resources import MASKS, OPERATIONS

if TYPE_CHECKING:
    from jitney.adapters.stories import Stories
    from jitney.adapters.trail import Trail, TrailQueue
    from jitney.core.masking.table import Masks
    from jitney.core.story.sight import MayNeed
    from jitney.core.trail.call import ActionsOf


class TrailPorts(BasePorts):
    """What joining calls to grants needs besides the grants."""

    @cached_property
    def trail(self) -> "Trail":
        """The calls in the audit table."""
        from jitney.adapters.trail import Trail

        return Trail(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_AUDIT_TABLE"])

    @cached_property
    def stories(self) -> "Stories":
        """Records and calls by grant, in the audit table."""
        from jitney.adapters.stories import Stories

        return Stories(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_AUDIT_TABLE"])

    @cached_property
    def may_need(self) -> "MayNeed":
        """Which actions a call may need besides its own."""
        from jitney.core.calls.table import Operations
        from jitney.core.story.sight import may_need

        operations = Operations.load(OPERATIONS.read_bytes())
        return may_need(operations, self.masks.named_by_event)

    @cached_property
    def trail_queue(self) -> "TrailQueue":
        """The queue that events come from."""
        from jitney.adapters.trail import TrailQueue

        return TrailQueue(boto3.client("sqs", config=CLIENT), os.environ["JITNEY_TRAIL_QUEUE"], self.now)

    @cached_property
    def masks(self) -> "Masks":
        """The table of masked members in the bundle."""
        from jitney.core.masking.table import Masks

        return Masks.load(MASKS.read_bytes())

    @cached_property
    def actions_of(self) -> "ActionsOf":
        """Which IAM actions authorize an operation."""
        from jitney.core.calls.table import Operations
        from jitney.core.trail.actions import actions_of

        return actions_of(Operations.load(OPERATIONS.read_bytes()), self.masks)

    @cached_property
    def issuers(self) -> Mapping[str, str]:
        """By the unique id of a role: the function whose role it is, of those that may take targets' roles."""
        pairs = (each.split("=") for each in os.environ["JITNEY_ISSUERS"].split(","))
        return dict(pairs)

    @cached_property
    def target_roles(self) -> Mapping[str, str]:
        """The ARNs of the targets' roles, each with its account."""
        return {target.role_arn: target.account for target in self.config.targets.values()}

    @cached_property
    def target_aliases(self) -> Mapping[str, str]:
        """What the targets' roles are called."""
        return {target.role_arn: alias for alias, target in self.config.targets.items()}
