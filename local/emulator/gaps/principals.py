"""Conditions: the principal of a request."""

from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam

from local.emulator.gaps.replacement import replaces


def principal_arn_of_sessions() -> None:
    """AWS sets aws:PrincipalArn of a role's session to the ARN of the role, with its path.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
    """

    @replaces(iam_evaluator, "_resolve_condition_key")
    def resolve_condition_key(resolve: Any, key: str, context: Any) -> Any:
        value = resolve(key, context)
        if key.lower() != "aws:principalarn" or ":assumed-role/" not in str(value):
            return value
        name = iam_evaluator._role_name_from_assumed_arn(value)
        role = iam._roles.get_scoped(context.principal_account, None, name)
        return role["Arn"] if role else value
