"""Permissions of services, from a role or a function's policy. Most of ministack's services do not check them."""

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import iam, lambda_svc


def denied(role_arn: str, action: str, resource: str, session: str) -> str | None:
    """Return AWS's message if `role_arn` may not do `action` on `resource`; None if it may.

    Identity policies and the boundary are evaluated, without condition keys. The resource's policy is not.
    """
    account, _, role = role_arn.partition("::")[2].partition(":")
    name = role.rsplit("/", 1)[-1]
    caller = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
    context = iam_evaluator.EvalContext(
        principal_arn=caller,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    if iam_evaluator.evaluate(context, policies, *limits).decision == "Allow":
        return None
    return f"User: {caller} is not authorized to perform: {action} on resource: {resource}"


def may_invoke(asked: str, service: str, source: str) -> bool:
    """Return whether a function's policy allows `service` to invoke it for the resource with the ARN `source`.

    `asked` is the invoked ARN, of a function or of its alias. A permission covers only one of them.
    """
    _, _, _, region, account, *_ = asked.split(":")
    function = ":".join(asked.split(":")[:7])
    record, _, _ = lambda_svc._get_func_record_for_ref_in_scope(function, account_id=account, region=region)
    context = iam_evaluator.EvalContext(
        principal_arn="",
        principal_type="Service",
        principal_account=account,
        action="lambda:InvokeFunction",
        resource_arn=asked,
        region=region,
        service_context={"aws:sourcearn": source, "aws:sourceaccount": account},
    )
    policy = (record or {}).get("policy")
    return bool(iam_evaluator.evaluate_resource_policy(policy, context, service).decision == "Allow")
