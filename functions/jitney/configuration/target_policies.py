"""What is written into a target role: its own policies, and how much room they leave for the deny document."""

import json
import re
from collections.abc import Mapping
from typing import Any

from jitney.configuration.settings import TargetSettings
from jitney.core.access.deny_document import ROLE_POLICY_LIMIT

VERSION = "2012-10-17"
"""Without a version, IAM reads the language of 2008, which has no variables."""

BROKER_STATEMENT: Mapping[str, Any] = {
    "Effect": "Allow",
    "Action": ["sts:GetAccessKeyInfo", "sts:GetScopedCredentials"],
    "Resource": "*",
}
"""What the broker itself calls with sessions of the role that stay with it, whatever the role is for.

The first with one of an ended grant, to see when it is denied; the second to get what is handed out of a session that
STS would end later than the grant. A grant never has the second, and the first where policy allows it by name.
"""


def inline_policies(target: TargetSettings) -> dict[str, dict[str, Any]]:
    """The inline policies of the target's role by name; the deny document comes beside them."""
    if target.policy is None:
        return {}
    own = {"Version": VERSION, **target.policy}
    return {"permissions": own, "broker": {"Version": VERSION, "Statement": [dict(BROKER_STATEMENT)]}}


def has_canary(target: TargetSettings) -> bool:
    """Whether the role is sure to have the canary's call: a managed policy is its boundary as it is."""
    return target.policy is not None


def deny_room(target: TargetSettings) -> int:
    """How many characters IAM leaves for the deny document; it counts a role's inline policies together."""
    return ROLE_POLICY_LIMIT - sum(
        len(re.sub(r"\s", "", json.dumps(each))) for each in inline_policies(target).values()
    )


def outer_bound(target: TargetSettings) -> list[Mapping[str, Any]]:
    """The statements of a boundary that repeats the role's own policy, so that nobody can add to it; [] without one."""
    return [] if target.policy is None else [*target.policy["Statement"], BROKER_STATEMENT]
