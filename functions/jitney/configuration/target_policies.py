"""The policies of a target's role, and the room that they leave for the deny document."""

import json
import re
from collections.abc import Mapping
from typing import Any

from jitney.configuration.settings import TargetSettings
from jitney.core.access.deny_document import ROLE_POLICY_LIMIT

VERSION = "2012-10-17"
"""Without a version, IAM uses the policy language of 2008, which has no variables."""

BROKER_STATEMENT: Mapping[str, Any] = {
    "Effect": "Allow",
    "Action": ["sts:GetAccessKeyInfo", "sts:GetScopedCredentials"],
    "Resource": "*",
}
"""The broker's own calls with sessions of the role.

With a session of an ended grant it calls GetAccessKeyInfo, to see when the session is denied. With GetScopedCredentials
it derives credentials that end with the grant, if STS would end the session later. No grant includes the second action;
a grant includes the first only if a policy allows it by name.
"""


def inline_policies(target: TargetSettings) -> dict[str, dict[str, Any]]:
    """Return the inline policies of the target's role by name, without the deny document."""
    if target.policy is None:
        return {}
    own = {"Version": VERSION, **target.policy}
    return {"permissions": own, "broker": {"Version": VERSION, "Statement": [dict(BROKER_STATEMENT)]}}


def has_canary(target: TargetSettings) -> bool:
    """Return whether the role certainly has the canary's permission, which a managed policy may lack."""
    return target.policy is not None


def deny_room(target: TargetSettings) -> int:
    """Return the characters left for the deny document; IAM's limit is for all inline policies of a role."""
    return ROLE_POLICY_LIMIT - sum(
        len(re.sub(r"\s", "", json.dumps(each))) for each in inline_policies(target).values()
    )


def outer_bound(target: TargetSettings) -> list[Mapping[str, Any]]:
    """Return the statements of a boundary that repeats the role's own policy, [] without one."""
    return [] if target.policy is None else [*target.policy["Statement"], BROKER_STATEMENT]
