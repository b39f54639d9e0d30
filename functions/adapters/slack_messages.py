"""Slack's Web API, as far as reviews need it (https://docs.slack.dev/reference/methods/).

What Slack refuses has a code, which is Slack's own word for it where that is one.
"""

import re
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from adapters.slack_secret import SlackSecret
from core.review.slack.people import Profile

SECONDS = 2
"""For one answer of Slack: whoever presses a button sees a failure after three."""
UNREACHABLE, STRANGE = "unreachable", "slack_error"
_WORD = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)


class SlackRefused(Exception):
    """Slack did not do it; `code` says why in a word that can be on record."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Slack:
    """The app's calls. Raises SlackRefused, and Problem unavailable when there are no tokens to call with."""

    def __init__(self, secret: SlackSecret, api_url: str) -> None:
        self._secret = secret
        self._api_url = api_url

    def profile(self, user: str) -> Profile:
        """Who a user of the workspace is now."""
        return _profile(self._call(lambda client: client.users_info(user=user))["user"])

    def open_modal(self, trigger: str, view: Mapping[str, Any]) -> None:
        """Show a modal to whoever pressed the button of the trigger, within three seconds of that."""
        self._call(lambda client: client.views_open(trigger_id=trigger, view=dict(view)))

    def tell_alone(self, channel: str, user: str, sentence: str) -> None:
        """Show plain text in a channel to one user alone."""
        blocks = [{"type": "section", "text": {"type": "plain_text", "text": sentence, "emoji": False}}]
        self._call(lambda client: client.chat_postEphemeral(channel=channel, user=user, text="Jitney", blocks=blocks))

    def _call(self, call: Callable[[WebClient], Any]) -> Any:
        client = WebClient(self._secret.read().bot_token, base_url=self._api_url, timeout=SECONDS, retry_handlers=[])
        try:
            return call(client)
        except SlackApiError as error:
            said = str(error.response.get("error", ""))
            raise SlackRefused(said if _WORD.fullmatch(said) else STRANGE) from error
        except (SlackClientError, OSError, HTTPException, ValueError) as error:
            raise SlackRefused(UNREACHABLE) from error


def _profile(user: Mapping[str, Any]) -> Profile:
    """A user object (https://docs.slack.dev/reference/objects/user-object/)."""
    less = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
    full = not any(user.get(each) for each in less) and user.get("is_email_confirmed", True) is not False
    return Profile(
        str(user.get("id", "")), str(user.get("team_id", "")), str((user.get("profile") or {}).get("email", "")), full
    )
