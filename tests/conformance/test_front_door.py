"""OPS 4, AUD 7: the checks of API Gateway pass only if it answers and logs as it must."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from conformance.check import CheckFailedError
from conformance.checks import front_door
from conformance.checks.front_door import HEALTH, LOGGED, NO_ROUTE, SECRET
from conformance.system import ConformanceSystem
from tests.conformance.test_results import system

API = "https://api.example.com/live"
HEADERS = {"Content-Type": "application/problem+json"}
REFUSED: dict[str, Any] = {"status": 404, "code": "route_not_found", "headers": HEADERS}
LIMITED: dict[str, Any] = {"status": 429, "code": "rate_limited", "headers": HEADERS | {"Retry-After": "1"}}


class Gateway:
    """An API Gateway that refuses after the first requests of a flood. `spoil` changes a refusal."""

    def __init__(self, spoil: dict[str, Any] | None = None, *, limit: int = 5) -> None:
        self.spoil, self.limit, self.asked = spoil or {}, limit, 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(HEALTH) and request.method == "GET":
            self.asked += 1
            return httpx.Response(200, json={}) if self.asked <= self.limit else self.refusal(LIMITED)
        assert request.url.path.endswith((NO_ROUTE, HEALTH))
        return self.refusal(REFUSED)

    def refusal(self, usual: dict[str, Any]) -> httpx.Response:
        made = {**usual, **(self.spoil if self.spoil.get("of", usual) is usual else {})}
        return httpx.Response(made["status"], headers=made["headers"], text=json.dumps({"code": made["code"]}))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    client = httpx.Client

    def refusals(gateway: Gateway) -> Any:
        transport = httpx.MockTransport(gateway.answer)
        monkeypatch.setattr(front_door.httpx, "Client", lambda **named: client(transport=transport, **named))
        return front_door.refusals(replace(system(on_aws=True, folder=tmp_path), api_url=API))

    return refusals


def test_ops_04_refusals_that_are_problems_pass(asked: Any):
    seen = asked(Gateway())
    assert seen.facts["too_many"]["retry_after"] == "1"
    assert seen.measured["of_a_flood"] == {"200": 5, "429": 115}


@pytest.mark.parametrize(
    "spoil",
    [
        {"of": REFUSED, "status": 403},
        {"of": REFUSED, "code": "request_invalid"},
        {"of": REFUSED, "headers": {"Content-Type": "application/json"}},
        {"of": LIMITED, "headers": HEADERS},
        {"of": LIMITED, "code": "internal", "status": 500},
    ],
)
def test_ops_04_other_refusals_fail(asked: Any, spoil: dict[str, Any]):
    with pytest.raises(CheckFailedError, match="not as expected"):
        asked(Gateway(spoil))


def test_ops_04_a_flood_that_nothing_limits_fails(asked: Any):
    with pytest.raises(CheckFailedError) as failed:
        asked(Gateway(limit=10_000))
    assert failed.value.observed["too_many"] == {}


class Log:
    """S3 with the access log, which ends no line."""

    def __init__(self, line: dict[str, Any]) -> None:
        self.lines = [{"request_id": "another"}, line]

    def get_bucket_logging(self, **named: str) -> dict[str, Any]:
        assert named == {"Bucket": "records"}
        return {"LoggingEnabled": {"TargetBucket": "logs"}}

    def get_paginator(self, _name: str) -> Any:
        return self

    def paginate(self, **named: str) -> list[dict[str, Any]]:
        assert named["Bucket"] == "logs"
        assert named["Prefix"].startswith("api/dt=2")
        return [{"Contents": [{"Key": "api/a"}]}]

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"Body": io.BytesIO("".join(map(json.dumps, self.lines)).encode())}


LINE = dict.fromkeys(sorted(LOGGED), "-") | {"request_id": "id-1", "route": HEALTH}


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def access_log(line: dict[str, Any]) -> Any:
        log = Log(line)
        monkeypatch.setattr(ConformanceSystem, "client", lambda *_, **__: log)
        answer = httpx.Response(200, headers={"x-amzn-RequestId": "id-1"})
        monkeypatch.setattr(front_door.httpx, "get", lambda *_, **__: answer)
        monkeypatch.setattr(front_door, "MOST_LOG_SECONDS", 0.0)
        monkeypatch.setattr("conformance.checks.grants.time.sleep", lambda _: None)
        made = replace(system(on_aws=True, folder=tmp_path), outputs={"RecordsBucket": "records"}, api_url=API)
        return front_door.access_log(made)

    return access_log


def test_aud_07_a_line_with_the_id_of_the_answer_and_no_input_passes(logged: Any):
    assert logged(LINE).facts == {"members": sorted(LOGGED), "has_input": False, "route": HEALTH}


@pytest.mark.parametrize(
    "spoil", [{"route": f"{HEALTH}?q={SECRET}"}, {"user_agent": "a"}, {"request_id": "id-2"}], ids=str
)
def test_aud_07_another_line_fails(logged: Any, spoil: dict[str, str]):
    with pytest.raises(CheckFailedError):
        logged(LINE | spoil)


@pytest.mark.xdist_group("cdk")
def test_aud_07_the_check_expects_what_the_api_logs():
    from infra.api import _LOGGED

    assert _LOGGED.keys() == LOGGED
