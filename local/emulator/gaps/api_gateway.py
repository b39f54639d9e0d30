"""API Gateway's REST data plane: what callers see of functions, and what functions see of callers."""

import json
from typing import Any

from ministack import app
from ministack.core.responses import _request_account_id, get_request_client_ip
from ministack.services import apigateway_v1 as gateway
from ministack.services import lambda_svc

from local.emulator.gaps import roles
from local.emulator.gaps.replacement import replaces


def found_from_any_account() -> None:
    """AWS finds an API by its id alone. The caller may be of any account, or have no credentials.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-call-api.html
    """

    @replaces(app, "_handle_execute_api_request")
    async def handle_execute_api_request(handle: Any, host: str, path: str, *more: Any, **named: Any) -> Any:
        reached = app._parse_execute_api_url(host, path)
        owner = _owner(reached[0]) if reached else None
        if owner is None:
            return await handle(host, path, *more, **named)
        token = _request_account_id.set(owner)
        try:
            return await handle(host, path, *more, **named)
        finally:
            _request_account_id.reset(token)


def _owner(api: str) -> str | None:
    return next((account for (account, _, known), _ in gateway._rest_apis.all_items() if known == api), None)


PAYLOAD_LIMIT = 10 * 1024 * 1024
HEADER_LIMIT = 10_240


def large_requests_refused() -> None:
    """AWS refuses a body of more than 10 MB, and headers of more than 10,240 bytes. The function gets no request.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    """

    @replaces(gateway, "_execute_in_scope")
    async def execute_in_scope(execute: Any, request: Any, api: str, stage: str, *more: Any) -> Any:
        headers, body = more[2], more[3]
        if len(body or b"") > PAYLOAD_LIMIT or sum(map(len, map(": \r\n".join, headers.items()))) > HEADER_LIMIT:
            request["stage"] = gateway._stages_v1.get(api, {}).get(stage) or {}
            return gateway._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
        return await execute(request, api, stage, *more)


def handler_errors_hidden() -> None:
    """AWS answers 502 "Internal server error" when a function fails. The exception is only in the function's log.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
    """

    @replaces(gateway, "_lambda_proxy_response")
    def lambda_proxy_response(shape: Any, result: dict[str, Any]) -> Any:
        response, error = shape(result)
        return response, "Internal server error" if error else error


def malformed_answers_refused() -> None:
    """AWS answers 502 unless a function returns {statusCode, headers, body} with a text as body.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """

    @replaces(gateway, "_lambda_proxy_response")
    def lambda_proxy_response(shape: Any, result: dict[str, Any]) -> Any:
        body = result.get("body")
        if not result.get("error") and not result.get("throttle") and not _well_formed(body):
            return None, "Internal server error"
        return shape(result)


_MEMBERS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


def _well_formed(answer: Any) -> bool:
    if not isinstance(answer, dict) or not str(answer.get("statusCode", "")).isdigit() or set(answer) - _MEMBERS:
        return False
    return isinstance(answer.get("body", ""), str | None) and isinstance(answer.get("headers", {}), dict | None)


def source_ip_of_the_connection() -> None:
    """AWS takes requestContext.identity.sourceIp from the connection, and appends it to X-Forwarded-For.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    """

    @replaces(gateway, "_build_lambda_event_v1")
    def build_lambda_event(build: Any, *positional: Any, **named: Any) -> dict[str, Any]:
        event: dict[str, Any] = build(*positional, **named)
        address = get_request_client_ip()
        event["requestContext"]["identity"]["sourceIp"] = address
        headers = event["headers"] or {}
        said = next((headers.pop(name) for name in list(headers) if name.lower() == "x-forwarded-for"), None)
        headers["X-Forwarded-For"] = f"{said}, {address}" if said else address
        return event


def address_that_was_asked() -> None:
    """AWS passes the requested host and path to the function: as domainName, and as path with the stage.

    Here an API also answers below /_aws/execute-api/<id>, because its host name does not resolve.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """

    @replaces(gateway, "_build_lambda_event_v1")
    def build_lambda_event(build: Any, api: str, *positional: Any, **named: Any) -> dict[str, Any]:
        event: dict[str, Any] = build(api, *positional, **named)
        host = next((value for name, value in (event["headers"] or {}).items() if name.lower() == "host"), "")
        below = "" if host.startswith(f"{api}.execute-api.") else f"/_aws/execute-api/{api}"
        context = event["requestContext"]
        context |= {"domainName": host, "path": below + context["path"]}
        return event


def invoke_permission() -> None:
    """AWS invokes a function only if the function's policy allows it to apigateway.amazonaws.com for this method.

    https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html
    """

    @replaces(gateway, "_invoke_lambda_proxy_v1")
    async def invoke_lambda_proxy(invoke: Any, integration: Any, api: str, stage: str, *more: Any, **named: Any) -> Any:
        resource, method = more[1], more[3]
        account, region = named["owner_account_id"], named["owner_region"]
        function = gateway._extract_lambda_ref_from_integration_uri(integration.get("uri", ""))
        record, config, _ = lambda_svc._get_func_record_for_ref_in_scope(function, account_id=account, region=region)
        source = f"arn:aws:execute-api:{region}:{account}:{api}/{stage}/{method}{resource['path']}"
        if record and config and not roles.may_invoke(function, "apigateway.amazonaws.com", source):
            headers = {"Content-Type": "application/json"}
            return 500, headers, json.dumps({"message": "Internal server error"}).encode()
        return await invoke(integration, api, stage, *more, **named)
