"""The API's own domain name (row OPS 2): its certificate, its TLS versions, and that no other name answers."""

from typing import Any

import pytest

from tests.infra.conftest import Synthesized, configured, of_type, only, plain

pytestmark = pytest.mark.xdist_group("cdk")

CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"


DOMAIN = {"name": "jitney.example.com", "certificate_arn": CERTIFICATE, "minimum_tls": "1.3"}


@pytest.fixture(scope="module")
def named(synthesize: Any, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize(configured(tmp_path_factory.mktemp("named"), domain=DOMAIN))


def test_ops_02_the_name_has_the_certificate_and_accepts_tls_13_only(named: Synthesized):
    domain = only(named.broker, "AWS::ApiGateway::DomainName")
    assert (domain["DomainName"], domain["RegionalCertificateArn"]) == ("jitney.example.com", CERTIFICATE)
    assert (domain["SecurityPolicy"], domain["EndpointAccessMode"]) == ("SecurityPolicy_TLS13_1_3_2025_09", "STRICT")
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    mapping = only(named.broker, "AWS::ApiGateway::BasePathMapping")
    assert mapping["Stage"] == {"Ref": next(iter(of_type(named.broker, "AWS::ApiGateway::Stage")))}
    assert "BasePath" not in mapping


def test_ops_02_the_api_answers_by_no_other_name_and_links_lead_to_this_one(named: Synthesized, assembly: Synthesized):
    assert only(named.broker, "AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is True
    assert only(assembly.broker, "AWS::ApiGateway::RestApi").get("DisableExecuteApiEndpoint", False) is False
    outputs = {name: each["Value"] for name, each in named.broker["Outputs"].items()}
    assert outputs["ApiUrl"] == "https://jitney.example.com"
    assert plain(outputs["DomainTarget"]) == "ApiDomainName.RegionalDomainName"
    links = {
        each["Environment"]["Variables"]["JITNEY_REVIEWS_URL"]
        for each in of_type(named.broker, "AWS::Lambda::Function").values()
        if "JITNEY_REVIEWS_URL" in each["Environment"]["Variables"]
    }
    assert links == {"https://jitney.example.com/reviews"}


def test_ops_02_switching_the_default_endpoint_off_deploys_the_api_again(
    named: Synthesized, synthesize: Any, tmp_path: Any
):
    unnamed = synthesize(configured(tmp_path))
    (before,), (after,) = (of_type(each.broker, "AWS::ApiGateway::Deployment") for each in (unnamed, named))
    assert before != after


def test_ops_02_a_local_system_answers_at_its_own_address(synthesize: Any, tmp_path: Any):
    env = configured(tmp_path, domain=DOMAIN) | {"JITNEY_LOCAL": "1"}
    template = synthesize(env).broker
    assert not of_type(template, "AWS::ApiGateway::DomainName")
    assert "execute-api" in plain(template["Outputs"]["ApiUrl"]["Value"])
