"""EventBridge: which events rules see, and which permissions their targets require."""

import json
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eventbridge, lambda_svc

from local.emulator.gaps import roles
from local.emulator.gaps.replacement import replaces

_rule: ContextVar[str] = ContextVar("rule", default="")
_sender: ContextVar[str] = ContextVar("sender", default="")
CLOUDTRAIL_DETAIL_TYPE = "AWS API Call via CloudTrail"
ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def rule_permission() -> None:
    """AWS invokes a function for a rule only if the function's policy allows it to events.amazonaws.com for that rule.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """

    @replaces(eventbridge, "_invoke_target")
    def invoke_target(invoke: Any, target: Any, event: Any, rule: dict[str, Any], view: Any = None) -> None:
        token = _rule.set(rule["Arn"])
        try:
            invoke(target, event, rule, view)
        finally:
            _rule.reset(token)

    @replaces(eventbridge, "_dispatch_to_lambda")
    def dispatch_to_lambda(dispatch: Any, arn: str, payload: str) -> None:
        record, config, _ = lambda_svc._get_func_record_for_ref(arn)
        if record and config and roles.may_invoke(arn, "events.amazonaws.com", _rule.get()):
            dispatch(arn, payload)


def all_management_events() -> None:
    """A rule in the state ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS is enabled and also sees events that only read.

    Other rules do not see such events.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """

    def dispatch_event(event: dict[str, Any], view: Any = None) -> None:
        told = event.get("DetailType") == CLOUDTRAIL_DETAIL_TYPE and json.loads(event["Detail"]).get("readOnly") is True
        states = {ALL_EVENTS} if told else {ALL_EVENTS, "ENABLED"}
        bus, been = event.get("EventBusName", "default"), event.get("_DispatchPath") or ()
        view = view or eventbridge._pattern_event_view(event)
        for key, rule in list(eventbridge._rules.items()):
            here = rule.get("EventBusName", "default") == bus and rule.get("State") in states and key not in been
            pattern = rule.get("EventPattern") if here else None
            if pattern and eventbridge._matches_pattern_view(pattern, view, f"rule {key}"):
                for target in eventbridge._targets.get(key, []):
                    eventbridge._invoke_target(target, event, rule, view)

    eventbridge._dispatch_event = dispatch_event


def buses_of_other_accounts() -> None:
    """A rule sends to another account's bus under its target's role, if the role and the bus's policy allow it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html
    """

    @replaces(eventbridge, "_invoke_target")
    def invoke_target(invoke: Any, target: Any, event: Any, rule: dict[str, Any], view: Any = None) -> None:
        token = _sender.set(target.get("RoleArn", ""))
        try:
            invoke(target, event, rule, view)
        finally:
            _sender.reset(token)

    @replaces(eventbridge, "_dispatch_to_event_bus")
    def dispatch_to_event_bus(dispatch: Any, spec: Any, event: Any, rule: Any, been: Any, payload: Any = None) -> None:
        if spec.account_id == get_account_id():
            dispatch(spec, event, rule, been, payload)
            return
        role = _sender.get()
        if not role or roles.denied(role, "events:PutEvents", str(spec), "events"):
            return
        with request_scope(spec.account_id, spec.region):
            name = spec.resource.partition("/")[2]
            if _bus_lets(name, role, str(spec)):
                dispatch(spec, {**event, "EventBusName": name}, rule, been, payload)


def arns_of_rules() -> None:
    """Permissions on rules are checked on the rule's ARN, which does not contain the default bus.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    """

    @replaces(iam_actions, "extract_resource_arn")
    def extract_resource_arn(
        arn_of: Any, service: str, method: str, path: str, headers: Any, body: bytes, *more: Any
    ) -> Any:
        operation = str(headers.get("x-amz-target", "")).rpartition(".")[2]
        if service == "events" and operation in _OF_RULES:
            asked = json.loads(body or b"{}")
            bus = str(asked.get("EventBusName") or "default").rpartition("/")[2]
            name = asked.get(_OF_RULES[operation], "")
            region, account = more[-2:]
            return f"arn:aws:events:{region}:{account}:rule/{name if bus == 'default' else f'{bus}/{name}'}"
        return arn_of(service, method, path, headers, body, *more)


# For each operation on a rule: the member of the request that has the rule's name.
_OF_RULES = {
    **dict.fromkeys(("DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "PutRule"), "Name"),
    **dict.fromkeys(("ListTargetsByRule", "PutTargets", "RemoveTargets"), "Rule"),
}


def _bus_lets(name: str, role_arn: str, bus_arn: str) -> bool:
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=role_arn.split(":")[4],
        action="events:PutEvents",
        resource_arn=bus_arn,
        region=get_region(),
        service_context={"aws:principalarn": role_arn},
    )
    policy = eventbridge._event_bus_policies.get(name)
    return bool(policy and iam_evaluator.evaluate_resource_policy(policy, context).decision == "Allow")
