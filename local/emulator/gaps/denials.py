"""Denials: AWS's message names the kind of the policy that decided."""

from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator

from local.emulator.gaps.replacement import replaces

_by_session_policy: ContextVar[bool] = ContextVar("by_session_policy", default=False)


class _SessionPolicies(list[Any]):
    """The session policies among a principal's limits. Their type distinguishes them from its permissions boundary."""


def session_policies_named() -> None:
    """AWS says that a session policy decided, and for which resource. S3 puts the ARN in quotes.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    _mark_session_policies()
    _name_session_policies()


def _mark_session_policies() -> None:

    @replaces(iam_evaluator, "_session_policy_limits")
    def session_policy_limits(limits_of: Any, session: Any, account: str) -> list[Any]:
        return [_SessionPolicies(limit) for limit in limits_of(session, account)]

    @replaces(iam_evaluator, "evaluate")
    def evaluated(evaluate: Any, ctx: Any, policies: Any, *limits: Any) -> Any:
        result = evaluate(ctx, policies, *limits)
        others = [limit for limit in limits if not isinstance(limit, _SessionPolicies)]
        if len(others) < len(limits):
            denied = result.decision != "Allow"
            # The session policies decided if the decision would differ without them.
            _by_session_policy.set(denied and evaluate(ctx, policies, *others).decision != result.decision)
        return result


def _name_session_policies() -> None:

    @replaces(iam_actions, "identity_denial_message")
    def message(message_of: Any, action: str, principal: str, resource: str, explicit_deny: Any) -> str:
        text = str(message_of(action, principal, resource, explicit_deny))
        if not _by_session_policy.get():
            return text
        return text.replace("in an identity-based policy", "in a session policy").replace("identity-based", "session")

    @replaces(iam_actions, "access_denied_response")
    def response(respond: Any, service: str, action: str, principal: str, request_id: str, **more: Any) -> Any:
        other_reason = more.get("message") or more.get("error_code") or more.get("resource_policy_arn")
        if _by_session_policy.get() and not other_reason:
            resource = more.get("resource_arn", "*")
            named = f'"{resource}"' if service == "s3" else resource
            more["message"] = message(action, principal, named, more.get("explicit_deny"))
        return respond(service, action, principal, request_id, **more)
