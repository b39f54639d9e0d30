"""A broker that gives, reviews, revokes and ends access by a clock, as docs/openapi.yaml describes it."""

import json
import re
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from jitney.core.problems import Problem
from tests.client.answering_server import AnsweringServer, Asked, Said
from tests.client.fake_broker import REVIEW, grant, vote
from tests.client.matrix.moving_clock import MovingClock

REVIEWED = "/reviewed"
"""A call for this parameter needs a review of its own."""
_REVIEW_SECONDS = 86_400
_ENDED: Mapping[str, tuple[str, str]] = {
    "pending": ("grant_pending", "Wait for the reviewers."),
    "expired": ("grant_ended", "Make a new request."),
    "released": ("grant_released", "Make a new request."),
    "revoked": ("grant_revoked", "Talk to people.alice."),
}


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Given:
    """A grant. `ends` is the end of its review while it is pending."""

    id: str
    asked: Mapping[str, Any]
    state: str
    ends: float
    call: Mapping[str, Any] | None = None

    @property
    def gateway(self) -> bool:
        return self.asked.get("way") == "gateway"


@dataclass(frozen=True)
class Key:
    grant: str
    secret: str
    token: str
    ends: float


class GrantingBroker:
    """Grants each request, after a review while `needs_review`. `asked` counts its routes."""

    def __init__(self, clock: MovingClock) -> None:
        self.needs_review = False
        self.asked: Counter[str] = Counter()
        self.keys: dict[str, Key] = {}
        self._clock = clock
        self._grants: dict[str, Given] = {}
        self._calls: dict[str, Given] = {}
        self._said: dict[tuple[str, int], tuple[str, Said]] = {}
        self._changed = threading.Condition()
        # Without Dates: a program may read one after its clock moved on, in no time for its steady clock. It would take
        # its own clock for wrong.
        self.server = AnsweringServer(self._answer, None)
        self._routes: tuple[tuple[str, Callable[[Asked, str], Said]], ...] = (
            ("POST /v1/grants", self._request),
            ("GET /v1/grants/()", self._show),
            ("DELETE /v1/grants/()", self._release),
            ("POST /v1/grants/()/credentials", self._credentials),
            ("POST /v1/calls", self._call),
        )

    def in_state(self, state: str) -> list[Given]:
        """Return the grants that have this state now."""
        with self._changed:
            return [each for each in self._grants.values() if self._state(each) == state]

    def active_keys(self) -> list[str]:
        """Return the keys that AWS accepts now."""
        return [each for each in self.keys if not self.refusal(each)]

    def approve(self) -> None:
        """Approve what is under review, and review nothing more."""
        with self._changed:
            self.needs_review = False
            for each in self._grants.values():
                if each.state == "pending":
                    each.state, each.ends = "active", self._clock() + each.asked["duration_seconds"]
            self._changed.notify_all()

    def revoke(self) -> None:
        """Revoke what is active."""
        for each in self.in_state("active"):
            each.state = "revoked"

    def refusal(self, key: str, token: str | None = None) -> str:
        """Return AWS's code for a call with this key; "" if AWS accepts it."""
        found = self.keys.get(key)
        if found is None or token not in (None, found.token):
            return "UnrecognizedClientException"
        if self._clock() >= found.ends:
            return "ExpiredTokenException"
        return "" if self._state(self._grants[found.grant]) == "active" else "AccessDeniedException"

    def check_answers(self) -> None:
        """Check one answer of each kind against docs/openapi.yaml."""
        from tests.system.conftest import conforms

        for (route, _), (path, said) in self._said.items():
            conforms(route.split()[0], path, httpx.Response(said.status, headers=said.headers, content=said.body))

    def _answer(self, asked: Asked) -> Said:
        with self._changed:
            line = f"{asked.method} {asked.path}"
            for route, answer in self._routes:
                if match := re.fullmatch(route.replace("()", "([gc]-[a-z2-7]{14})"), line):
                    self.asked[route] += 1
                    try:
                        said = answer(asked, match[1] if match.groups() else "")
                    except Problem as problem:
                        content = json.dumps(problem.body()).encode()
                        headers = {"Content-Type": "application/problem+json", **problem.headers}
                        said = Said(problem.status, content, headers)
                    self._said.setdefault((route, said.status), (asked.path, said))
                    return said
            return Said(599, f"no route for {line}".encode())

    def _request(self, asked: Asked, _: str) -> Said:
        body = asked.json
        for each in self._grants.values():
            if each.state == "pending" and each.asked["reason"] == body["reason"] and not each.call:
                return _json(202, self._under_review(each) | {"repeats": True}, Retry_After="1")
        given = self._new(body)
        if given.state == "pending":
            return _json(202, self._under_review(given), Retry_After="1")
        document = {"grant": self._document(given)}
        return _json(201, document if given.gateway else document | {"credentials": self._issued(given, body)})

    def _show(self, asked: Asked, number: str) -> Said:
        given, held = self._grants[number], asked.headers.get("Prefer", "").removeprefix("wait=")
        if held:
            self._changed.wait_for(lambda: given.state != "pending", float(held))
        applied = {"Preference_Applied": f"wait={held}"} if held else {}
        pending = given.state == "pending"
        document = self._under_review(given) if pending else {"grant": self._document(given)}
        return _json(200, document, **({"Retry_After": "1"} if pending else {}), **applied)

    def _release(self, _: Asked, number: str) -> Said:
        given = self._grants[number]
        if self._state(given) == "active":
            given.state = "released"
        return _json(200, {"grant": self._document(given), "outlives": []})

    def _credentials(self, asked: Asked, number: str) -> Said:
        given = self._active(number)
        body = asked.json if asked.body else {}
        return _json(200, {"grant": self._document(given), "credentials": self._issued(given, body)})

    def _call(self, asked: Asked, _: str) -> Said:
        call, key = asked.json, asked.headers["Idempotency-Key"]
        self._active(call["grant"])
        reviewed = call["parameters"]["Name"] == REVIEWED
        number = f"c-{_letters()}"
        if reviewed and key not in self._calls:
            given = self._new(self._grants[call["grant"]].asked, pending=True)
            given.call = {**call, "id": number, "parameters_mac": "mac"}
            self._calls[key] = given
        if reviewed and (child := self._calls[key]).state == "pending":
            assert child.call
            return _json(202, {"call_id": child.call["id"], **self._under_review(child)}, Retry_After="1")
        answer = {"status": 200, "headers": {"content-type": "application/x-amz-json-1.1"}, "body_encoding": "text"}
        answer |= {"body": json.dumps(parameter(call["parameters"]["Name"], call["grant"]))}
        answer |= {"masked": [], "request_id": "r", "budget": {}, "call_id": number, "grant_id": call["grant"]}
        return _json(200, answer)

    def _new(self, body: Mapping[str, Any], *, pending: bool = False) -> Given:
        state = "pending" if pending or self.needs_review else "active"
        seconds = _REVIEW_SECONDS if state == "pending" else body["duration_seconds"]
        given = Given(f"g-{_letters()}", body, state, self._clock() + seconds)
        self._grants[given.id] = given
        return given

    def _active(self, number: str) -> Given:
        given = self._grants[number]
        state = self._state(given)
        if state == "active":
            return given
        code, fix = _ENDED[state]
        headers = {"Retry-After": "5"} if state == "pending" else {}
        raise Problem(code, f"Grant {number} is {state}.", fix, {"grant": self._document(given)}, headers)

    def _issued(self, given: Given, body: Mapping[str, Any]) -> dict[str, str]:
        seconds = body.get("credential_seconds", body.get("duration_seconds", 3600))
        ends = min(given.ends, self._clock() + seconds)
        name = f"ASIA{secrets.token_hex(8).upper()}"
        key = self.keys[name] = Key(given.id, secrets.token_hex(20), secrets.token_hex(20), ends)
        return {
            "access_key_id": name,
            "secret_access_key": key.secret,
            "session_token": key.token,
            "expiration": iso(ends),
        }

    def _state(self, given: Given) -> str:
        return "expired" if given.state in ("active", "pending") and self._clock() >= given.ends else given.state

    def _under_review(self, given: Given) -> dict[str, Any]:
        review = REVIEW | {
            "review_url": f"https://jitney.example.com/reviews/{given.id}",
            "expires_at": iso(given.ends),
        }
        return {"grant": self._document(given), "review": review}

    def _document(self, given: Given) -> dict[str, Any]:
        state = self._state(given)
        ended = {"at": iso(self._clock()), "by": "people.alice", "reason": "", "denied_after_milliseconds": None}
        ended |= {"written_at": iso(self._clock())}
        return grant(
            state,
            id=given.id,
            way="gateway" if given.gateway else "credentials",
            duration_seconds=given.asked["duration_seconds"],
            created_at=iso(self._clock()),
            starts_at=None if state == "pending" else iso(given.ends - given.asked["duration_seconds"]),
            expires_at=iso(given.ends),
            ending=ended if state in ("released", "revoked") else None,
            votes=[vote("approve")] if given.call and state == "active" else [],
            call=given.call,
            break_glass=None,
            repeated=None,
            earlier_approvals=[],
        )


def parameter(name: str, value: str) -> dict[str, Any]:
    """Return AWS's answer to ssm:GetParameter."""
    arn = f"arn:aws:ssm:eu-west-1:444455556666:parameter{name}"
    return {"Parameter": {"Name": name, "Type": "String", "Value": value, "Version": 1, "ARN": arn}}


def _letters() -> str:
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(14))


def _json(status: int, document: Mapping[str, Any], **headers: str) -> Said:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Said(status, json.dumps(document).encode(), {"Content-Type": "application/json", **named})
