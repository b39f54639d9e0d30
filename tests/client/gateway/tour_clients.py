"""The clients that make the gateway's tour: boto3, the AWS CLI 1 and 2, and the SDK for JavaScript."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name
from botocore.exceptions import ClientError

from jitney.client.gateway.environment import gateway_environment
from local.agent_shell import AWS_CLI
from local.identity import NODE, install
from tests.client.gateway.aws_behind import MODELS
from tests.client.gateway.conftest import GRANT_ID, Served
from tests.client.gateway.tour import REGION

DRIVERS = Path(__file__).parent / "drivers"
AWS_CLI_2 = Path(os.environ.get("JITNEY_AWS_CLI_2", "/usr/bin/aws"))
PACKAGES = {
    **{name: name for name in ("s3", "dynamodb", "iam", "sts", "kms", "ssm", "sns", "sqs", "lambda", "cloudwatch")},
    **{name: name for name in ("kinesis", "ecr", "ecs", "athena", "efs", "acm", "scheduler", "sesv2", "rds")},
    "cloudformation": "cloudformation",
    "secretsmanager": "secrets-manager",
    "logs": "cloudwatch-logs",
    "events": "eventbridge",
    "stepfunctions": "sfn",
    "route53": "route-53",
    "apigateway": "api-gateway",
}
"""The SDK for JavaScript's packages, by botocore's name of the service."""
Script = Sequence[tuple[str, str, dict[str, Any]]]


class ProgramOfClient:
    """A driver's process. It takes a script a line."""

    def __init__(self, process: "subprocess.Popen[str]", names: Mapping[str, str]) -> None:
        self._process, self._names = process, names

    def answers(self, url: str, script: Script) -> list[Any]:
        """Return the answers to the calls of a script at `url`."""
        calls = [self._call(service, operation, parameters) for service, operation, parameters in script]
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"url": url, "calls": calls}, default=_bytes) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the driver ended with {self._process.wait()}"
        answers: list[Any] = json.loads(line)
        return answers

    def _call(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if not self._names:
            cli = {"s3": "s3api"}.get(service, service)
            return {"service": cli, "operation": operation.replace("_", "-"), "parameters": parameters}
        named = api_name(service, operation)
        return {"package": self._names[service], "operation": named, "parameters": parameters}


class Boto3InProcess:
    """Boto3, in this process."""

    def __init__(self, served: Served) -> None:
        self._keys = served.keys

    def answers(self, url: str, script: Script) -> list[Any]:
        """Return the answers to the calls of a script at `url`."""
        names = {
            "region_name": REGION,
            "endpoint_url": url,
            "aws_access_key_id": self._keys.access_key_id,
            "aws_secret_access_key": self._keys.secret,
        }
        client = cache(lambda service: boto3.client(service, **names))  # type: ignore[call-overload]
        return [self._answered(client(service), operation, parameters) for service, operation, parameters in script]

    @staticmethod
    def _answered(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        try:
            answer = getattr(client, operation)(**parameters)
        except ClientError as error:
            answer = error.response
        status = answer.pop("ResponseMetadata")["HTTPStatusCode"]
        body = answer.get("Body")
        return {**answer, "status": status} | ({"Body": body.read()} if hasattr(body, "read") else {})


def api_name(service: str, operation: str) -> str:
    """Return AWS's name of an operation that has boto3's name."""
    return _api_names(service)[operation]


@cache
def _api_names(service: str) -> dict[str, str]:
    return {xform_name(name): name for name in MODELS.operations(service)}


@contextmanager
def touring(client: str, served: Served) -> Iterator[Any]:
    """Yield a client of the endpoint: `boto3`, `aws-cli-1`, `aws-cli-2` or `javascript`."""
    if client == "boto3":
        yield Boto3InProcess(served)
        return
    command, names = _commands()[client]
    if client == "javascript":
        install(DRIVERS)
    environment = gateway_environment(os.environ, served.port, served.keys, REGION, GRANT_ID)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=DRIVERS, env=environment, text=True, **pipes)  # type: ignore[call-overload]
    with process:
        yield ProgramOfClient(process, names)
        process.stdin.close()


def _commands() -> dict[str, tuple[list[str], Mapping[str, str]]]:
    cli = str(DRIVERS / "aws_cli.py")
    python_2 = AWS_CLI_2.read_text().splitlines()[0].removeprefix("#!") if AWS_CLI_2.exists() else ""
    return {
        "aws-cli-1": ([str(AWS_CLI.with_name("python")), cli], {}),
        "aws-cli-2": ([python_2, cli], {}),
        "javascript": ([str(NODE), "sdk.mjs"], PACKAGES),
    }


def _bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(type(value))
