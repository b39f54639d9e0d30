"""docs/openapi.yaml against the code: what it lists is what there is. tests/system holds real answers against it."""

from pathlib import Path

import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from core.access import parse
from core.calls.words import MAX_LINE
from core.problems import PROBLEMS
from infra.functions import SPECS

OPENAPI = yaml.safe_load((Path(__file__).parents[1] / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
SCHEMAS = OPENAPI["components"]["schemas"]


def test_it_is_valid():
    OpenAPIV31SpecValidator(OPENAPI).validate()


def test_every_code_is_listed():
    assert set(SCHEMAS["Problem"]["properties"]["code"]["enum"]) == set(PROBLEMS)


def test_every_route_is_listed_and_deployed():
    listed = {(verb.upper(), path) for path, verbs in OPENAPI["paths"].items() for verb in verbs}
    assert listed == {(verb, path) for spec in SPECS.values() for verb, path in spec.routes}


def test_the_limits_of_a_request_are_the_codes():
    asked = SCHEMAS["AccessRequest"]["properties"]
    assert set(asked) == set(parse.MEMBERS)
    assert asked["permissions"]["maxItems"] == parse.MAX_PERMISSIONS
    assert (asked["reason"]["maxLength"], asked["ticket"]["maxLength"]) == (parse.MAX_REASON, parse.MAX_TICKET)
    assert asked["calls"]["maxItems"] == parse.MAX_CALLS
    assert SCHEMAS["AwsCall"]["oneOf"][0]["maxLength"] == MAX_LINE
    permission = SCHEMAS["Permission"]["properties"]
    assert {permission[name]["maxItems"] for name in permission} == {parse.MAX_NAMES}
    assert permission["resources"]["items"]["maxLength"] == parse.MAX_ARN
