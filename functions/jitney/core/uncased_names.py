"""The names that AWS finds in any case. No document says in which form AWS authorizes them."""

import re

_IN_ANY_CASE = re.compile(
    r"(arn:[\w-]+:(?:glue:[\w-]*:\d*:(?:database|table|tableVersion|userDefinedFunction)"
    r"|sagemaker:[\w-]*:\d*:(?:app|automl-job|experiment(?:-trial(?:-component)?)?|hyper-parameter-tuning-job"
    r"|labeling-job|user-profile)))(/.+)",
    re.ASCII,
)
"""The ARNs of names that AWS finds in any case: of Glue's catalog, and of some resources of SageMaker.

https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateLabelingJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateUserProfile.html
"""


def in_any_case(arn: str) -> str:
    """Return an ARN with its name in lower case, if AWS finds the name in any case. Any other ARN does not change."""
    found = _IN_ANY_CASE.fullmatch(arn)
    return f"{found[1]}{found[2].lower()}" if found else arn
