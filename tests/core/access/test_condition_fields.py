"""Row POL 12: conditions in an untrusted body."""

import json
from typing import Any

import pytest

from jitney.core.access.condition_fields import MAX_CONDITIONS, MAX_VALUES
from jitney.core.access.conditions import conditions_of
from jitney.core.access.request import AccessRequest
from jitney.core.access.request_body import parse_request
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.problems import Problem
from tests.core.access.test_parse import GOOD, LIMITS, TARGETS, explain, parse

PERMISSION = {"actions": ["s3:ListBucket"], "resources": ["arn:aws:s3:::reports"]}


def body(conditions: Any) -> bytes:
    return json.dumps(GOOD | {"permissions": [PERMISSION | {"conditions": conditions}]}).encode()


def parsed(conditions: Any) -> AccessRequest:
    return parse_request(body(conditions), TARGETS, LIMITS, explain, UNTAGGED)


def refused(conditions: Any) -> dict[str, Any]:
    with pytest.raises(Problem) as raised:
        parsed(conditions)
    assert raised.value.code == "request_invalid"
    found: dict[str, Any] = raised.value.extras["errors"][0]
    return found


def test_pol_12_conditions_are_read_in_one_form():
    request = parsed({"s3:prefix": ["b/*", "a/*", "a/*"], "s3:max-keys": ["10"]})
    wanted = conditions_of({"s3:max-keys": ["10"], "s3:prefix": ["a/*", "b/*"]})
    assert request.permissions[0].conditions == wanted
    assert parse(json.dumps(GOOD).encode()).permissions[0].conditions == ()


@pytest.mark.parametrize(
    ("conditions", "pointer", "detail"),
    [
        (None, "", "not an object"),
        ({}, "", "not an object"),
        (["s3:prefix"], "", "not an object"),
        ({"aws:SourceIp": ["10.0.0.0/8"]}, "/aws:SourceIp", "is not supported"),
        ({"aws:ResourceTag/${x}": ["a"]}, "/aws:ResourceTag~1${x}", "is not supported"),
        ({"aws:ResourceTag/env": "prod"}, "/aws:ResourceTag~1env", "not a list"),
        ({"s3:prefix": []}, "/s3:prefix", "empty"),
        ({"s3:prefix": ["a"] * (MAX_VALUES + 1)}, "/s3:prefix", f"{MAX_VALUES + 1} items"),
        ({"s3:prefix": ["a", 1]}, "/s3:prefix/1", "not a string"),
        ({"s3:prefix": ["${aws:username}/*"]}, "/s3:prefix/0", "policy variable"),
        ({"s3:prefix": ["a\u202e"]}, "/s3:prefix/0", "printable ASCII"),
        ({"s3:prefix": ["a", "*a*b?c*d*"]}, "/s3:prefix/1", "more than 4 wildcards"),
        ({"s3:max-keys": ["1", "2"]}, "/s3:max-keys", "2 items"),
        ({"s3:max-keys": ["-1"]}, "/s3:max-keys/0", "whole number"),
        ({"aws:ResourceTag/env": ["a"], "aws:ResourceTag/Env": ["b"]}, "/aws:ResourceTag~1Env", "repeated"),
        ({f"aws:ResourceTag/{n}": ["a"] for n in range(MAX_CONDITIONS + 1)}, "", f"{MAX_CONDITIONS + 1} conditions"),
    ],
)
def test_pol_12_each_error_has_its_place(conditions: Any, pointer: str, detail: str):
    error = refused(conditions)
    assert error["pointer"] == f"/permissions/0/conditions{pointer}"
    assert detail in error["detail"]
    assert error["fix"]


def test_pol_12_near_misses_are_suggested():
    assert refused({"s3:Prefix": ["a"]})["alternatives"][0] == "s3:prefix"
    error = refused({"aws:resourceTag/env": ["a"]})
    assert (error["alternatives"], error["fix"]) == (["aws:ResourceTag/env"], "Did you mean aws:ResourceTag/env?")
