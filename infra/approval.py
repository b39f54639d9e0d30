"""The approval workflow: `approval.asl.json` with its ARNs."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.broker_function import BrokerFunction
from infra.log_groups import LogGroups
from infra.roles import service_role

DEFINITION = Path(__file__).with_name("approval.asl.json")
_NAME = "jitney-approval"
STEPS: Mapping[str, str] = {
    "ScheduleFunctionArn": "review_schedule",
    "NoticesFunctionArn": "review_notices",
    "FailuresFunctionArn": "review_failures",
}
"""The functions that the workflow calls. The keys are the placeholders for their ARNs in its definition."""


def approval_arn(stack: Stack) -> str:
    """Return the workflow's ARN as text. The workflow refers to its functions, so their roles cannot refer to it."""
    return stack.format_arn(
        service="states", resource="stateMachine", resource_name=_NAME, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


class Approval(Construct):
    """The Standard state machine that holds a request until it is decided or expires.

    `functions` are its steps by name. If an execution is stopped, fails or times out, an EventBridge rule calls the
    function that marks the request as failed.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, functions: Mapping[str, BrokerFunction], log_groups: LogGroups
    ) -> None:
        super().__init__(scope, construct_id)
        arns = {name: functions[function].invoked.function_arn for name, function in STEPS.items()}
        invoke = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=sorted(arns.values()))
        purpose = "lets the approval workflow call its functions"
        role = service_role(self, "Role", "states", "approval", purpose, [invoke])
        # Log groups with this prefix need no resource policy (Step Functions Developer Guide, "CloudWatch logs").
        log_group = log_groups.add(self, "/aws/vendedlogs/states/jitney-approval")
        self.state_machine = sfn.StateMachine(
            self,
            "Workflow",
            state_machine_name=_NAME,
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(DEFINITION.read_text(encoding="utf-8")),
            definition_substitutions={**arns, "Partition": Stack.of(self).partition},
            role=role,
            tracing_enabled=True,
            # Without data: a request's reason and resources are in the audit table only, where they are masked.
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
        )
        reason = "Log delivery and X-Ray cannot be limited to resources (Step Functions Developer Guide, IAM policies)."
        acknowledge(self, reason, "IAM5[Resource::*]")
        events.Rule(
            self,
            "Ended",
            rule_name="jitney-approval-ended",
            description="Jitney: fails requests whose review was stopped, failed or timed out",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [self.state_machine.state_machine_arn],
                    "status": ["ABORTED", "FAILED", "TIMED_OUT"],
                },
            ),
            targets=[targets.LambdaFunction(functions[STEPS["FailuresFunctionArn"]].invoked)],
        )
