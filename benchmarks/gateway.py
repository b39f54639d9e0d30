"""`make bench`: POST /v1/calls beside a direct call with boto3, in one run.

The handler, policies, models and masks are the deployed ones. A process of its own answers for AWS over HTTP, for both
sides. Jitney's other calls of AWS are answered from memory. Calls of both sides alternate, so that changes of the
machine's speed affect both. `benchmarks.cost` counts these calls and their costs. Prints one JSON object.
"""

import contextlib
import importlib
import io
import itertools
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.gateway_upstream import SIZES
from jitney.adapters.aws_calls import AwsCalls
from jitney.adapters.aws_models import AwsModels
from jitney.adapters.upstream import CALL_SECONDS, Upstream
from jitney.core.access.credentials import Credentials
from jitney.core.masking.mask_tags import MaskTags
from jitney.resources import MODELS

RUNS = {"1kB": 200, "100kB": 50, "1MB": 15}
WARM_UP = 3
REGION = "eu-west-1"
TABLE = f"arn:aws:dynamodb:{REGION}:444455556666:table/orders"
PERMISSIONS = [
    {"actions": ["s3:GetObject", "s3:PutObject"], "resources": [f"arn:aws:s3:::reports/{key}" for key in SIZES]},
    {"actions": ["dynamodb:GetItem", "dynamodb:Query"], "resources": [TABLE]},
]

type Call = dict[str, Any]


def main() -> None:
    """Measure and print."""
    # The handler's log goes to memory, as a function's goes to a pipe.
    with upstream() as url, contextlib.redirect_stdout(io.StringIO()):
        figures = {
            "own_cpu": {name: _compared(name, url) for name in ("s3", "dynamodb")},
            "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    print(json.dumps(figures, indent=2))


@contextlib.contextmanager
def upstream() -> Iterator[str]:
    """Start the process that answers for AWS, and yield its URL."""
    command = [sys.executable, "-m", "benchmarks.gateway_upstream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = next(iter(process.stdout or ()), "").strip()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _gateway(url: str) -> Any:
    """Return the tests' agent with a gateway grant. AWS, for its calls, is at `url`."""
    gateway = importlib.import_module("tests.handlers.gateway").Gateway(permissions=PERMISSIONS)
    models = AwsModels.load(MODELS.read_bytes(), url)
    gateway.system.ports.__dict__["aws_calls"] = AwsCalls(models, Upstream())
    return gateway


def _calling(gateway: Any, call: Call) -> Callable[[], None]:
    """Return a function that sends the call through the handler, with a new key each time."""
    token = importlib.import_module("tests.core.identity.minting").token()
    headers = {"Authorization": f"Bearer {token}"}
    event = {
        "httpMethod": "POST",
        "resource": "/v1/calls",
        "headers": headers,
        "body": json.dumps({"grant": gateway.grant_id, **call}),
        "requestContext": {"requestId": "benchmark", "identity": {"sourceIp": "127.0.0.1"}},
    }
    ports, numbers = gateway.system.ports, itertools.count()
    answer = importlib.import_module("jitney.handlers.runtime.edge").answer
    create_call = importlib.import_module("jitney.handlers.gateway_calls").create_call

    def act() -> None:
        headers["Idempotency-Key"] = f"benchmark-{next(numbers)}"
        answered = answer(create_call, event, ports)
        if answered["statusCode"] != 200:
            raise SystemExit(answered["body"])

    return act


def _sending(gateway: Any, call: Call) -> Callable[[], None]:
    """Return a function that makes the call alone: check it against the model, serialize, sign, send, mask."""
    ports, names = gateway.system.ports, ("service", "operation", "parameters")
    target = ports.config.targets["analytics-prod"]
    service, operation, parameters = (call[name] for name in names)
    credentials = Credentials("AKIAIOSFODNN7EXAMPLE", "x", "y", 2**40)
    tags = MaskTags(lambda: b"key")

    def act() -> None:
        modelled = ports.aws_calls.checked(service, operation, "", parameters, target)
        received = ports.aws_calls.send(modelled, "c-aaaaaaaaaaaaaa", credentials, CALL_SECONDS)
        ports.answer_masker.mask(received, modelled.operation, tags, reveal=False)

    return act


def _compared(service: str, url: str) -> dict[str, Any]:
    """Return the processor time of calls of a service by size, and its ratios to boto3's."""
    gateway = _gateway(url)
    keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x", "aws_session_token": "y"}
    client: Any = boto3.client(  # type: ignore[call-overload]
        service, endpoint_url=url, region_name=REGION, config=Config(s3={"addressing_style": "path"}), **keys
    )
    found = {}
    for size in SIZES:
        call, direct = _calls(service, size, client)
        acts = direct, _sending(gateway, call), _calling(gateway, call)
        spent: list[list[float]] = [[] for _ in acts]
        for number in range(WARM_UP + RUNS[size]):
            for times, act in zip(spent, acts, strict=True):
                began = time.process_time()
                act()
                if number >= WARM_UP:
                    times.append((time.process_time() - began) * 1000)
        boto, *ours = (statistics.median(times) for times in spent)
        found[size] = {"boto3_ms": round(boto, 2)}
        for name, each in zip(("send_and_mask", "handler"), ours, strict=True):
            found[size] |= {f"{name}_ms": round(each, 2), f"{name}_ratio": round(each / boto, 2)}
    return found


def _calls(service: str, size: str, client: Any) -> tuple[Call, Callable[[], Any]]:
    """Return a call for the gateway, and the same call with boto3."""
    if service == "s3":
        where = {"Bucket": "reports", "Key": size}
        call = {"service": "s3", "operation": "GetObject", "parameters": where}

        def get() -> bytes:
            return bytes(client.get_object(**where)["Body"].read())

        return call, get
    if size == "1kB":
        one = {"TableName": "orders", "Key": {"id": {"S": f"o-1{size}"}}}
        return {"service": "dynamodb", "operation": "GetItem", "parameters": one}, lambda: client.get_item(**one)
    many = {
        "TableName": "orders",
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": {"S": f"o-1{size}"}},
    }
    return {"service": "dynamodb", "operation": "Query", "parameters": many}, lambda: client.query(**many)


if __name__ == "__main__":
    main()
