"""Requests go through the aliases of functions: a new version serves none until its alias moves (row OPS 2)."""

from typing import Any

import pytest

from infra.broker_function import ALIAS

pytestmark = pytest.mark.xdist_group("deployments")

HEALTH = "jitney-health"


def test_ops_02_a_new_version_serves_only_when_the_alias_has_moved_and_not_after_it_moved_back(aws: Any, api: Any):
    functions = aws("lambda")
    before = functions.get_alias(FunctionName=HEALTH, Name=ALIAS)["FunctionVersion"]
    shipped = version(api)
    configuration = functions.get_function_configuration(FunctionName=HEALTH)
    variables = configuration["Environment"]["Variables"]
    newer = variables | {"JITNEY_VERSION": "9.9.9"}
    functions.update_function_configuration(FunctionName=HEALTH, Environment={"Variables": newer})
    try:
        published = functions.publish_version(FunctionName=HEALTH)["Version"]
        assert published != before
        assert version(api) == shipped
        functions.update_alias(FunctionName=HEALTH, Name=ALIAS, FunctionVersion=published)
        assert version(api) == "9.9.9"
    finally:
        functions.update_alias(FunctionName=HEALTH, Name=ALIAS, FunctionVersion=before)
        functions.update_function_configuration(FunctionName=HEALTH, Environment={"Variables": variables})
    assert version(api) == shipped


def version(api: Any) -> str:
    return str(api("GET", "/v1/health", agent="").json()["version"])
