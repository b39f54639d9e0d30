"""cdk-nag findings that are as they should be, each with its reason, where the thing is built."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(scope: IConstruct, reason: str, *findings: str) -> None:
    """Accept the AwsSolutions `findings` ("IAM5[Resource::*]") on everything in `scope`, and say why in the report."""
    for finding in findings:
        # With the pack's prefix the report lists it as accepted; without, it would vanish.
        Validations.of(scope).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{finding}", reason=reason))
