"""Step Functions: executions act under the state machine's role."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region
from ministack.services import lambda_svc
from ministack.services import stepfunctions as states

from local.emulator.gaps import roles, running

type Members = dict[str, Any]


def tasks_use_the_role() -> None:
    """AWS makes a task's call under the state machine's role. If the role may not make the call, the task fails.

    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    """
    running.follow()
    _functions()
    _integrations()
    _sdk_calls()


def _refuse(action: str, resource: str, error: str) -> None:
    """Raise the task's error if the execution has a role and the role may not do `action` on `resource`."""
    execution = running.current.get()
    if execution is None:
        return
    role = execution.machine.get("roleArn", "")
    if refusal := roles.denied(role, action, resource, execution.record["name"]):
        raise states._ExecutionError(error, refusal)


def _functions() -> None:
    call = states._call_lambda

    def call_lambda(function: str, event: Any) -> Any:
        _, config, _ = lambda_svc._get_func_record_for_ref(function)
        if config:
            _refuse("lambda:InvokeFunction", config["FunctionArn"], "Lambda.AWSLambdaException")
        return call(function, event)

    states._call_lambda = call_lambda


def _integrations() -> None:
    """Check calls of ministack's optimized integrations.

    https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
    """
    invoke = states._invoke_resource

    def invoke_resource(resource: str, arguments: Any) -> Any:
        if resource.startswith("arn:aws:states:::") and ":aws-sdk:" not in resource and ":lambda:" not in resource:
            service, operation = resource.removeprefix("arn:aws:states:::").split(".")[0].split(":")
            action = f"{service}:{operation[0].upper()}{operation[1:]}"
            for on in _resources(service, arguments):
                _refuse(action, on, ERRORS.get(service, "States.TaskFailed"))
        return invoke(resource, arguments)

    states._invoke_resource = invoke_resource


ERRORS = {
    "dynamodb": "DynamoDB.AmazonDynamoDBException",
    "events": "EventBridge.EventBridgeException",
    "sns": "SNS.AmazonSNSException",
    "sqs": "SQS.AmazonSQSException",
    "states": "StepFunctions.AWSStepFunctionsException",
}


def _resources(service: str, arguments: Members) -> Iterator[str]:
    """Yield the ARNs that a call is about, or "*" for a service that is unknown here."""
    account, region = get_account_id(), get_region()
    match service:
        case "dynamodb":
            yield iam_actions._dynamodb_table_arn(arguments.get("TableName", ""), region, account)
        case "events":
            body = json.dumps({"Entries": arguments.get("Entries", [])}).encode()
            yield from iam_actions.eventbridge_resource_arns(body, region, account)
        case "sns":
            yield arguments.get("TopicArn") or arguments.get("TargetArn") or "*"
        case "sqs":
            yield f"arn:aws:sqs:{region}:{account}:{str(arguments.get('QueueUrl', '')).rpartition('/')[2]}"
        case "states":
            yield str(arguments.get("StateMachineArn", "*"))
        case _:
            yield "*"


def _sdk_calls() -> None:
    """Check SDK calls, because they reach a service's handler without the check of requests from the network."""
    call = app.call_service_handler_sync

    def call_service_handler(handler: Any, method: str, path: str, headers: Members, body: Any, query: Any) -> Any:
        service = headers.get("host", "").partition(".")[0]
        raw = body.encode() if isinstance(body, str) else body
        form = "urlencoded" in headers.get("content-type", "")
        asked = (service, method, path, headers, raw, {**query, **(parse_qs(raw.decode()) if form else {})})
        action = iam_actions.extract_iam_action(*asked)
        resource = iam_actions.extract_resource_arn(*asked, get_region(), get_account_id())
        _refuse(action or "*", resource, f"{_prefix(service)}.{_prefix(service)}Exception")
        return call(handler, method, path, headers, body, query)

    app.call_service_handler_sync = call_service_handler


def _prefix(service: str) -> str:
    names = {named.get("service_key", name): name for name, named in states._AWS_SDK_SERVICE_MAP.items()}
    return str(states._AWS_SDK_ERROR_PREFIX.get(names.get(service, service), service.capitalize()))
