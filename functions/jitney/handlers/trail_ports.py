"""The ports of what reads CloudTrail's events."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import boto3

from jitney.adapters.aws_clients import DEFAULT_CONFIG
from jitney.handlers.base_ports import BasePorts
from jitney.resources import MASKS, OPERATIONS

if TYPE_CHECKING:
    from jitney.adapters.grant_history import GrantHistory
    from jitney.adapters.trail import Trail, TrailQueue
    from jitney.core.masking.table import MaskTable
    from jitney.core.report.cloudtrail_coverage import ImplicitActions
    from jitney.core.trail.call import ActionsOf


class TrailPorts(BasePorts):
    """What joining calls to grants needs besides the grants."""

    @cached_property
    def trail(self) -> "Trail":
        """The calls in the audit table."""
        from jitney.adapters.trail import Trail

        return Trail(boto3.client("dynamodb", config=DEFAULT_CONFIG), os.environ["JITNEY_AUDIT_TABLE"])

    @cached_property
    def grant_history(self) -> "GrantHistory":
        """Records and calls by grant, in the audit table."""
        from jitney.adapters.grant_history import GrantHistory

        return GrantHistory(boto3.client("dynamodb", config=DEFAULT_CONFIG), os.environ["JITNEY_AUDIT_TABLE"])

    @cached_property
    def may_need(self) -> "ImplicitActions":
        """Which actions a call may need besides its own."""
        from jitney.core.calls.operations import OperationTable
        from jitney.core.report.cloudtrail_coverage import implicit_actions

        operations = OperationTable.load(OPERATIONS.read_bytes())
        return implicit_actions(operations, self.masks.operations_of_event)

    @cached_property
    def trail_queue(self) -> "TrailQueue":
        """The queue that events come from."""
        from jitney.adapters.trail import TrailQueue

        return TrailQueue(boto3.client("sqs", config=DEFAULT_CONFIG), os.environ["JITNEY_TRAIL_QUEUE"], self.now)

    @cached_property
    def masks(self) -> "MaskTable":
        """The table of masked members in the bundle."""
        from jitney.core.masking.table import MaskTable

        return MaskTable.load(MASKS.read_bytes())

    @cached_property
    def actions_of(self) -> "ActionsOf":
        """Which IAM actions authorize an operation."""
        from jitney.core.calls.operations import OperationTable
        from jitney.core.trail.actions import actions_of

        return actions_of(OperationTable.load(OPERATIONS.read_bytes()), self.masks)

    @cached_property
    def issuers(self) -> Mapping[str, str]:
        """By the unique id of a role: the function whose role it is, of those that may take targets' roles."""
        pairs = (each.split("=") for each in os.environ["JITNEY_ISSUING_ROLES"].split(","))
        return dict(pairs)

    @cached_property
    def target_roles(self) -> Mapping[str, str]:
        """The ARNs of the targets' roles, each with its account."""
        return {target.role_arn: target.account for target in self.config.targets.values()}

    @cached_property
    def target_aliases(self) -> Mapping[str, str]:
        """What the targets' roles are called."""
        return {target.role_arn: alias for alias, target in self.config.targets.items()}
