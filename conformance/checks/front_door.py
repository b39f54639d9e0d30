"""API Gateway itself: its refusals are problems, it limits the rate of a route, and its log has no input of callers."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from conformance.check import CheckFailedError, Observation
from conformance.checks.grants import waited
from conformance.system import ConformanceSystem, new_agent

NO_ROUTE = "/v1/no-such-route"
HEALTH = "/v1/health"
MOST_LOG_SECONDS = 600.0
_FLOOD, _AT_ONCE = 120, 40
"""Requests of a route that accepts five a second, and how many are sent at the same time."""
SECRET = "not-for-the-log"  # noqa: S105 - a word that must not be in the log
LOGGED = {
    "request_id", "time", "source_ip", "method", "route", "status", "response_bytes", "milliseconds",
    "refused_by_gateway", "firewall",
}  # fmt: skip


def refusals(system: ConformanceSystem) -> Observation:
    """Return how API Gateway refuses what reaches no function: as a problem, with its code and headers."""
    token = system.agent_token(new_agent())
    with httpx.Client(base_url=system.api_url, timeout=30) as http:
        asked = {
            "without_token": http.get(NO_ROUTE),
            "with_token": http.get(NO_ROUTE, headers={"Authorization": f"Bearer {token}"}),
            "other_verb": http.put(HEALTH),
        }
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            flood = [each.result() for each in [pool.submit(http.get, HEALTH) for _ in range(_FLOOD)]]
    limited = [each for each in flood if each.status_code != httpx.codes.OK]
    facts = {name: described(answer) for name, answer in asked.items()}
    facts["too_many"] = described(limited[0]) if limited else {}
    wanted = {**dict.fromkeys(asked, problem(404, "route_not_found")), "too_many": problem(429, "rate_limited", "1")}
    if facts != wanted:
        raise CheckFailedError(f"API Gateway's refusals are not as expected: {facts}", facts)
    statuses = Counter(each.status_code for each in flood)
    return Observation(facts, {"of_a_flood": {str(status): count for status, count in sorted(statuses.items())}})


def described(answer: httpx.Response) -> dict[str, Any]:
    """Return what an agent sees of a refusal."""
    try:
        code = answer.json().get("code")
    except (AttributeError, ValueError):
        code = None
    kind, retry = answer.headers.get("Content-Type"), answer.headers.get("Retry-After")
    return {"status": answer.status_code, "type": kind, "code": code, "retry_after": retry}


def problem(status: int, code: str, retry_after: str | None = None) -> dict[str, Any]:
    """Return how a refusal must look."""
    return {"status": status, "type": "application/problem+json", "code": code, "retry_after": retry_after}


def access_log(system: ConformanceSystem) -> Observation:
    """Return what the access log has of a request. Its line has the id of the answer, and no input of the caller."""
    s3 = system.client("s3")
    # S3's own access log of the records has the same bucket.
    bucket = s3.get_bucket_logging(Bucket=system.outputs["RecordsBucket"])["LoggingEnabled"]["TargetBucket"]
    answer = httpx.get(f"{system.api_url}{HEALTH}", params={"q": SECRET}, headers={"X-Note": SECRET}, timeout=30)
    request_id, began = answer.headers.get("x-amzn-RequestId"), time.monotonic()

    def line() -> dict[str, Any] | None:
        return next((each for each in _lines(s3, bucket) if each.get("request_id") == request_id), None)

    found = waited(line, "the line of a request in the access log", MOST_LOG_SECONDS, 10.0)
    facts = {"members": sorted(found), "has_input": SECRET in json.dumps(found), "route": found.get("route")}
    if facts != {"members": sorted(LOGGED), "has_input": False, "route": HEALTH}:
        raise CheckFailedError(f"the line in the access log is not as expected: {facts}", facts)
    return Observation(facts, {"arrived_after_seconds": round(time.monotonic() - began)})


def _lines(s3: Any, bucket: str) -> list[dict[str, Any]]:
    """Return the lines of today's and yesterday's access log."""
    days = [time.strftime("%Y-%m-%d", time.gmtime(time.time() - ago)) for ago in (0, 86_400)]
    pages = s3.get_paginator("list_objects_v2")
    found = [page for day in days for page in pages.paginate(Bucket=bucket, Prefix=f"api/dt={day}/")]
    keys = [each["Key"] for page in found for each in page.get("Contents", [])]
    texts = [s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]
    # It does not matter here whether lines end: jq, which reads this log, needs no ends.
    return [json.loads(line) for text in texts for line in text.replace("}{", "}\n{").splitlines() if line]
