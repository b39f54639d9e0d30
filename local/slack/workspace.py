"""The workspace: methods of Slack's Web API, over messages in memory (https://api.slack.com/methods).

Answers and error codes are Slack's. Methods that Jitney does not use are missing. A call whose arguments contain the
text of `OUTAGE` gets no answer, so that a test can cause an outage for its own calls only.
"""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.timeouts import scaled_timeout

type Arguments = Mapping[str, Any]
type Answer = dict[str, Any]

BOT, TEAM = "UJITNEY", "TLOCAL"
OUTAGE = "Slack does not answer to this"
TRIGGER_SECONDS = 3
"""How long after a click a modal can be opened (https://docs.slack.dev/surfaces/modals/)."""


class SlackOutageError(Exception):
    """The workspace does not answer."""


class SlackError(Exception):
    """A refusal, with Slack's error code."""


@dataclass(slots=True)
class Channel:
    """A channel, or a conversation with one person, whose `name` is empty. `joined` says that the bot is in it."""

    id: str
    name: str
    joined: bool
    people: list[str] = field(default_factory=list)


class Workspace:
    """Channels, people and messages. `channels` says for each name whether the bot is in it from the start.

    A channel is named by its id or its name, with or without "#". The id of a person names the conversation with that
    person.
    """

    def __init__(
        self, emails: Iterable[str], channels: Mapping[str, bool], clock: Callable[[], float] = time.time
    ) -> None:
        self._people = {f"U{email.partition('@')[0].upper()}": email for email in emails}
        made = [
            *(Channel(f"C{name.upper().replace('-', '')}", name, joined) for name, joined in channels.items()),
            *(Channel(f"D{person[1:]}", "", joined=True, people=[person]) for person in self._people),
        ]
        self._channels = {channel.id: channel for channel in made}
        self._aliases = {
            **{channel.name: channel for channel in made if channel.name},
            **{channel.people[0]: channel for channel in made if channel.people},
        }
        self._clock = clock
        self._number = itertools.count(1)
        self._lock = threading.Lock()
        self._messages: list[dict[str, Any]] = []
        self._triggers: dict[str, tuple[str, float]] = {}
        self._modals: dict[str, dict[str, Any]] = {}
        self._methods: Mapping[str, Callable[[Arguments], Answer]] = {
            "auth.test": lambda _: {"team_id": TEAM, "user_id": BOT, "bot_id": "BJITNEY"},
            "chat.postEphemeral": self._post_ephemeral,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.info": lambda arguments: {"channel": _described(self._channel(arguments))},
            "conversations.join": self._join,
            "conversations.list": self._list,
            "conversations.members": self._members,
            "conversations.open": self._open,
            "views.open": self._open_modal,
            "users.info": lambda arguments: {"user": self._person(_required(arguments, "user"))},
            "users.lookupByEmail": self._look_up,
        }

    def call(self, method: str, arguments: Arguments) -> Answer:
        """Return Slack's answer: {"ok": true, ...} or {"ok": false, "error": code}. Raises SlackOutageError."""
        if OUTAGE in json.dumps(arguments):
            raise SlackOutageError
        known = self._methods.get(method)
        if known is None:
            return {"ok": False, "error": "unknown_method"}
        try:
            with self._lock:
                return {"ok": True, **known(arguments)}
        except SlackError as refusal:
            return {"ok": False, "error": str(refusal)}

    def messages(self) -> list[dict[str, Any]]:
        """Return every message, the oldest first, with its earlier versions under `edits`."""
        with self._lock:
            return [dict(message) for message in self._messages]

    def user(self, user: str) -> Answer:
        """Return a person. Raises SlackError."""
        return self._person(user)

    def people(self) -> Mapping[str, str]:
        """Return the people's addresses by id."""
        return self._people

    def places(self) -> Mapping[str, str]:
        """Return the names of channels by id."""
        named = (
            (each.id, f"#{each.name}" if each.name else self._people[each.people[0]])
            for each in self._channels.values()
        )
        return dict(named)

    def trigger(self, user: str) -> str:
        """Return a trigger id, with which the app can open a modal for this person."""
        with self._lock:
            trigger = f"{next(self._number)}.trigger"
            self._triggers[trigger] = (user, self._clock() + scaled_timeout(TRIGGER_SECONDS))
        return trigger

    def modal(self, modal_id: str) -> dict[str, Any] | None:
        """Return an open modal. Its `opened_for` names the person."""
        with self._lock:
            return self._modals.get(modal_id)

    def opened(self, user: str) -> dict[str, Any] | None:
        """Return the last open modal of a person."""
        with self._lock:
            mine = [modal for modal in self._modals.values() if modal["opened_for"] == user]
        return mine[-1] if mine else None

    def become(self, modal_id: str, view: Mapping[str, Any] | None) -> None:
        """Replace a modal's view, or close the modal."""
        with self._lock:
            before = self._modals.pop(modal_id)
            if view is not None:
                self._modals[modal_id] = {**view, "id": modal_id, "opened_for": before["opened_for"]}

    def _open_modal(self, arguments: Arguments) -> Answer:
        trigger, view = _required(arguments, "trigger_id"), arguments.get("view")
        user, until = self._triggers.pop(trigger, ("", 0.0))
        if not user:
            raise SlackError("invalid_trigger_id")
        if self._clock() > until:
            raise SlackError("expired_trigger_id")
        given = json.loads(view) if isinstance(view, str) else dict(view or {})
        modal = {**given, "id": f"V{next(self._number)}", "opened_for": user}
        self._modals = {name: each for name, each in self._modals.items() if each["opened_for"] != user}
        self._modals[modal["id"]] = modal
        return {"view": modal}

    def _channel(self, arguments: Arguments) -> Channel:
        asked = _required(arguments, "channel", "channel_not_found")
        channel = self._channels.get(asked) or self._aliases.get(asked.removeprefix("#"))
        if channel is None:
            raise SlackError("channel_not_found")
        return channel

    def _joined(self, arguments: Arguments) -> Channel:
        channel = self._channel(arguments)
        if not channel.joined:
            raise SlackError("not_in_channel")
        return channel

    def _person(self, user: str, error: str = "user_not_found") -> Answer:
        if user not in self._people:
            raise SlackError(error)
        email = self._people[user]
        name = email.partition("@")[0]
        known = {"id": user, "team_id": TEAM, "name": name, "profile": {"email": email, "real_name": name}}
        return known | {"deleted": False, "is_bot": False, "is_restricted": False, "is_email_confirmed": True}

    def _stamp(self) -> str:
        return f"{int(self._clock())}.{next(self._number):06d}"

    def _post(self, arguments: Arguments) -> Answer:
        channel, content, stamp = self._joined(arguments), _content(arguments), self._stamp()
        message = {"type": "message", "channel": channel.id, "ts": stamp, "edits": [], **content}
        self._messages.append(message)
        return {"channel": channel.id, "ts": stamp, "message": _shown(message)}

    def _post_ephemeral(self, arguments: Arguments) -> Answer:
        channel, content, stamp = self._joined(arguments), _content(arguments), self._stamp()
        person = self._person(_required(arguments, "user"), "user_not_in_channel")["id"]
        seen = {"type": "message", "channel": channel.id, "ts": stamp, "edits": [], "ephemeral_to": person, **content}
        self._messages.append(seen)
        return {"message_ts": stamp}

    def _update(self, arguments: Arguments) -> Answer:
        channel, stamp = self._channel(arguments), _required(arguments, "ts")
        found = [
            message
            for message in self._messages
            if (message["channel"], message["ts"]) == (channel.id, stamp) and "ephemeral_to" not in message
        ]
        if not found:
            raise SlackError("message_not_found")
        content = _content(arguments)
        before = {name: found[0].pop(name) for name in _CONTENT if name in found[0]}
        found[0].update(content, edits=[*found[0]["edits"], before])
        return {"channel": channel.id, "ts": stamp, "message": _shown(found[0])}

    def _join(self, arguments: Arguments) -> Answer:
        channel = self._channel(arguments)
        channel.joined = True
        return {"channel": _described(channel)}

    def _list(self, _arguments: Arguments) -> Answer:
        channels = [_described(channel) for channel in self._channels.values() if channel.name]
        return {"channels": channels, "response_metadata": {"next_cursor": ""}}

    def _members(self, arguments: Arguments) -> Answer:
        channel = self._channel(arguments)
        members = [*(channel.people or self._people), *([BOT] if channel.joined else [])]
        return {"members": members, "response_metadata": {"next_cursor": ""}}

    def _open(self, arguments: Arguments) -> Answer:
        person = self._person(_required(arguments, "users"))["id"]
        return {"channel": _described(self._aliases[person])}

    def _look_up(self, arguments: Arguments) -> Answer:
        email = _required(arguments, "email")
        found = [person for person, known in self._people.items() if known == email]
        return {"user": self._person(found[0] if found else "", "users_not_found")}


_CONTENT = ("text", "blocks", "attachments", "thread_ts")


def _required(arguments: Arguments, name: str, error: str = "invalid_arguments") -> str:
    if not arguments.get(name):
        raise SlackError(error)
    return str(arguments[name])


def _content(arguments: Arguments) -> Answer:
    content = {name: arguments[name] for name in _CONTENT if arguments.get(name)}
    if not content.keys() - {"thread_ts"}:
        raise SlackError("no_text")
    return content


def _described(channel: Channel) -> Answer:
    if channel.people:
        return {"id": channel.id, "is_im": True, "user": channel.people[0]}
    return {"id": channel.id, "name": channel.name, "is_channel": True, "is_member": channel.joined}


def _shown(message: Mapping[str, Any]) -> Answer:
    return {name: value for name, value in message.items() if name != "edits"}
