"""The measured process of `benchmarks.vend`. It runs in the bundle and has only what the function has.

`benchmarks.vend` puts `PARAMETERS` before this text: the bearer token and the number of requests.
"""

import contextlib
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import boto3

from jitney.adapters.aws_clients import DEFAULT_CONFIG, UNCHECKED_PARAMETERS, aws_client
from jitney.adapters.clock import new_id, now
from jitney.adapters.sessions import Sessions
from jitney.handlers.grants import create_grant
from jitney.handlers.runtime.edge import answer
from jitney.handlers.runtime.ports import Ports

parameters = json.loads(PARAMETERS)  # type: ignore[name-defined]  # noqa: F821
event = {
    "httpMethod": "POST",
    "resource": "/v1/grants",
    "headers": {"Authorization": f"Bearer {parameters['token']}"},
    "body": json.dumps(
        {
            "target": "analytics-prod",
            "permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/*"]}],
            "duration_seconds": 900,
            "reason": "monthly report",
        }
    ),
    "requestContext": {"requestId": "benchmark", "identity": {"sourceIp": "127.0.0.1"}},
}


class Recorded:
    """A client that makes real calls and remembers the last parameters of each."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.last: dict[str, Any] = {}
        self.exceptions = client.exceptions

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self.last[name] = parameters
            return getattr(self.client, name)(**parameters)

        return call


def vend(used: Ports) -> None:
    """Send one request through the handler. Its log goes to a pipe, as a Lambda function's does."""
    answered = answer(create_grant, event, used)
    if answered["statusCode"] != 201:
        raise SystemExit(answered["body"])


class Replayed(Recorded):
    """A client that repeats the answer of an earlier real call at once."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            if name not in self.last:
                self.last[name] = getattr(self.client, name)(**parameters)
            return self.last[name]

        return call


def ports_over(dynamodb: Any, sts: Any) -> Ports:
    """Return the handler's ports with these clients."""
    # Its grants last as long as STS's shortest session: none is scoped down.
    return Ports(dynamodb=dynamodb, sessions=Sessions(sts, lambda *_keys: contextlib.nullcontext(sts), now))


def replaced(value: Any, old: str, new: str) -> Any:
    """Return a call's parameters with `new` in place of `old` in each text. Compressed records stay as they are."""
    match value:
        case str():
            return value.replace(old, new)
        case dict():
            return {name: replaced(each, old, new) for name, each in value.items()}
        case list():
            return [replaced(each, old, new) for each in value]
    return value


def bare_calls(dynamodb: Recorded, sts: Recorded) -> Callable[[], None]:
    """Make the calls of a real request again, with a new id."""
    vend(ports_over(dynamodb, sts))
    old = sts.last["assume_role"]["RoleSessionName"]
    items, session = dynamodb.last["transact_write_items"], sts.last["assume_role"]

    def calls() -> None:
        new = new_id("g")
        dynamodb.client.get_item(**dynamodb.last["get_item"])
        dynamodb.client.transact_write_items(**replaced(items, old, new))
        sts.client.assume_role(**replaced(session, old, new))

    return calls


def measure(call: Callable[[], None]) -> tuple[float, float]:
    """Return the wall and processor time of one call in milliseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def figures(runs: list[tuple[float, float]]) -> dict[str, float]:
    """Return median and 99th percentile of the wall time, and the median of the processor time."""
    wall = [each[0] for each in runs]
    return {
        "p50_ms": round(statistics.median(wall), 3),
        "p99_ms": round(statistics.quantiles(wall, n=100)[98], 3),
        "cpu_p50_ms": round(statistics.median(each[1] for each in runs), 3),
    }


clients = aws_client("dynamodb", UNCHECKED_PARAMETERS), aws_client("sts")  # as in handlers.runtime.building
bare = bare_calls(*(Recorded(boto3.client(each, config=DEFAULT_CONFIG)) for each in ("dynamodb", "sts")))
ports = ports_over(*clients)
for _ in range(20):
    vend(ports)
    bare()
handler_runs, bare_runs = [], []
for _ in range(parameters["requests"]):
    handler_runs.append(measure(lambda: vend(ports)))
    bare_runs.append(measure(bare))
replayed = ports_over(Replayed(clients[0]), Replayed(clients[1]))
vend(replayed)
own_runs = [measure(lambda: vend(replayed)) for _ in range(parameters["requests"])]
handler, without = figures(handler_runs), figures(bare_runs)
print(
    json.dumps(
        {
            "handler": handler,
            "bare": without,
            "ratio_p50": round(handler["p50_ms"] / without["p50_ms"], 3),
            "own_cpu_ms": figures(own_runs)["cpu_p50_ms"],
            "cpu_difference_ms": round(handler["cpu_p50_ms"] - without["cpu_p50_ms"], 3),
        }
    )
)
