"""Where Jitney's roles are: names that two accounts must spell alike."""

from collections.abc import Mapping

from jitney.configuration.settings import TargetSettings

ROLE_PATH = "/jitney/"
RULES = "jitney-"
"""How the names of the rules begin by which a target's account sends its events."""
_PARTITIONS: Mapping[str, str] = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


def role_arn(target: TargetSettings) -> str:
    """The ARN of the target's role."""
    return f"arn:{partition_of(target.region)}:iam::{target.account}:role{ROLE_PATH}{target.role_name}"


def revoker_arn(alias: str, target: TargetSettings) -> str:
    """The ARN of the role that writes the deny document of the target's role; `core.config.Target` spells it too."""
    return f"arn:{partition_of(target.region)}:iam::{target.account}:role{ROLE_PATH}{revoker_name(alias)}"


def boundary_arn(alias: str, target: TargetSettings) -> str:
    """The ARN of the permissions boundary of the target's role: its managed policy itself, or what repeats its policy.

    A managed policy is given by its ARN, or by the name that AWS gave it.
    """
    partition, managed = partition_of(target.region), target.managed_policy
    if managed is None:
        return f"arn:{partition}:iam::{target.account}:policy{ROLE_PATH}{boundary_name(alias)}"
    return managed if managed.startswith("arn:") else f"arn:{partition}:iam::aws:policy/{managed}"


def boundary_name(alias: str) -> str:
    """The name of the managed policy that is a target's boundary."""
    return f"jitney-boundary-{alias}"


def revoker_name(alias: str) -> str:
    """The name of a target's revoker role."""
    return f"jitney-revoker-{alias}"


def forwarder_name(alias: str) -> str:
    """The name of the role that sends the broker CloudTrail's events of a target."""
    return f"jitney-forwarder-{alias}"


def forwarding_name(alias: str) -> str:
    """The name of the rule that sends the broker CloudTrail's events of a target: 58 characters of 64 at most."""
    return f"{RULES}forwarding-{alias}"


def partition_of(region: str) -> str:
    """The partition that a region belongs to: the second part of its ARNs."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def role_name(function: str) -> str:
    """The name of a function's role; fixed, because the target roles' trust policies spell it."""
    return f"jitney-{function.replace('_', '-')}"
