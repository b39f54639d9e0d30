"""docs/openapi.yaml lists exactly what the code has. tests/system checks real answers against it."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from infra.function_specs import SPECS
from jitney.core.access import condition_fields, request_body
from jitney.core.access.conditions import KEYS, MAX_VALUE
from jitney.core.calls.shell_words import MAX_LINE
from jitney.core.policy.risks import RISK_NAMES
from jitney.core.problems import PROBLEMS, Problem
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from jitney.handlers.permitted_targets import list_targets
from tests.handlers.conftest import REQUEST_BODY, System

OPENAPI = yaml.load((Path(__file__).parents[1] / "docs" / "openapi.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
SCHEMAS = OPENAPI["components"]["schemas"]
ROUTES = {f"{verb.upper()} {path}": route for path, verbs in OPENAPI["paths"].items() for verb, route in verbs.items()}
REGISTRY = Registry().with_resource("api", Resource.from_contents(OPENAPI, default_specification=DRAFT202012))


def test_it_is_valid():
    OpenAPIV31SpecValidator(OPENAPI).validate()


def test_every_code_is_listed():
    assert set(SCHEMAS["Problem"]["properties"]["code"]["enum"]) == set(PROBLEMS)


def test_every_risk_is_listed():
    listed = [each for schema in SCHEMAS.values() if (each := schema.get("properties", {}).get("risk", {}).get("enum"))]
    assert [set(each) for each in listed] == [RISK_NAMES]


def test_every_route_is_listed_and_deployed():
    listed = {(verb.upper(), path) for path, verbs in OPENAPI["paths"].items() for verb in verbs}
    assert listed == {(verb, path) for spec in SPECS.values() for verb, path in spec.routes}


@pytest.mark.xdist_group("cdk")
@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_id_05_what_the_gateway_answers_by_itself_is_listed_on_every_route(route):
    """Each refusal is listed as it is sent, including on pages.

    Answers for paths without a route belong to no route.
    """
    from infra.api import REFUSALS

    for problem in REFUSALS.values():
        if problem.code == "route_not_found":
            continue
        response = route["responses"][str(problem.status)]
        while "$ref" in response:
            response = OPENAPI["components"]["responses"][response["$ref"].rpartition("/")[2]]
        schema = response["content"]["application/problem+json"]["schema"]
        _validator(schema["$ref"]).validate(problem.body())


def test_a_denial_is_listed_with_what_would_have_passed():
    said = Problem("denied", "No policy allows it.", "Ask for less.").body()
    faults = _validator("#/components/schemas/DeniedProblem").iter_errors(said)
    assert "'reasons' is a required property" in {fault.message for fault in faults}


def test_gw_01_answers_about_a_gateway_grant_are_as_listed():
    asked = REQUEST_BODY | {"way": "gateway"}
    system = System()
    _validator("#/components/schemas/CreatedGrant").validate(system.call(create_grant, asked)[1])
    _validator("#/components/schemas/Decision").validate(system.call(preview_decision, asked)[1])
    denied = system.call(create_grant, asked | {"reveal": True})[1]
    assert denied["ways"]["gateway"] == "deny"
    _validator("#/components/schemas/DeniedProblem").validate(denied)


def test_cli_05_the_list_of_targets_is_as_listed():
    body = System().call(list_targets)[1]
    assert body["targets"][0]["access"]
    _validator("#/components/schemas/PermittedTargets").validate(body)


def test_the_limits_of_a_request_are_the_codes():
    asked = SCHEMAS["AccessRequest"]["properties"]
    assert set(asked) == set(request_body.MEMBERS)
    assert asked["permissions"]["maxItems"] == request_body.MAX_PERMISSIONS
    assert (asked["reason"]["maxLength"], asked["ticket"]["maxLength"]) == (
        request_body.MAX_REASON,
        request_body.MAX_TICKET,
    )
    assert asked["calls"]["maxItems"] == request_body.MAX_CALLS
    assert SCHEMAS["AwsCall"]["oneOf"][0]["maxLength"] == MAX_LINE
    permission = SCHEMAS["Permission"]["properties"]
    assert {permission[name]["maxItems"] for name in ("actions", "resources")} == {request_body.MAX_NAMES}
    assert permission["resources"]["items"]["maxLength"] == request_body.MAX_ARN
    conditions = SCHEMAS["Conditions"]
    assert conditions["maxProperties"] == condition_fields.MAX_CONDITIONS
    assert conditions["additionalProperties"]["maxItems"] == condition_fields.MAX_VALUES
    assert conditions["additionalProperties"]["items"]["maxLength"] == MAX_VALUE
    listed = conditions["propertyNames"]["description"]
    assert all(f"`{name}KEY`" in listed if kind.is_family else f"`{name}`" in listed for name, kind in KEYS.items())


def _validator(pointer: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"api{pointer}"}, registry=REGISTRY)
