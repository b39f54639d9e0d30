"""Interactions of people in the workspace. For each button and modal, Slack sends a signed request to the app.

https://docs.slack.dev/interactivity/handling-user-interaction/
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx

from local.slack.workspace import TEAM, SlackError, Workspace
from local.timeouts import scaled_timeout

SECONDS = 3.0
"""How long Slack waits for the app's answer."""


class WorkspaceUsers:
    """The workspace's people. The app receives interactions at `url`, signed with `secret`."""

    def __init__(self, workspace: Workspace, url: str, secret: str) -> None:
        self._workspace = workspace
        self._url = url
        self._secret = secret

    def press(self, user: str, channel: str, stamp: str, action: str) -> dict[str, Any]:
        """Press the button `action` of a message. Return the app's answer, its modal, and its private message.

        Raises SlackError.
        """
        person = self._workspace.user(user)
        found = [each for each in self._workspace.messages() if (each["channel"], each["ts"]) == (channel, stamp)]
        buttons = [button for each in found for button in _buttons(each) if button["action_id"] == action]
        if not buttons:
            raise SlackError("no_such_button")
        messages_before = len(self._alone(user))
        (message,) = found
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": person["name"], "team_id": TEAM},
            "team": {"id": TEAM, "domain": "local"},
            "api_app_id": "AJITNEY",
            "container": {"type": "message", "message_ts": stamp, "channel_id": channel, "is_ephemeral": False},
            "trigger_id": self._workspace.trigger(user),
            "channel": {"id": channel, "name": channel},
            "message": {name: value for name, value in message.items() if name != "edits"},
            "state": {"values": {}},
            "actions": [{**buttons[0], "action_ts": f"{time.time():.6f}"}],
        }
        answer = self._send(payload)
        alone = [each["blocks"][0]["text"]["text"] for each in self._alone(user)[messages_before:]]
        return answer | {"modal": self._workspace.opened(user), "alone": alone}

    def submit(self, user: str, modal_id: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Submit an open modal with `values` by block: a text, or the values of the checked boxes.

        Return the app's answer, and the modal that is open after it. Raises SlackError.
        """
        person, view = self._workspace.user(user), self._workspace.modal(modal_id)
        if view is None:
            raise SlackError("no_such_modal")
        payload = {
            "type": "view_submission",
            "user": {"id": user, "username": person["name"], "team_id": TEAM},
            "team": {"id": TEAM, "domain": "local"},
            "api_app_id": "AJITNEY",
            "trigger_id": self._workspace.trigger(user),
            "view": {**view, "type": "modal", "team_id": TEAM, "state": {"values": _state(view, values)}},
        }
        answer = self._send(payload)
        action = answer["body"].get("response_action", "clear") if answer["status"] == httpx.codes.OK else "errors"
        if action == "update":
            self._workspace.become(modal_id, answer["body"]["view"])
        elif action == "clear":
            self._workspace.become(modal_id, None)
        return answer | {"modal": self._workspace.modal(modal_id)}

    def _alone(self, user: str) -> list[dict[str, Any]]:
        return [each for each in self._workspace.messages() if each.get("ephemeral_to") == user]

    def _send(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the app's answer. Its status is 0 if it came too late."""
        body = urlencode({"payload": json.dumps(payload)}).encode()
        moment = str(int(time.time()))
        digest = hmac.new(self._secret.encode(), f"v0:{moment}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": moment,
            "X-Slack-Signature": f"v0={digest}",
        }
        try:
            # Longer than Slack waits: a function's first call is slow here, and a person would press the button again.
            answer = httpx.post(
                self._url, content=body, headers=headers, timeout=scaled_timeout(10 * SECONDS), trust_env=False
            )
        except httpx.HTTPError as error:
            return {"status": 0, "body": {"error": type(error).__name__}}
        return {"status": answer.status_code, "body": answer.json() if answer.content else {}}


def _buttons(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [block["elements"] for block in message.get("blocks", ()) if block["type"] == "actions"]
    return [{**element, "block_id": "actions"} for row in rows for element in row if element["type"] == "button"]


def _state(view: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of a view's fields, in Slack's form."""
    state: dict[str, Any] = {}
    for block in (each for each in view["blocks"] if each["type"] == "input"):
        element, given = block["element"], values.get(block["block_id"])
        if element["type"] == "checkboxes":
            chosen = [each["value"] for each in element.get("initial_options", ())] if given is None else given
            field: dict[str, Any] = {
                "selected_options": [each for each in element["options"] if each["value"] in chosen]
            }
        else:
            field = {"value": element.get("initial_value") if given is None else given or None}
        state[block["block_id"]] = {element["action_id"]: {"type": element["type"], **field}}
    return state
