"""Canary deployments: a new version of a function serves a tenth of the requests before it serves all.

CloudFormation starts CodeDeploy, which moves each alias to the new version. If an alarm of `ROLLBACK_ALARMS` fires
meanwhile, CodeDeploy moves the alias back, the deployment fails, and CloudFormation rolls the whole stack back.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
"""

from collections.abc import Iterable, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.alarm_model import with_runbook
from infra.broker_function import ALIAS, BrokerFunction
from infra.monitoring import Monitoring
from infra.roles import service_role
from jitney.configuration.arns import function_name

ROLLBACK_ALARMS = ("AnswersFailed", "GrantsUnreadable")
"""The alarms (`infra.alarms`) that roll a deployment back, in addition to one on the errors of each moved function.

No agent can raise these alarms, so no agent can keep an older policy in force. Functions that answer requests raise
nothing (`handlers.runtime.edge`), so their errors are crashes and time-outs. FunctionErrors also counts functions
without routes, which have no canary.

Two of these alarms have periods of five minutes, and the reconciler reads all grants every five minutes. So the canary
takes ten minutes.
"""


MOST_ERRORS = 2
"""The most errors of one function in five minutes without a rollback.

So a single time-out of AWS causes no rollback.
"""


MEANING = "The function crashed or ran out of time. Rolls a canary deployment back."
RUNBOOK = "docs/upgrades.md#canary-deployments"


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
        self._description = with_runbook(MEANING, monitoring.runbooks_url, RUNBOOK)
        shared = [monitoring.alarm(name) for name in ROLLBACK_ALARMS]
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
                    alarms=[*shared, self._errors_of(each)],
                    auto_rollback=codedeploy.AutoRollbackConfig(
                        failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
                    ),
                )

    def _errors_of(self, function: BrokerFunction) -> cloudwatch.Alarm:
        """Create the alarm on the function's errors. It sends no notification, because FunctionErrors does."""
        return cloudwatch.Alarm(
            self,
            f"{function.node.id}Errors",
            alarm_name=f"jitney-canary-{function.spec.name.replace('_', '-')}",
            alarm_description=self._description,
            metric=function.function.metric_errors(period=Duration.minutes(5), statistic="Sum"),
            evaluation_periods=1,
            threshold=MOST_ERRORS,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _role(self, functions: Sequence[BrokerFunction]) -> iam.Role:
        # AWS's own policy for this would allow the aliases of all functions of the account. An alias refers to its
        # deployment group, which refers to this role. If the role referred to the alias, CloudFormation would refuse
        # the template. https://github.com/aws/aws-cdk/issues/2231
        arns = [each.function.function_arn for each in functions]
        move = iam.PolicyStatement(
            actions=["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
            resources=[*arns, *(f"{arn}:{ALIAS}" for arn in arns)],
        )
        look = iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=["*"])
        purpose = "lets CodeDeploy move functions to their new versions"
        role = service_role(self, "Role", "codedeploy", "canary", purpose, [move, look])
        acknowledge(role, "CodeDeploy reads alarms by name, and needs access to all for that.", "IAM5[Resource::*]")
        return role
