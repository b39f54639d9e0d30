"""The web ACL: what it lets through, and what it stops."""

from pathlib import Path
from typing import Any

import httpx
import yaml

from conformance.check import CheckFailedError, Observation
from conformance.configuration import ALIAS, KEY
from conformance.system import ConformanceSystem, new_agent

CORPUS = Path(__file__).with_name("legitimate_requests.yaml")
BODY_LIMIT = 65_536
BLOCKED = "request_blocked"
_CALL_BYTES = 200_000


def corpus() -> list[dict[str, Any]]:
    """Return the legitimate requests: their names, and what differs from a plain preview of a grant."""
    return list(yaml.safe_load(CORPUS.read_text(encoding="utf-8")))


def legitimate(system: ConformanceSystem) -> Observation:
    """Return the legitimate requests that something in front of the functions blocks."""
    requests = corpus()
    blocked = [each["name"] for each in requests if is_blocked(_answer(system, each))]
    if is_blocked(_large_call(system)):
        blocked.append("a large call through the gateway")
    facts = {"requests": len(requests) + 1, "blocked": blocked}
    if blocked:
        raise CheckFailedError(f"{len(blocked)} legitimate requests are blocked: {', '.join(blocked)}", facts)
    return Observation(facts)


def too_large(system: ConformanceSystem) -> Observation:
    """Return whether the firewall, and not a function, refuses a body over the limit."""
    body = b'{"reason": "' + b"x" * BODY_LIMIT + b'"}'
    answer = system.send("POST", "/v1/grants", system.identities.agent(new_agent()), body)
    facts = {"status": answer.status_code, "by_the_firewall": _by_firewall(answer)}
    if facts != {"status": httpx.codes.REQUEST_ENTITY_TOO_LARGE, "by_the_firewall": True}:
        raise CheckFailedError(f"the firewall does not refuse a body of {len(body)} bytes: {facts}", facts)
    return Observation(facts)


def _answer(system: ConformanceSystem, request: dict[str, Any]) -> httpx.Response:
    """Return the answer to a request. Each request comes from another agent, because dry runs are limited by agent."""
    plain = {
        "target": ALIAS,
        "permissions": [{"actions": ["s3:GetObject"], "resources": [system.object_arn(KEY)]}],
        "duration_seconds": 900,
        "reason": "conformance",
    }
    body = {**plain, **request.get("body", {})}
    if "key" in request:
        body["permissions"] = [{"actions": ["s3:GetObject"], "resources": [system.object_arn(request["key"])]}]
    if "reason_bytes" in request:
        body["reason"] = "x" * request["reason_bytes"]
    path, verb = request.get("path", "/v1/decisions"), request.get("verb", "POST")
    path += "x" * request.get("query_bytes", 0)
    token = system.identities.agent(new_agent())
    return system.send(verb, path, token, body if verb == "POST" else None, **request.get("headers", {}))


def _large_call(system: ConformanceSystem) -> httpx.Response:
    parameters = {"Bucket": system.bucket, "Key": KEY, "Body": "<script>" * (_CALL_BYTES // 8)}
    body = {"grant": "g-aaaaaaaaaaaaaa", "service": "s3", "operation": "PutObject", "parameters": parameters}
    return system.send("POST", "/v1/calls", system.identities.agent(new_agent()), body)


def is_blocked(answer: httpx.Response) -> bool:
    """Return whether the firewall refused the request, or something else in front of the functions.

    Every answer of a function is a page, or JSON with the code of a problem or a document. WAF's own answers are of
    type application/json. If WAF blocks a request without an answer of its own, API Gateway answers with the problem
    `request_blocked` (`infra.api.REFUSALS`).
    """
    if not answer.is_error:
        return False
    try:
        code = answer.json().get("code", BLOCKED)
    except ValueError:
        return "<title>" not in answer.text
    return bool(code == BLOCKED) or _by_firewall(answer)


def _by_firewall(answer: httpx.Response) -> bool:
    return str(answer.headers.get("content-type", "")).startswith("application/json")
