"""Runs the local system during a measurement, and gives the measured process what it needs."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def running_system(config: Path | None = None) -> Iterator[dict[str, Any]]:
    """Yield the members of stack.json of a system that runs during the block, separate from other systems here.

    `config` is another configuration than the sample.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"JITNEY_LOCAL_DIR": folder} | ({"JITNEY_CONFIG": str(config)} if config else {})
        subprocess.run([sys.executable, "-m", "local", "up"], cwd=ROOT, env=environment, check=True)
        try:
            yield json.loads((Path(folder) / "stack.json").read_text(encoding="utf-8"))
        finally:
            subprocess.run([sys.executable, "-m", "local", "down"], cwd=ROOT, env=environment, check=True)


def root(stack: dict[str, Any], service: str, account: str = "") -> Any:
    """Return a client of the emulator as root of an account. By default, it is the broker's account."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=stack["aws_endpoint"],
        region_name=stack["region"],
        aws_access_key_id=account or stack["account"],
        aws_secret_access_key="any",  # noqa: S106 - the emulator's root takes any
    )


def function_environment(stack: dict[str, Any], route: str, folder: Path) -> dict[str, str]:
    """Return the environment of the function of `route`, with its role's keys. Its code is unpacked into `folder`.

    The emulator's root may assume the function's role, as the Lambda service does for a function.
    """
    functions = root(stack, "lambda")
    names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
    function = functions.get_function(FunctionName=next(name for name in names if name.endswith(route)))
    configuration = function["Configuration"]
    role = configuration["Role"]
    iam = root(stack, "iam")
    name = role.rpartition("/")[2]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    root_too = {"Effect": "Allow", "Principal": {"AWS": stack["account"]}, "Action": "sts:AssumeRole"}
    trust["Statement"].append(root_too)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    keys = root(stack, "sts").assume_role(RoleArn=role, RoleSessionName="benchmark")["Credentials"]
    _unpack(function["Code"]["Location"], folder)
    return {
        **configuration["Environment"]["Variables"],
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
        "AWS_ENDPOINT_URL": stack["aws_endpoint"],
        "AWS_DEFAULT_REGION": stack["region"],
        "AWS_REGION": stack["region"],
    }


def _unpack(location: str, folder: Path) -> None:
    with tempfile.TemporaryFile() as archive, urllib.request.urlopen(location) as answer:  # noqa: S310 - the emulator
        archive.write(answer.read())
        with zipfile.ZipFile(archive) as bundle:
            bundle.extractall(folder)
