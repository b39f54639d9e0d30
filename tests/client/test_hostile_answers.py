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
from jitney.client.api.reviews import SECTIONS
from jitney.client.commands import review_votes, suspend
from jitney.client.inputs.options import Connection
from tests.cli import invoke
from tests.client.fake_broker import (
    GRANT_ID,
    PERMISSIONS,
    PERMITTED_ACCESS,
    PERMITTED_TARGET,
    REVIEW,
    FakeBroker,
    ended,
    grant,
    issued,
    permitted,
    problem,
    under_review,
    vote,
)
from tests.client.test_cli_request import DECISION
from tests.client.test_cli_suspend import LIFTED, SUSPENSION, progress
from tests.client.test_cli_target import WRONG as RIGHT_CALL
from tests.client.test_tokens import jwt

NEED = ("t", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::r/*", "--reason", "x")
REASON = {"policy": "p", "sentence": "s", "action": "s3:GetObject", "resource": "*", "template": "t {action}"}
FAULT = {"pointer": "/duration_seconds", "detail": "d", "fix": "f", "bounds": {"minimum": 60, "maximum": 70}}
DENIED = problem(
    "denied", reasons=[REASON], allowed_subset=PERMISSIONS, longest_seconds=60, retry_at="2099-11-24T12:05:00Z"
)
PENDING = problem("grant_pending", grant=grant("pending"), review=REVIEW)
CONDITIONS = {"s3:prefix": ["a/*"]}
TARGET = {**PERMITTED_TARGET, "access": [PERMITTED_ACCESS | {"conditions": CONDITIONS}], "ticket_patterns": ["OPS-*"]}
EXPLAINED = {
    "call": "aws s3 ls",
    "action": "s3:ListBucket",
    "resources": ["*"],
    "why": "w; v",
    "conditions": CONDITIONS,
}
EXPLAINED |= {"may_need": [{"action": "kms:Decrypt", "why": "w"}]}
PART = {"allowed_subset": PERMISSIONS, "reviews": [["owners"]], "retry_at": "2099-11-24T12:05:00Z", "effect": "deny"}
CHECK = {"target": "t", "account": "444455556666", "session": "s", "attempts": [RIGHT_CALL]}
CONTACT = {"kind": "channel", "name": "#reviews", "groups": ["owners"], "code": "x", "ok": False, "fix": "f"}
ENTRY = {
    "id": GRANT_ID,
    "title": "t",
    "harm": {"level": "high", "label": "High"},
    "on_behalf_of": "a",
    "human": "a",
    "agent": "a",
    "unit": "u",
    "reason": "r",
    "expires_at": "2099-11-24T12:05:00Z",
    "content": "0",
    "urgency": "u",
}
LISTED = {"reviewer": "a", **{name: [ENTRY] for name in SECTIONS}, "incomplete": ["active"]}
NAMED = {"name": "n", "value": "v"}
SHOWN = {
    "id": GRANT_ID,
    "state": "pending",
    "status": "s",
    "content": "0",
    "sentence": "s",
    "second_step": True,
    "harm": {"level": "high", "label": "l", "sentence": "s"},
    "actions": [
        {"action": "a", "does": "d", "resources": ["*"], "new": ["*"], "only_if": ["c"], "revoked": ["*"], "place": 0}
    ],
    "parameters": [NAMED],
    "duration": "5m",
    "duration_seconds": 300,
    "details": [NAMED],
    "comments": [NAMED],
    "agent": {"reason": "r", "changed": "c", "ticket": "t"},
    "voted": "approve",
    "may_vote": True,
    "undecidable": "u",
    "part_only": "p",
    "approvable_from": "a",
    "risks": [{"level": "low", "sentence": "s"}, {"level": "low", "sentence": "s"}],
    "not_granted": ["n"],
    "after_approval": "a",
    "rejected_before": "r",
    "before": "b",
    "whole_only": False,
}
VOTED = {
    "id": GRANT_ID,
    "state": "pending",
    "any_of": [["a"]],
    "approved": ["a"],
    "duration_seconds": 3,
    "expires_at": "a",
}
ANSWERS: Mapping[str, tuple[Sequence[str], int, Mapping[str, Any]]] = {
    "issued": (["request", *NEED], 201, issued(votes=[vote("approve", "c")])),
    "under review": (["request", *NEED], 202, under_review()),
    "denied": (["request", *NEED], 403, DENIED),
    "invalid": (["request", *NEED], 400, problem("request_invalid", errors=[FAULT], pointer="/x")),
    "run": (["run", *NEED, "--no-wait", "--", "true"], 201, issued()),
    "pending": (["run", *NEED, "--no-wait", "--", "true"], 409, PENDING),
    "list": (["grants", "list"], 200, {"grants": [grant() | {"review": REVIEW}], "next": "abc"}),
    "ended": (["grants", "show", GRANT_ID], 200, ended()),
    "targets": (["targets"], 200, permitted(TARGET, fix="x")),
    "whoami": (["whoami"], 200, permitted(TARGET, fix="x")),
    "dry run": (["request", *NEED, "--dry-run"], 200, DECISION | {"explanation": [EXPLAINED], **PART}),
    "explain": (["explain", "t", "--", "aws", "s3", "ls"], 200, DECISION | {"explanation": [EXPLAINED], **PART}),
    "target check": (["target", "check", "t"], 200, CHECK),
    "review check": (["review", "check"], 200, {"passed": True, "checks": [CONTACT]}),
    "suspend": (["suspend", "issuer", "github", "--reason", "x"], 201, progress(targets_failed={"t": "code"})),
    "suspensions": (["suspensions", "list"], 200, {"suspensions": [SUSPENSION, LIFTED]}),
    "lift": (["suspensions", "lift", SUSPENSION["id"], "--reason", "x"], 200, {"suspension": LIFTED}),
    "review list": (["review", "list"], 200, LISTED),
    "review show": (["review", "show", GRANT_ID, "--details"], 200, {"review": SHOWN}),
    "review reject": (["review", "reject", GRANT_ID, "--comment", "x", "--content", "0"], 200, {"review": VOTED}),
}
VALUES: tuple[Any, ...] = (None, 5, "\x1b]0;x\x07\u202e", {"a": 1}, [[1]], 10**400)


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
    monkeypatch.setattr(Connection, "reviewer", Connection.broker)
    monkeypatch.setattr(suspend, "REPEAT_SECONDS", 0)
    monkeypatch.setattr(review_votes, "forget_reviewer", lambda _: None)

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


@pytest.mark.parametrize("end", [float("inf"), float("nan"), 1e300, -1e17, 10**400])
def test_cli_01_no_end_of_a_token_breaks_whoami(end: float, connected: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    connected.say("GET", "/v1/targets", 200, permitted(TARGET))
    monkeypatch.delenv("JITNEY_TOKEN_FILE")
    monkeypatch.setenv("JITNEY_TOKEN", jwt({"sub": "reader-agent", "exp": end}))
    done = invoke(["whoami", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["expires_at"] is None


@pytest.mark.parametrize("region", ["evil.example.com/#", "eu-west-1\nX", "EU"])
def test_cli_01_no_answer_names_a_host_instead_of_a_region(region: str):
    with pytest.raises(ValueError, match="Region"):
        ApiGrant.read(grant(region=region))
