"""Endpoints of AWS come from the models alone: an operation without one in a Region is not sent elsewhere."""

import pytest

from jitney.adapters.aws_models import endpoint_variant
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.problems import Problem
from tests.handlers.gateway import models


def test_gw_02_an_operation_without_an_endpoint_in_the_region_is_refused():
    table = models()
    operations = [table.operation("acm", name) for name in table.operations("acm")]
    acme = next(each for each in operations if endpoint_variant(each).endswith("=ACM-ACME"))
    plain = next(each for each in operations if not endpoint_variant(each).endswith("=ACM-ACME"))
    assert table.endpoint(plain, "aws-cn", "cn-north-1", "444455556666").url.endswith(".amazonaws.com.cn")
    assert table.endpoint(acme, "aws", "eu-west-1", "444455556666").url
    with pytest.raises(Problem, match="call_invalid") as refused:
        table.endpoint(acme, "aws-cn", "cn-north-1", "444455556666")
    assert "no endpoint of acm in cn-north-1" in refused.value.detail


@pytest.mark.parametrize(
    ("service", "name"), [("sts", "GetSessionToken"), ("sts", "GetFederationToken"), ("sts", "AssumeRole")]
)
def test_mask_05_the_reason_why_a_call_is_not_supported_stays_readable(service: str, name: str):
    """Problems are masked, and `GetSessionToken: VALUE` looks like a secret."""
    with pytest.raises(Problem, match="call_unsupported") as refused:
        models().operation(service, name)
    assert UNTAGGED.data(refused.value.detail) == refused.value.detail


@pytest.mark.parametrize("name", ["braket", "s4"])
def test_gw_02_a_service_that_the_gateway_does_not_know_names_the_other_way(name: str):
    with pytest.raises(Problem, match="operation_unknown") as refused:
        models().operation(name, "GetDevice")
    assert refused.value.fix.endswith(
        "? For a service that the gateway does not know, request a grant with the way credentials."
    )
