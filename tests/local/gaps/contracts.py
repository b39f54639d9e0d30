"""Shared by the contract tests of the gaps: an emulator, and ways to create roles, functions and stacks in it."""

import io
import json
import uuid
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.running_systems import Clients, root_keys, session_keys, until

ALLOW_ALL = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


class Emulator:
    """One emulator, seen from a new account, so that tests do not affect each other.

    `patience` is how many seconds an operation may take.
    """

    def __init__(self, endpoint: str, clients: Clients, patience: float) -> None:
        self.endpoint = endpoint
        self.clients = clients
        self.patience = patience
        self.account = str(10**11 + uuid.uuid4().int % 10**11)

    def root(self, service: str) -> Any:
        """A client with root credentials."""
        return self.clients(service, root_keys(self.account))

    def until(self, found: Callable[[], Any]) -> Any:
        """Return what `found` returns once it is true."""
        return until(found, self.patience, 0.02)

    def session(self, service: str, credentials: dict[str, Any]) -> Any:
        """Return a client with the credentials of an AssumeRole answer."""
        return self.clients(service, session_keys(credentials))


def zipped(**files: str) -> bytes:
    """Return a zip with the files `name` + ".py"."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return buffer.getvalue()


def refused(code: str, call: Callable[..., Any], **parameters: Any) -> str:
    """Assert that the call fails with AWS's error `code`. Return its message."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value.response["Error"]["Message"])


def trust(account: str, **conditions: Any) -> str:
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Action": actions, "Principal": principal, "Condition": conditions}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role(emulator: Emulator, name: str, policy: Any = ALLOW_ALL, document: str = "", **more: Any) -> str:
    """Create a role that the account may assume, with an inline policy. Return its ARN."""
    iam = emulator.root("iam")
    created = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document or trust(emulator.account), **more)
    iam.put_role_policy(
        RoleName=name, PolicyName="allows", PolicyDocument=json.dumps({"Version": "2012-10-17", **policy})
    )
    return str(created["Role"]["Arn"])


def deploy(
    emulator: Emulator,
    resources: dict[str, Any],
    outputs: dict[str, Any] | None = None,
    conditions: dict[str, Any] | None = None,
) -> dict[str, str]:
    """Create a stack with the resources. Return its outputs and its StackName."""
    cloudformation = emulator.root("cloudformation")
    name = f"gap-{uuid.uuid4().hex}"
    shown = {each: {"Value": value} for each, value in (outputs or {}).items()}
    template = {"Resources": resources, "Outputs": shown, "Conditions": conditions or {}}
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    found = ended(emulator, name)
    assert found["StackStatus"] == "CREATE_COMPLETE", found
    return {"StackName": name} | {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def ended(emulator: Emulator, stack: str) -> dict[str, Any]:
    """Return the stack's description when no operation on it runs."""
    cloudformation = emulator.root("cloudformation")

    def found() -> dict[str, Any] | None:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        return None if described["StackStatus"].endswith("_IN_PROGRESS") else dict(described)

    return dict(emulator.until(found))


EVERYTHING = """
import json, os, sys
def handler(event, context):
    found = []
    for name in event["modules"]:
        try:
            __import__(name)
            found.append(name)
        except ImportError:
            pass
    print("seen", event["modules"])
    return {"found": found, "path": sys.path, "variables": dict(os.environ), "process": os.getpid(),
            "request": context.aws_request_id, "left": context.get_remaining_time_in_millis()}
class OutOfMilk(Exception):
    pass
def failing(event, context):
    raise OutOfMilk("none left")
"""


TIMEOUT = 900
"""Seconds that a function may take: AWS's maximum, because no test is about it."""


def function(emulator: Emulator, name: str, handler: str, source: str = EVERYTHING, **more: Any) -> str:
    code = {"ZipFile": zipped(index=source)}
    parameters = {
        "Runtime": "python3.13",
        "Role": role(emulator, f"role-of-{name}"[:64]),
        "Handler": f"index.{handler}",
        "Timeout": TIMEOUT,
    }
    created = emulator.root("lambda").create_function(FunctionName=name, Code=code, **{**parameters, **more})
    return str(created["FunctionArn"])


def invoke(emulator: Emulator, name: str, event: Any) -> Any:
    return json.loads(emulator.root("lambda").invoke(FunctionName=name, Payload=json.dumps(event))["Payload"].read())


def rest_api(integration: Any, **more: Any) -> dict[str, Any]:
    """Return the resources of a REST API with GET /thing/{id}."""
    reference = {"Ref": "Api"}
    method = {"RestApiId": reference, "ResourceId": {"Ref": "Id"}, "HttpMethod": "GET", "AuthorizationType": "NONE"}
    root = {"RestApiId": reference, "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "PathPart": "thing"}
    return {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "api"}},
        "Thing": {"Type": "AWS::ApiGateway::Resource", "Properties": root},
        "Id": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {"RestApiId": reference, "ParentId": {"Ref": "Thing"}, "PathPart": "{id}"},
        },
        "Method": {"Type": "AWS::ApiGateway::Method", "Properties": {**method, "Integration": integration}},
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": "Method",
            "Properties": {"RestApiId": reference},
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": reference, "StageName": "live", "DeploymentId": {"Ref": "Deployment"}},
        },
        **more,
    }
