"""The stack of one target: the roles for sessions of grants, their boundary, and the role that revokes sessions.

It is deployed into the target's own account after the broker's stack, because IAM accepts only existing roles as
trusted roles. The broker can create sessions of the roles and write their inline policies, and nothing else. It cannot
change the boundary, which limits the roles. So an inline policy can only remove permissions.
"""

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnOutput, Environment, LegacyStackSynthesizer, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.check_functions import CHECK_SESSIONS
from infra.function_specs import SPECS
from infra.permissions import SESSION_NAMES
from infra.trail_forwarding import forward
from jitney.configuration.arns import (
    ROLE_PATH,
    boundary_arn,
    boundary_name,
    profile_policy_name,
    revoker_name,
    role_arn,
    role_name,
)
from jitney.configuration.broker_settings import BrokerSettings
from jitney.configuration.external_id import external_id
from jitney.configuration.partitions import partition_of
from jitney.configuration.settings import LONGEST_SESSION_SECONDS, TargetSettings
from jitney.configuration.target_boundary import boundary_statements
from jitney.configuration.target_policies import inline_policies, policy_of
from jitney.core.target_roles import further_roles, role_number

SESSION_TAGS = ("grant", "agent", "unit", "human")


class TargetAccountStack(Stack):
    """The stack `JitneyTarget-<alias>`: roles, trust policy and boundary of one target.

    Its template has no assets, so its account needs no CDK bootstrap.
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
            description=f"Jitney: the roles for grants on {alias}",
            synthesizer=LegacyStackSynthesizer(),
        )
        roles = TargetRoles(self, alias=alias, target=target, broker=broker)
        CfnOutput(self, "RoleArn", value=roles.role.attr_arn)
        CfnOutput(self, "BoundaryArn", value=roles.boundary_arn)
        CfnOutput(self, "RevokerArn", value=roles.revoker.role_arn)


class TargetRoles:
    """The roles of a target in `scope`: the first `role` for its grants, its `boundary_arn`, and `revoker`."""

    def __init__(self, scope: Construct, *, alias: str, target: TargetSettings, broker: BrokerSettings) -> None:
        self._scope = scope
        self._alias = alias
        self._target = target
        self._partition = partition_of(target.region)
        self._broker = broker
        self._external_id = external_id(alias, target, broker.account)
        bounds = self._bounds()
        managed = boundary_arn(alias, target)
        self.boundary_arn = managed if target.managed_policy else bounds.managed_policy_arn
        self.role = self._role(bounds, 1)
        for number in range(2, target.roles + 1):
            self._role(bounds, number)
        company = broker.permissions_boundary
        boundary = iam.ManagedPolicy.from_managed_policy_name(scope, "OtherRoles", company) if company else None
        self.revoker = self._revoker(boundary)
        self._profiles = Construct(scope, "Profiles")
        for name in target.access_profiles:
            self._access_profile(name)
        forward(scope, alias=alias, target=target, broker=broker, boundary=boundary)

    def _bounds(self) -> iam.ManagedPolicy:
        """Return the policy that denies what no session may do.

        With a `policy`, it also limits the role to that policy.
        """
        bound = self._target.policy is not None
        policy = iam.ManagedPolicy(
            self._scope,
            "Boundary" if bound else "Never",
            managed_policy_name=boundary_name(self._alias) if bound else f"jitney-never-{self._alias}",
            path=ROLE_PATH,
            description="Denies what no session of Jitney may do",
            statements=[iam.PolicyStatement.from_json(dict(each)) for each in boundary_statements(self._target)],
        )
        reason = "A boundary allows nothing by itself: it limits what the role's own policy allows."
        acknowledge(policy, reason, "IAM5[Resource::*]", *_wide(self._target.policy))
        return policy

    def _role(self, bounds: iam.ManagedPolicy, number: int) -> iam.CfnRole:
        """Create the target's role `number`. All have the same trust policy, permissions and boundary."""
        target = self._target
        role = iam.CfnRole(
            self._scope,
            "Role" if number == 1 else f"Role{number}",
            role_name=role_number(target.role_name, number),
            path=ROLE_PATH,
            description=f"Grants on {self._alias} are sessions of this role",
            max_session_duration=LONGEST_SESSION_SECONDS,
            permissions_boundary=self.boundary_arn,
            assume_role_policy_document=_trust(self._partition, self._broker, self._external_id),
            # With a managed policy as boundary, the denials are a policy of the role. Only the account's owner can
            # detach it.
            managed_policy_arns=[self.boundary_arn, bounds.managed_policy_arn] if target.managed_policy else None,
            policies=[
                iam.CfnRole.PolicyProperty(policy_name=name, policy_document=document)
                for name, document in inline_policies(target).items()
            ]
            or None,
        )
        acknowledge(
            role, "GetAccessKeyInfo and GetScopedCredentials cannot be limited to a resource.", "IAM5[Resource::*]"
        )
        reason = "jitney.yaml says what the role may do; every grant is narrower."
        managed = [f"IAM4[Policy::{self.boundary_arn}]"] if target.managed_policy else []
        acknowledge(role, reason, *_wide(target.policy), *managed)
        return role

    def _access_profile(self, name: str) -> None:
        """Create the managed session policy of an access profile. A change of the profile creates another policy.

        CloudFormation creates the new policy before it deletes the old one.
        """
        found = policy_of(self._target, name)
        policy = iam.CfnManagedPolicy(
            self._profiles,
            name,
            managed_policy_name=profile_policy_name(self._alias, name, found.content),
            path=ROLE_PATH,
            description=f"What grants on {self._alias} with the access profile {name} may do at most",
            policy_document=json.loads(found.document),
        )
        reason = "A session policy allows nothing by itself, and jitney.yaml says what the access profile allows."
        acknowledge(policy, reason, *_wide(json.loads(found.document)))

    def _revoker(self, boundary: iam.IManagedPolicy | None) -> iam.Role:
        """Return the role that writes deny documents: inline policies of the target's roles, if they have its boundary.

        IAM has no condition on an inline policy's name (Service Authorization Reference, "AWS IAM"). A target check
        tries to delete a policy, so its function could also delete a deny document. It cannot write one. A role that
        the target had before may have live sessions, so the revoker keeps its permission on it.
        """
        principals = _functions(self._partition, self._broker, "revokers")
        further = further_roles(role_arn(self._target))
        arns = [self.role.attr_arn, further]
        revoker = iam.Role(
            self._scope,
            "Revoker",
            role_name=revoker_name(self._alias),
            path=ROLE_PATH,
            permissions_boundary=boundary,
            description=f"Revokes sessions of the roles for grants on {self._alias} by denying them",
            assumed_by=iam.PrincipalWithConditions(
                iam.CompositePrincipal(*principals), {"StringEquals": {"sts:ExternalId": self._external_id}}
            ),
            inline_policies={
                "allows": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(actions=["iam:GetRolePolicy"], resources=arns),
                        iam.PolicyStatement(
                            actions=["iam:DeleteRolePolicy", "iam:PutRolePolicy"],
                            resources=arns,
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
        acknowledge(revoker, "The pattern is for the target's further roles alone.", f"IAM5[Resource::{further}]")
        return revoker


def _functions(partition: str, broker: BrokerSettings, resource: str) -> list[iam.IPrincipal]:
    """Return the roles of the broker's functions that have a permission on `resource`."""
    names = [name for name, spec in SPECS.items() if any(allow.resource == resource for allow in spec.allows)]
    roles = f"arn:{partition}:iam::{broker.account}:role{ROLE_PATH}"
    return [iam.ArnPrincipal(f"{roles}{role_name(name, broker.region)}") for name in names]


def _trust(partition: str, broker: BrokerSettings, external_id: str) -> iam.PolicyDocument:
    """Return the trust policy.

    It allows only functions that issue credentials, and only sessions that name grant and principal (row STS 3).

    Each action has its own statement, because the IAM User Guide documents condition keys by action ("Passing session
    tags").
    """
    principals = _functions(partition, broker, "targets")
    of_a_grant = {"aws:RequestTag/grant": "g-*", "aws:RequestTag/agent": "?*", "aws:RequestTag/unit": "?*"}
    named = {"sts:SourceIdentity": "?*"}
    conditions: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
        "sts:AssumeRole": {
            "StringEquals": {"sts:ExternalId": external_id},
            "StringLike": {**of_a_grant, **named, "sts:RoleSessionName": list(SESSION_NAMES)},
        },
        "sts:TagSession": {
            "StringLike": of_a_grant,
            "ForAllValues:StringEquals": {"aws:TagKeys": list(SESSION_TAGS)},
            # The tag's value is empty if the agent acts for no human. A Null condition could take that for no tag.
            "ForAnyValue:StringEquals": {"aws:TagKeys": "human"},
        },
        "sts:SetSourceIdentity": {"StringLike": named},
    }
    statements = [
        iam.PolicyStatement(actions=[action], principals=list(principals), conditions=condition)
        for action, condition in conditions.items()
    ]
    return iam.PolicyDocument(statements=statements)


def _wide(policy: Mapping[str, Any] | None) -> set[str]:
    """Return cdk-nag's findings on the wildcards in a policy."""
    statements = (policy or {}).get("Statement", [])
    named = {(kind, name) for each in statements for kind in ("Action", "Resource") for name in _listed(each.get(kind))}
    return {f"IAM5[{kind}::{name}]" for kind, name in named if "*" in name}


def _listed(names: str | list[str] | None) -> list[str]:
    return [names] if isinstance(names, str) else names or []
