"""The stack set that creates the targets' roles in their accounts."""

from collections.abc import Iterable
from pathlib import Path

from aws_cdk import CfnStackSet, Environment, Stack
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from infra.target_template import ALL, LONGEST_BODY, template_of_all
from jitney.configuration.load import Configuration
from jitney.configuration.settings import StackSetSettings, TargetSettings


class TargetStackSet(Stack):
    """The stack `JitneyTargets`: a stack set with instances only in the accounts and Regions of the targets.

    A template longer than LONGEST_BODY is written to `folder` and uploaded to S3.
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
            description="Jitney: creates its roles in the accounts of its targets",
        )
        body = template_of_all(configuration)
        CfnStackSet(
            self,
            "StackSet",
            stack_set_name=ALL,
            description="The roles for Jitney's grants",
            permission_model="SERVICE_MANAGED",
            call_as="DELEGATED_ADMIN" if wanted.delegated_admin else "SELF",
            # An account that joins an organizational unit is not a target until jitney.yaml names it.
            auto_deployment=CfnStackSet.AutoDeploymentProperty(enabled=False),
            managed_execution={"Active": True},
            capabilities=["CAPABILITY_NAMED_IAM"],
            stack_instances_group=_groups(configuration.settings.targets.values(), wanted),
            # In the default mode, AWS changes at most one account more at once than may fail, here one at a time.
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html
            operation_preferences=CfnStackSet.OperationPreferencesProperty(
                concurrency_mode="SOFT_FAILURE_TOLERANCE",
                max_concurrent_percentage=100,
                failure_tolerance_percentage=0,
                region_concurrency_type="PARALLEL",
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
    """Return the targets' accounts by Region. The rule that forwards a target's events is regional.

    An account with targets in two Regions has two instances. The template creates a target's roles in only one of these
    instances.
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
