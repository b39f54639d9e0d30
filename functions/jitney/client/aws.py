"""AWS, with the credentials of the environment: what is said when there are no usable ones."""

from jitney.client.problems import Invalid


def unusable(error: Exception, title: str) -> Invalid:
    """The problem that `error` of boto3 is: nobody to ask as, or nowhere to ask."""
    fix = "Sign in to AWS as for the AWS CLI, with a Region: AWS_PROFILE, `aws sso login`, or AWS_* variables."
    return Invalid("aws_client_failed", title, f"AWS cannot be asked: {error}", fix)
