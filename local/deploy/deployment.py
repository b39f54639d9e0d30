"""Creates or updates a stack in the emulator, waits for it, and reports what failed and why."""

import uuid
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local.deploy import publishing
from local.deploy.assembly import Stack
from local.processes import wait_until

DEADLINE_SECONDS = 600.0
COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
NO_CHANGE = "No updates are to be performed"


class DeploymentError(Exception):
    """A stack was not created or updated. The message names each failed resource and the reason."""


def session(account: str, region: str) -> boto3.Session:
    """Return a session with the root credentials of `account`.

    The emulator accepts the account id as the key, with any secret.
    """
    return boto3.Session(aws_access_key_id=account, aws_secret_access_key="local", region_name=region)  # noqa: S106


def deploy(stack: Stack, endpoint: str) -> None:
    """Create `stack`, or update it in place, and wait for it. Raises DeploymentError.

    CloudFormation then has deleted a stack that it could not create, or restored one that it could not update.
    """
    root = session(stack.account, stack.region)
    template = _template(root, endpoint, stack)
    cloudformation = root.client("cloudformation", endpoint_url=endpoint)
    operation = uuid.uuid4().hex
    wish: dict[str, Any] = {
        "StackName": stack.name,
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "ClientRequestToken": operation,
    }
    found = _described(cloudformation, stack.name)
    try:
        if found:
            identity = cloudformation.update_stack(**wish, **template)["StackId"]
        else:
            identity = cloudformation.create_stack(**wish, **template, OnFailure="DELETE")["StackId"]
    except ClientError as refusal:
        if NO_CHANGE in str(refusal):
            return
        raise DeploymentError(f"the stack {stack.name}: {refusal}") from refusal

    def finished() -> bool:
        found.update(_described(cloudformation, identity))
        return not str(found["StackStatus"]).endswith("_IN_PROGRESS")

    if not wait_until(finished, DEADLINE_SECONDS) or found["StackStatus"] not in COMPLETE:
        raise DeploymentError(_failure(cloudformation, found, operation))


def outputs(stack: Stack, endpoint: str) -> Mapping[str, str]:
    """Return the stack's outputs, or nothing if it is not deployed."""
    cloudformation = session(stack.account, stack.region).client("cloudformation", endpoint_url=endpoint)
    found = _described(cloudformation, stack.name)
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def _described(cloudformation: Any, stack: str) -> dict[str, Any]:
    """Return what CloudFormation says about the stack (a name or an id); nothing if it does not exist."""
    try:
        return dict(cloudformation.describe_stacks(StackName=stack)["Stacks"][0])
    except ClientError as refusal:
        if "does not exist" in str(refusal):
            return {}
        raise


def _template(root: boto3.Session, endpoint: str, stack: Stack) -> dict[str, Any]:
    """Return CloudFormation's template parameter: the published URL, or the text if the account has no bootstrap."""
    if not stack.assets:
        return {"TemplateBody": (stack.folder / stack.template).read_text(encoding="utf-8")}
    publishing.bootstrap(root, endpoint, stack)
    return {"TemplateURL": publishing.publish(root, endpoint, stack)}


def _failure(cloudformation: Any, found: Mapping[str, Any], operation: str) -> str:
    """Return the stack's status, and the failed resources of this operation with their reasons."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=found["StackId"])
    lines = [f"the stack {found['StackName']} is {found['StackStatus']}"]
    for event in reversed([each for page in pages for each in page["StackEvents"]]):
        if event.get("ClientRequestToken") == operation and event["ResourceStatus"].endswith("_FAILED"):
            name = f"{event['LogicalResourceId']} ({event['ResourceType']})"
            lines.append(f"  {name}: {event.get('ResourceStatusReason', 'no reason given')}")
    return "\n".join(lines)
