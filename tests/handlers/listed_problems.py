"""Each problem that a test gets from a route is held against docs/openapi.yaml."""

import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.openapi_file import CLOSED

OF_EVERY_PROBLEM = {"type", "title", "status", "code", "detail", "fix"}


@cache
def _validator() -> Draft202012Validator:
    resource = Resource.from_contents(CLOSED, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("api", resource)
    return Draft202012Validator({"$ref": "api#/components/schemas/Problem"}, registry=registry)


def check_listed(problem: dict[str, Any]) -> None:
    """Fail unless each member has a value as listed, and the description of each further member names the code.

    The fix is Jitney's own text, and must not look like a secret to the masker.
    """
    _validator().validate(problem)
    assert "[masked" not in problem["fix"]
    listed = CLOSED["components"]["schemas"]["Problem"]["properties"]
    for name in problem.keys() - OF_EVERY_PROBLEM:
        codes = re.findall(r"\w+", listed[name]["description"]) if name in listed else []
        assert problem["code"] in codes, f"docs/openapi.yaml does not list {name} for {problem['code']}"
