"""`python -m benchmarks.load`: many agents at once on a local system, compared with the records afterwards.

Each agent repeats its work without a pause: it requests access, renews its credentials and lists its grants, and
releases most grants. Afterwards each grant that an agent saw has to be in the audit table, in S3 and in Athena's
answer, with the events that the agent caused, and no other grant may be there. Prints one JSON object. Exits with 1 if
anything is missing or was never requested.

The rate is that of the local system, whose functions are processes of this machine. It says nothing about AWS.
"""

import argparse
import asyncio
import importlib
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from benchmarks.running import ROOT, root, running_system
from jitney.adapters.record_items import record_in
from local.demo.audit_queries import AuditQueries
from local.settings import from_environment

LONGEST_PAUSE_SECONDS = 10.0
GIVEN_UP_SECONDS = 900.0
"""How long requests are repeated after the end of the load. A request without an answer may have opened a grant."""
RETRIED = frozenset({429, 500, 502, 503, 504})


class LoadPlan(NamedTuple):
    """How many agents work, for how long, under names that begin with `name`, with grants of how many seconds."""

    agents: int
    seconds: float
    name: str = "robot-"
    grant_seconds: int = 900


@dataclass
class Seen:
    """What the agents saw: milliseconds of each flow, statuses, and the events that each grant must have."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[str] = field(default_factory=Counter)
    grants: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    unanswered: int = 0
    given_up: int = 0


def main() -> int:
    """Run the agents, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load")
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=15.0)
    chosen = parser.parse_args()
    own = importlib.import_module("tests.system.own_system")
    with tempfile.TemporaryDirectory() as folder, own.serving_keys() as issuer:
        config = own.configured(replace(from_environment({}), state=Path(folder)), issuer)
        with running_system(config) as stack:
            plan = LoadPlan(chosen.agents, chosen.minutes * 60)
            seen, seconds = asyncio.run(load(stack, own, issuer, plan))
            memory = _memory_megabytes()
            lost = compared(seen, stack, plan.name)
    answered = sum(len(each) for each in seen.milliseconds.values())
    figures = {
        "agents": chosen.agents,
        "requests": answered,
        "requests_per_second": round(answered / seconds, 1),
        "milliseconds": {flow: _percentiles(each) for flow, each in seen.milliseconds.items()},
        "statuses": dict(seen.statuses),
        "unanswered": seen.unanswered,
        "given_up": seen.given_up,
        "grants": len(seen.grants),
        "memory_mb": memory,
        "lost": lost,
    }
    print(json.dumps(figures, indent=2))
    return 1 if any(lost.values()) else 0


async def load(stack: Mapping[str, Any], own: Any, issuer: str, plan: LoadPlan) -> tuple[Seen, float]:
    """Return what the agents saw, and how long they worked.

    `own` is the module tests.system.own_system, whose configuration `stack` has.
    """
    seen, began = Seen(), time.monotonic()
    limits = httpx.Limits(max_connections=plan.agents)
    async with httpx.AsyncClient(base_url=stack["api_url"].rstrip("/"), timeout=60, limits=limits) as client:
        workers = [_Agent(client, seen, number, own, issuer, plan) for number in range(plan.agents)]
        await asyncio.gather(*(worker.work(began + plan.seconds) for worker in workers))
    return seen, time.monotonic() - began


class _Agent:
    """One agent with its own identity and its own random numbers."""

    def __init__(
        self, client: httpx.AsyncClient, seen: Seen, number: int, own: Any, issuer: str, plan: LoadPlan
    ) -> None:
        self._client = client
        self._seen = seen
        self._name = f"{plan.name}{number}"
        self._own = own
        self._issuer = issuer
        self._seconds = plan.grant_seconds
        self._gives_up = time.monotonic() + plan.seconds + GIVEN_UP_SECONDS
        self._chance = random.Random(number)  # noqa: S311 - a load, no secret

    async def work(self, until: float) -> None:
        """Work until `until` (monotonic seconds), and finish what was begun."""
        while time.monotonic() < until:
            grant_id = await self._requested()
            if not grant_id:
                continue
            if self._chance.random() < 0.5:
                await self._sent("renewal", "POST", f"/v1/grants/{grant_id}/credentials")
            if self._chance.random() < 0.3:
                await self._sent("list", "GET", "/v1/grants")
            if self._chance.random() < 0.8 and await self._sent("release", "DELETE", f"/v1/grants/{grant_id}"):
                self._seen.grants[grant_id].add("release")

    async def _requested(self) -> str:
        plain = self._own.PLAIN
        permissions = [{"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::{plain}/raw/a.csv"]}]
        body = {"target": plain, "permissions": permissions, "reason": "under load"}
        body["duration_seconds"] = self._seconds
        answer = await self._sent("request", "POST", "/v1/grants", body)
        grant_id = str(answer["grant"]["id"]) if answer else ""
        if grant_id:
            self._seen.grants[grant_id].add("request")
        return grant_id

    async def _sent(self, flow: str, verb: str, path: str, body: Any = None) -> dict[str, Any]:
        """Return the answer, or {} if the request was refused or given up.

        The request is repeated with the same key until there is an answer, because only the answer shows what it did.
        """
        key = str(uuid.uuid4())
        for attempt in itertools.count():
            if attempt and time.monotonic() > self._gives_up:
                break
            token = self._own.token(self._issuer, self._name)
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
            began = time.monotonic()
            try:
                answer = await self._client.request(verb, path, json=body, headers=headers)
            except httpx.HTTPError:
                self._seen.unanswered += 1
                continue
            self._seen.milliseconds[flow].append((time.monotonic() - began) * 1000)
            code = "" if answer.is_success else f" {answer.json().get('code')}"
            self._seen.statuses[f"{flow} {answer.status_code}{code}"] += 1
            if answer.is_success:
                return dict(answer.json())
            if answer.status_code not in RETRIED:
                return {}
            await asyncio.sleep(self._chance.uniform(0, min(LONGEST_PAUSE_SECONDS, 0.2 * 2**attempt)))
        self._seen.given_up += 1
        return {}


def compared(seen: Seen, stack: dict[str, Any], name: str) -> dict[str, list[str]]:
    """Return what is missing or was never requested, by place: the audit table, S3 and Athena. Waits for deliveries.

    Grants of agents whose names do not begin with `name` are left out.
    """
    agents = f".{name}"
    table = _of_table(stack, agents)
    deadline = time.monotonic() + 300
    while difference(seen.grants, published := _of_bucket(stack, agents)) and time.monotonic() < deadline:
        time.sleep(1)
    rows = AuditQueries(stack).rows("who_requested_what")
    in_athena = {row["grant_id"] for row in rows if row["grant_id"] and agents in row["principal"]}
    return {
        "audit_table": difference(seen.grants, table),
        "s3": difference(seen.grants, published),
        "athena": sorted(set(seen.grants) ^ in_athena),
        "s3_and_table": sorted(set(table) ^ set(published)),
    }


def difference(caused: Mapping[str, set[str]], recorded: Mapping[str, Counter[str]]) -> list[str]:
    """Return the grants whose recorded events differ from the events that their agent caused, each grant once."""
    wrong = [
        grant_id
        for grant_id, events in caused.items()
        if any(recorded.get(grant_id, Counter())[event] != 1 for event in events)
    ]
    return sorted({*wrong, *(set(recorded) - set(caused))})


def _of_table(stack: dict[str, Any], agents: str) -> dict[str, Counter[str]]:
    """Return the events of each grant in the audit table."""
    pages = root(stack, "dynamodb").get_paginator("scan").paginate(TableName=stack["tables"]["audit"])
    records = (json.loads(text) for page in pages for item in page["Items"] if (text := record_in(item)))
    return events_by_grant(records, agents)


def _of_bucket(stack: dict[str, Any], agents: str) -> dict[str, Counter[str]]:
    """Return the events of each grant in the bucket of the records."""
    published = importlib.import_module("tests.system.test_records").Published
    return events_by_grant(published(root(stack, "s3"), stack["buckets"]["records"]).records(), agents)


def events_by_grant(records: Iterable[Mapping[str, Any]], agents: str) -> dict[str, Counter[str]]:
    """Return the events of each grant of principals that contain `agents`."""
    events: dict[str, Counter[str]] = defaultdict(Counter)
    counted: set[str] = set()
    for record in records:
        # A record may be delivered several times: a delivery whose answer is late is repeated.
        if (
            record["chain"] == record.get("grant_id")
            and agents in record["principal"]
            and record["hash"] not in counted
        ):
            counted.add(record["hash"])
            events[record["grant_id"]][record["event"]] += 1
    return dict(events)


def _percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100) if len(values) > 1 else [values[0]] * 99
    return {"p50": round(cuts[49]), "p99": round(cuts[98]), "most": round(max(values))}


def _memory_megabytes() -> int:
    """Return the memory of this checkout's emulators and their functions."""
    pages = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text(encoding="utf-8")
            if "emulator" in command and str(ROOT) in command:
                pages += int((folder / "statm").read_text(encoding="utf-8").split()[1])
        except OSError:  # the process ended
            continue
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


if __name__ == "__main__":
    sys.exit(main())
