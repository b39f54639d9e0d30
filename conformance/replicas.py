"""The operator's buckets for replicas, in the second Region of the run's account."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from local.settings import ROOT

STACK = "JitneyConformanceReplicas"


class ReplicasMissingError(Exception):
    """CloudFormation did not create the buckets. The message says why."""


def create_replicas(cloudformation: Any, config: Path) -> dict[str, str]:
    """Create the buckets for the broker of `config`, unless an earlier run did. Return `broker.replication`.

    Raises ReplicasMissingError.
    """
    try:
        cloudformation.create_stack(StackName=STACK, TemplateBody=_template({"JITNEY_CONFIG": str(config)}))
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise ReplicasMissingError(f"CloudFormation does not create {STACK}: {error}") from error
    try:
        cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK)
        (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise ReplicasMissingError(f"CloudFormation did not create {STACK}: {error}") from error
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    return dict(yaml.safe_load(outputs["Replication"]))


def _template(variables: Mapping[str, str]) -> str:
    """Return what `make replica-template` prints. This process does not import CDK, which takes seconds."""
    command = [sys.executable, "-m", "infra.replica_stack"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ReplicasMissingError(f"The template was not made: {done.stderr[-1000:].strip()}")
    return done.stdout
