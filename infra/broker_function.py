"""A Lambda function with its role, log group and schedule, as its spec declares them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.conditions import item_conditions, session_name_condition, via_service
from infra.log_groups import LogGroups
from infra.network import manage_network_interfaces
from infra.permissions import Allow, merged
from infra.roles import service_role
from infra.spec import ALL_FUNCTIONS, FunctionSpec
from jitney.configuration.arns import ROLE_PATH, function_name
from jitney.configuration.broker_settings import VpcSettings
from jitney.configuration.partitions import Partition, partition_in

ALIAS = "live"


@dataclass(frozen=True, slots=True)
class Code:
    """The code of all functions: the bundle as an asset, its architecture ("arm64" or "x86_64") and its version."""

    asset: lambda_.Code
    architecture: str
    version: str


class BrokerFunction(Construct):
    """One function with its role, log group and schedule.

    The spec names resources and variables. `resources` has the ARNs of the resources, and `environment` the values of
    the variables. `conditions` limit the permissions on a resource. A resource without ARNs is not configured, so
    nothing is allowed on it. With `vpc`, the function runs in it. With `alias`, a function with routes has an alias,
    which `infra.canary` moves to new versions step by step.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        spec: FunctionSpec,
        code: Code,
        resources: Mapping[str, list[str]],
        conditions: Mapping[str, Mapping[str, Any]],
        environment: Mapping[str, str],
        log_groups: LogGroups,
        vpc: VpcSettings | None = None,
        alias: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.spec = spec
        self._conditions, self._vpc = conditions, vpc
        self._log_group = log_groups.add(self, f"/aws/lambda/{function_name(spec.name)}")
        role = self._role(resources)
        self.role_id = role.role_id
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=function_name(spec.name),
            description=spec.purpose,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.custom(code.architecture),
            handler=f"jitney.handlers.{spec.name}.handler",
            code=code.asset,
            role=role,
            memory_size=spec.memory_mb,
            timeout=Duration.seconds(spec.timeout_seconds),
            reserved_concurrent_executions=spec.reserved_executions or None,
            **_asynchronous(spec),
            **_of_partition(spec, partition_in(Stack.of(self).region)),
            log_group=self._log_group,
            environment=ALL_FUNCTIONS
            | {"JITNEY_VERSION": code.version}
            | {name: environment[name] for name in sorted(spec.environment)},
        )
        self._run_in_vpc()
        acknowledge(self.function, "The bundle is built, locked and tested for Python 3.13.", "L1")
        if any("*" in resources[allow.resource] for allow in spec.allows):
            acknowledge(self, "ListStreams cannot be limited to a resource.", "IAM5[Resource::*]")
        for resource, reason in _PATTERNS.items():
            patterns = [arn for arn in resources[resource] if arn.endswith("*")]
            acknowledge(self, reason, *(f"IAM5[Resource::{arn}]" for arn in patterns))
        self.alias: lambda_.Alias | None = None
        if alias and spec.routes:
            self.alias = lambda_.Alias(self, "Alias", alias_name=ALIAS, version=self.function.current_version)
        if spec.every_seconds:
            self._schedule(Duration.seconds(spec.every_seconds))

    @property
    def invoked(self) -> lambda_.IFunction:
        """The target of invocations: the function's alias, or the function if it has none."""
        return self.alias or self.function

    def _run_in_vpc(self) -> None:
        if self._vpc:
            # CDK's own class would allow the function's code to create network interfaces, too.
            function = cast("lambda_.CfnFunction", self.function.node.default_child)
            function.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
                subnet_ids=list(self._vpc.subnets), security_group_ids=list(self._vpc.security_groups)
            )
            acknowledge(self, "Network interfaces that Lambda has yet to create have no ARN.", "IAM5[Resource::*]")

    def _schedule(self, every: Duration) -> None:
        events.Rule(
            self,
            "Schedule",
            rule_name=function_name(self.spec.name),
            description=f"Jitney: {_lowered(self.spec.purpose)}",
            schedule=events.Schedule.rate(every),
            targets=[targets.LambdaFunction(self.invoked, retry_attempts=self.spec.retries, max_event_age=every)],
        )

    def _role(self, resources: Mapping[str, list[str]]) -> iam.Role:
        allows = merged(allow for allow in self.spec.allows if resources[allow.resource])
        growing = [allow for allow in allows if allow.resource in _OF_TARGETS]
        managed = growing if sum(_length(resources[allow.resource]) for allow in growing) > _ROOM_INLINE else []
        statements = [self._statement(allow, resources[allow.resource]) for allow in allows if allow not in managed]
        statements += [manage_network_interfaces()] if self._vpc else []
        write_logs = iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[self._log_group.log_group_arn]
        )
        return service_role(
            self,
            "Role",
            "lambda",
            self.spec.name,
            _lowered(self.spec.purpose),
            [write_logs, *statements],
            managed_policies=list(self._managed(managed, resources)),
        )

    def _managed(self, allows: Sequence[Allow], resources: Mapping[str, list[str]]) -> Iterator[iam.ManagedPolicy]:
        """Yield managed policies, for permissions on more resources than fit into an inline policy."""
        parts = [(allow, part) for allow in allows for part in _parts(resources[allow.resource])]
        for number, (allow, part) in enumerate(parts, 1):
            yield iam.ManagedPolicy(
                self,
                f"Targets{number}",
                path=ROLE_PATH,
                description=f"Permissions of {function_name(self.spec.name)} on some of the targets",
                statements=[self._statement(allow, part)],
            )

    def _statement(self, allow: Allow, arns: list[str]) -> iam.PolicyStatement:
        limits = item_conditions(allow.items, allow.attributes) | session_name_condition(allow.sessions)
        if service := _VIA_SERVICE.get(allow.resource):
            limits = {"StringEquals": via_service(service, Stack.of(self).region)}
        conditions = limits | dict(self._conditions.get(allow.resource, {}))
        return iam.PolicyStatement(actions=list(allow.actions), resources=arns, conditions=conditions)


_PATTERNS = {
    "targets": "The pattern is for the target's further roles alone.",
    "mail_sender": "A configuration set alone sends no mail, and the sender's address is fixed.",
}
"""Why permissions on these resources may have patterns."""
_OF_TARGETS = ("targets", "revokers")
"""Resources whose number grows with every target."""
# How many characters their ARNs may take in a role's inline policies (of 10,240) and in a managed policy (of 6,144).
# IAM User Guide, "IAM and STS quotas".
_ROOM_INLINE, _ROOM_MANAGED = 4_000, 5_600


def _asynchronous(spec: FunctionSpec) -> dict[str, Any]:
    """Return the settings of asynchronous invocations, {} for a function without them.

    A schedule invokes asynchronously, too, and its next run replaces a late one. Without these settings, Lambda repeats
    a failed run twice. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """
    age = spec.most_event_age_seconds or spec.every_seconds
    return {"max_event_age": Duration.seconds(age), "retry_attempts": spec.retries} if age else {}


def _of_partition(spec: FunctionSpec, partition: Partition) -> dict[str, Any]:
    """Return the settings that Lambda does not have in every partition.

    By default, Lambda stops invoking a function after about 16 rounds through its own queue.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html

    With JSON, Lambda logs only invocations that fail or time out. Its lines about others would cost more than the
    functions' own lines, which are JSON in either format.
    """
    loops = {"recursive_loop": lambda_.RecursiveLoop.ALLOW} if spec.feeds_itself and partition.loop_detection else {}
    logs = {"logging_format": lambda_.LoggingFormat.JSON, "system_log_level_v2": lambda_.SystemLogLevel.WARN}
    return loops | logs if partition.json_logs else loops


def _lowered(sentence: str) -> str:
    return f"{sentence[0].lower()}{sentence[1:]}"


def _length(arns: Sequence[str]) -> int:
    return sum(len(arn) + len('"",') for arn in arns)


def _parts(arns: Sequence[str]) -> Iterator[list[str]]:
    """Split the ARNs into parts that each fit into a managed policy."""
    part: list[str] = []
    for arn in arns:
        if part and _length([*part, arn]) > _ROOM_MANAGED:
            yield part
            part = []
        part.append(arn)
    yield part


# The key decrypts for DynamoDB and S3 only: a role cannot send KMS a ciphertext itself.
_VIA_SERVICE = {"key": "dynamodb", "records_key": "s3"}
