"""A click or a submitted modal, read from Slack's payload (row REV 9). Pure.

https://docs.slack.dev/reference/interaction-payloads/
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from jitney.core import strict_json
from jitney.core.problems import Problem
from jitney.core.review.slack.names import CHECKBOXES, COMMENT, DECISION_ACTIONS, SECONDS

_REFERENCE = re.compile(r"(g-[a-z2-7]{14})\.([0-9a-f]{64})", re.ASCII)


class GrantReference(NamedTuple):
    """The content of buttons and modals: a grant's id, and the `content_hash` of what was shown."""

    grant_id: str
    content: str

    def __str__(self) -> str:
        """The text that `GrantReference.read` reads."""
        return f"{self.grant_id}.{self.content}"

    @classmethod
    def read(cls, text: str) -> "GrantReference":
        """Return the reference in `text`. Raises Problem request_invalid."""
        found = _REFERENCE.fullmatch(text)
        if found is None:
            raise _unexpected_payload()
        return cls(found[1], found[2])


class SlackUser(NamedTuple):
    """A user who acted: the workspace of the action, the user's id, and the user's own workspace."""

    workspace: str
    user_id: str
    home_workspace: str


class ButtonClick(NamedTuple):
    """A click on a message's button. `trigger_id` can open a modal within three seconds."""

    user: SlackUser
    action: str
    reference: GrantReference
    trigger_id: str
    channel: str


class ModalSubmission(NamedTuple):
    """A submitted modal: its texts, and its checked boxes in the form that `modals.selected_boxes` takes."""

    user: SlackUser
    action: str
    reference: GrantReference
    boxes: tuple[str, ...]
    seconds: str
    comment: str


def read(payload: str) -> ButtonClick | ModalSubmission | None:
    """Return the action, or None if it needs no answer. Raises Problem body_malformed, request_invalid."""
    try:
        given = strict_json.loads(payload.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise Problem("body_malformed", "The payload is not JSON.", "Only Slack calls this route.") from error
    kinds = {"block_actions": _button_click, "view_submission": _submission}
    try:
        kind = kinds.get(given["type"])
        return kind(given) if kind else None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _unexpected_payload() from error


def _button_click(given: Mapping[str, Any]) -> ButtonClick | None:
    (pressed,) = given["actions"]
    action = _text(pressed["action_id"])
    if action not in DECISION_ACTIONS:
        return None  # Slack opens the link to the page
    return ButtonClick(
        _slack_user(given),
        action,
        GrantReference.read(_text(pressed["value"])),
        _text(given["trigger_id"]),
        _text(given["channel"]["id"]),
    )


def _submission(given: Mapping[str, Any]) -> ModalSubmission:
    view = given["view"]
    fields = {block: element for block, elements in view["state"]["values"].items() for element in elements.values()}
    boxes = tuple(
        _text(option["value"])
        for block, element in fields.items()
        if block.startswith(CHECKBOXES)
        for option in element["selected_options"]
    )
    action = _text(view["callback_id"])
    if action not in DECISION_ACTIONS:
        raise ValueError("not a modal of Jitney")
    return ModalSubmission(
        _slack_user(given),
        action,
        GrantReference.read(_text(view["private_metadata"])),
        boxes,
        _text(fields.get(SECONDS, {}).get("value") or ""),
        _text(fields.get(COMMENT, {}).get("value") or ""),
    )


def _slack_user(given: Mapping[str, Any]) -> SlackUser:
    user = given["user"]
    return SlackUser(_text(given["team"]["id"]), _text(user["id"]), _text(user["team_id"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _unexpected_payload() -> Problem:
    return Problem(
        "request_invalid", "Jitney's messages do not send this payload.", "Use the buttons of Jitney's own messages."
    )
