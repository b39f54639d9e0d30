"""The approval workflow: `approval.asl.json` as it is, with its ARNs put in."""

from pathlib import Path

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.arns import ROLE_PATH

DEFINITION = Path(__file__).with_name("approval.asl.json")


class Approval(Construct):
    """The Standard state machine that holds a request until it is decided or its time is over."""

    def __init__(self, scope: Construct, construct_id: str, *, expiry: lambda_.IFunction) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            role_name="jitney-approval",
            path=ROLE_PATH,
            description="Jitney: lets the approval workflow end requests",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            inline_policies={
                "allows": iam.PolicyDocument(
                    statements=[iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[expiry.function_arn])]
                )
            },
        )
        log_group = logs.LogGroup(
            self,
            "Logs",
            # This prefix needs no resource policy of its own (Step Functions Developer Guide, "CloudWatch logs").
            log_group_name="/aws/vendedlogs/states/jitney-approval",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.state_machine = sfn.StateMachine(
            self,
            "Workflow",
            state_machine_name="jitney-approval",
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(DEFINITION.read_text(encoding="utf-8")),
            definition_substitutions={
                "ExpiryFunctionArn": expiry.function_arn,
                "Partition": Stack.of(self).partition,
            },
            role=role,
            tracing_enabled=True,
            # Without data: a request's reason and resources belong in the audit table, where they are masked.
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
        )
        reason = "Log delivery and X-Ray have no resources to name (Step Functions Developer Guide, IAM policies)."
        acknowledge(self, reason, "IAM5[Resource::*]")
