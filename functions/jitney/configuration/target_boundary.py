"""What no session of a target's role may do: Deny statements, which no other policy overrides.

They are in the role's permissions boundary. With a managed policy as boundary, they are a policy of the role. Two of
them are guards: sessions use the resources of the target's account only, and make calls in its Region only, because
the broker receives the CloudTrail events of that Region. `jitney.yaml` names the exceptions.

Service Authorization Reference and IAM User Guide, "AWS global condition context keys":
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from jitney.configuration.partitions import partition_of
from jitney.configuration.profile_settings import ASSUME_ROLE, assumed_roles

if TYPE_CHECKING:
    from jitney.configuration.settings import TargetSettings

BOUNDARY_LIMIT = 6144
"""The limit of characters of a managed policy, without white space (IAM User Guide, "IAM and AWS STS quotas")."""
RULES = "jitney-"
"""The prefix of the names of rules that forward events from a target's account."""

STACKS = ("Jitney*", "StackSet-Jitney*")
"""The names of the stacks that create the targets' roles, in a target's account and in the broker's."""

Statement: TypeAlias = Mapping[str, Any]

BROKER_STATEMENT: Statement = {
    "Effect": "Allow",
    "Action": ["sts:GetAccessKeyInfo", "sts:GetScopedCredentials"],
    "Resource": "*",
}
"""The calls that the broker makes with sessions of the role, in its own Region.

With a session of an ended grant, the broker calls GetAccessKeyInfo to see when the session is denied. If STS would end
a session later than the grant, the broker calls GetScopedCredentials for credentials that end with the grant. No
grant includes GetScopedCredentials. A grant includes GetAccessKeyInfo only if a policy allows it by name.
"""

# Even if the role's own policy allows it, no session creates identities, credentials or other sessions, or changes
# accounts. With iam:* denied, a session cannot change the role, its policies or this boundary.
ALWAYS_DENIED = (
    "account:*",
    "account-access:*",
    "cloudtrail:DeleteTrail",
    "cloudtrail:PutEventSelectors",
    "cloudtrail:StopLogging",
    "cloudtrail:UpdateTrail",
    "iam:*",
    "identity-sync:*",
    "identitystore:*",
    "identitystore-auth:*",
    "organizations:*",
    "rolesanywhere:*",
    "signin:*",
    "sso:*",
    "sso-directory:*",
    "sso-oauth:*",
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "sts:GetDelegatedAccessToken",
    "sts:GetFederationToken",
    "sts:GetServiceBearerToken",
    "sts:GetSessionToken",
    "sts:GetWebIdentityToken",
)

# Functions that revoke and check use sessions with a second hyphen in their names, which no grant's id has. These
# sessions can make the two calls that show a denial, and no others.
BROKER_SESSIONS = "*:g-*-*"
CHECK_ACTIONS = ("iam:DeleteRolePolicy", "sts:GetAccessKeyInfo")

# AWS's own resources: their ARNs have no account, or "aws" instead of one. A customer's resource of these types has its
# account in the ARN, and no name of these types has a colon that could imitate the pattern. Images are not listed: an
# image's ARN has no account, but ec2:Owner says whether it is Amazon's.
_OF_AWS = (
    "bedrock:*::foundation-model/*",
    "cloudformation:*:aws:transform/*",
    "ec2:*:aws:prefix-list/*",
    "ssm:*::automation-definition/*",
    "ssm:*::document/*",
    "ssm:*::parameter/*",
)


def boundary_statements(target: "TargetSettings") -> tuple[Statement, ...]:
    """Return the statements of the policy in the target's stack: the role's own policy and the denials.

    With a managed policy, they are only the denials.
    """
    bound = () if target.policy is None else (*target.policy["Statement"], BROKER_STATEMENT)
    return (
        *bound,
        _account_guard(target),
        _region_guard(target),
        _own_resources_denied(target),
        {
            "Effect": "Deny",
            "NotAction": list(CHECK_ACTIONS),
            "Resource": "*",
            "Condition": {"StringLike": {"aws:userid": BROKER_SESSIONS}},
        },
        *_never(target),
    )


def excess_characters(target: "TargetSettings") -> int:
    """Return how many characters the policy in the target's stack is too long for IAM; 0 if it fits."""
    document = {"Version": "2012-10-17", "Statement": list(boundary_statements(target))}
    return max(0, len(re.sub(r"\s", "", json.dumps(document))) - BOUNDARY_LIMIT)


def _account_guard(target: "TargetSettings") -> Statement:
    """Return the denial of resources that other accounts own.

    Without the test for Null, it would also deny each request without aws:ResourceAccount, because negated operators
    hold for a missing key. AWS sets the key for all actions but those in `core.policy.reach`. They are not denied.
    """
    return {
        "Effect": "Deny",
        "NotAction": _exempt(target.any_account_actions),
        "NotResource": [f"arn:{partition_of(target.region)}:{rest}" for rest in _OF_AWS],
        "Condition": {
            "StringNotEquals": {
                "aws:ResourceAccount": _one_or_many((target.account, *target.other_accounts)),
                "ec2:Owner": "amazon",
            },
            "Null": {"aws:ResourceAccount": "false"},
        },
    }


def _region_guard(target: "TargetSettings") -> Statement:
    """Return the denial of calls in other Regions. AWS sets aws:RequestedRegion in every request."""
    return {
        "Effect": "Deny",
        "NotAction": _exempt(target.any_region_actions),
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": _one_or_many((target.region, *target.other_regions))}},
    }


def _own_resources_denied(target: "TargetSettings") -> Statement:
    """Return the denial of every action on the rules that send their events to the broker, and on Jitney's stacks.

    Even EnableRule would hide calls, because the rule would then match no read-only events. A stack with a service role
    acts with that role for every principal that may change the stack, so it could change the roles and the rules.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
    """

    def arn(service: str, rest: str) -> str:
        return f"arn:{partition_of(target.region)}:{service}:*:{target.account}:{rest}"

    stacks = [arn("cloudformation", f"stack/{name}") for name in STACKS]
    denied = ["cloudformation:*", "events:*"]
    return {"Effect": "Deny", "Action": denied, "Resource": [*stacks, arn("events", f"rule/{RULES}*")]}


def _never(target: "TargetSettings") -> Iterator[Statement]:
    """Yield the denials of ALWAYS_DENIED. Sessions may assume the roles that access profiles name, and no others."""
    roles = assumed_roles(target.access_profiles.values())
    denied = [action for action in ALWAYS_DENIED if action != ASSUME_ROLE or not roles]
    yield {"Sid": "ButNeverThese", "Effect": "Deny", "Action": denied, "Resource": "*"}
    if roles:
        yield {"Effect": "Deny", "Action": ASSUME_ROLE, "NotResource": roles}


def _exempt(actions: Iterable[str]) -> list[str]:
    return [*BROKER_STATEMENT["Action"], *actions]


def _one_or_many(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
