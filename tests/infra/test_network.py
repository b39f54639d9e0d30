"""A private API, and functions in a VPC (row OPS 2)."""

from typing import Any

import pytest

from tests.core.access.condition_semantics import folded
from tests.iam_evaluation import Policy
from tests.infra.conftest import Synthesized, configured, listed, of_type, only, plain
from tests.infra.test_domain import DOMAIN

pytestmark = pytest.mark.xdist_group("cdk")

ENDPOINT, OTHER_ENDPOINT = "vpce-0a1b2c3d4e5f67890", "vpce-0f9e8d7c6b5a43210"
PRIVATE = {"vpc_endpoints": [ENDPOINT, OTHER_ENDPOINT]}
VPC = {"subnets": ["subnet-0a1b2c3d", "subnet-0e4f5a6b"], "security_groups": ["sg-0a1b2c3d"]}


@pytest.fixture(scope="module")
def private(synthesize: Any, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize(configured(tmp_path_factory.mktemp("private"), private_api=PRIVATE, vpc=VPC))


def allows(document: dict[str, Any], action: str, resource: str, call: dict[str, str]) -> bool:
    return Policy(document).applies(True, action, resource, folded(call))


def invoked_through(policy: dict[str, Any], endpoint: str | None) -> bool:
    context = {"aws:SourceVpce": endpoint} if endpoint else {}
    return allows(policy, "execute-api:Invoke", "execute-api:/live/POST/v1/grants", context)


def test_ops_02_a_private_api_answers_through_its_endpoints_only(private: Synthesized):
    api = only(private.broker, "AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"] == {"Types": ["PRIVATE"], "VpcEndpointIds": [ENDPOINT, OTHER_ENDPOINT]}
    assert (api["SecurityPolicy"], api["EndpointAccessMode"]) == ("SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09", "STRICT")
    callers = (ENDPOINT, OTHER_ENDPOINT, "vpce-00000000", None)
    assert [invoked_through(api["Policy"], each) for each in callers] == [True, True, False, False]
    assert of_type(private.broker, "AWS::WAFv2::WebACLAssociation")


def test_ops_02_links_lead_to_the_first_endpoint(private: Synthesized):
    url = f"https://ApiRestApi-{ENDPOINT}.execute-api.eu-west-1.AWS::URLSuffix/live"
    assert plain(private.broker["Outputs"]["ApiUrl"]["Value"]) == url
    functions = of_type(private.broker, "AWS::Lambda::Function").values()
    links = {plain(each["Environment"]["Variables"].get("JITNEY_REVIEWS_URL")) for each in functions} - {None}
    assert links == {f"{url}/reviews"}


def test_ops_02_a_public_api_has_no_policy_and_other_endpoints_deploy_it_again(
    private: Synthesized, assembly: Synthesized, synthesize: Any, tmp_path: Any
):
    assert "Policy" not in only(assembly.broker, "AWS::ApiGateway::RestApi")
    one = synthesize(configured(tmp_path, private_api={"vpc_endpoints": [ENDPOINT]}, vpc=VPC))
    (before,), (after,) = (of_type(each.broker, "AWS::ApiGateway::Deployment") for each in (one, private))
    assert before != after


def test_ops_02_a_private_domain_belongs_to_the_endpoints(synthesize: Any, tmp_path: Any):
    template = synthesize(configured(tmp_path, private_api=PRIVATE, domain=DOMAIN)).broker
    domain = only(template, "AWS::ApiGateway::DomainNameV2")
    assert (domain["DomainName"], domain["EndpointConfiguration"]) == (DOMAIN["name"], {"Types": ["PRIVATE"]})
    assert (domain["SecurityPolicy"], domain["EndpointAccessMode"]) == ("SecurityPolicy_TLS13_1_3_2025_09", "STRICT")
    assert [invoked_through(domain["Policy"], each) for each in (ENDPOINT, "vpce-00000000", None)] == [
        True,
        False,
        False,
    ]
    assert only(template, "AWS::ApiGateway::BasePathMappingV2")["DomainNameArn"] == {
        "Fn::GetAtt": [next(iter(of_type(template, "AWS::ApiGateway::DomainNameV2"))), "DomainNameArn"]
    }
    associated = of_type(template, "AWS::ApiGateway::DomainNameAccessAssociation").values()
    assert [each["AccessAssociationSource"] for each in associated] == PRIVATE["vpc_endpoints"]
    assert not of_type(template, "AWS::ApiGateway::DomainName")
    assert template["Outputs"]["ApiUrl"]["Value"] == "https://jitney.example.com"


def test_ops_02_every_function_runs_in_the_vpc_and_its_code_cannot_change_the_network(
    private: Synthesized, assembly: Synthesized
):
    template = private.broker
    functions = of_type(template, "AWS::Lambda::Function").values()
    roles = of_type(template, "AWS::IAM::Role")
    for function in functions:
        assert function["VpcConfig"] == {"SubnetIds": VPC["subnets"], "SecurityGroupIds": VPC["security_groups"]}
        policies = roles[function["Role"]["Fn::GetAtt"][0]]["Policies"]
        statements = [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
        network = [each for each in statements if any("ec2:" in action for action in listed(each["Action"]))]
        document = {"Statement": network}
        code = {"lambda:SourceFunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:any"}
        for action in ("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"):
            assert allows(document, action, "*", {})
            assert not allows(document, action, "*", code)
    assert len(functions) > 20
    assert all("VpcConfig" not in each for each in of_type(assembly.broker, "AWS::Lambda::Function").values())


def test_ops_02_a_local_system_has_no_vpc(synthesize: Any, tmp_path: Any):
    env = configured(tmp_path, private_api=PRIVATE, vpc=VPC, domain=DOMAIN) | {"JITNEY_LOCAL": "1"}
    template = synthesize(env).broker
    assert only(template, "AWS::ApiGateway::RestApi")["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert all("VpcConfig" not in each for each in of_type(template, "AWS::Lambda::Function").values())
