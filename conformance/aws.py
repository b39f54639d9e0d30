"""The system in an AWS account, deployed with the CDK CLI and the credentials of the environment."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from conformance import lab_names
from conformance.configuration import ROLE_NAME, TARGET_STACK, bucket_name, write_configuration
from conformance.planting import plant, uproot
from conformance.replicas import STACK as REPLICAS_STACK
from conformance.replicas import create_replicas
from conformance.system import ConformanceSystem
from conformance.tokens import Identities, SigningKey
from jitney.core.access.deny_document import DENY_POLICY_NAME
from local.progress import Progress
from local.settings import ROOT

BROKER_STACK = "Jitney"
TAG = "jitney-conformance"
"""A tag of the broker's stack. A stack without it is another deployment, which is never touched."""
LAB_APP = f"{sys.executable} -m conformance.lab_stack"

type Clients = Callable[[str], Any]


class AwsDeploymentError(Exception):
    """The account cannot be used, or a stack was not deployed. The message says why."""


def aws_system(
    account: str, region: str, second_region: str, folder: Path, progress: Progress, clients: Clients | None = None
) -> ConformanceSystem:
    """Deploy the stacks into the account, and return the system. They stay deployed. Raises AwsDeploymentError."""
    made = clients or _clients(region)
    require_own(made, account)
    key, times = SigningKey.in_file(folder / "issuer.pem"), dict[str, float]()
    lab = {lab_names.KEY_SET: key.key_set(), lab_names.ACCOUNT: account, lab_names.REGION: region}
    keys_url = _timed(times, progress, folder, lab_names.STACK, lab, "--app", LAB_APP)["KeysUrl"]
    issuer = keys_url.removesuffix("/jwks")
    write = partial(
        write_configuration,
        folder,
        account=account,
        region=region,
        second_region=second_region,
        issuer=issuer,
        keys_url=keys_url,
    )
    config = write()
    settings = {"JITNEY_CONFIG": str(config)}

    def replicate() -> Mapping[str, str]:
        there = (clients or _clients(second_region))("cloudformation")
        replication = create_replicas(there, write())
        write(replication=replication)
        _timed(times, progress, folder, BROKER_STACK, settings, "--tags", f"{TAG}=yes")
        return replication

    # With explicitStackTags in cdk.json, the app's tags are for resources only. The CLI's option sets tags of the
    # stack.
    outputs = _timed(times, progress, folder, BROKER_STACK, settings, "--tags", f"{TAG}=yes")
    role_arn = _timed(times, progress, folder, TARGET_STACK, settings)["RoleArn"]
    bucket = bucket_name(account, region)
    plant(made("s3"), bucket, region)
    public = made("kms").get_public_key(KeyId=outputs["SealKeyArn"])["PublicKey"]
    return ConformanceSystem(
        on_aws=True,
        account=account,
        region=region,
        second_region=second_region,
        api_url=outputs["ApiUrl"].rstrip("/"),
        outputs={**outputs, "SealKey": hashlib.sha256(public).hexdigest()},
        role_arn=role_arn,
        bucket=bucket,
        identities=Identities(key, issuer),
        deploy_seconds=times,
        environment={"AWS_DEFAULT_REGION": region, "AWS_REGION": region},
        revert_drift=lambda: _deploy_again(settings),
        replicate=replicate,
    )


def _clients(region: str) -> Clients:
    session = boto3.Session(region_name=region)
    made: Clients = session.client  # type: ignore[assignment]
    return made


def require_own(clients: Clients, account: str) -> None:
    """Raise AwsDeploymentError unless the credentials are the account's, and no other broker is deployed there."""
    try:
        actual = clients("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise AwsDeploymentError(f"AWS does not accept the credentials of this shell: {error}") from error
    if actual != account:
        raise AwsDeploymentError(f"The credentials of this shell are of account {actual}, not of {account}.")
    tags = _tags_of_broker(clients)
    if tags is not None and TAG not in tags:
        raise AwsDeploymentError(
            f"Account {account} has a stack {BROKER_STACK} that no conformance run deployed. Use another account."
        )


def _tags_of_broker(clients: Clients) -> set[str] | None:
    """Return the tags of the broker's stack, or None if there is none."""
    try:
        stack = clients("cloudformation").describe_stacks(StackName=BROKER_STACK)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # CloudFormation's answer about an unknown stack
            return None
        raise AwsDeploymentError(f"CloudFormation does not describe {BROKER_STACK}: {error}") from error
    return {tag["Key"] for tag in stack.get("Tags", [])}


def remove(
    account: str, region: str, second_region: str, folder: Path, progress: Progress, clients: Clients | None = None
) -> None:
    """Delete the stacks of a run and the bucket of its objects. Raises AwsDeploymentError.

    The broker's tables, buckets and keys stay, as docs/deploy.md says, and so do the replicas and their key.
    """
    made = clients or _clients(region)
    require_own(made, account)
    config = folder / "jitney.yaml"
    if not config.exists():
        raise AwsDeploymentError(f"{config} is missing. Remove the run from the checkout that deployed it.")
    uproot(made("s3"), bucket_name(account, region))
    key = SigningKey.in_file(folder / "issuer.pem")
    lab = {lab_names.KEY_SET: key.key_set(), lab_names.ACCOUNT: account, lab_names.REGION: region}
    settings = {"JITNEY_CONFIG": str(config)}
    # CloudFormation deletes no role that has a policy of another origin. The checks revoked grants within this hour.
    with suppress(made("iam").exceptions.NoSuchEntityException):
        made("iam").delete_role_policy(RoleName=ROLE_NAME, PolicyName=DENY_POLICY_NAME)
    if _tags_of_broker(made) is not None:
        made("cloudformation").update_termination_protection(StackName=BROKER_STACK, EnableTerminationProtection=False)
    with progress.step(f"removal of {TARGET_STACK} and {BROKER_STACK}"):
        cdk(settings, "destroy", "--force", TARGET_STACK, BROKER_STACK)
    (clients or _clients(second_region))("cloudformation").delete_stack(StackName=REPLICAS_STACK)
    with progress.step(f"removal of {lab_names.STACK}"):
        cdk(lab, "destroy", "--force", lab_names.STACK, "--app", LAB_APP)


def _timed(
    times: dict[str, float], progress: Progress, folder: Path, stack: str, variables: Mapping[str, str], *options: str
) -> dict[str, str]:
    """Deploy a stack, add its time to `times`, and return its outputs."""
    began, file = time.monotonic(), folder / f"{stack}.json"
    with progress.step(f"stack {stack}"):
        cdk(variables, "deploy", stack, "--require-approval", "never", "--outputs-file", str(file), *options)
    times[stack] = round(time.monotonic() - began, 1)
    return dict(json.loads(file.read_text(encoding="utf-8"))[stack])


def _deploy_again(settings: Mapping[str, str]) -> None:
    """Deploy the target's unchanged template with drift reversal."""
    cdk(settings, "deploy", TARGET_STACK, "--require-approval", "never", "--revert-drift")


def cdk(variables: Mapping[str, str], *arguments: str) -> None:
    """Run the CDK CLI with these additional environment variables.

    Raises AwsDeploymentError with the end of its output.
    """
    program = shutil.which("cdk")
    if program is None:
        raise AwsDeploymentError("The CDK CLI is missing. Install it: npm install -g aws-cdk")
    command = [program, "--no-notices", "--no-color", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise AwsDeploymentError(f"`cdk {' '.join(arguments)}` failed:\n{(done.stdout + done.stderr)[-3000:].strip()}")
