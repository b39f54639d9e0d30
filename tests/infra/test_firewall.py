"""The web ACL: which requests its rules can block. No emulator enforces them, so these tests read the template."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from infra.firewall import CALLS_PER_ADDRESS, CALLS_ROUTE, REQUESTS_PER_ADDRESS, SLACK_ROUTE
from infra.function_specs import SPECS
from jitney import resources
from jitney.adapters.aws_models import AwsModels
from jitney.core.gateway.call_request import MAX_CALL_BYTES, parse_call
from jitney.core.gateway.parameters import checked_parameters
from tests.infra.call_bodies import CALLS
from tests.infra.conftest import only, plain

pytestmark = pytest.mark.xdist_group("cdk")

INSPECTED_BYTES = 65_536
# What AWS's managed rules look for in a body, as their documentation describes it. AWS does not publish the patterns.
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
IN_BODIES = {
    "AWSManagedRulesCommonRuleSet": r"\.\./\.\.|<script|on(error|load)=|https?://(\d+\.){3}\d+|169\.254\.169\.254",
    "AWSManagedRulesKnownBadInputsRuleSet": r"\$\{jndi:|java\.lang\.Runtime",
}


@dataclass(frozen=True)
class Sent:
    """A request as the firewall sees it."""

    path: str
    body: bytes


def matches(statement: dict[str, Any], sent: Sent) -> bool:
    """Return whether a statement of the template matches, rates aside. Raises ValueError for one that is not known."""
    ((kind, of),) = statement.items()
    match kind:
        case "NotStatement":
            return not matches(of["Statement"], sent)
        case "AndStatement":
            return all(matches(each, sent) for each in of["Statements"])
        case "ByteMatchStatement":
            assert (of["FieldToMatch"], of["PositionalConstraint"]) == ({"UriPath": {}}, "ENDS_WITH")
            assert [each["Type"] for each in of["TextTransformations"]] == ["NONE"]
            return sent.path.endswith(of["SearchString"])
        case "SizeConstraintStatement":
            assert (of["ComparisonOperator"], of["FieldToMatch"]) == ("GT", {"Body": {"OversizeHandling": "MATCH"}})
            return len(sent.body) > of["Size"]
        case "ManagedRuleGroupStatement":
            inspected = sent.body[:INSPECTED_BYTES].decode()
            found = re.search(IN_BODIES[of["Name"]], inspected, re.IGNORECASE)
            return bool(found) and matches(of["ScopeDownStatement"], sent)
        case "RateBasedStatement":
            return False
    raise ValueError(kind)


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


def test_gw_12_elsewhere_the_same_bodies_are_blocked(acl: dict[str, Any]):
    """Else the rules of this test would match nothing."""
    others = [path for spec in SPECS.values() for _, path in spec.routes if path not in (CALLS_ROUTE, SLACK_ROUTE)]
    blocked = {name: blocking(acl, Sent(f"/live{path}", body)) for path in others for name, body in BODIES.items()}
    rules = {rule for each in blocked.values() for rule in each}
    assert rules == {"body-size", "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"}
    assert sum(map(bool, blocked.values())) >= len(BODIES) - 4  # a firewall has no quarrel with plain SQL and base64


@pytest.mark.parametrize("path", ["/live/v1/calls%2f", "/live/v1%2fcalls", "/live/v1/calls/c-aaaaaaaaaaaaaa"])
def test_gw_12_only_the_route_itself_is_excepted(acl: dict[str, Any], path: str):
    assert blocking(acl, Sent(path, b"a" * (INSPECTED_BYTES + 1))) == ["body-size"]


def test_rev_09_text_in_a_slack_message_does_not_block_its_reviewers(acl: dict[str, Any]):
    """Slack sends the message with a vote. An agent can put words into a reason that AWS's rules match."""
    text = "".join(body.decode() for body in BODIES.values() if len(body) < 2000).encode()
    assert blocking(acl, Sent(f"/live{SLACK_ROUTE}", text)) == []
    assert blocking(acl, Sent(f"/live{SLACK_ROUTE}", text * 20)) == ["body-size"]


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
