"""A broker without public addresses: the API behind VPC endpoints, and the functions in a VPC."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam

_NETWORK_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


def private_policy(vpc_endpoints: Sequence[str]) -> iam.PolicyDocument:
    """Return the resource policy of an API that answers requests through these VPC endpoints only.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html
    """
    through = iam.PolicyStatement(
        principals=[iam.AnyPrincipal()],
        actions=["execute-api:Invoke"],
        resources=["execute-api:/*"],
        conditions={"StringEquals": {"aws:SourceVpce": list(vpc_endpoints)}},
    )
    return iam.PolicyDocument(statements=[through])


def manage_network_interfaces() -> iam.PolicyStatement:
    """Return the permissions with which Lambda, using a function's role, connects the function to its VPC.

    Calls of the function's own code have the key `lambda:SourceFunctionArn`, so they are not allowed.
    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """
    return iam.PolicyStatement(
        actions=list(_NETWORK_INTERFACES),
        resources=["*"],
        conditions={"Null": {"lambda:SourceFunctionArn": "true"}},
    )
