"""Each role that a call can pass, anywhere in its parameters, needs iam:PassRole."""

import re

from botocore.loaders import Loader
from botocore.model import ServiceModel

from data.__main__ import TABLE
from jitney.core.actions import AccessLevel, ActionTable
from jitney.core.calls.call import AwsCall, AwsLocation
from jitney.core.calls.call_needs import explain_call
from tests.data.test_operations import CHECKED_IN

ACTIONS = ActionTable.load(TABLE.read_bytes())
PLACE = AwsLocation("aws", "eu-west-1", "444455556666")
ROLE = "arn:aws:iam::444455556666:role/handed-on"
NOT_HANDED_ON = {"iam", "sts"}


def values_with_a_role(shape, above=()):
    """Yield values of a shape that contain only one role, one value for each possible place."""
    if shape.type_name == "structure" and shape.name not in above:
        for name, member in shape.members.items():
            if name.lower().startswith(("remove", "masterbackend")):
                continue
            if member.type_name == "string" and re.search(r"(?i:role_?arn)$|Role$", name):
                yield {name: ROLE}
            else:
                yield from ({name: value} for value in values_with_a_role(member, (*above, shape.name)))
    elif shape.type_name == "list":
        yield from ([value] for value in values_with_a_role(shape.member, above))
    elif shape.type_name == "map":
        yield from ({"key": value} for value in values_with_a_role(shape.value, above))


def test_every_role_inside_the_parameters_is_passed():
    assert [found for service in CHECKED_IN.services() for found in wrongly_passed(service)] == []


def wrongly_passed(service):
    """Yield calls of the service whose PassRole permissions differ from the roles in their parameters."""
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    for name in CHECKED_IN.service(service).names():
        operation = CHECKED_IN.service(service).operation(name)
        if not operation.needs or service in NOT_HANDED_ON or not model.operation_model(name).input_shape:
            continue
        writes = ACTIONS.get(operation.needs[0].action).level in (AccessLevel.WRITE, AccessLevel.PERMISSIONS_MANAGEMENT)
        for parameters in values_with_a_role(model.operation_model(name).input_shape) if writes else ():
            passed = [
                each.resources
                for each in explain_call(AwsCall(operation, parameters), PLACE)
                if "PassRole" in each.action
            ]
            taken_away = name.startswith(("Remove", "Disassociate"))
            if passed != ([] if taken_away else [(ROLE,)]):
                yield service, name, parameters, passed


def test_the_models_have_roles_inside():
    """Otherwise the test above would check nothing."""
    reading = [
        need.when
        for service in CHECKED_IN.services()
        for name in CHECKED_IN.service(service).names()
        for need in CHECKED_IN.service(service).operation(name).needs
        if need.when.endswith("|roles_within")
    ]
    assert len(reading) > 100
