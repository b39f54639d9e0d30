"""Keys of KMS that encrypt data at rest."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from constructs import Construct


def encryption_key(
    scope: Construct, construct_id: str, *, name: str, purpose: str, removal_policy: RemovalPolicy
) -> kms.Key:
    """Create a symmetric key with the alias `name`, which KMS rotates every year."""
    return kms.Key(
        scope,
        construct_id,
        alias=f"alias/{name}",
        description=f"Jitney: {purpose}",
        enable_key_rotation=True,
        rotation_period=Duration.days(365),
        removal_policy=removal_policy,
    )
