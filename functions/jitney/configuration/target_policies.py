"""The policies of a target's role, and the space that they leave for the deny document."""

import json
import re
from typing import Any

from jitney.configuration.profile_settings import ProfilePolicy, profile_policy
from jitney.configuration.settings import TargetSettings
from jitney.configuration.target_boundary import BROKER_STATEMENT
from jitney.core.access.deny_document import ROLE_POLICY_LIMIT

VERSION = "2012-10-17"
"""The version of policies. Without one, IAM uses the policy language of 2008, which has no variables."""


def inline_policies(target: TargetSettings) -> dict[str, dict[str, Any]]:
    """Return the inline policies of the target's role by name, without the deny document."""
    if target.policy is None:
        return {}
    own = {"Version": VERSION, **target.policy}
    return {"permissions": own, "broker": {"Version": VERSION, "Statement": [dict(BROKER_STATEMENT)]}}


def has_canary(target: TargetSettings) -> bool:
    """Return whether the role certainly has the canary's permission. A managed policy may not allow it."""
    return target.policy is not None


def deny_room(target: TargetSettings) -> int:
    """Return how many characters are left for the deny document. IAM limits all inline policies of a role together."""
    return ROLE_POLICY_LIMIT - sum(
        len(re.sub(r"\s", "", json.dumps(each))) for each in inline_policies(target).values()
    )


def policy_of(target: TargetSettings, profile: str) -> ProfilePolicy:
    """Return the managed session policy of one of the target's access profiles."""
    settings = target.access_profiles[profile]
    return profile_policy(settings, sealed=target.sealed, wildcards=target.action_wildcards)
