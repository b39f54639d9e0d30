"""The calls to Slack's Web API that reviews need (https://docs.slack.dev/reference/methods/).

Errors have Slack's own code if it is a word.
"""

import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry import HttpResponse, RateLimitErrorRetryHandler, RetryHandler

from jitney.adapters.message_locations import MessageLocation
from jitney.adapters.slack_secret import SlackSecret
from jitney.core.review.slack.error import SlackError
from jitney.core.review.slack.message import SlackMessage, escaped
from jitney.core.review.slack.people import SlackProfile

LONGEST_WAIT_SECONDS = 5
SECONDS = 2
"""The timeout of one call. After three seconds, a button shows a failure."""
MOST_PAGES = 20
"""How many pages of channels are read. A page has a thousand channels."""
UNREACHABLE, NO_ANSWER, UNKNOWN_ERROR = "unreachable", "no_answer", "slack_error"
"""The codes for these failures: Slack did not get the call; Slack may have got it; Slack's error is not a word."""
_WORD = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)


class SlackClient:
    """Calls Slack as the app. Raises SlackError, or Problem unavailable when the bot token cannot be read."""

    def __init__(self, bot_token: SlackSecret, api_url: str) -> None:
        self._bot_token = bot_token
        self._api_url = api_url
        self._tls = ssl.create_default_context()  # 6 ms, which each call would cost otherwise

    def profile(self, user: str) -> SlackProfile:
        """Return a user's current profile."""
        return _profile(self._call(lambda client: client.users_info(user=user))["user"])

    def find(self, email: str) -> SlackProfile:
        """Return the user with this mail address. Raises SlackError users_not_found."""
        return _profile(self._call(lambda client: client.users_lookupByEmail(email=email))["user"])

    def channel_code(self, channel: str) -> str:
        """Return a code for why the app cannot post to a channel (name or id), or "" if it is a member."""
        name, cursor = channel.removeprefix("#"), None
        for _ in range(MOST_PAGES):
            page = self._call(partial(_channels, cursor))
            for each in page["channels"]:
                if name in (each.get("name"), each.get("id")):
                    return "" if each.get("is_member") else "not_in_channel"
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
            if cursor is None:
                break
        return "channel_not_found"

    def open_modal(self, trigger_id: str, view: Mapping[str, Any]) -> None:
        """Open a modal for the user who clicked. Slack allows that for three seconds after the click."""
        self._call(lambda client: client.views_open(trigger_id=trigger_id, view=dict(view)))

    def post_ephemeral(self, channel: str, user: str, sentence: str) -> None:
        """Show plain text to one user only, in a channel."""
        content: dict[str, Any] = {"text": "Jitney", "blocks": _sentence(sentence)}
        self._call(lambda client: client.chat_postEphemeral(channel=channel, user=user, **content))

    def post(self, channel: str, message: SlackMessage) -> MessageLocation:
        """Post a message to a channel (name or id). Return its location."""
        content: dict[str, Any] = {"text": message.notification, "blocks": list(message.blocks), **_NO_MARKUP}
        answer = self._call(lambda client: client.chat_postMessage(channel=channel, **content), _retry_handlers())
        return MessageLocation(str(answer["channel"]), str(answer["ts"]))

    def update(self, location: MessageLocation, message: SlackMessage) -> None:
        """Replace the message at `location` with `message`."""
        content: dict[str, Any] = {"text": message.notification, "blocks": list(message.blocks), "parse": "none"}
        self._call(
            lambda client: client.chat_update(channel=location.channel, ts=location.timestamp, **content),
            _retry_handlers(),
        )

    def reply(self, location: MessageLocation, sentence: str) -> None:
        """Post plain text in a message's thread."""
        content: dict[str, Any] = {"text": escaped(sentence), "blocks": _sentence(sentence), **_NO_MARKUP}
        self._call(
            lambda client: client.chat_postMessage(channel=location.channel, thread_ts=location.timestamp, **content),
            _retry_handlers(),
        )

    def _call(self, call: Callable[[WebClient], Any], handlers: Sequence[RetryHandler] = ()) -> Any:
        token = self._bot_token.read()
        client = WebClient(token, base_url=self._api_url, timeout=SECONDS, ssl=self._tls, retry_handlers=list(handlers))
        try:
            return call(client)
        except SlackApiError as error:
            raise SlackError(_word(error.response.data)) from error
        except URLError as error:  # urllib raises it until the request is sent
            raise SlackError(UNREACHABLE) from error
        except (SlackClientError, OSError, HTTPException, ValueError) as error:
            raise SlackError(NO_ANSWER) from error


_NO_MARKUP: Mapping[str, Any] = {
    "parse": "none",
    "link_names": False,
    "mrkdwn": False,
    "unfurl_links": False,
    "unfurl_media": False,
}


class _ShortRateLimitRetry(RateLimitErrorRetryHandler):
    """Waits once if Slack's rate limit requires it. A long wait is refused, because other channels wait meanwhile."""

    def _can_retry(self, *, response: HttpResponse | None = None, **given: Any) -> bool:
        headers = response.headers.items() if response else ()
        asked = [value for name, values in headers if name.lower() == "retry-after" for value in values]
        short = all(value.isdigit() and int(value) <= LONGEST_WAIT_SECONDS for value in asked)
        return short and super()._can_retry(response=response, **given)


def _retry_handlers() -> tuple[RetryHandler, ...]:
    """Return the retries for messages. A message is sent again only if Slack certainly did not accept it."""
    return (_ShortRateLimitRetry(),)


def _channels(cursor: str | None, client: WebClient) -> Any:
    """Return one page of the channels that the app can see."""
    return client.conversations_list(
        exclude_archived=True, types="public_channel,private_channel", limit=1000, cursor=cursor
    )


def _word(answer: Any) -> str:
    code = answer.get("error") if isinstance(answer, dict) else None
    return code if isinstance(code, str) and _WORD.fullmatch(code) else UNKNOWN_ERROR


def _sentence(sentence: str) -> list[dict[str, Any]]:
    return [{"type": "section", "text": {"type": "plain_text", "text": sentence, "emoji": False}}]


def _profile(user: Mapping[str, Any]) -> SlackProfile:
    """Return the profile of a user object (https://docs.slack.dev/reference/objects/user-object/)."""
    limits = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
    full = not any(user.get(each) for each in limits) and user.get("is_email_confirmed", True) is not False
    return SlackProfile(str(user.get("team_id", "")), str((user.get("profile") or {}).get("email", "")), full)
