"""The packed size of session policies and tags, which only STS knows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.check import CheckFailedError, Observation
from conformance.checks.grants import expect
from conformance.configuration import ALIAS
from conformance.system import ConformanceSystem, new_agent
from jitney.adapters.record_items import record_in

COUNTS = (1, 8, 16, 28)
"""How many objects each request names. The last policy is just below 2,048 characters."""


def packed_sizes(system: ConformanceSystem) -> Observation:
    """Return the percent of STS's limit that session policies of growing length take, by their characters."""
    percents: dict[int, int | None] = {}
    for count in COUNTS:
        names = [system.object_arn(f"data/{number:02}") for number in range(count)]
        permissions = [{"actions": ["s3:PutObject"], "resources": names}]
        agent = new_agent()
        characters = _characters(system, agent, permissions)
        opened = system.opened(agent, permissions=permissions)
        trial = _first_record(system, opened["grant"]["id"])
        if "packed_policy_percent" not in trial:
            raise CheckFailedError(f"a policy of {characters} characters was not tried: {trial}")
        percents[characters] = trial["packed_policy_percent"]
    named = sum(1 for percent in percents.values() if percent)
    facts = {"policies": len(percents), "sizes_named": named}
    if named < len(percents):
        raise CheckFailedError("STS does not name the packed sizes", facts)
    return Observation(facts, {"percent_by_characters": percents})


def _characters(system: ConformanceSystem, agent: str, permissions: Sequence[Mapping[str, Any]]) -> int:
    """Return the number of characters of a request's session policy."""
    body = {"target": ALIAS, "permissions": list(permissions), "duration_seconds": 900, "reason": "conformance"}
    answer = system.send("POST", "/v1/decisions", system.agent_token(agent), body)
    return int(expect(answer, 200)["session_policy_size"]["characters"])


def _first_record(system: ConformanceSystem, grant_id: str) -> dict[str, Any]:
    """Return the details of the grant's first record."""
    items = system.client("dynamodb").query(
        TableName=system.outputs["AuditTable"],
        KeyConditionExpression="pk = :chain",
        ExpressionAttributeValues={":chain": {"S": grant_id}},
        ConsistentRead=True,
    )["Items"]
    if not items:
        raise CheckFailedError(f"{grant_id} has no record")
    return dict(json.loads(json.loads(record_in(items[0]))["detail"]))
