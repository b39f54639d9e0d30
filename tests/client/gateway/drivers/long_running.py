"""Reads one parameter of Systems Manager for each line of its input, by the client that its argument names.

It imports nothing of this project. A line of the output has the value, or the error as the client shows it. SDKs keep
their client, as a long program does. The AWS CLI starts again for each command.
"""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

REGION = "eu-west-1"


def shown(error):
    """Return an error as the client shows it. For fetched keys that have ended, botocore raises RuntimeError."""
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    return {"error": f"{code or type(error).__name__}: {error}"}


def boto3_client():
    """Return a function that reads a parameter by boto3."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    clients = []

    def read(name):
        try:
            if not clients:
                clients.append(boto3.client("ssm", region_name=REGION))
            return {"value": clients[0].get_parameter(Name=name)["Parameter"]["Value"]}
        except (BotoCoreError, ClientError, RuntimeError) as error:
            return shown(error)

    return read


def aioboto3_client():
    """Return a function that reads a parameter by aioboto3, in one event loop."""
    import aioboto3
    from botocore.exceptions import BotoCoreError, ClientError

    loop, clients = asyncio.new_event_loop(), []

    async def by_client(name):
        if not clients:
            clients.append(await aioboto3.Session().client("ssm", region_name=REGION).__aenter__())
        return (await clients[0].get_parameter(Name=name))["Parameter"]["Value"]

    def read(name):
        try:
            return {"value": loop.run_until_complete(by_client(name))}
        except (BotoCoreError, ClientError, RuntimeError) as error:
            return shown(error)

    return read


def aws_cli():
    """Return a function that reads a parameter by the AWS CLI whose Python this is."""
    from aws_cli import answered
    from awscli.clidriver import create_clidriver

    os.environ["AWS_PAGER"] = ""
    file = Path(tempfile.gettempdir(), "unused")

    def read(name):
        call = {"service": "ssm", "operation": "get-parameter", "parameters": {"Name": name}}
        answer = answered(create_clidriver(), call, "", file)
        return {"value": answer["Parameter"]["Value"]} if "Parameter" in answer else {"error": answer["said"]}

    return read


def main():
    read = {"boto3": boto3_client, "aioboto3": aioboto3_client, "aws-cli": aws_cli}[sys.argv[1]]()
    for line in sys.stdin:
        print(json.dumps(read(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
