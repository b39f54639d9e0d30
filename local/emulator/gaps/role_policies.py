"""IAM: condition keys and resources of calls that change a role."""

from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions
from ministack.core.responses import get_account_id
from ministack.services import iam

from local.emulator.gaps.replacement import replaces

WRITES = frozenset(
    {"iam:AttachRolePolicy", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy"},
)


def permissions_boundary_key() -> None:
    """In calls that change a role, AWS sets the condition key iam:PermissionsBoundary to the boundary of that role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """

    @replaces(iam_actions, "request_tag_context")
    def request_tag_context(context_of: Any, service: str, action: str, body: bytes, query: Any) -> Any:
        context = context_of(service, action, body, query)
        if action not in WRITES:
            return context
        names = parse_qs(body.decode("utf-8", "replace")).get("RoleName", [""])
        role = iam._roles.get_scoped(get_account_id(), None, names[0]) or {}
        boundary = role.get("PermissionsBoundary")
        arn = boundary.get("PermissionsBoundaryArn") if isinstance(boundary, dict) else boundary
        return {**context, "iam:PermissionsBoundary": arn} if arn else context


def role_paths() -> None:
    """AWS identifies a role by its whole ARN with its path, even if the call has only its name.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    """

    @replaces(iam_actions, "extract_resource_arn")
    def extract_resource_arn(arn_of: Any, service: str, *rest: Any) -> Any:
        arn = arn_of(service, *rest)
        if service == "iam" and ":role/" in str(arn):
            account, _, name = str(arn).partition("::")[2].partition(":role/")
            role = iam._roles.get_scoped(account, None, name)
            return role["Arn"] if role else arn
        return arn
