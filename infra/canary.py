"""Canary deployments: a new version of a function serves a tenth of the requests before it serves all.

CloudFormation has CodeDeploy move each alias to the new version. If an alarm of `ROLLBACK_ALARMS` fires meanwhile,
CodeDeploy moves the alias back, the deployment fails, and CloudFormation rolls the whole stack back.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
"""

from collections.abc import Iterable, Sequence

from aws_cdk import Stack
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.broker_function import BrokerFunction
from infra.monitoring import Monitoring
from jitney.configuration.arns import ROLE_PATH, function_name, role_name

ROLLBACK_ALARMS = ("AnswersFailed", "FunctionErrors", "GrantsUnreadable")
"""The alarms (`infra.alarms`) that roll a deployment back. No agent can raise one, and so keep an older policy.

Two of them look at five minutes, and the reconciler reads all grants every five minutes. So the canary takes ten.
"""


class CanaryDeployments(Construct):
    """The deployment group of each function that has an alias, with a role for all of them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Iterable[BrokerFunction],
        monitoring: Monitoring,
    ) -> None:
        super().__init__(scope, construct_id)
        alarms = [monitoring.alarm(name) for name in ROLLBACK_ALARMS]
        functions = [each for each in functions if each.alias]
        role = self._role(functions)
        application = codedeploy.LambdaApplication(self, "Application", application_name="jitney")
        for each in functions:
            if each.alias:
                codedeploy.LambdaDeploymentGroup(
                    self,
                    each.node.id,
                    alias=each.alias,
                    application=application,
                    deployment_group_name=function_name(each.spec.name),
                    deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_10_MINUTES,
                    role=role.without_policy_updates(),
                    alarms=alarms,
                    auto_rollback=codedeploy.AutoRollbackConfig(
                        failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
                    ),
                )

    def _role(self, functions: Sequence[BrokerFunction]) -> iam.Role:
        # AWS's own policy for this would allow the aliases of all functions of the account.
        move = iam.PolicyStatement(
            actions=["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
            resources=[arn for each in functions for arn in (each.function.function_arn, each.invoked.function_arn)],
        )
        look = iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=["*"])
        role = iam.Role(
            self,
            "Role",
            role_name=role_name("canary", Stack.of(self).region),
            path=ROLE_PATH,
            description="Jitney: lets CodeDeploy move functions to their new versions",
            assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"),
            inline_policies={"allows": iam.PolicyDocument(statements=[move, look])},
        )
        acknowledge(role, "CodeDeploy asks for alarms by their names, with access to all.", "IAM5[Resource::*]")
        return role
