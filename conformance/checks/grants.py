"""One grant each way: credentials, gateway, and reviewed. And the target's own check."""

import base64
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
from botocore.exceptions import ClientError

from conformance.check import CheckFailedError, Observation
from conformance.configuration import ALIAS, KEY, OTHER_KEY
from conformance.system import ConformanceSystem, new_agent, session_keys

CONTENT = b"region,revenue\nnorth,1\n"
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation", "AuthorizationError"})
MOST_WAIT_SECONDS = 120.0


def expect(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Return the answer's JSON. Raises CheckFailedError for another status."""
    if answer.status_code != status:
        said = answer.text[:300] if answer.is_error else ""  # other answers may hold credentials
        raise CheckFailedError(f"{answer.request.url.path} answered {answer.status_code} {said}".rstrip())
    return dict(answer.json())


def code_of(call: Callable[[], Any]) -> str:
    """Return the code of the error with which AWS answers the call; "" if it succeeds."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def waited(found: Callable[[], Any], what: str, seconds: float = MOST_WAIT_SECONDS, pause: float = 1.0) -> Any:
    """Return the result of `found` once it is true. Raises CheckFailedError with `what` if that takes too long."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > deadline:
            raise CheckFailedError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(pause)
    return value


def deployment(system: ConformanceSystem) -> Observation:
    """Return how long each stack took. A stack that fails ends the run before any check."""
    return Observation(measured={"seconds": dict(system.deploy_seconds)})


def target_check(system: ConformanceSystem) -> Observation:
    """Return the attempts of the target's check, and the answers that differ from what the check expects."""
    answer = system.send("POST", f"/v1/targets/{ALIAS}/check", system.identities.operator())
    attempts = expect(answer, 200)["attempts"]
    wrong = {each["name"]: each["outcome"] for each in attempts if not each["ok"]}
    facts = {"attempts": len(attempts), "wrong": wrong}
    if wrong:
        raise CheckFailedError(f"AWS does not answer {len(wrong)} attempts as expected: {wrong}", facts)
    return Observation(facts)


def credentials(system: ConformanceSystem) -> Observation:
    """Return what the keys of a grant read, and what AWS denies them."""
    began = time.monotonic()
    issued = system.read_grant(new_agent())
    took = time.monotonic() - began
    s3 = system.client("s3", session_keys(issued["credentials"]))
    body = s3.get_object(Bucket=system.bucket, Key=KEY)["Body"].read()
    beside = code_of(lambda: s3.get_object(Bucket=system.bucket, Key=OTHER_KEY))
    write = code_of(lambda: s3.put_object(Bucket=system.bucket, Key=KEY, Body=b""))
    facts = {"reads_the_object": body == CONTENT, "other_object": beside, "write": write}
    if body != CONTENT or beside not in DENIED or write not in DENIED:
        raise CheckFailedError(f"the keys cannot do exactly what was granted: {facts}", facts)
    return Observation(facts, {"request_milliseconds": round(took * 1000)})


def gateway(system: ConformanceSystem) -> Observation:
    """Return the answers to a write, a read and a call outside the grant, through the gateway."""
    agent, key = new_agent(), f"data/{uuid.uuid4().hex}"
    permissions = ("s3:GetObject", "s3:PutObject"), (system.object_arn(key),)
    opened = system.opened(agent, *permissions, way="gateway")
    token = system.agent_token(agent)

    def called(operation: str, **parameters: str) -> httpx.Response:
        parameters = {"Bucket": system.bucket, **parameters}
        body = {"grant": opened["grant"]["id"], "service": "s3", "operation": operation, "parameters": parameters}
        return system.send("POST", "/v1/calls", token, body)

    written = expect(called("PutObject", Key=key, Body=base64.b64encode(CONTENT).decode()), 200)
    read = expect(called("GetObject", Key=key), 200)
    outside = called("GetObject", Key=KEY)
    facts = {
        "has_credentials": "credentials" in opened,
        "write": written["status"],
        "read": read["body"].encode() == CONTENT,
        "outside": outside.status_code,
    }
    if facts != {"has_credentials": False, "write": 200, "read": True, "outside": 403}:
        raise CheckFailedError(f"the gateway does not answer as expected: {facts}", facts)
    return Observation(facts)


def reviewed(system: ConformanceSystem) -> Observation:
    """Return the states of a request that a reviewer approves in a terminal, how its workflow ended, and its writes."""
    agent, key = new_agent(), f"data/{uuid.uuid4().hex}"
    pending = system.opened(agent, ("s3:PutObject",), (system.object_arn(key),))["grant"]
    grant_id, began = pending["id"], time.monotonic()
    decided = approve(system, grant_id)
    token = system.agent_token(agent)
    path = f"/v1/grants/{grant_id}"

    def active() -> bool:
        return bool(expect(system.send("GET", path, token), 200)["grant"]["state"] == "active")

    waited(active, "the approval")
    took = time.monotonic() - began
    issued = expect(system.send("POST", f"{path}/credentials", token), 200)
    s3 = system.client("s3", session_keys(issued["credentials"]))
    facts = {
        "before": pending["state"],
        "after_vote": decided["state"],
        "workflow": waited(lambda: _workflow_end(system, grant_id), "the workflow's end"),
        "write": code_of(lambda: s3.put_object(Bucket=system.bucket, Key=key, Body=CONTENT)),
        "other_write": code_of(lambda: s3.put_object(Bucket=system.bucket, Key=KEY, Body=CONTENT)),
    }
    found = (facts["before"], facts["workflow"], facts["write"])
    if found != ("pending", "SUCCEEDED", "") or facts["other_write"] not in DENIED:
        raise CheckFailedError(f"the reviewed grant is not as expected: {facts}", facts)
    return Observation(facts, {"approval_milliseconds": round(took * 1000)})


def _workflow_end(system: ConformanceSystem, grant_id: str) -> str:
    """Return the status with which the grant's workflow ended, "" while it runs."""
    arn = f"{system.outputs['ApprovalArn'].replace(':stateMachine:', ':execution:')}:{grant_id}"
    status = str(system.client("stepfunctions").describe_execution(executionArn=arn)["status"])
    return "" if status == "RUNNING" else status


def approve(system: ConformanceSystem, grant_id: str) -> dict[str, Any]:
    """Return the request after the reviewer approved all of it, with a second step if the approval needs one."""
    path = f"/v1/reviews/{grant_id}"
    shown = expect(system.send("GET", path, system.identities.reviewer()), 200)["review"]
    body = {"verdict": "approve", "content": shown["content"]}
    answer = system.send("POST", f"{path}/votes", system.identities.reviewer(), body)
    if answer.status_code == httpx.codes.CONFLICT and answer.json().get("code") == "confirmation_required":
        body["confirmed"] = answer.json()["review"]["content"]
        answer = system.send("POST", f"{path}/votes", system.identities.reviewer(), body)
    return dict(expect(answer, 200)["review"])
