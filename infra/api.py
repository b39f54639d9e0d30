"""The regional REST API: the routes of the functions, and the problems with which API Gateway itself answers.

The functions verify tokens. An authorizer would cache a verdict, and use it after the end of a token or the start of a
suspension. If API Gateway refuses a request before it reaches a function, its answer is a problem, too (RFC 9457).
"""

import json
from collections.abc import Iterable, Mapping
from typing import cast

from aws_cdk import Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.broker_function import BrokerFunction
from infra.delivery import Delivery
from infra.domain import Domain, PrivateDomain, require_tls
from infra.network import private_policy
from infra.spec import BURST, REQUESTS_PER_SECOND, FunctionSpec, grown
from jitney.configuration.broker_settings import BrokerSettings
from jitney.core.problems import Problem

STAGE = "live"

_NO_ROUTE = Problem("route_not_found", "The route does not exist.", "See the OpenAPI file for the routes and verbs.")
_TOO_MANY = Problem(
    "rate_limited", "Requests arrive faster than the API accepts them.", "Wait a second, then try again."
)
_TOO_LARGE = Problem(
    "body_too_large",
    "The request is larger than the API accepts.",
    "Send a smaller body, or a token with fewer claims: API Gateway limits the headers of a request, too.",
)
_INVALID = Problem("request_invalid", "The request cannot be read.", "Send JSON as the OpenAPI file describes it.")
_BLOCKED = Problem(
    "request_blocked", "The web application firewall blocked the request.", "Send it as the OpenAPI file describes it."
)
_LATE = Problem("unavailable", "The answer took too long.", "Try again with the same Idempotency-Key.")
_FAILED = Problem("internal", "Jitney failed.", "Try again with the same Idempotency-Key.")

# The DEFAULT_ types catch all other responses. For a route that does not exist, API Gateway answers
# MISSING_AUTHENTICATION_TOKEN, or INVALID_SIGNATURE if the request has an Authorization header, which it then reads as
# an AWS signature (API Gateway Developer Guide, "Gateway response types").
REFUSALS: Mapping[str, Problem] = {
    "MISSING_AUTHENTICATION_TOKEN": _NO_ROUTE,
    "RESOURCE_NOT_FOUND": _NO_ROUTE,
    "INVALID_SIGNATURE": _NO_ROUTE,
    "ACCESS_DENIED": _NO_ROUTE,
    "THROTTLED": _TOO_MANY,
    "QUOTA_EXCEEDED": _TOO_MANY,
    "REQUEST_TOO_LARGE": _TOO_LARGE,
    "WAF_FILTERED": _BLOCKED,
    "INTEGRATION_TIMEOUT": _LATE,
    "INTEGRATION_FAILURE": _LATE,
    "DEFAULT_4XX": _INVALID,
    "DEFAULT_5XX": _FAILED,
}
REFUSAL_HEADERS = {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
"""The headers of API Gateway's refusals, which are those of the functions' problems."""

# The access log holds no header, query or body of a request.
_LOGGED = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "source_ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "response_bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "refused_by_gateway": "$context.error.responseType",
    "firewall": "$context.waf.status",
}


class Api(Construct):
    """The REST API. `access_log` receives one line for each request. `specs` may set limits for their own routes.

    `broker` has the API's domain name, says whether it is private, and how much the limits of other routes grow.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        access_log: Delivery,
        specs: Iterable[FunctionSpec],
        broker: BrokerSettings,
    ) -> None:
        super().__init__(scope, construct_id)
        self._endpoints = broker.private_api.vpc_endpoints if broker.private_api else ()
        executions, domain = broker.lambda_executions, broker.domain
        self.rest_api = apigateway.RestApi(
            self,
            "RestApi",
            rest_api_name="jitney",
            description="Just-in-time AWS access for agents",
            endpoint_configuration=self._endpoint_configuration(),
            policy=private_policy(self._endpoints) if self._endpoints else None,
            # With a domain name of its own, a public API answers by no other name.
            disable_execute_api_endpoint=domain is not None and not self._endpoints,
            # Access logs go to Firehose, which needs no account-wide role.
            cloud_watch_role=False,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                throttling_rate_limit=grown(REQUESTS_PER_SECOND, executions),
                throttling_burst_limit=grown(BURST, executions),
                method_options={
                    f"{path}/{verb}": apigateway.MethodDeploymentOptions(
                        throttling_rate_limit=spec.requests_per_second,
                        throttling_burst_limit=spec.requests_per_second,
                    )
                    for spec in specs
                    if spec.requests_per_second
                    for verb, path in spec.routes
                },
                # Detailed metrics cost 0.30 $ a month for each of five metrics of each method. The API's own are free.
                metrics_enabled=False,
                access_log_destination=apigateway.FirehoseLogDestination(access_log.stream),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_LOGGED)),
            ),
        )
        require_tls(cast("apigateway.CfnRestApi", self.rest_api.node.default_child), "1.2")
        self._name = domain.name if domain else ""
        self.outputs: Mapping[str, str] = {}
        if domain and self._endpoints:
            # A private domain has resources of other types. CloudFormation cannot change a type, so the ids differ.
            PrivateDomain(self, "PrivateDomain", settings=domain, rest_api=self.rest_api, vpc_endpoints=self._endpoints)
        elif domain:
            self.outputs = Domain(self, "Domain", settings=domain, rest_api=self.rest_api).outputs
        for response_type, problem in REFUSALS.items():
            self._refusal(response_type, problem)
        acknowledge(self, "The functions verify the token at every call; health shows only a version.", "APIG4", "COG4")
        acknowledge(self, "The functions check the body, answer with the fix, and record the refusal.", "APIG2")
        acknowledge(self, "Execution logs contain headers, including tokens; the access log does not.", "APIG6")

    def _endpoint_configuration(self) -> apigateway.EndpointConfiguration:
        if not self._endpoints:
            return apigateway.EndpointConfiguration(types=[apigateway.EndpointType.REGIONAL])
        # API Gateway gives the API a public DNS name for each endpoint that it is associated with.
        return apigateway.EndpointConfiguration(
            types=[apigateway.EndpointType.PRIVATE],
            vpc_endpoints=[
                ec2.InterfaceVpcEndpoint.from_interface_vpc_endpoint_attributes(
                    self, each, vpc_endpoint_id=each, port=443
                )
                for each in self._endpoints
            ],
        )

    def route(self, functions: Iterable[BrokerFunction]) -> None:
        """Add the routes of `functions`. Their environments may contain the API's address."""
        for function in (each for each in functions if each.spec.routes):
            integration = self._integration(function)
            for verb, path in function.spec.routes:
                self.rest_api.root.resource_for_path(path).add_method(verb, integration)

    def _integration(self, function: BrokerFunction) -> apigateway.Integration:
        """Return the integration of a function's routes, with the function's only permission for API Gateway.

        `LambdaIntegration` would add a permission for each route, and a stack has at most 500 resources. This one is
        for the stage: test invocations, which pass neither the firewall nor the access log, stay refused.
        """
        invoked = function.invoked
        invoked.add_permission(
            "Api",
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=self.rest_api.arn_for_execute_api(stage=self.rest_api.deployment_stage.stage_name),
        )
        stack = Stack.of(self)
        return apigateway.Integration(
            type=apigateway.IntegrationType.AWS_PROXY,
            integration_http_method="POST",
            uri=stack.format_arn(
                service="apigateway",
                account="lambda",
                resource="path/2015-03-31/functions",
                resource_name=f"{invoked.function_arn}/invocations",
            ),
        )

    def _refusal(self, response_type: str, problem: Problem) -> None:
        headers = {name: f"'{value}'" for name, value in REFUSAL_HEADERS.items()}
        if problem.status in (429, 503):
            headers["Retry-After"] = "'1'"
        self.rest_api.add_gateway_response(
            response_type,
            type=apigateway.ResponseType.of(response_type),
            status_code=str(problem.status),
            response_headers=headers,
            templates={"application/json": json.dumps(problem.body())},
        )

    @property
    def url(self) -> str:
        """The API's address, without a trailing slash."""
        if self._name:
            return f"https://{self._name}"
        stack = Stack.of(self)
        host = "-".join([self.rest_api.rest_api_id, *self._endpoints[:1]])
        return f"https://{host}.execute-api.{stack.region}.{stack.url_suffix}/{STAGE}"
