"""`make bench`: the state transitions of a review. Step Functions charges for each transition.

Requests are sent to a local system and released, because the workflow takes the same path for every decision. Then the
events in the executions' histories are counted. Each entered state is a transition, and so is each retry of a task.
https://aws.amazon.com/step-functions/pricing/
"""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx

from benchmarks.running import root, running_system

REVIEWS = 10
DEADLINE_SECONDS = 60


def transitions(events: Iterable[Mapping[str, Any]]) -> int:
    """Return how many transitions in an execution's history AWS charges for."""
    kinds = Counter(event["type"] for event in events)
    entered = sum(count for kind, count in kinds.items() if kind.endswith("StateEntered"))
    return entered + kinds["TaskScheduled"] - kinds["TaskStateEntered"]


def main() -> None:
    """Measure and print."""
    with running_system() as stack:
        figures = {"decided_at_once": _counted(stack, _not_waiting), "decided_after_asking": _counted(stack, _waiting)}
    print(json.dumps({"transitions": figures}, indent=2))


def _counted(stack: dict[str, Any], ready: Callable[[dict[str, Any], str], bool]) -> dict[str, int]:
    """Return the number of reviews by their number of transitions.

    The agent releases each request when `ready` allows it.
    """
    return dict(sorted(Counter(str(_of_one(stack, ready)) for _ in range(REVIEWS)).items()))


def _of_one(stack: dict[str, Any], ready: Callable[[dict[str, Any], str], bool]) -> int:
    grant_id = _asked(stack)
    _until(lambda: ready(stack, grant_id))
    _call(stack, "DELETE", f"/v1/grants/{grant_id}")
    states, arn = root(stack, "stepfunctions"), _execution(stack, grant_id)
    _until(lambda: states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
    return transitions(states.get_execution_history(executionArn=arn, maxResults=1000)["events"])


def _asked(stack: dict[str, Any]) -> str:
    wanted = [{"actions": ["s3:PutObject"], "resources": [f"arn:aws:s3:::reports/2026/{uuid.uuid4()}.csv"]}]
    body = {"target": "analytics-prod", "permissions": wanted, "duration_seconds": 900, "reason": "measured"}
    return str(_call(stack, "POST", "/v1/grants", body)["grant"]["id"])


def _call(stack: dict[str, Any], verb: str, path: str, body: Any = None) -> dict[str, Any]:
    agent = stack["agents"]["writer-agent"]
    secret, grant = (agent["client_id"], agent["client_secret"]), {"grant_type": "client_credentials"}
    token = httpx.post(stack["token_url"], data=grant, auth=secret).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.request(verb, stack["api_url"].rstrip("/") + path, json=body, headers=headers, timeout=30)
    return dict(answer.raise_for_status().json())


def _execution(stack: dict[str, Any], grant_id: str) -> str:
    return f"{stack['approval_arn'].replace(':stateMachine:', ':execution:')}:{grant_id}"


def _not_waiting(_stack: dict[str, Any], _grant_id: str) -> bool:
    return True


def _waiting(stack: dict[str, Any], grant_id: str) -> bool:
    key = {"pk": {"S": f"REVIEW#{grant_id}"}, "sk": {"S": "TOKEN"}}
    return "Item" in root(stack, "dynamodb").get_item(TableName=stack["tables"]["state"], Key=key)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            message = "the review does not go on"
            raise TimeoutError(message)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
