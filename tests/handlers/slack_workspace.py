"""People in Slack over in-memory adapters: what they press and send comes signed, as Slack sends it."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from jitney.core.access.grant import Grant
from jitney.core.channel_config import SlackConfig
from jitney.core.config import ReviewerGroup
from jitney.core.review.content import content_hash
from jitney.core.review.slack.interaction import GrantReference
from jitney.core.review.slack.people import SlackProfile
from jitney.handlers.grants import create_grant
from jitney.handlers.runtime.edge import answer
from jitney.handlers.slack_interactions import handle_interaction
from tests.fakes import MemoryMessagePlaces, MemorySlack, MemorySlackSecret
from tests.handlers.conftest import REQUEST_BODY, WRITE, System, configuration
from tests.handlers.review_browser import with_staff

HOME, CHANNEL = "T0HOME", "C0OWNERS"
SECRET = "canary-signing-secret"
PAGES = "https://jitney.example.com/live/reviews"
PEOPLE = ("alice", "bob", "harriet", "oscar", "lea")
GROUPS = {
    "owners": ReviewerGroup(("staff.alice", "staff.bob", "staff.harriet"), escalates_to="late",
                            escalates_after_seconds=900, channel="#owners"),
    "others": ReviewerGroup(("staff.oscar",), channel="#others"),
    "late": ReviewerGroup(("staff.lea",), channel="#late"),
}  # fmt: skip


def signed(body: bytes, moment: int, secret: str = SECRET) -> dict[str, str]:
    """Slack's headers for a body."""
    digest = hmac.new(secret.encode(), b"v0:%d:%s" % (moment, body), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(moment), "X-Slack-Signature": f"v0={digest}"}


def user_of(name: str) -> str:
    return f"U{name.upper()}"


@dataclass
class SlackSystem:
    """A workspace whose people review for one system."""

    groups: Any = field(default_factory=lambda: GROUPS)
    presses: int = 0

    def __post_init__(self) -> None:
        names = {f"staff.{name}": name for name in PEOPLE}
        config = replace(
            with_staff(configuration()),
            reviewers=self.groups,
            slack=SlackConfig("arn:of:the:token", "arn:of:the:secret", HOME, "https://slack.example.com/api/"),
            emails={identity: f"{name}@example.com" for identity, name in names.items()},
            subjects={identity: ("staff", name) for identity, name in names.items()},
        )
        self.system = System(config=config)
        self.slack = MemorySlack(
            {user_of(n): SlackProfile(HOME, f"{n.title()}@Example.com", is_full_member=True) for n in PEOPLE}
        )
        self.secret = MemorySlackSecret("canary-signing-secret")
        self.places = MemoryMessagePlaces()
        given = {
            "slack": self.slack,
            "slack_signing_secret": self.secret,
            "message_locations": self.places,
            "reviews_url": PAGES,
        }
        self.system.ports.__dict__.update(given)

    def pending(self, permissions: Any = WRITE, human: str | None = None) -> Grant:
        """A new request under review."""
        status, body, _ = self.system.call(create_grant, REQUEST_BODY | {"permissions": permissions})
        assert status == 202, body
        grant = replace(self.system.store.grants[body["grant"]["id"]], human=human)
        self.system.store.grants[grant.id] = grant
        return grant

    def grant(self, grant_id: str) -> Grant:
        return self.system.store.grants[grant_id]

    def press(self, grant: Grant, action: str, name: str = "alice", **changes: Any) -> dict[str, Any]:
        """The payload of a button; `changes` of its members."""
        self.presses += 1
        pressed = {"type": "button", "action_id": action, "value": str(GrantReference(grant.id, content_hash(grant)))}
        return {
            "type": "block_actions",
            "team": {"id": HOME, "domain": "home"},
            "user": {"id": user_of(name), "username": name, "team_id": HOME},
            "channel": {"id": CHANNEL, "name": "owners"},
            "trigger_id": f"trigger-{self.presses}",
            "actions": [pressed],
            **changes,
        }

    def submission(self, view: Any, name: str = "alice", **values: Any) -> dict[str, Any]:
        """The payload of a modal as it was opened, except for `values`: `less` unchecks boxes, `more` checks boxes."""
        self.presses += 1
        fields: dict[str, Any] = {}
        for block in (each for each in view["blocks"] if each["type"] == "input"):
            element = block["element"]
            given: dict[str, Any] = {"type": element["type"]}
            if element["type"] == "checkboxes":
                checked = [each["value"] for each in element.get("initial_options", ())]
                kept = {*checked, *values.get("more", ())} - {*values.get("less", ())}
                given["selected_options"] = [each for each in element["options"] if each["value"] in kept]
            else:
                given["value"] = values.get(block["block_id"], element.get("initial_value"))
            fields[block["block_id"]] = {element["action_id"]: given}
        return {
            "type": "view_submission",
            "team": {"id": HOME},
            "user": {"id": user_of(name), "team_id": HOME},
            "trigger_id": f"trigger-{self.presses}",
            "view": {**view, "id": f"V{self.presses}", "state": {"values": fields}},
        }

    def send(self, payload: Any, **how: Any) -> tuple[int, dict[str, Any]]:
        """Status and body of Slack's request; `how` may change its signature, time, raw body or encoding."""
        body = how.get("body", urlencode({"payload": json.dumps(payload)}).encode())
        headers = how.get("headers", signed(body, how.get("moment", self.system.now)))
        event = {
            "httpMethod": "POST",
            "resource": "/slack/interactions",
            "headers": {"Content-Type": "application/x-www-form-urlencoded", **headers},
            "body": how["text"] if "text" in how else body.decode(),
            "isBase64Encoded": how.get("encoded", False),
            "requestContext": {"requestId": "req-1", "identity": {"sourceIp": "198.51.100.7"}},
        }
        answered = answer(handle_interaction, event, self.system.ports)
        return answered["statusCode"], json.loads(answered["body"] or "{}")

    def open(self, grant: Grant, action: str, name: str = "alice") -> Any:
        """The modal that a button opens."""
        assert self.send(self.press(grant, action, name)) == (200, {})
        return self.slack.modals.pop()[1]

    def alone(self) -> str:
        """The last message to one person only."""
        return self.slack.alone[-1][2] if self.slack.alone else ""
