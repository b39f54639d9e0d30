"""Each problem that a test gets from a route is held against docs/openapi.yaml."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

OPENAPI = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
OF_EVERY_PROBLEM = {"type", "title", "status", "code", "detail", "fix"}


@cache
def _document() -> dict[str, Any]:
    return dict(yaml.load(OPENAPI.read_text(encoding="utf-8"), yaml.CSafeLoader))


@cache
def _validator() -> Draft202012Validator:
    resource = Resource.from_contents(_document(), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("api", resource)
    return Draft202012Validator({"$ref": "api#/components/schemas/Problem"}, registry=registry)


def check_listed(problem: dict[str, Any]) -> None:
    """Fail unless each member has a value as listed, and the description of each further member names the code.

    The fix is Jitney's own text, and must not look like a secret to the masker.
    """
    _validator().validate(problem)
    assert "[masked" not in problem["fix"]
    listed = _document()["components"]["schemas"]["Problem"]["properties"]
    for name in problem.keys() - OF_EVERY_PROBLEM:
        codes = re.findall(r"\w+", listed[name]["description"]) if name in listed else []
        assert problem["code"] in codes, f"docs/openapi.yaml does not list {name} for {problem['code']}"
