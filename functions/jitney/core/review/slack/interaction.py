"""What somebody did in Slack, read from the payload that Slack sends (row REV 9).

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
    """The id that buttons and modals carry: of a grant, and of exactly what was shown of it (`content_hash`)."""

    grant_id: str
    content: str

    def __str__(self) -> str:
        """The text that `Reference.read` reads."""
        return f"{self.grant_id}.{self.content}"

    @classmethod
    def read(cls, text: str) -> "GrantReference":
        """The reference in `text`. Raises Problem request_invalid."""
        found = _REFERENCE.fullmatch(text)
        if found is None:
            raise _unexpected_payload()
        return cls(found[1], found[2])


class SlackUser(NamedTuple):
    """Who did it: the workspace where it was done, the user's id, and the workspace that the user belongs to."""

    workspace: str
    user: str
    home: str


class ButtonClick(NamedTuple):
    """A button of a message: `trigger` lets a modal be opened within three seconds."""

    clicker: SlackUser
    action: str
    reference: GrantReference
    trigger: str
    channel: str


class ModalSubmission(NamedTuple):
    """A modal that was sent: the boxes that are checked, as `core.review.selection.selected_permissions` names them, and the texts."""

    clicker: SlackUser
    action: str
    reference: GrantReference
    boxes: tuple[str, ...]
    seconds: str
    comment: str


def read(payload: str) -> ButtonClick | ModalSubmission | None:
    """What was done, None for what needs no answer. Raises Problem body_malformed, request_invalid."""
    try:
        given = strict_json.loads(payload.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise Problem("body_malformed", "The payload is not JSON.", "Only Slack calls this.") from error
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
        return None  # such as the link to the page, which Slack opens by itself
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
        raise ValueError("it is no modal of ours")
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
        raise TypeError("it is not text")
    return value


def _unexpected_payload() -> Problem:
    return Problem("request_invalid", "This is nothing that Jitney's messages send.", "Use the message's own buttons.")
