"""The functions: what each runs, where it is reached, and every action that its role allows.

`SPECS` is the whole of what Jitney may do in AWS; nothing else adds to these roles. A resource or variable is named
here and looked up in what the stack hands over, so that the table can be read without the constructs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from core.access.credentials import CANARY_PREFIX
from core.access.target_check import SESSION_PREFIX, STRANGE_PREFIX
from infra.acknowledge import acknowledge
from infra.arns import ROLE_PATH, role_name
from infra.conditions import items_only, named_only

# DynamoDB uses the table's key in the caller's name (DynamoDB Developer Guide, "Encryption at rest: usage notes").
_KEY_TO_READ = ("kms:Decrypt", "kms:DescribeKey")
_KEY_TO_WRITE = (
    *_KEY_TO_READ,
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
_ISSUE = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
_READ_STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")

ALL_FUNCTIONS = {
    "POWERTOOLS_SERVICE_NAME": "jitney",
    "POWERTOOLS_METRICS_NAMESPACE": "Jitney",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}
"""The environment that every function has."""


@dataclass(frozen=True, slots=True)
class Allow:
    """Actions on the resources of one name (a key of what the stack hands over); of a table, on these items only.

    `items` are patterns of partition keys, an index's own for an index; none means that the resource has no items.
    `sessions` are patterns of the names that sessions of a role are given; none means any name.
    """

    on: str
    actions: tuple[str, ...]
    items: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """One function: its handler module and name, its routes as (verb, path), its environment, what its role allows."""

    name: str
    purpose: str
    allows: tuple[Allow, ...] = ()
    environment: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    memory_mb: int = 1024
    # One route at the stage's 50 requests a second that all hang holds 750 executions of the 1,000 that an account has;
    # at API Gateway's own limit of 29 it would hold all. A service that hangs is given up earlier (adapters.calls).
    timeout_seconds: int = 15


_STORE = ("JITNEY_STATE_TABLE", "JITNEY_AUDIT_TABLE")

# By partition key (adapters.store, core.once): who issues nothing cannot write a grant that another would issue for.
_GRANT = ("GRANT#*",)
_ONCE = ("IDEMPOTENCY#*", "REPLAY#*", "DENIALS#*")
_HELD = ("HELD#*",)
_ROLE = ("ROLE#*",)
# Who checks targets can take no grant's name, whatever the target roles would let through.
_CHECKS = (f"{SESSION_PREFIX}*", f"{STRANGE_PREFIX}*")
_OF_GRANTS, _OF_NO_GRANT = ("g-*",), ("r-*",)  # chains of records

_TAKE_BACK = (
    Allow("state", ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"), _GRANT + _ROLE),
    Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS + _OF_NO_GRANT),
    Allow("key", _KEY_TO_WRITE),
    Allow("revokers", ("sts:AssumeRole",)),
    # They issue to nobody: a session of the ended grant, which the target's boundary lets do no more than that, shows
    # when it is denied.
    Allow("targets", ("sts:AssumeRole",), sessions=(f"{CANARY_PREFIX}*",)),
    Allow("targets", ("sts:TagSession", "sts:SetSourceIdentity")),
)

SPECS: Mapping[str, Spec] = {
    spec.name: spec
    for spec in (
        Spec(
            "grants",
            "Decides on a request and issues its credentials",
            (
                Allow("state", ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"), _GRANT + _ONCE + _HELD),
                Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS + _OF_NO_GRANT),
                Allow("key", _KEY_TO_WRITE),
                Allow("targets", _ISSUE),
                Allow("approval", ("states:StartExecution",)),
            ),
            (*_STORE, "JITNEY_APPROVAL_ARN"),
            (("POST", "/v1/grants"),),
        ),
        Spec(
            "credentials",
            "Issues the credentials of an active grant",
            (
                Allow("state", ("dynamodb:GetItem", "dynamodb:UpdateItem"), _GRANT),
                Allow("state", ("dynamodb:GetItem",), _HELD),
                Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS + _OF_NO_GRANT),
                Allow("key", _KEY_TO_WRITE),
                Allow("targets", _ISSUE),
            ),
            _STORE,
            (("POST", "/v1/grants/{id}/credentials"),),
        ),
        Spec(
            "decisions",
            "Decides on a request without issuing anything",
            (
                Allow("state", ("dynamodb:PutItem", "dynamodb:UpdateItem"), ("PREVIEWS#*", "REPLAY#*")),
                Allow("state", ("dynamodb:GetItem",), _HELD + _GRANT),
                Allow("audit", ("dynamodb:PutItem",), _OF_NO_GRANT),
                Allow("key", _KEY_TO_WRITE),
            ),
            _STORE,
            (("POST", "/v1/decisions"),),
        ),
        Spec(
            "grant_reads",
            "Shows a principal its own grants",
            (
                Allow("state", ("dynamodb:GetItem",), _GRANT),
                Allow("state_index", ("dynamodb:Query",), ("PRINCIPAL#*",)),
                Allow("audit", ("dynamodb:PutItem",), _OF_NO_GRANT),
                Allow("key", _KEY_TO_WRITE),
            ),
            _STORE,
            (("GET", "/v1/grants"), ("GET", "/v1/grants/{id}")),
        ),
        Spec(
            "releases",
            "Takes back a grant that its agent gives back",
            _TAKE_BACK,
            _STORE,
            (("DELETE", "/v1/grants/{id}"),),
        ),
        Spec(
            "revocations",
            "Takes back a grant for an operator",
            _TAKE_BACK,
            _STORE,
            (("POST", "/v1/grants/{id}/revocation"),),
        ),
        Spec(
            "target_checks",
            "Tries what a target's roles let through, for an operator",
            (
                Allow("audit", ("dynamodb:PutItem",), _OF_NO_GRANT),
                Allow("key", _KEY_TO_WRITE),
                Allow("targets", ("sts:AssumeRole",), sessions=_CHECKS),
                Allow("targets", ("sts:TagSession", "sts:SetSourceIdentity")),
                Allow("revokers", ("sts:AssumeRole",), sessions=_CHECKS),
            ),
            _STORE,
            (("POST", "/v1/targets/{alias}/check"),),
        ),
        Spec(
            "reconciler",
            "Records ends that nothing recorded and keeps the deny documents in order",
            (
                Allow("state", ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"), _GRANT + _ROLE),
                Allow("open_index", ("dynamodb:Query",), _ROLE),
                Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS + _OF_NO_GRANT),
                Allow("key", _KEY_TO_WRITE),
                Allow("revokers", ("sts:AssumeRole",)),
            ),
            _STORE,
            memory_mb=512,
            timeout_seconds=300,
        ),
        Spec("health", "Says that it is alive", routes=(("GET", "/v1/health"),), memory_mb=512),
        Spec(
            "expiry",
            "Ends a request that nobody decided in time",
            (
                Allow("state", ("dynamodb:GetItem", "dynamodb:UpdateItem"), _GRANT),
                Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS),
                Allow("key", _KEY_TO_WRITE),
            ),
            _STORE,
            memory_mb=512,
        ),
        Spec(
            "publisher",
            "Sends audit records on to Firehose",
            (
                Allow("audit_stream", _READ_STREAM),
                # Listing streams cannot be limited to one (Service Authorization Reference, Amazon DynamoDB).
                Allow("any", ("dynamodb:ListStreams",)),
                Allow("key", _KEY_TO_READ),
                Allow("records_stream", ("firehose:PutRecordBatch",)),
                Allow("dead_letters", ("sqs:SendMessage",)),
            ),
            ("JITNEY_RECORDS_STREAM",),
            memory_mb=512,
            timeout_seconds=60,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Code:
    """What the functions run: the bundle as an asset, its architecture ("arm64" or "x86_64") and its version."""

    asset: lambda_.Code
    architecture: str
    version: str


class BrokerFunction(Construct):
    """One function with its role and log group; `resources` and `environment` hold what the spec names."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        spec: Spec,
        code: Code,
        resources: Mapping[str, list[str]],
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self.spec = spec
        self._log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{role_name(spec.name)}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=role_name(spec.name),
            description=spec.purpose,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.custom(code.architecture),
            handler=f"handlers.{spec.name}.handler",
            code=code.asset,
            role=self._role(resources),
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
        statements = [self._statement(allow, resources[allow.on]) for allow in self.spec.allows]
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
        )

    def _statement(self, allow: Allow, arns: list[str]) -> iam.PolicyStatement:
        # The key opens the tables' items, and nothing that somebody could send to KMS directly.
        through = {"StringEquals": {"kms:ViaService": f"dynamodb.{Stack.of(self).region}.amazonaws.com"}}
        conditions = through if allow.on == "key" else items_only(allow.items) | named_only(allow.sessions)
        return iam.PolicyStatement(actions=list(allow.actions), resources=arns, conditions=conditions)
