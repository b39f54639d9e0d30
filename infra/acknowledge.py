"""Accept cdk-nag findings, with a reason, next to the code of the resource that causes them."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(scope: IConstruct, reason: str, *findings: str) -> None:
    """Accept the AwsSolutions `findings` ("IAM5[Resource::*]") in `scope`. The report shows the reason."""
    for finding in findings:
        # The report lists an accepted finding only with the pack's prefix.
        Validations.of(scope).acknowledge(Acknowledgment(id=f"AwsSolutions::AwsSolutions-{finding}", reason=reason))
