"""A function: what its spec says, as a construct with its role and log group."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.conditions import item_conditions, session_name_condition
from infra.permissions import Allow
from infra.spec import ALL_FUNCTIONS, FunctionSpec
from jitney.configuration.arns import ROLE_PATH, role_name


@dataclass(frozen=True, slots=True)
class Code:
    """What the functions run: the bundle as an asset, its architecture ("arm64" or "x86_64") and its version."""

    asset: lambda_.Code
    architecture: str
    version: str


class BrokerFunction(Construct):
    """One function with its role and log group; `resources` and `environment` hold what the spec names.

    What is allowed on a resource is allowed under its `conditions`, if it has any; on none, nothing is allowed.
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
    ) -> None:
        super().__init__(scope, construct_id)
        self.spec = spec
        self._conditions = conditions
        self._log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{role_name(spec.name)}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = self._role(resources)
        self.role_id = role.role_id
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=role_name(spec.name),
            description=spec.purpose,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.custom(code.architecture),
            handler=f"jitney.handlers.{spec.name}.handler",
            code=code.asset,
            role=role,
            memory_size=spec.memory_mb,
            timeout=Duration.seconds(spec.timeout_seconds),
            log_group=self._log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            environment=ALL_FUNCTIONS
            | {"JITNEY_VERSION": code.version}
            | {name: environment[name] for name in spec.environment},
        )
        acknowledge(self.function, "Python 3.13 is what the bundle is built, locked and tested for.", "L1")
        if any("*" in resources[allow.on] for allow in spec.allows):
            acknowledge(self, "ListStreams has no resource to name.", "IAM5[Resource::*]")

    def _role(self, resources: Mapping[str, list[str]]) -> iam.Role:
        # Of what is not configured there is nothing to allow.
        allows = [allow for allow in self.spec.allows if resources[allow.on]]
        growing = [allow for allow in allows if allow.on in _OF_TARGETS]
        apart = growing if sum(_length(resources[allow.on]) for allow in growing) > _ROOM_INLINE else []
        statements = [self._statement(allow, resources[allow.on]) for allow in allows if allow not in apart]
        write_logs = iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[self._log_group.log_group_arn]
        )
        return iam.Role(
            self,
            "Role",
            role_name=role_name(self.spec.name),
            path=ROLE_PATH,
            description=f"Jitney: {self.spec.purpose[0].lower()}{self.spec.purpose[1:]}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"allows": iam.PolicyDocument(statements=[write_logs, *statements])},
            managed_policies=list(self._managed(apart, resources)),
        )

    def _managed(self, allows: Sequence[Allow], resources: Mapping[str, list[str]]) -> Iterator[iam.ManagedPolicy]:
        """Policies for what is allowed on more resources than an inline policy takes."""
        parts = [(allow, part) for allow in allows for part in _parts(resources[allow.on])]
        for number, (allow, part) in enumerate(parts, 1):
            yield iam.ManagedPolicy(
                self,
                f"Targets{number}",
                path=ROLE_PATH,
                description=f"What {role_name(self.spec.name)} may do on some of the targets",
                statements=[self._statement(allow, part)],
            )

    def _statement(self, allow: Allow, arns: list[str]) -> iam.PolicyStatement:
        limits = item_conditions(allow.items, allow.attributes) | session_name_condition(allow.sessions)
        if service := _THROUGH.get(allow.on):
            limits = {"StringEquals": {"kms:ViaService": f"{service}.{Stack.of(self).region}.amazonaws.com"}}
        conditions = limits | dict(self._conditions.get(allow.on, {}))
        return iam.PolicyStatement(actions=list(allow.actions), resources=arns, conditions=conditions)


_OF_TARGETS = ("targets", "revokers")
"""Resources of which there are as many as targets."""
# Of the 10,240 characters of a role's inline policies, and the 6,144 of a managed one ("IAM and STS quotas").
_ROOM_INLINE, _ROOM_MANAGED = 4_000, 5_600


def _length(arns: Sequence[str]) -> int:
    return sum(len(arn) + len('"",') for arn in arns)


def _parts(arns: Sequence[str]) -> Iterator[list[str]]:
    """The ARNs in parts that fit a managed policy."""
    part: list[str] = []
    for arn in arns:
        if part and _length([*part, arn]) > _ROOM_MANAGED:
            yield part
            part = []
        part.append(arn)
    yield part


# The key opens the tables' items and the records' objects, and nothing that somebody could send to KMS directly.
_THROUGH = {"key": "dynamodb", "records_key": "s3"}
