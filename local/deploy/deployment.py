"""Deploys a stack into the emulator, waits for it, and reports what failed and why."""

from collections.abc import Mapping
from typing import Any

import boto3

from local.deploy import publishing
from local.deploy.assembly import Stack
from local.processes import wait_until

DEADLINE_SECONDS = 600.0


class DeploymentError(Exception):
    """A stack was not created. The message names each failed resource and the reason."""


def session(account: str, region: str) -> boto3.Session:
    """Return a session with the root credentials of `account`.

    The emulator accepts the account id as the key, with any secret.
    """
    return boto3.Session(aws_access_key_id=account, aws_secret_access_key="local", region_name=region)  # noqa: S106


def deploy(stack: Stack, endpoint: str) -> Mapping[str, str]:
    """Create `stack`, wait for it, and return its outputs. Raises DeploymentError."""
    root = session(stack.account, stack.region)
    template = _template(root, endpoint, stack)
    cloudformation = root.client("cloudformation", endpoint_url=endpoint)
    cloudformation.create_stack(
        StackName=stack.name, Capabilities=["CAPABILITY_NAMED_IAM"], DisableRollback=True, **template
    )
    found: dict[str, Any] = {}

    def finished() -> bool:
        found.update(cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0])
        return not str(found["StackStatus"]).endswith("_IN_PROGRESS")

    if not wait_until(finished, DEADLINE_SECONDS) or found["StackStatus"] != "CREATE_COMPLETE":
        raise DeploymentError(_failure(cloudformation, found))
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def _template(root: boto3.Session, endpoint: str, stack: Stack) -> dict[str, Any]:
    """Return CloudFormation's template parameter: the published URL, or the text if the account has no bootstrap."""
    if not stack.assets:
        return {"TemplateBody": (stack.folder / stack.template).read_text(encoding="utf-8")}
    publishing.bootstrap(root, endpoint, stack)
    return {"TemplateURL": publishing.publish(root, endpoint, stack)}


def _failure(cloudformation: Any, found: Mapping[str, Any]) -> str:
    events = cloudformation.describe_stack_events(StackName=found["StackName"])["StackEvents"]
    lines = [f"the stack {found['StackName']} is {found['StackStatus']}"]
    for event in reversed(events):
        if event["ResourceStatus"].endswith("_FAILED"):
            name = f"{event['LogicalResourceId']} ({event['ResourceType']})"
            lines.append(f"  {name}: {event.get('ResourceStatusReason', 'no reason given')}")
    return "\n".join(lines)
