"""A parameter that can name another resource than policies decide about is refused."""

from typing import Any

import pytest
from botocore.model import Shape
from botocore.session import get_session

from jitney.core.calls.call import AwsCall
from jitney.core.calls.call_needs import explain_call
from jitney.core.calls.second_names import may_reach_another
from jitney.core.problems import Problem
from tests.core.calls.conftest import OPERATIONS, PLACE

CHANGE_SET = "arn:aws:cloudformation:eu-west-1:444455556666:changeSet/of-another-stack/1"


def explained(service: str, operation: str, parameters: dict[str, Any]) -> tuple[str, ...]:
    return explain_call(AwsCall(OPERATIONS.service(service).operation(operation), parameters), PLACE)[0].resources


def operations_with(service: str, *names: str) -> list[str]:
    """Return the operations whose input has all these members."""

    def has(shape: Shape | None) -> bool:
        return shape is not None and set(names) <= set(shape.members)

    model = get_session().get_service_model(service)
    known = OPERATIONS.service(service).names()
    return [each for each in model.operation_names if each in known and has(model.operation_model(each).input_shape)]


OF_STACKS = [each for each in operations_with("cloudformation", "StackName", "ChangeSetName") if each[:6] != "Create"]


@pytest.mark.parametrize("operation", OF_STACKS)
def test_pol_13_a_change_set_by_its_arn_may_be_of_another_stack(operation: str) -> None:
    """AWS uses the ARN. Policies decide about the stack, and only the session of the call limits it to this stack."""
    assert explained("cloudformation", operation, {"ChangeSetName": CHANGE_SET}) == ("*",)
    stack = ("arn:aws:cloudformation:eu-west-1:444455556666:stack/open/*",)
    for name, another in (("c", False), (CHANGE_SET, True)):
        given = {"StackName": "open", "ChangeSetName": name}
        assert explained("cloudformation", operation, given) == stack
        assert may_reach_another("cloudformation", given) is another


DOMAINS = [
    (service, name, operation)
    for service, name in (("apigateway", "domainNameId"), ("apigatewayv2", "DomainNameId"))
    for operation in operations_with(service, name)
]


@pytest.mark.parametrize(("service", "name", "operation"), DOMAINS)
def test_pol_13_a_private_domain_is_not_decided_as_a_public_one(service: str, name: str, operation: str) -> None:
    """AWS authorizes /domainnames/NAME+ID. Policies would decide about /domainnames/NAME."""
    with pytest.raises(Problem, match="call_invalid") as caught:
        explained(service, operation, {name: "a1b2c3"})
    assert name in caught.value.detail


FUNCTION = "arn:aws:lambda:eu-west-1:444455556666:function:f"
QUALIFIED = [f"{FUNCTION}:prod", "444455556666:function:f:prod", "444455556666:f:prod", "function:f:prod", "f:prod"]
OF_FUNCTIONS = operations_with("lambda", "FunctionName", "Qualifier")


@pytest.mark.parametrize("operation", OF_FUNCTIONS)
@pytest.mark.parametrize("name", QUALIFIED)
def test_pol_13_a_function_has_one_version_or_alias(name: str, operation: str) -> None:
    """No document says which of two AWS uses. Policies would decide about one of them, or about neither."""
    with pytest.raises(Problem, match="call_invalid") as caught:
        explained("lambda", operation, {"FunctionName": name, "Qualifier": "dev"})
    assert "Qualifier" in caught.value.detail


@pytest.mark.parametrize("name", ["f", "444455556666:f", "444455556666:function:f", "function:f"])
def test_pol_13_a_function_may_have_a_qualifier_of_its_own_parameter(name: str) -> None:
    assert explained("lambda", "Invoke", {"FunctionName": name, "Qualifier": "dev"}) == (f"{FUNCTION}:dev",)


def test_pol_13_the_operations_with_second_names_are_known() -> None:
    assert len(OF_STACKS) == 6
    assert len(DOMAINS) >= 10
    assert {"GetFunction", "Invoke", "DeleteFunction"} <= set(OF_FUNCTIONS)
