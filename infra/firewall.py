"""The web ACL in front of the API: body size, request rate, and AWS's managed rules."""

import json

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from jitney.core.problems import Problem

REQUESTS_PER_ADDRESS = 3000
"""The limit of requests of one address in five minutes: enough for a hundred agents that poll every ten seconds."""
CALLS_PER_ADDRESS = 30_000
"""The limit of gateway calls of one address in five minutes. A copy of a folder makes one call for each object."""
CALLS_ROUTE = "/v1/calls"
"""The route of gateway calls. A call has up to 5 MB, and the firewall could inspect 64 KB of it."""
CALLBACK_ROUTE = "/reviews/callback"
"""The route to which an identity provider sends people after they signed in."""

_TOO_LARGE = Problem("body_too_large", "The request body is too large.", "Send less in one request.")
_TOO_MANY = Problem(
    "rate_limited", "Too many requests arrive from this address.", "Wait five minutes, then send fewer requests."
)

# Managed rules that would stop legitimate requests are set to count. Not every agent sends a User-Agent.
_COUNTED = {
    "AWSManagedRulesCommonRuleSet": ("NoUserAgent_HEADER",),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
}

_Rule = wafv2.CfnWebACL.RuleProperty
_Statement = wafv2.CfnWebACL.StatementProperty


class Firewall(Construct):
    """Blocks bodies over `max_body_bytes`, floods from one address, and GET requests that match AWS's managed rules.

    The managed rules take text for attacks: an address such as http://10.0.0.7, `../../`, or HTML. Reasons, comments
    and parameters may contain any text, so bodies are not inspected. Only their size is limited, except for calls. The
    rules also limit a query to 2,048 bytes, and Entra's codes alone are that long.
    https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: apigateway.Stage, max_body_bytes: int) -> None:
        super().__init__(scope, construct_id)
        body_size = wafv2.CfnWebACL.SizeConstraintStatementProperty(
            field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(
                # A body that is too large for WAF to inspect counts as over the limit.
                body=wafv2.CfnWebACL.BodyProperty(oversize_handling="MATCH")
            ),
            comparison_operator="GT",
            size=max_body_bytes,
            text_transformations=[wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")],
        )
        not_calls = _except(_route(CALLS_ROUTE))
        too_large = _all_of(not_calls, _Statement(size_constraint_statement=body_size))
        rules = [
            _blocking("body-size", 0, too_large, _TOO_LARGE),
            _blocking("rate", 1, _rate(REQUESTS_PER_ADDRESS, not_calls), _TOO_MANY),
            _blocking("calls-rate", 2, _rate(CALLS_PER_ADDRESS, _route(CALLS_ROUTE)), _TOO_MANY),
            *(_managed(name, 3 + index) for index, name in enumerate(_COUNTED)),
        ]
        acl = wafv2.CfnWebACL(
            self,
            "WebAcl",
            name="jitney",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility("jitney"),
            rules=rules,
            association_config=wafv2.CfnWebACL.AssociationConfigProperty(
                request_body={"API_GATEWAY": {"defaultSizeInspectionLimit": "KB_64"}}
            ),
            custom_response_bodies={
                problem.code: wafv2.CfnWebACL.CustomResponseBodyProperty(
                    content=json.dumps(problem.body()), content_type="APPLICATION_JSON"
                )
                for problem in (_TOO_LARGE, _TOO_MANY)
            },
        )
        association = wafv2.CfnWebACLAssociation(
            self, "Association", resource_arn=stage.stage_arn, web_acl_arn=acl.attr_arn
        )
        association.node.add_dependency(stage)


def _visibility(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    # Sampled requests contain headers, including tokens, and WAF read access would show them.
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )


def _blocking(name: str, priority: int, statement: _Statement, problem: Problem) -> _Rule:
    response = wafv2.CfnWebACL.CustomResponseProperty(
        response_code=problem.status, custom_response_body_key=problem.code
    )
    block = wafv2.CfnWebACL.BlockActionProperty(custom_response=response)
    return _Rule(
        name=name,
        priority=priority,
        statement=statement,
        action=wafv2.CfnWebACL.RuleActionProperty(block=block),
        visibility_config=_visibility(name),
    )


def _route(path: str) -> _Statement:
    """Return a statement for the requests to one route. It compares the path as it was sent, without decoding it."""
    route = wafv2.CfnWebACL.ByteMatchStatementProperty(
        field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(uri_path={}),
        positional_constraint="ENDS_WITH",
        search_string=path,
        text_transformations=[wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")],
    )
    return _Statement(byte_match_statement=route)


def _except(statement: _Statement) -> _Statement:
    return _Statement(not_statement=wafv2.CfnWebACL.NotStatementProperty(statement=statement))


def _all_of(*statements: _Statement) -> _Statement:
    return _Statement(and_statement=wafv2.CfnWebACL.AndStatementProperty(statements=list(statements)))


def _rate(requests: int, of: _Statement) -> _Statement:
    rate = wafv2.CfnWebACL.RateBasedStatementProperty(
        aggregate_key_type="IP", limit=requests, evaluation_window_sec=300, scope_down_statement=of
    )
    return _Statement(rate_based_statement=rate)


def _managed_requests() -> _Statement:
    """Return the statement for the requests that the managed rules inspect."""
    get = wafv2.CfnWebACL.ByteMatchStatementProperty(
        field_to_match=wafv2.CfnWebACL.FieldToMatchProperty(method={}),
        positional_constraint="EXACTLY",
        search_string="GET",
        text_transformations=[wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")],
    )
    return _all_of(_Statement(byte_match_statement=get), _except(_route(CALLBACK_ROUTE)))


def _managed(name: str, priority: int) -> _Rule:
    counted = [
        wafv2.CfnWebACL.RuleActionOverrideProperty(
            name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
        )
        for rule in _COUNTED[name]
    ]
    group = wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
        vendor_name="AWS",
        name=name,
        rule_action_overrides=counted,
        scope_down_statement=_managed_requests(),
    )
    return _Rule(
        name=name,
        priority=priority,
        statement=_Statement(managed_rule_group_statement=group),
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        visibility_config=_visibility(name),
    )
