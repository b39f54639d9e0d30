"""A broker on a real socket of this machine. It gives the answers that a test queues and keeps the requests."""

import json
import threading
import time
from collections import defaultdict, deque
from typing import Any

from tests.client.answering_server import AnsweringServer, Asked, Said

GRANT_ID = "g-abcdefghijklm2"
SECRET, SESSION = "canary-secret-access-key", "canary-session-token"
CREDENTIALS = {
    "access_key_id": "ASIACANARYKEYID",
    "secret_access_key": SECRET,
    "session_token": SESSION,
    "expiration": "2099-11-24T12:05:00Z",
}
PERMISSIONS = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/*"]}]
REVIEW = {
    "any_of": [["data-owners"]],
    "approved": [],
    "escalated_to": [],
    "reviewers": ["corp.alice"],
    "review_url": "https://jitney.example.com/reviews/g-abcdefghijklm2",
    "expires_at": "2099-11-24T13:00:00Z",
}


def grant(state: str = "active", **members: Any) -> dict[str, Any]:
    return {
        "id": GRANT_ID,
        "state": state,
        "target": "analytics-prod",
        "account": "444455556666",
        "region": "eu-west-1",
        "permissions": PERMISSIONS,
        "duration_seconds": 300,
        "reason": "monthly report",
        "ticket": "",
        "requester": "reader-agent (local)",
        "principal": "local.reader-agent",
        "subject": "reader-agent",
        "unit": "local.reader-agent",
        "facts": [{"label": "Client", "value": "reader-agent"}],
        "human": None,
        "created_at": "2099-11-24T12:00:00Z",
        "starts_at": None if state == "pending" else "2099-11-24T12:00:00Z",
        "expires_at": "2099-11-24T12:05:00Z",
        "ends_by": None,
        "policy_version": "abc",
        "ending": None,
        "cut_off_at": None,
        "earlier_approvals": [],
        "access_profile": None,
        "way": "credentials",
        "reveal": False,
        "call": None,
        "used_at": None,
        "votes": [],
    } | members


def issued(**members: Any) -> dict[str, Any]:
    return {"grant": grant(**members), "credentials": CREDENTIALS}


def vote(verdict: str, comment: str = "", human: str = "people.alice") -> dict[str, Any]:
    at = "2099-11-24T12:00:30Z"
    return {"human": human, "verdict": verdict, "comment": comment, "at": at, "delegate_for": []}


def under_review() -> dict[str, Any]:
    return {"grant": grant("pending", expires_at=REVIEW["expires_at"]), "review": REVIEW}


def ended(state: str = "released", reason: str = "") -> dict[str, Any]:
    ending = {"at": "2099-11-24T12:01:00Z", "by": "reader-agent", "reason": reason, "denied_after_milliseconds": 412}
    return {"grant": grant(state, ending=ending)}


PERMITTED_ACCESS = {
    "access_level": "Read",
    "services": ["s3"],
    "actions": [],
    "resources": ["arn:aws:s3:::reports/*"],
    "conditions": {},
    "wildcards": True,
    "partial": True,
    "effect": "allow",
    "reviews": [],
    "ways": ["credentials", "gateway"],
    "max_seconds": 3600,
}
PERMITTED_PROFILE = {
    "name": "orders-migration",
    "partial": False,
    "effect": "review",
    "reviews": [["data-owners"]],
    "max_seconds": 3600,
}
PERMITTED_TARGET = {
    "target": "analytics-prod",
    "account": "444455556666",
    "regions": ["eu-west-1"],
    "max_seconds": 3600,
    "ticket_patterns": [],
    "suspended": False,
    "incomplete": False,
    "access": [PERMITTED_ACCESS],
    "access_profiles": [PERMITTED_PROFILE],
}


def permitted(*targets: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a body of GET /v1/targets."""
    caller = {"principal": "local.reader-agent", "groups": ["local/data-readers"], "human": None, "claims": {}}
    return {"caller": caller, "targets": list(targets), **members}


def problem(code: str, title: str = "The title", **members: Any) -> dict[str, Any]:
    return {"type": f"https://jitney.dev/problems/{code}", "title": title, "code": code} | {
        "detail": f"The detail of {code}.",
        "fix": f"The fix of {code}.",
        **members,
    }


class FakeBroker:
    """Answers each (method, path) with what `say` queued for it. The last answer stays. Its clock may be `ahead`."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.asked: list[Asked] = []
        self._said: dict[tuple[str, str], deque[Said]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._server = AnsweringServer(self._answer, lambda: time.time() + self.ahead)
        self.url = self._server.url

    def say(self, method: str, path: str, status: int, body: Any = None, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = "application/problem+json" if status >= 400 else "application/json"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._said[method, path].append(Said(status, content, {"Content-Type": kind} | named))

    def hang_up(self, method: str, path: str) -> None:
        self._said[method, path].append(Said(0, b"", hang_up=True))

    def calls(self, method: str, path: str) -> list[Asked]:
        return [asked for asked in self.asked if (asked.method, asked.path) == (method, path)]

    def close(self) -> None:
        self._server.close()

    def _answer(self, asked: Asked) -> Said:
        with self._lock:
            self.asked.append(asked)
            queue = self._said[asked.method, asked.path]
            if not queue:
                return Said(599, b"nothing was said for this")
            return queue.popleft() if len(queue) > 1 else queue[0]
