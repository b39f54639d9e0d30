"""`make bench`: at how many agents each quota of AWS is reached.

First, the AWS calls of each flow on a local system are counted. Then the tasks of AGENTS agents in one day
are simulated, event by event, with the same seed each time. The peak of each second is compared with the quotas. From
this follows the number of agents that reach each quota. Prints one JSON object.
"""

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

from benchmarks.running import running_system
from infra.gateway_functions import CALLS_PER_SECOND
from infra.spec import REQUESTS_PER_SECOND
from local.emulator.faults import PREFIX

AGENTS, TARGETS, SEED = 10_000, 200, 1
DAY_SECONDS = 24 * 3600
GRANT_SECONDS = 3600
"""Longer than STS's shortest session, 900 s: near the end of a grant, a renewal makes one more call, to end in time."""
QUIET_SECONDS = 2.0
"""A flow has ended if AWS gets no call of it for this time."""


@dataclass(frozen=True)
class Workload:
    """What agents do in a day: assumptions, not measurements."""

    work_begins: int = 8 * 3600
    work_ends: int = 18 * 3600
    tasks_per_hour: float = 6.0
    on_the_hour: float = 0.05
    """The part of the tasks that schedules start, in the first minute of an hour."""
    task_seconds: float = 600.0
    """The mean duration of a task. Durations are distributed exponentially, up to an hour."""
    key_seconds: int = 900
    released: float = 0.6
    reviewed: float = 0.02
    through_gateway: float = 0.2
    calls_per_task: int = 30
    writing: float = 0.1


WORKLOAD = Workload()
FLOWS = ("request", "renewal", "release", "review", "gateway_read", "gateway_write")


class Quota(NamedTuple):
    """A rate per second above which AWS or Jitney refuses calls, and how many of them a flow makes.

    docs/scale.md has the source of each figure, and what to do about it.
    """

    name: str
    limit: float
    use: Callable[[str, Mapping[str, int]], float]


def _calls(*names: str) -> Callable[[str, Mapping[str, int]], float]:
    return lambda _, counted: sum(counted.get(name, 0) for name in names)


def _flows(*names: str) -> Callable[[str, Mapping[str, int]], float]:
    return lambda flow, _: float(flow in names)


QUOTAS: tuple[Quota, ...] = (
    Quota("requests for access", REQUESTS_PER_SECOND, _flows("request", "review")),
    Quota("calls through the gateway", CALLS_PER_SECOND, _flows("gateway_read", "gateway_write")),
    Quota("sessions from STS", 600, _calls("sts:AssumeRole", "sts:GetScopedCredentials")),
    Quota("starts of reviews", 300, _calls("states:StartExecution")),
    Quota("reads of all suspensions", 3000, _flows(*FLOWS)),
    Quota("notifications in one Slack channel", 1, _flows("review")),
)


def main() -> None:
    """Measure, simulate and print."""
    with running_system() as stack:
        counted = {flow: dict(calls) for flow, calls in _measured(stack)}
    seconds = simulated(WORKLOAD, AGENTS, random.Random(SEED))  # noqa: S311 - a simulation
    figures = {quota.name: reached(quota, counted, seconds) for quota in QUOTAS}
    totals = {flow: sum(seconds[flow]) for flow in FLOWS}
    print(json.dumps({"agents": AGENTS, "aws_calls": counted, "events": totals, "quotas": figures}, indent=2))


def reached(quota: Quota, counted: Mapping[str, Mapping[str, int]], seconds: Mapping[str, list[int]]) -> dict[str, Any]:
    """Return the peak of a quota's calls in a second, and the number of agents at which the peak reaches the quota."""
    uses = {flow: quota.use(flow, counted[flow]) for flow in FLOWS}
    peak = max(sum(uses[flow] * seconds[flow][second] for flow in FLOWS) for second in range(DAY_SECONDS))
    return {
        "limit_per_second": quota.limit,
        "peak_per_second": round(peak, 1),
        "agents": round(AGENTS * quota.limit / peak, -2) if peak else None,
    }


def simulated(workload: Workload, agents: int, chance: random.Random) -> dict[str, list[int]]:
    """Return how often each flow begins in each second of a day."""
    seconds = {flow: [0] * DAY_SECONDS for flow in FLOWS}
    for start in _starts(workload, agents, chance):
        for flow, moment in _task(workload, start, chance):
            if moment < DAY_SECONDS:
                seconds[flow][int(moment)] += 1
    return seconds


def _starts(workload: Workload, agents: int, chance: random.Random) -> Iterator[float]:
    """Yield when each task of a day starts."""
    hours = (workload.work_ends - workload.work_begins) / 3600
    for _ in range(round(agents * workload.tasks_per_hour * hours)):
        if chance.random() < workload.on_the_hour:
            yield workload.work_begins + 3600 * chance.randrange(round(hours)) + chance.uniform(0, 60)
        else:
            yield chance.uniform(workload.work_begins, workload.work_ends)


def _task(workload: Workload, start: float, chance: random.Random) -> Iterator[tuple[str, float]]:
    """Yield the flows of one task, each with its second of the day."""
    lasts = min(chance.expovariate(1 / workload.task_seconds), 3600.0)
    yield ("review" if chance.random() < workload.reviewed else "request"), start
    if chance.random() < workload.through_gateway:
        for _ in range(workload.calls_per_task):
            writes = chance.random() < workload.writing
            yield ("gateway_write" if writes else "gateway_read"), start + chance.uniform(0, lasts)
    else:
        for number in range(1, int(lasts // workload.key_seconds) + 1):
            yield "renewal", start + number * workload.key_seconds
    if chance.random() < workload.released:
        yield "release", start + lasts


def _measured(stack: dict[str, Any]) -> Iterator[tuple[str, Counter[str]]]:
    """Yield each flow and its calls of AWS, with those that follow it, such as the delivery of its records."""
    with httpx.Client(timeout=60, trust_env=False) as client:
        system = _System(stack, client)
        yield "request", system.counted(system.granted)
        direct = f"/v1/grants/{system.granted()}"
        yield "renewal", system.counted(lambda: system.call("POST", f"{direct}/credentials"))
        yield "release", system.counted(lambda: system.call("DELETE", direct))
        yield "review", system.counted(system.reviewed)
        system.gateway_call("GetObject")  # its session is issued at the first call
        yield "gateway_read", system.counted(lambda: system.gateway_call("GetObject"))
        yield "gateway_write", system.counted(lambda: system.gateway_call("PutObject", Body="bmV3"))


class _System:
    """The local system, called as its agents. Each request differs from all earlier ones."""

    def __init__(self, stack: dict[str, Any], client: httpx.Client) -> None:
        self._stack = stack
        self._client = client
        self._gateway_grant = ""

    def call(self, verb: str, path: str, body: Any = None, *, agent: str = "writer-agent") -> dict[str, Any]:
        """Return the answer to a call of the API. Raises httpx.HTTPStatusError if it is a refusal."""
        known = self._stack["agents"][agent]
        secret, grant = (known["client_id"], known["client_secret"]), {"grant_type": "client_credentials"}
        token = self._client.post(self._stack["token_url"], data=grant, auth=secret).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid.uuid4())}
        answer = self._client.request(verb, self._stack["api_url"].rstrip("/") + path, json=body, headers=headers)
        return dict(answer.raise_for_status().json())

    def granted(self, action: str = "s3:GetObject", *, way: str = "credentials", agent: str = "writer-agent") -> str:
        """Return the id of a new grant on one object."""
        resource = "arn:aws:s3:::reports/2026/*" if way == "gateway" else f"arn:aws:s3:::reports/2026/{uuid.uuid4()}"
        actions = ["s3:GetObject", "s3:PutObject"] if way == "gateway" else [action]
        body = {
            "target": "analytics-prod",
            "permissions": [{"actions": actions, "resources": [resource]}],
            "duration_seconds": GRANT_SECONDS,
            "reason": "measured",
            "way": way,
        }
        return str(self.call("POST", "/v1/grants", body, agent=agent)["grant"]["id"])

    def reviewed(self) -> None:
        """Send a request that needs a review, and release it."""
        self.call("DELETE", f"/v1/grants/{self.granted('s3:PutObject')}")

    def gateway_call(self, operation: str, **parameters: str) -> None:
        """Make a call of S3 through the gateway. All calls use one grant."""
        agent = "gateway-agent"
        self._gateway_grant = self._gateway_grant or self.granted(way="gateway", agent=agent)
        named = {"Bucket": "reports", "Key": "2026/q3.csv", **parameters}
        body = {"grant": self._gateway_grant, "service": "s3", "operation": operation, "parameters": named}
        self.call("POST", "/v1/calls", body, agent=agent)

    def counted(self, flow: Callable[[], object]) -> Counter[str]:
        """Return the calls of AWS that a flow causes, until none has come for QUIET_SECONDS."""
        url = f"{self._stack['aws_endpoint']}{PREFIX}"
        self._client.put(url, json=[{"service": "none", "operation": "none"}]).raise_for_status()
        flow()
        calls: list[dict[str, str]] = []
        while len(found := self._client.get(url).json()["calls"]) > len(calls):
            calls = found
            time.sleep(QUIET_SECONDS)
        self._client.delete(url)
        return Counter(f"{call['service']}:{call['operation']}" for call in calls)


if __name__ == "__main__":
    main()
