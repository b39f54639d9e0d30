"""The stack set that puts the targets' roles into their accounts: CloudFormation's way into many accounts at once."""

from collections.abc import Iterable
from pathlib import Path

from aws_cdk import CfnStackSet, Environment, Stack
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from infra.target_template import ALL, template_of_all
from jitney.configuration.load import Configuration
from jitney.configuration.settings import StackSetSettings, TargetSettings

LONGEST_BODY = 51_200
"""Characters that CloudFormation takes of a template by itself; longer ones come from a bucket (its quotas)."""


class TargetStackSet(Stack):
    """The stack `JitneyTargets`: one stack set, with an instance in each target's account and Region and in no other.

    `folder` is where a template is written to that is too long to stand in this one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        configuration: Configuration,
        wanted: StackSetSettings,
        folder: Path,
    ) -> None:
        broker = configuration.broker
        super().__init__(
            scope,
            construct_id,
            env=Environment(account=broker.account, region=broker.region),
            description="Jitney: puts its roles into the accounts of its targets",
        )
        body = template_of_all(configuration)
        CfnStackSet(
            self,
            "StackSet",
            stack_set_name=ALL,
            description="The roles that Jitney's grants are sessions of",
            permission_model="SERVICE_MANAGED",
            call_as="DELEGATED_ADMIN" if wanted.delegated_admin else "SELF",
            # An account that comes into a unit is no target before somebody makes it one.
            auto_deployment=CfnStackSet.AutoDeploymentProperty(enabled=False),
            managed_execution={"Active": True},
            capabilities=["CAPABILITY_NAMED_IAM"],
            stack_instances_group=_groups(configuration.settings.targets.values(), wanted),
            operation_preferences=CfnStackSet.OperationPreferencesProperty(
                max_concurrent_percentage=100, failure_tolerance_percentage=0, region_concurrency_type="PARALLEL"
            ),
            template_body=body if len(body) <= LONGEST_BODY else None,
            template_url=self._published(body, folder) if len(body) > LONGEST_BODY else None,
        )

    def _published(self, body: str, folder: Path) -> str:
        file = folder / f"{ALL}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body, encoding="utf-8")
        return Asset(self, "Template", path=str(file)).http_url


def _groups(targets: Iterable[TargetSettings], wanted: StackSetSettings) -> list[CfnStackSet.StackInstancesProperty]:
    """The targets' accounts by Region: the rule that watches a target is of its Region.

    An account with targets in two has two instances, and the template makes each target's roles in one of them.
    """
    accounts: dict[str, set[str]] = {}
    for target in targets:
        accounts.setdefault(target.region, set()).add(target.account)
    return [
        CfnStackSet.StackInstancesProperty(
            deployment_targets=CfnStackSet.DeploymentTargetsProperty(
                account_filter_type="INTERSECTION",
                accounts=sorted(accounts[region]),
                organizational_unit_ids=list(wanted.organizational_units),
            ),
            regions=[region],
        )
        for region in sorted(accounts)
    ]
