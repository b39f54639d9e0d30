"""What a request may reach outside its target's account and Region, by exceptions in `jitney.yaml` or of AWS itself.

The target's stack denies the resources of other accounts and calls in other Regions. Exceptions are risks of a request.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourceaccount
"""

from collections.abc import Collection, Iterable, Mapping

from jitney.core.patterns import has_wildcard, wildcard_pattern
from jitney.core.target_config import Target

OTHER_ACCOUNTS = "OtherAccounts"
UNWATCHED_REGIONS = "UnwatchedRegions"
REACH_RISKS = frozenset({OTHER_ACCOUNTS, UNWATCHED_REGIONS})
"""The risks of a request that depend on its target."""

SERVICES_WITHOUT_RESOURCE_ACCOUNT = frozenset({"ebs", "events"})
ACTIONS_WITHOUT_RESOURCE_ACCOUNT = frozenset(
    {
        "ec2:CopyFpgaImage",
        "ec2:CopyImage",
        "ec2:CopySnapshot",
        "ec2:CreateTransitGatewayPeeringAttachment",
        "ec2:CreateVolume",
        "ec2:CreateVpcPeeringConnection",
        "workspaces:CopyWorkspaceImage",
        "workspaces:DescribeWorkspaceImages",
    }
)
"""Services and actions for which AWS does not set aws:ResourceAccount. No condition on it can limit them."""
_REGION, _ACCOUNT = 3, 4


def reach_risks(action: str, resource: str, target: Target) -> frozenset[str]:
    """Return the names of the risks of `action` on `resource` ("*", or an ARN with or without wildcards)."""
    found = set()
    any_account = (
        action in ACTIONS_WITHOUT_RESOURCE_ACCOUNT
        or action.partition(":")[0] in SERVICES_WITHOUT_RESOURCE_ACCOUNT
        or _matches(action, target.any_account_actions)
    )
    if _may_be_of(resource, _ACCOUNT, target.account, target.other_accounts, any_other=any_account):
        found.add(OTHER_ACCOUNTS)
    any_region = _matches(action, target.any_region_actions)
    if _may_be_of(resource, _REGION, target.region, target.other_regions, any_other=any_region):
        found.add(UNWATCHED_REGIONS)
    return frozenset(found)


def reach_notes(target: Target) -> Mapping[str, str]:
    """Return the names in the target's exceptions, by risk, to add to the sentence of the risk."""
    notes = {OTHER_ACCOUNTS: target.other_accounts, UNWATCHED_REGIONS: target.other_regions}
    return {name: f" ({', '.join(values)})" for name, values in notes.items() if values}


def _may_be_of(resource: str, position: int, own: str, others: Collection[str], *, any_other: bool) -> bool:
    """Return whether the ARN's segment at `position` may be one of `others`, or with `any_other` any but `own`."""
    parts = resource.split(":", 5)
    member = parts[position] if len(parts) > position else "*"
    if member == own or not (others or any_other):
        return False
    # Without the member, as in an ARN of S3, the resource can be anywhere.
    return any_other or not member or has_wildcard(member) or member in others


def _matches(action: str, patterns: Iterable[str]) -> bool:
    return any(wildcard_pattern(each.lower()).matches(action.lower()) for each in patterns)
