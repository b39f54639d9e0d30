"""Names and ARNs of Jitney's roles. They must be the same in the accounts of the broker and of the targets."""

from jitney.configuration.partitions import partition_of
from jitney.configuration.settings import TargetSettings
from jitney.configuration.target_boundary import RULES
from jitney.core.access.profile_policy import NAME_CHARACTERS
from jitney.core.target_roles import roles_of

ROLE_PATH = "/jitney/"


def role_arn(target: TargetSettings) -> str:
    """Return the ARN of the target's first role."""
    return _own_arn(target, "role", target.role_name)


def role_arns(target: TargetSettings) -> tuple[str, ...]:
    """Return the ARNs of the target's roles."""
    return roles_of(role_arn(target), target.roles)


def revoker_arn(alias: str, target: TargetSettings) -> str:
    """Return the ARN of the role that writes the deny documents. `Target.revoker_arn` gives the same."""
    return _own_arn(target, "role", revoker_name(alias))


def boundary_arn(alias: str, target: TargetSettings) -> str:
    """Return the ARN of the role's permissions boundary: the target's managed policy, or a copy of its policy.

    A target names its managed policy by ARN, or an AWS managed policy by name.
    """
    managed = target.managed_policy
    if managed is None:
        return _own_arn(target, "policy", boundary_name(alias))
    return managed if managed.startswith("arn:") else f"arn:{partition_of(target.region)}:iam::aws:policy/{managed}"


def profile_policy_name(alias: str, profile: str, content: str) -> str:
    """Return the name of an access profile's managed policy, which changes with its `content`.

    Aliases and profiles have no full stops, so no two targets or profiles share a name. A name has at most 113 of 128
    characters.
    """
    return f"jitney-profile-{alias}.{profile}.{content[:NAME_CHARACTERS]}"


def profile_policy_arn(alias: str, target: TargetSettings, profile: str, content: str) -> str:
    """Return the ARN of an access profile's managed policy."""
    return _own_arn(target, "policy", profile_policy_name(alias, profile, content))


def _own_arn(target: TargetSettings, kind: str, name: str) -> str:
    return f"arn:{partition_of(target.region)}:iam::{target.account}:{kind}{ROLE_PATH}{name}"


def boundary_name(alias: str) -> str:
    """Return the name of the managed policy that is a target's boundary."""
    return f"jitney-boundary-{alias}"


def revoker_name(alias: str) -> str:
    """Return the name of a target's revoker role."""
    return f"jitney-revoker-{alias}"


def forwarder_name(alias: str) -> str:
    """Return the name of the role that forwards a target's CloudTrail events."""
    return f"jitney-forwarder-{alias}"


def forwarding_name(alias: str) -> str:
    """Return the name of the rule that forwards a target's CloudTrail events: at most 58 of 64 characters."""
    return f"{RULES}forwarding-{alias}"


def function_name(function: str) -> str:
    """Return the name of a function, which its log group, its schedule and its deployment group share."""
    return f"jitney-{function.replace('_', '-')}"


def role_name(function: str, region: str) -> str:
    """Return the name of the role of a function of the broker in `region`.

    It is fixed, because the trust policies of target roles contain it. It contains the Region, because IAM roles exist
    in all Regions at once.
    """
    return f"{function_name(function)}-{region}"
