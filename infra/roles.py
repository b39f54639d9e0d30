"""The roles of the broker's functions, and of AWS services that work for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from jitney.configuration.arns import ROLE_PATH, role_name


def service_role(
    scope: Construct,
    construct_id: str,
    service: str,
    name: str,
    description: str,
    statements: Sequence[iam.PolicyStatement],
    **more: Any,
) -> iam.Role:
    """Create the role that only `service` ("lambda") assumes. It allows the statements. `more` are other properties."""
    policies: Mapping[str, iam.PolicyDocument] = {"allows": iam.PolicyDocument(statements=statements)}
    return iam.Role(
        scope,
        construct_id,
        role_name=role_name(name, Stack.of(scope).region),
        path=ROLE_PATH,
        description=f"Jitney: {description}",
        assumed_by=iam.ServicePrincipal(f"{service}.amazonaws.com"),
        inline_policies=policies if statements else None,
        **more,
    )
