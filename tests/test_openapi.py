"""docs/openapi.yaml lists exactly what the code has. tests/system checks real answers against it."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from infra.function_specs import SPECS
from jitney.core.access import condition_fields, permission_fields, request_body
from jitney.core.access.conditions import KEYS, MAX_VALUE
from jitney.core.access.fields import ErrorMembers
from jitney.core.calls.shell_words import MAX_LINE
from jitney.core.gateway.call_request import parse_call
from jitney.core.policy.risks import RISK_NAMES
from jitney.core.problems import PROBLEMS, Problem, ProblemMembers
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from jitney.handlers.permitted_targets import list_targets
from tests.handlers.conftest import REQUEST_BODY, System
from tests.handlers.listed_problems import OF_EVERY_PROBLEM
from tests.openapi_file import CLOSED, OPENAPI, PATH, schemas_of

HTTP_CLIENTS = PATH.with_name("http-clients.md").read_text(encoding="utf-8")
SCHEMAS = OPENAPI["components"]["schemas"]
ROUTES = {f"{verb.upper()} {path}": route for path, verbs in OPENAPI["paths"].items() for verb, route in verbs.items()}
REGISTRY = Registry().with_resource("api", Resource.from_contents(CLOSED, default_specification=DRAFT202012))


def _subsets(*names: str) -> list[tuple[str, ...]]:
    return [some for count in range(len(names) + 1) for some in combinations(names, count)]


def _is_read(parse: Callable[[bytes], Any], body: dict[str, Any]) -> bool:
    try:
        parse(json.dumps(body).encode())
    except Problem:
        return False
    return True


def test_it_is_valid():
    OpenAPIV31SpecValidator(OPENAPI).validate()


def test_every_code_is_listed():
    assert set(SCHEMAS["ProblemCode"]["enum"]) == set(PROBLEMS)


def test_the_page_for_clients_lists_every_code_with_its_status():
    rows = re.findall(r"^\| (\d{3}) \| (.*) \|$", HTTP_CLIENTS, re.MULTILINE)
    listed = {(int(status), code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    assert listed == {(kind.status, code) for code, kind in PROBLEMS.items()}


def test_the_page_for_clients_names_members_that_problems_have():
    rows = HTTP_CLIENTS.partition("## What a client does")[2].partition("## Codes")[0].splitlines()
    first = [row.split("|")[1] for row in rows if row.startswith("| ")]
    named = {name for cell in first for name in re.findall(r"`(\w+)`", cell)}
    assert {"retry_at", "call_id", "errors", "parameter"} <= named <= set(SCHEMAS["Problem"]["properties"])
    routes = re.findall(r"`(GET|POST|DELETE) (/v1/\S+)`", HTTP_CLIENTS)
    assert len(routes) == 8
    assert {f"{verb} {path}" for verb, path in routes} <= ROUTES.keys()


def test_every_member_of_a_problem_is_listed():
    """tests/handlers/listed_problems.py checks that each answer has its code's members only."""
    problem = SCHEMAS["Problem"]["properties"]
    assert set(problem) == OF_EVERY_PROBLEM | ProblemMembers.__annotations__.keys()
    listed = set(SCHEMAS["FieldError"]["properties"])
    assert listed == {"pointer", "detail", "fix"} | ErrorMembers.__annotations__.keys()


def test_every_risk_is_listed():
    assert set(SCHEMAS["RiskName"]["enum"]) == RISK_NAMES


def test_every_route_is_listed_and_deployed():
    listed = {(verb.upper(), path) for path, verbs in OPENAPI["paths"].items() for verb in verbs}
    assert listed == {(verb, path) for spec in SPECS.values() for verb, path in spec.routes}


def test_no_text_is_cut_at_a_comma():
    """In {type: string, description: One, two.}, the description is "One", and "two." is a member without a value."""

    def cut(node: Any, place: str) -> Iterator[str]:
        for name, each in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            if each is None and isinstance(node, dict):
                yield f"{place}/{name}"
            yield from cut(each, f"{place}/{name}")

    assert list(cut(OPENAPI, "")) == []


def test_dx_01_generators_write_a_class_for_each_body():
    """For a body that is one of several, some write a union of equal classes, or nothing. They pass over `not`."""
    bodies = [route["requestBody"] for route in ROUTES.values() if "requestBody" in route]
    schemas = [
        body["content"]["application/json"]["schema"]
        for body in bodies
        if "application/json" in body.get("content", ())
    ]
    names = {each["$ref"].rpartition("/")[2] for each in schemas if "$ref" in each} | {"AccessRequest"}
    assert {"CallRequest", "BulkRejection"} < names
    assert not [name for name in names if SCHEMAS[name].keys() & {"oneOf", "anyOf", "allOf"}]


def _schemas(node: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Yield each object of the document, with its place."""
    if isinstance(node, dict):
        yield place, node
    for name, each in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from _schemas(each, (*place, name))


def test_dx_01_each_class_that_generators_write_has_its_name_from_the_file():
    """Generators number classes of the same name: an inline `risks` took the name of the schema Risk."""
    kinds = ("properties", "enum", "pattern")
    nameless = [
        place
        for place, node in _schemas(OPENAPI)
        if any(isinstance(node.get(kind), dict | list | str) for kind in kinds)
        and not (len(place) == 3 and place[:2] == ("components", "schemas"))
        and place[-1] not in ("if", "properties")
        and "parameters" not in place
        and not ("pattern" in node and place[-2] == "properties")
    ]
    assert nameless == []


def test_dx_01_each_operation_is_in_one_listed_group():
    """Generators write a class for each, so that a client of the API has no methods of the pages."""
    named = {each["name"] for each in OPENAPI["tags"]}
    assert {tag for route in ROUTES.values() for tag in route["tags"]} == named
    assert {name: route["tags"] for name, route in ROUTES.items() if len(route["tags"]) != 1} == {}
    pages = {name for name, route in ROUTES.items() if route["tags"] == ["pages"]}
    assert pages == {name for name in ROUTES if " /reviews" in name}


def test_dx_01_answers_are_open_and_bodies_are_closed():
    """A later version may answer with more members, and a client that is generated from this file must not fail."""
    bodies = schemas_of(route["requestBody"] for route in ROUTES.values() if "requestBody" in route)
    answers = schemas_of(route["responses"] for route in ROUTES.values())
    objects = {name for name, schema in SCHEMAS.items() if "properties" in schema}
    closed = {name for name in objects if SCHEMAS[name].get("additionalProperties") is False}
    assert (closed, objects - closed) == (objects & bodies, objects & answers - bodies)


def test_dx_01_generators_write_optional_members_and_open_maps():
    """For TypeScript, a member with a default is required, and an object without members has none."""
    schemas = [(place, node) for place, node in _schemas(OPENAPI) if place[:1] != ("servers",)]
    assert [place for place, node in schemas if "default" in node and place[-1] != "properties"] == []
    bare = [
        place
        for place, node in schemas
        if "object" in (node.get("type") or ()) and not node.keys() & {"properties", "additionalProperties"}
    ]
    assert bare == []


def test_dx_01_no_two_components_have_the_same_name():
    """Generators write types for all kinds of components, and some fail at two of one name."""
    kinds = OPENAPI["components"].values()
    assert [name for one, other in combinations(kinds, 2) for name in one.keys() & other.keys()] == []


def test_dx_01_each_enumeration_has_a_type():
    """Without one, generators write a class of any values."""
    assert [place for place, node in _schemas(OPENAPI) if "enum" in node and node.get("type") != "string"] == []


@pytest.mark.parametrize("members", _subsets("grant", "target", "reason", "ticket", "reveal", "changed"))
def test_gw_12_the_file_says_which_members_a_call_can_have_together(members: tuple[str, ...]):
    values = {"grant": "g-aaaaaaaaaaaaaa", "reveal": True}
    body = {"service": "s3", "operation": "GetObject"} | {name: values.get(name, "some text") for name in members}
    assert _validator("#/components/schemas/CallRequest").is_valid(body) == _is_read(parse_call, body)


@pytest.mark.parametrize("members", _subsets("permissions", "calls", "access_profile"))
def test_gw_12_the_file_says_what_a_request_can_consist_of(members: tuple[str, ...]):
    values = {"permissions": REQUEST_BODY["permissions"], "calls": ["aws s3 ls"], "access_profile": "orders"}
    body = REQUEST_BODY | {"permissions": None} | {name: values[name] for name in members}
    body = {name: value for name, value in body.items() if value is not None}
    codes = {"access_profile_unknown"}  # the members are accepted
    status, answer, _ = System().call(preview_decision, body)
    accepted = status == 200 or answer["code"] in codes
    assert _validator("#/components/schemas/AccessRequest").is_valid(body) == accepted


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
    faults = _validator("#/components/schemas/Problem").iter_errors(said)
    assert "'reasons' is a required property" in {fault.message for fault in faults}


def test_gw_01_answers_about_a_gateway_grant_are_as_listed():
    asked = REQUEST_BODY | {"way": "gateway"}
    system = System()
    _validator("#/components/schemas/CreatedGrant").validate(system.call(create_grant, asked)[1])
    _validator("#/components/schemas/Decision").validate(system.call(preview_decision, asked)[1])
    denied = system.call(create_grant, asked | {"reveal": True})[1]
    assert denied["ways"]["gateway"] == "deny"
    _validator("#/components/schemas/Problem").validate(denied)


def test_cli_05_the_list_of_targets_is_as_listed():
    body = System().call(list_targets)[1]
    assert body["targets"][0]["access"]
    _validator("#/components/schemas/PermittedTargets").validate(body)


def test_the_limits_of_a_request_are_the_codes():
    asked = SCHEMAS["AccessRequest"]["properties"]
    assert set(asked) == set(request_body.MEMBERS)
    assert asked["permissions"]["maxItems"] == permission_fields.MAX_PERMISSIONS
    assert (asked["reason"]["maxLength"], asked["ticket"]["maxLength"]) == (
        request_body.MAX_REASON,
        request_body.MAX_TICKET,
    )
    assert asked["calls"]["maxItems"] == request_body.MAX_CALLS
    assert SCHEMAS["CommandLine"]["maxLength"] == MAX_LINE
    permission = SCHEMAS["Permission"]["properties"]
    assert {permission[name]["maxItems"] for name in ("actions", "resources")} == {permission_fields.MAX_NAMES}
    assert SCHEMAS["ResourceName"]["maxLength"] == permission_fields.MAX_ARN
    conditions = SCHEMAS["Conditions"]
    assert conditions["maxProperties"] == condition_fields.MAX_CONDITIONS
    assert conditions["additionalProperties"]["maxItems"] == condition_fields.MAX_VALUES
    assert conditions["additionalProperties"]["items"]["maxLength"] == MAX_VALUE
    listed = conditions["propertyNames"]["description"]
    assert all(f"`{name}KEY`" in listed if kind.is_family else f"`{name}`" in listed for name, kind in KEYS.items())


def _validator(pointer: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"api{pointer}"}, registry=REGISTRY)
