"""The functions of the running system see only their bundle and the standard library."""

import io
import json
import uuid
import zipfile
from typing import Any

import httpx
import pytest

from tests.running_systems import PATIENCE

PROBE = """
import importlib
def handler(event, context):
    found = {}
    for name in event:
        try:
            found[name] = importlib.import_module(name).__file__
        except ImportError as problem:
            found[name] = None
    return {"root": __file__.rpartition("/")[0], "found": found}
"""


@pytest.fixture(scope="module")
def seen(aws: Any) -> dict[str, Any]:
    """Return what a function with the broker's own bundle and one more file can import."""
    lambda_, iam = aws("lambda"), aws("iam")
    location = lambda_.get_function(FunctionName="jitney-grants")["Code"]["Location"]
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        bundle = io.BytesIO(http.get(location).raise_for_status().content)
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr("probe.py", PROBE)
    name = f"probe-{uuid.uuid4().hex}"
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="probe.handler",
        Role=role,
        Code={"ZipFile": bundle.getvalue()},
        Timeout=900,
    )
    modules = ["cedarpy", "botocore", "jwt", "jitney.handlers.health", "pytest", "aws_cdk", "ministack", "local", "pip"]
    answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(modules))
    lambda_.delete_function(FunctionName=name)
    return dict(json.loads(answer["Payload"].read()))


def test_what_a_function_needs_comes_from_the_bundle(seen: dict[str, Any]):
    for name in ("cedarpy", "botocore", "jwt", "jitney.handlers.health"):
        assert seen["found"][name].startswith(seen["root"] + "/"), name


def test_what_only_this_machine_has_is_not_there(seen: dict[str, Any]):
    assert {name for name, file in seen["found"].items() if file is None} == {
        "pytest",
        "aws_cdk",
        "ministack",
        "local",
        "pip",
    }
