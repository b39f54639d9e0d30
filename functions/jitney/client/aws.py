"""The problem of a missing or unusable AWS sign-in."""

from jitney.client.problems import Invalid


def unusable(error: Exception, title: str) -> Invalid:
    """Return the problem for boto3's `error` about credentials or the Region."""
    fix = "Sign in to AWS as for the AWS CLI, with a Region: AWS_PROFILE, `aws sso login`, or AWS_* variables."
    return Invalid("aws_client_failed", title, f"AWS cannot be called: {error}", fix)
