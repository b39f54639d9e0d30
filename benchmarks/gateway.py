"""`make bench`: POST /v1/calls beside a direct call with boto3, in one run.

The handler, policies, models and masks are the deployed ones. A process of its own answers for AWS over HTTP, for both
sides. Jitney's other calls of AWS are answered from memory for `own_cpu`, and by moto where they are counted. Calls of
both sides alternate, so that changes of the machine's speed affect both. Prints one JSON object.
"""

import contextlib
import importlib
import io
import itertools
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from moto import mock_aws

from benchmarks.gateway_upstream import SIZES
from benchmarks.prices import PRICES
from jitney.adapters.aws_calls import AwsCalls
from jitney.adapters.aws_models import AwsModels
from jitney.adapters.call_store import CallStore
from jitney.adapters.grant_items import item_of
from jitney.adapters.mask_keys import MaskKeys
from jitney.adapters.sessions import Sessions
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.adapters.upstream import CALL_SECONDS, Upstream
from jitney.core.access.credentials import Credentials
from jitney.core.call_lookup import CALL_INDEX_ATTRIBUTES
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
ROUND_TRIP_SECONDS, UPSTREAM_SECONDS = 0.005, 0.03
"""Assumed times of one call of DynamoDB or STS, and of the call that the agent wants."""
FIREHOSE_BYTES = 5_000
"""Firehose bills each record in steps of 5 kB."""

type Call = dict[str, Any]


def main() -> None:
    """Measure and print."""
    # The handler's log goes to memory, as a function's goes to a pipe.
    with upstream() as url, contextlib.redirect_stdout(io.StringIO()):
        cpu = {name: _compared(name, url) for name in ("s3", "dynamodb")}
        counted = counted_calls(url)
        figures = {
            "own_cpu": cpu,
            "aws_calls_besides_upstream": {name: each["calls"] for name, each in counted.items()},
            "dynamodb_units": {name: each["units"] for name, each in counted.items()},
            "dollars_per_million": {
                name: dollars(each, cpu["s3"]["1kB"]["handler_ms"] / 1000) for name, each in counted.items()
            },
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
    answer = importlib.import_module("jitney.handlers.edge").answer
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


def counted_calls(url: str) -> dict[str, dict[str, Any]]:
    """Return, for a warm read and a warm write, Jitney's own calls of AWS and the units that they use."""
    with mock_aws(), _recorded() as made:
        gateway = _with_real_adapters(_gateway(url))
        read = {"service": "s3", "operation": "GetObject", "parameters": {"Bucket": "reports", "Key": "1kB"}}
        write = {
            "service": "s3",
            "operation": "PutObject",
            "parameters": {"Bucket": "reports", "Key": "1kB", "Body": "YSxiCg=="},
        }
        found = {}
        for name, call in (("read", read), ("write", write)):
            act = _calling(gateway, call)
            act()
            made.clear()
            act()
            found[name] = {
                "calls": dict(Counter(operation for operation, _, _ in made)),
                "units": _units(made),
                "records": sum(_records(parameters) for _, parameters, _ in made),
            }
    return found


@contextlib.contextmanager
def _recorded() -> Iterator[list[tuple[str, Mapping[str, Any], Any]]]:
    """Yield the calls of AWS by every client of this process: operation, parameters and answer."""
    made: list[tuple[str, Mapping[str, Any], Any]] = []
    plain = BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001 - sees the calls of all clients

    def call(client: Any, operation: str, parameters: Any) -> Any:
        answer = plain(client, operation, parameters)
        made.append((operation, parameters, answer))
        return answer

    BaseClient._make_api_call = call  # type: ignore[attr-defined]  # noqa: SLF001
    try:
        yield made
    finally:
        BaseClient._make_api_call = plain  # type: ignore[attr-defined]  # noqa: SLF001


def _with_real_adapters(gateway: Any) -> Any:
    """Let the handler use the deployed adapters over moto."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": REGION}
    dynamodb, kms, sts = boto3.client("dynamodb"), boto3.client("kms"), boto3.client("sts")
    keys: dict[str, tuple[str, ...]] = {"state": ("pk", "sk"), "audit": ("pk", "sk"), "answers": ("pk",)}
    for table, names in keys.items():
        dynamodb.create_table(
            TableName=table,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=[{"AttributeName": name, "KeyType": "HASH" if name == "pk" else "RANGE"} for name in names],
            BillingMode="PAY_PER_REQUEST",
        )
    ports = gateway.system.ports
    dynamodb.put_item(TableName="state", Item=item_of(gateway.system.store.grants[gateway.grant_id]))
    suspensions = SuspensionStore(dynamodb, "state")
    key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    ports.__dict__.update(
        dynamodb=dynamodb,
        store=Store(dynamodb, "state", "audit"),
        suspensions=suspensions,
        call_store=CallStore(dynamodb, "state", "audit", "answers", suspensions),
        sessions=Sessions(sts, lambda *_: contextlib.nullcontext(sts), ports.now),
        mask_keys=MaskKeys(lambda: kms, key),
    )
    return gateway


def _units(made: list[tuple[str, Mapping[str, Any], Any]]) -> dict[str, int]:
    """Return the units of DynamoDB that the calls use: two a kB in a transaction, and one a record in the index."""
    units = Counter({"write": 0, "read": 0})
    for operation, parameters, answer in made:
        if operation == "TransactWriteItems":
            for each in parameters["TransactItems"]:
                ((_, written),) = each.items()
                item = written.get("Item", {})
                units["write"] += 2 * max(1, math.ceil(_item_bytes(item) / 1024)) + (CALL_INDEX_ATTRIBUTES[0] in item)
        elif operation == "BatchGetItem":
            items = [item for found in answer["Responses"].values() for item in found]
            asked = sum(len(each["Keys"]) for each in parameters["RequestItems"].values())
            units["read"] += asked - len(items)
            units["read"] += sum(math.ceil(_item_bytes(item) / 4096) for item in items)
    return dict(units)


def _item_bytes(item: Mapping[str, Any]) -> int:
    """Return the size of an item of texts, numbers and bytes, as DynamoDB bills it: names and values in UTF-8."""
    values = [value for each in item.values() for value in each.values()]
    return sum(map(len, [*item, *(each if isinstance(each, bytes) else str(each).encode() for each in values)]))


def _records(parameters: Mapping[str, Any]) -> int:
    return sum("record" in each.get("Put", {}).get("Item", {}) for each in parameters.get("TransactItems", ()))


def dollars(counted: Mapping[str, Any], cpu_seconds: float) -> dict[str, float]:
    """Return what a million such calls cost, by part of the template."""
    spec = importlib.import_module("infra.gateway_functions").GATEWAY_SPECS[0]
    calls = sum(counted["calls"].values())
    seconds = cpu_seconds + calls * ROUND_TRIP_SECONDS + UPSTREAM_SECONDS
    parts = {
        "api_gateway": PRICES["api_gateway"],
        "waf": PRICES["waf"],
        "lambda": PRICES["lambda_request"] + seconds * spec.memory_mb / 1024 * PRICES["lambda_gb_second"],
        "dynamodb": counted["units"]["write"] * PRICES["write_unit"] + counted["units"]["read"] * PRICES["read_unit"],
        "logs": 1e-6 * PRICES["log_gb"],
        "firehose": counted["records"] * FIREHOSE_BYTES / 1e9 * PRICES["firehose_gb"],
    }
    millions = {name: round(each * 1e6, 2) for name, each in parts.items()}
    return millions | {"all": round(sum(millions.values()), 2)}


if __name__ == "__main__":
    main()
