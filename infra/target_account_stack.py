"""What one target account gets: the role that grants are sessions of, its boundary, and who takes sessions back.

Deployed into the target's own account, by whoever owns it, after the broker's stack (IAM accepts a trusted role only
once it exists). The broker can issue sessions of the role and write its inline policies, and nothing else here; the
boundary, which it cannot touch, is what the role may do, so that such a policy can only take away.
"""

from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnOutput, Environment, LegacyStackSynthesizer, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.function_specs import CHECK_SESSIONS, SPECS
from infra.trail_forwarding import forward
from jitney.configuration.arns import (
    ROLE_PATH,
    RULES,
    boundary_arn,
    boundary_name,
    partition_of,
    revoker_name,
    role_arn,
    role_name,
)
from jitney.configuration.external_id import external_id
from jitney.configuration.settings import LONGEST_SESSION_SECONDS, BrokerSettings, TargetSettings
from jitney.configuration.target_policies import inline_policies, outer_bound

SESSION_TAGS = ("grant", "agent", "human")

# Whatever the role's own policy says: no session makes identities, credentials or other sessions, or touches accounts.
# Denying iam: altogether also keeps the role, its policies and this boundary out of its own reach.
ALWAYS_DENIED = (
    "account:*",
    "iam:*",
    "identitystore:*",
    "organizations:*",
    "rolesanywhere:*",
    "signin:*",
    "sso:*",
    "sso-directory:*",
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "sts:GetDelegatedAccessToken",
    "sts:GetFederationToken",
    "sts:GetServiceBearerToken",
    "sts:GetSessionToken",
    "sts:GetWebIdentityToken",
)

# The functions that take back and check make sessions with a second hyphen in their names, which no grant's id has.
# Those show what is denied, and can do nothing else: the two calls that are tried with them.
BROKER_SESSIONS = "*:g-*-*"
CHECK_ACTIONS = ("iam:DeleteRolePolicy", "sts:GetAccessKeyInfo")


class TargetAccountStack(Stack):
    """The stack `JitneyTarget-<alias>`: role, trust and boundary of one target.

    Its template is whole: it has no assets, and its account needs no CDK bootstrap.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alias: str,
        target: TargetSettings,
        broker: BrokerSettings,
        env: Environment,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            env=env,
            description=f"Jitney: the role that grants on {alias} are sessions of",
            synthesizer=LegacyStackSynthesizer(),
        )
        roles = TargetRoles(self, alias=alias, target=target, broker=broker)
        CfnOutput(self, "RoleArn", value=roles.role.attr_arn)
        CfnOutput(self, "BoundaryArn", value=roles.boundary_arn)
        CfnOutput(self, "RevokerArn", value=roles.revoker.role_arn)


class TargetRoles:
    """The roles of a target in `scope`: `role`, that grants are sessions of, with its `boundary_arn`; and `revoker`."""

    def __init__(self, scope: Construct, *, alias: str, target: TargetSettings, broker: BrokerSettings) -> None:
        self._scope = scope
        self._alias = alias
        self._target = target
        self._partition = partition_of(target.region)
        self._broker_account = broker.account
        self._external_id = external_id(alias, target, broker.account)
        bounds = self._bounds()
        managed = boundary_arn(alias, target)
        self.boundary_arn = managed if target.managed_policy else bounds.managed_policy_arn
        self.role = self._role(bounds)
        self.revoker = self._revoker()
        forward(scope, alias=alias, target=target, role_arn=role_arn(target), broker=broker)

    def _bounds(self) -> iam.ManagedPolicy:
        """What no session does; with the role's own policy also what it does at most, which makes it the boundary."""
        bound = outer_bound(self._target)
        policy = iam.ManagedPolicy(
            self._scope,
            "Boundary" if bound else "Never",
            managed_policy_name=boundary_name(self._alias) if bound else f"jitney-never-{self._alias}",
            path=ROLE_PATH,
            description="What no session of Jitney may ever do",
            statements=[
                *(iam.PolicyStatement.from_json(dict(each)) for each in bound),
                self._unseen(),
                iam.PolicyStatement(
                    effect=iam.Effect.DENY,
                    not_actions=list(CHECK_ACTIONS),
                    resources=["*"],
                    conditions={"StringLike": {"aws:userid": BROKER_SESSIONS}},
                ),
                iam.PolicyStatement(
                    sid="ButNeverThese", effect=iam.Effect.DENY, actions=list(ALWAYS_DENIED), resources=["*"]
                ),
            ],
        )
        reason = "A boundary allows nothing by itself: it takes away from what the role's own policy allows."
        acknowledge(policy, reason, "IAM5[Resource::*]", *_wide(self._target))
        return policy

    def _unseen(self) -> iam.PolicyStatement:
        """No session does anything to the rules by which the broker sees it.

        Not even enable one: that would have it miss the events that only read.
        """
        rules = f"arn:{self._partition}:events:*:{self._target.account}:rule/{RULES}*"
        return iam.PolicyStatement(effect=iam.Effect.DENY, actions=["events:*"], resources=[rules])

    def _role(self, bounds: iam.ManagedPolicy) -> iam.CfnRole:
        target = self._target
        role = iam.CfnRole(
            self._scope,
            "Role",
            role_name=target.role_name,
            path=ROLE_PATH,
            description=f"Grants on {self._alias} are sessions of this role",
            max_session_duration=LONGEST_SESSION_SECONDS,
            permissions_boundary=self.boundary_arn,
            assume_role_policy_document=_trust(self._partition, self._broker_account, self._external_id),
            # Beside a managed policy, which denies what it denies, what nobody does is a policy of the role: nobody but
            # the account's owner can detach it.
            managed_policy_arns=[self.boundary_arn, bounds.managed_policy_arn] if target.managed_policy else None,
            policies=[
                iam.CfnRole.PolicyProperty(policy_name=name, policy_document=document)
                for name, document in inline_policies(target).items()
            ]
            or None,
        )
        acknowledge(role, "GetAccessKeyInfo and GetScopedCredentials have no resource to name.", "IAM5[Resource::*]")
        reason = "The account's owner says in jitney.yaml what the role may do; every grant is narrower."
        managed = [f"IAM4[Policy::{self.boundary_arn}]"] if target.managed_policy else []
        acknowledge(role, reason, *_wide(target), *managed)
        return role

    def _revoker(self) -> iam.Role:
        """The role that writes the deny document: inline policies of this one role, while the boundary is on it.

        IAM has no condition on the name of an inline policy (Service Authorization Reference, "AWS IAM"), so that a
        check, which tries whether it could delete one, could also delete the document. It can write none.
        """
        principals = _functions(self._partition, self._broker_account, "revokers")
        arn = self.role.attr_arn
        return iam.Role(
            self._scope,
            "Revoker",
            role_name=revoker_name(self._alias),
            path=ROLE_PATH,
            description=f"Takes back sessions of {self._target.role_name} by denying them",
            assumed_by=iam.PrincipalWithConditions(
                iam.CompositePrincipal(*principals), {"StringEquals": {"sts:ExternalId": self._external_id}}
            ),
            inline_policies={
                "allows": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(actions=["iam:GetRolePolicy"], resources=[arn]),
                        iam.PolicyStatement(
                            actions=["iam:DeleteRolePolicy", "iam:PutRolePolicy"],
                            resources=[arn],
                            conditions={"StringEquals": {"iam:PermissionsBoundary": self.boundary_arn}},
                        ),
                        iam.PolicyStatement(
                            sid="ChecksWriteNothing",
                            effect=iam.Effect.DENY,
                            actions=["iam:PutRolePolicy"],
                            resources=["*"],
                            conditions={"StringLike": {"aws:userid": [f"*:{name}" for name in CHECK_SESSIONS]}},
                        ),
                    ]
                )
            },
        )


def _functions(partition: str, broker_account: str, resource: str) -> list[iam.IPrincipal]:
    """The roles of the broker's functions that may do something on `on`."""
    names = [name for name, spec in SPECS.items() if any(allow.resource == resource for allow in spec.allows)]
    return [
        iam.ArnPrincipal(f"arn:{partition}:iam::{broker_account}:role{ROLE_PATH}{role_name(name)}") for name in names
    ]


def _trust(partition: str, broker_account: str, external_id: str) -> iam.PolicyDocument:
    """Only the functions that issue, and only sessions that say which grant and which principal they are of (STS 3).

    A statement for each action: the IAM User Guide documents the keys by action ("Passing session tags").
    """
    principals = _functions(partition, broker_account, "targets")
    of_a_grant = {"aws:RequestTag/grant": "g-*", "aws:RequestTag/agent": "?*"}
    named = {"sts:SourceIdentity": "?*"}
    conditions: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
        "sts:AssumeRole": {
            "StringEquals": {"sts:ExternalId": external_id},
            "StringLike": {**of_a_grant, **named, "sts:RoleSessionName": "g-*"},
        },
        "sts:TagSession": {
            "StringLike": of_a_grant,
            "ForAllValues:StringEquals": {"aws:TagKeys": list(SESSION_TAGS)},
            # Its value is empty where no human is behind the agent, which Null might take for no tag.
            "ForAnyValue:StringEquals": {"aws:TagKeys": "human"},
        },
        "sts:SetSourceIdentity": {"StringLike": named},
    }
    statements = [
        iam.PolicyStatement(actions=[action], principals=list(principals), conditions=condition)
        for action, condition in conditions.items()
    ]
    return iam.PolicyDocument(statements=statements)


def _wide(target: TargetSettings) -> set[str]:
    """The findings about the wildcards in the role's own policy."""
    statements = (target.policy or {}).get("Statement", [])
    named = {(kind, name) for each in statements for kind in ("Action", "Resource") for name in _listed(each.get(kind))}
    return {f"IAM5[{kind}::{name}]" for kind, name in named if "*" in name}


def _listed(names: str | list[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else names or []
