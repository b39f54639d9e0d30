"""The workspace itself: methods of Slack's Web API over messages kept in memory (https://api.slack.com/methods).

Answers and error words are Slack's; what a notifier does not use is unknown here.
"""

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

type Arguments = Mapping[str, Any]
type Answer = dict[str, Any]


class SlackError(Exception):
    """A refusal, by Slack's own word for it."""


class Workspace:
    """Channels, people and messages. Channels exist as soon as somebody posts to them."""

    def __init__(self, emails: list[str], clock: Callable[[], float] = time.time) -> None:
        self._people = {email: f"U{email.partition('@')[0].upper()}" for email in emails}
        self._clock = clock
        self._number = itertools.count(1)
        self._lock = threading.Lock()
        self._messages: list[dict[str, Any]] = []
        self._methods: Mapping[str, Callable[[Arguments], Answer]] = {
            "auth.test": lambda _: {"team_id": "TLOCAL", "user_id": "UJITNEY", "bot_id": "BJITNEY"},
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.list": self._list,
            "conversations.info": lambda arguments: {"channel": _channel(_required(arguments, "channel"))},
            "conversations.join": lambda arguments: {"channel": _channel(_required(arguments, "channel"))},
            "conversations.open": lambda arguments: {"channel": {"id": f"D{_required(arguments, 'users')[1:]}"}},
            "users.lookupByEmail": self._look_up,
        }

    def call(self, method: str, arguments: Arguments) -> Answer:
        """What Slack answers to `method`: {"ok": true, ...} or {"ok": false, "error": word}."""
        known = self._methods.get(method)
        if known is None:
            return {"ok": False, "error": "unknown_method"}
        try:
            with self._lock:
                return {"ok": True, **known(arguments)}
        except SlackError as refusal:
            return {"ok": False, "error": str(refusal)}

    def messages(self) -> list[dict[str, Any]]:
        """Every message as it stands now, oldest first, with its earlier versions under `edits`."""
        with self._lock:
            return [dict(message) for message in self._messages]

    def _post(self, arguments: Arguments) -> Answer:
        channel, content = _required(arguments, "channel"), _content(arguments)
        stamp = f"{int(self._clock())}.{next(self._number):06d}"
        message = {"type": "message", "channel": channel, "ts": stamp, "edits": [], **content}
        self._messages.append(message)
        return {"channel": channel, "ts": stamp, "message": _shown(message)}

    def _update(self, arguments: Arguments) -> Answer:
        channel, stamp = _required(arguments, "channel"), _required(arguments, "ts")
        found = [message for message in self._messages if (message["channel"], message["ts"]) == (channel, stamp)]
        if not found:
            raise SlackError("message_not_found")
        before = {name: found[0].pop(name) for name in _CONTENT if name in found[0]}
        found[0].update(_content(arguments), edits=[*found[0]["edits"], before])
        return {"channel": channel, "ts": stamp, "message": _shown(found[0])}

    def _list(self, _arguments: Arguments) -> Answer:
        names = dict.fromkeys(message["channel"] for message in self._messages)
        return {"channels": [_channel(name) for name in names], "response_metadata": {"next_cursor": ""}}

    def _look_up(self, arguments: Arguments) -> Answer:
        email = _required(arguments, "email")
        if email not in self._people:
            raise SlackError("users_not_found")
        profile = {"email": email, "real_name": email.partition("@")[0]}
        return {"user": {"id": self._people[email], "team_id": "TLOCAL", "profile": profile}}


_CONTENT = ("text", "blocks", "attachments", "thread_ts")


def _required(arguments: Arguments, name: str) -> str:
    if not arguments.get(name):
        raise SlackError("channel_not_found" if name == "channel" else "invalid_arguments")
    return str(arguments[name])


def _content(arguments: Arguments) -> Answer:
    content = {name: arguments[name] for name in _CONTENT if arguments.get(name)}
    if not content.keys() - {"thread_ts"}:
        raise SlackError("no_text")
    return content


def _channel(name: str) -> Answer:
    return {"id": name, "name": name.removeprefix("#"), "is_channel": True, "is_member": True}


def _shown(message: Mapping[str, Any]) -> Answer:
    return {name: value for name, value in message.items() if name != "edits"}
