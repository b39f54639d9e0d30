"""Deploying an assembly: its assets into the bootstrap bucket of each account, then its stacks.

The CDK CLI would do the same; it refuses the emulator's buckets when IAM is enforced, and takes a second a stack.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.emulator.clients import client

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = "30"
PATIENCE_SECONDS = 60


class DeploymentError(Exception):
    """A stack could not be created; the message names the resources that failed and why."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack that exists: where, and its outputs by name."""

    name: str
    account: str
    outputs: Mapping[str, str]


def deploy(folder: Path, endpoint: str, told: Callable[[str], None]) -> list[Deployed]:
    """Create every stack of the assembly in `folder`, in its own account. Raises DeploymentError."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    stacks = {
        name: artifact["environment"].removeprefix("aws://").split("/")
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    deployed = []
    # Targets first: their roles exist before anybody can ask for them.
    for name in sorted(stacks, key=lambda name: (not name.startswith("JitneyTarget-"), name)):
        account, region = stacks[name]
        told(f"stack {name} in account {account}")
        deployed.append(_create(folder, name, account, _Clients(endpoint, account, region)))
    return deployed


@dataclass(frozen=True, slots=True)
class _Clients:
    endpoint: str
    account: str
    region: str

    def __call__(self, service: str) -> Any:
        return client(service, self.endpoint, self.account, self.region)


def _create(folder: Path, name: str, account: str, clients: _Clients) -> Deployed:
    bucket = _upload(folder, name, clients)
    template = f"{name}.template.json"
    clients("s3").upload_file(str(folder / template), bucket, template)
    clients("ssm").put_parameter(Name=BOOTSTRAP_PARAMETER, Value=BOOTSTRAP_VERSION, Type="String", Overwrite=True)
    cloudformation = clients("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        # A template of over 51,200 bytes can only come from S3.
        TemplateURL=f"{clients.endpoint}/{bucket}/{template}",
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    stack = _settled(cloudformation, name)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise DeploymentError(f"{name} is {stack['StackStatus']}: {_failures(cloudformation, name)}")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return Deployed(name, account, outputs)


def _upload(folder: Path, name: str, clients: _Clients) -> str:
    """Upload the stack's assets to where its template looks for them; the bootstrap bucket."""
    s3 = clients("s3")
    bucket = f"cdk-hnb659fds-assets-{clients.account}-{clients.region}"
    if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": clients.region})
    assets = json.loads((folder / f"{name}.assets.json").read_text(encoding="utf-8"))
    for asset in assets["files"].values():
        source = folder / asset["source"]["path"]
        for destination in asset["destinations"].values():
            with tempfile.TemporaryDirectory() as scratch:
                file = source if source.is_file() else shutil.make_archive(f"{scratch}/asset", "zip", source)
                s3.upload_file(str(file), bucket, destination["objectKey"])
    return bucket


def _settled(cloudformation: Any, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        if time.monotonic() > deadline:
            raise DeploymentError(f"{name} is still {stack['StackStatus']} after {PATIENCE_SECONDS} seconds")
        time.sleep(0.05)


def _failures(cloudformation: Any, name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    return "; ".join(f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', 'no reason given')}" for e in failed)
