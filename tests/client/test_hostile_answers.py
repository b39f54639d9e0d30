"""Answers in which one member has a value that no broker sends: no command ends in a traceback or harms a terminal."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from jitney.client.api import broker as broker_module
from jitney.client.api.connection import HttpRequest, HttpResponse
from jitney.client.api.responses import ApiGrant
from tests.cli import invoke
from tests.client.fake_broker import (
    GRANT_ID,
    PERMISSIONS,
    PERMITTED_TARGET,
    REVIEW,
    ended,
    grant,
    issued,
    permitted,
    problem,
    under_review,
    vote,
)

NEED = ("t", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::r/*", "--reason", "x")
REASON = {"policy": "p", "sentence": "s", "action": "s3:GetObject", "resource": "*", "template": "t {action}"}
FAULT = {"pointer": "/duration_seconds", "detail": "d", "fix": "f", "bounds": {"minimum": 60, "maximum": 70}}
DENIED = problem(
    "denied", reasons=[REASON], allowed_subset=PERMISSIONS, longest_seconds=60, retry_at="2099-11-24T12:05:00Z"
)
PENDING = problem("grant_pending", grant=grant("pending"), review=REVIEW)
ANSWERS: Mapping[str, tuple[Sequence[str], int, Mapping[str, Any]]] = {
    "issued": (["request", *NEED], 201, issued(votes=[vote("approve", "c")])),
    "under review": (["request", *NEED], 202, under_review()),
    "denied": (["request", *NEED], 403, DENIED),
    "invalid": (["request", *NEED], 400, problem("request_invalid", errors=[FAULT], pointer="/x")),
    "run": (["run", *NEED, "--no-wait", "--", "true"], 201, issued()),
    "pending": (["run", *NEED, "--no-wait", "--", "true"], 409, PENDING),
    "list": (["grants", "list"], 200, {"grants": [grant() | {"review": REVIEW}], "next": "abc"}),
    "ended": (["grants", "show", GRANT_ID], 200, ended()),
    "targets": (["targets"], 200, permitted(PERMITTED_TARGET, fix="x")),
}
VALUES = (None, 5, "\x1b]0;x\x07\u202e", {"a": 1})


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from places(member, (*place, name))


def changed(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy = deepcopy(document)
    inner = copy
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return copy


@pytest.mark.parametrize("name", ANSWERS)
def test_cli_01_no_member_of_an_answer_breaks_a_command_or_a_terminal(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
):
    words, status, document = ANSWERS[name]
    body = b""
    monkeypatch.setenv("JITNEY_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("JITNEY_TOKEN", "token")
    monkeypatch.setattr(time, "sleep", lambda _: None)

    def send(request: HttpRequest, sleep: Any) -> HttpResponse:
        return HttpResponse(request.url, status, {"date": "Tue, 24 Nov 2099 12:00:00 GMT"}, body)

    monkeypatch.setattr(broker_module, "send", send)
    for place in places(document):
        for value in VALUES:
            body = json.dumps(changed(document, place, value)).encode()
            done = invoke(words)
            assert not done.exception or isinstance(done.exception, SystemExit), (place, value, done.exception)
            shown = done.output
            assert not {"\x1b", "\x07", "\u202e"} & set(shown), (place, value)


@pytest.mark.parametrize("region", ["evil.example.com/#", "eu-west-1\nX", "EU"])
def test_cli_01_no_answer_names_a_host_instead_of_a_region(region: str):
    with pytest.raises(ValueError, match="Region"):
        ApiGrant.read(grant(region=region))
