"""EventBridge: rules reach the functions that let them."""

from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, lambda_svc

from local.emulator.gaps import roles

_rule: ContextVar[str] = ContextVar("rule", default="")


def rule_permission() -> None:
    """AWS invokes a function for a rule only when the function's policy lets events.amazonaws.com do so for that rule.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    invoke, dispatch = eventbridge._invoke_target, eventbridge._dispatch_to_lambda

    def invoke_target(target: Any, event: Any, rule: dict[str, Any], view: Any = None) -> None:
        token = _rule.set(rule["Arn"])
        try:
            invoke(target, event, rule, view)
        finally:
            _rule.reset(token)

    def dispatch_to_lambda(arn: str, payload: str) -> None:
        record, config, _ = lambda_svc._get_func_record_for_ref(arn)
        if record and config and roles.may_invoke(record, config, "events.amazonaws.com", _rule.get()):
            dispatch(arn, payload)

    eventbridge._invoke_target = invoke_target
    eventbridge._dispatch_to_lambda = dispatch_to_lambda
