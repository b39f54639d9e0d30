"""Slack's Web API by slack_sdk: against the local workspace as a real server, and against faulty servers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.http_retry import builtin_handlers

from jitney.adapters import slack_client
from jitney.adapters.slack_client import SlackClient
from jitney.core.review.slack.error import SlackError
from jitney.core.review.slack.message import SlackMessage, message
from jitney.core.review.slack.modals import message_modal, reject_modal
from local.slack.__main__ import Handler
from local.slack.workspace import OUTAGE, Workspace
from tests.core.review.samples import under_review
from tests.core.review.slack.test_blocks import HOSTILE, URL, sheet, walk
from tests.fakes import PENDING, MemorySlackSecret
from tests.quiet_server import QuietServer

TOKEN = "xoxb-canary-bot-token"
PLAIN = SlackMessage("words", ({"type": "section", "text": {"type": "plain_text", "text": "words"}},))


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[SlackClient]:
    with QuietServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield SlackClient(MemorySlackSecret(), f"http://127.0.0.1:{server.server_address[1]}/api/")  # type: ignore[arg-type]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(["alice@example.com"], {"data-reviews": True, "general": False})


@pytest.fixture
def slack(workspace: Workspace) -> Iterator[SlackClient]:
    class Own(Handler):
        pass

    Own.workspace, Own.token = workspace, TOKEN
    with serving(Own) as made:
        yield made


@contextmanager
def answering(*answers: tuple[int, bytes, dict[str, str]]) -> Iterator[tuple[SlackClient, list[str]]]:
    """Yield a Slack that gives these answers in order. It repeats the last one."""
    left, asked = list(answers), []

    class Misbehaving(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            asked.append(self.path)
            status, body, headers = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            for name, value in {
                "Content-Length": str(len(body)),
                "Content-Type": "application/json",
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815 - the base class's name

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Misbehaving) as made:
        yield made, asked


def code(call: Any) -> str:
    with pytest.raises(SlackError) as refused:
        call()
    return refused.value.code


def test_a_message_is_posted_updated_and_answered_in_its_thread(slack: SlackClient, workspace: Workspace):
    place = slack.post("#data-reviews", PLAIN)
    slack.update(place, PLAIN._replace(notification="other words"))
    slack.reply(place, "a sentence")
    first, second = workspace.messages()
    assert (first["channel"], first["ts"], first["text"]) == (*place, "other words")
    assert (second["thread_ts"], second["blocks"][0]["text"]) == (
        place.timestamp,
        {"type": "plain_text", "text": "a sentence", "emoji": False},
    )


def test_a_profile_and_an_ephemeral_message(slack: SlackClient, workspace: Workspace):
    profile = slack.profile("UALICE")
    assert (profile.workspace, profile.email, profile.is_full_member) == ("TLOCAL", "alice@example.com", True)
    slack.post_ephemeral("CDATAREVIEWS", "UALICE", "not you")
    (posted,) = workspace.messages()
    assert (posted["ephemeral_to"], posted["blocks"][0]["text"]["text"]) == ("UALICE", "not you")


def test_a_modal_opens_by_a_trigger_once(slack: SlackClient, workspace: Workspace):
    trigger = workspace.trigger("UALICE")
    slack.open_modal(trigger, reject_modal(PENDING, under_review(PENDING).requester))
    opened = workspace.opened("UALICE")
    assert opened
    assert opened["title"]["text"] == "Reject request"
    assert code(lambda: slack.open_modal(trigger, message_modal("a", "b"))) == "invalid_trigger_id"


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda slack: slack.post("#general", PLAIN), "not_in_channel"),
        (lambda slack: slack.post("#nowhere", PLAIN), "channel_not_found"),
        (lambda slack: slack.profile("UNOBODY"), "user_not_found"),
        (lambda slack: slack.post("#data-reviews", PLAIN._replace(notification=OUTAGE)), "slack_error"),
    ],
)
def test_rev_13_slacks_own_word_is_the_code(slack: SlackClient, call: Any, word: str):
    assert code(lambda: call(slack)) == word


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_rev_10_what_slack_receives_of_an_agents_words_is_text_alone(
    slack: SlackClient, workspace: Workspace, words: str
):
    """The payload is the one that arrives over the wire, for the words of a request."""
    shown = sheet(replace(PENDING, subject=words), agent_reason=words, ticket=words)
    slack.post("#data-reviews", message(shown, URL))
    (arrived,) = workspace.messages()
    assert not any(each in arrived["text"] for each in ("<", ">", "://"))
    kinds = {each["type"] for each in walk(arrived["blocks"]) if "type" in each}
    assert kinds == {
        "header", "plain_text", "rich_text", "rich_text_section", "rich_text_list", "rich_text_quote", "text",
        "divider", "actions", "button",
    }  # fmt: skip
    assert URL in {each.get("url") for each in walk(arrived["blocks"])}


def test_rev_10_slack_reads_no_markup_mention_or_link_in_any_message():
    sent: list[dict[str, Any]] = []

    class Recording(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append({**json.loads(body), "path": self.path})
            answer = b'{"ok": true, "channel": "C1", "ts": "1.0"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Recording) as slack:
        place = slack.post("#x", PLAIN)
        slack.update(place, PLAIN)
        slack.reply(place, "<!channel> & <https://evil.example|a>")
    posted, updated, replied = sent
    assert [each["parse"] for each in sent] == ["none"] * 3
    for each in (posted, replied):
        said = {name: each[name] for name in ("link_names", "mrkdwn", "unfurl_links", "unfurl_media")}
        assert said == dict.fromkeys(said, False)
    assert updated["path"].endswith("chat.update")
    assert replied["text"] == "&lt;!channel&gt; &amp; &lt;https://evil.example|a&gt;"
    (block,) = replied["blocks"]
    assert block["text"] == {"type": "plain_text", "text": "<!channel> & <https://evil.example|a>", "emoji": False}


@pytest.mark.parametrize("said", ["xoxb-canary-bot-token is wrong", "", 7, "Not_A_Word", "x" * 80])
def test_a_strange_word_is_no_code(said: Any):
    with answering((200, json.dumps({"ok": False, "error": said}).encode(), {})) as (slack, _):
        assert code(lambda: slack.post("#x", PLAIN)) == "slack_error"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"ok": true'])
def test_what_is_no_answer_is_a_code_too(body: bytes):
    with answering((200, body, {})) as (slack, _):
        assert code(lambda: slack.post("#x", PLAIN)) in ("slack_error", "no_answer")


def test_an_unreachable_slack_is_a_code():
    slack = SlackClient(MemorySlackSecret(), "http://127.0.0.1:9/api/")  # type: ignore[arg-type]
    assert code(lambda: slack.post("#x", PLAIN)) == "unreachable"


def test_a_slack_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slack_client, "SECONDS", 0.1)
    release = threading.Event()

    class Hanging(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            release.wait(20)

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Hanging) as slack:
        assert code(lambda: slack.post("#x", PLAIN)) == "no_answer"
        release.set()


GOOD = (200, b'{"ok": true, "channel": "C1", "ts": "1.2"}', {})
LIMITED = b'{"ok": false, "error": "ratelimited"}'


def test_rev_13_it_waits_as_slack_asks_for_and_tries_again(monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []
    monkeypatch.setattr(builtin_handlers, "time", SimpleNamespace(sleep=waited.append))
    with answering((429, LIMITED, {"Retry-After": "2"}), GOOD) as (slack, asked):
        assert slack.post("#x", PLAIN) == ("C1", "1.2")
    assert (len(asked), [int(each) for each in waited]) == (2, [2])


@pytest.mark.parametrize("asked_for", ["6", "3600", "soon"])
def test_rev_13_it_does_not_wait_for_longer_than_others_can(monkeypatch: pytest.MonkeyPatch, asked_for: str):
    monkeypatch.setattr(builtin_handlers, "time", SimpleNamespace(sleep=lambda _: pytest.fail("it waits")))
    with answering((429, LIMITED, {"Retry-After": asked_for})) as (slack, asked):
        assert code(lambda: slack.post("#x", PLAIN)) == "ratelimited"
    assert len(asked) == 1


def test_rev_09_who_pressed_a_button_waits_for_no_second_try(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(builtin_handlers, "time", SimpleNamespace(sleep=lambda _: pytest.fail("it waits")))
    with answering((429, LIMITED, {"Retry-After": "1"})) as (slack, _):
        assert code(lambda: slack.profile("U1")) == "ratelimited"


@pytest.mark.parametrize(
    "user",
    [
        {"deleted": True},
        {"is_bot": True},
        {"is_restricted": True},
        {"is_ultra_restricted": True},
        {"is_stranger": True},
        {"is_email_confirmed": False},
    ],
    ids=str,
)
def test_rev_09_other_than_full_members_are_recognized(user: Any):
    known = {"id": "U1", "team_id": "T1", "profile": {"email": "a@example.com"}}
    with answering((200, json.dumps({"ok": True, "user": known | user}).encode(), {})) as (slack, _):
        assert not slack.profile("U1").is_full_member
    with answering((200, json.dumps({"ok": True, "user": known}).encode(), {})) as (slack, _):
        assert slack.profile("U1") == ("T1", "a@example.com", True)


@pytest.mark.parametrize(
    ("channel", "word"),
    [
        ("#data-reviews", ""),
        ("data-reviews", ""),
        ("CDATAREVIEWS", ""),
        ("#general", "not_in_channel"),
        ("#nowhere", "channel_not_found"),
    ],
)
def test_rev_13_whether_a_channel_can_be_posted_to_is_read_and_not_tried(
    slack: SlackClient, workspace: Workspace, channel: str, word: str
):
    assert slack.channel_code(channel) == word
    assert workspace.messages() == []


def test_rev_13_channels_of_later_pages_are_found():
    first = {"ok": True, "channels": [{"name": "a"}], "response_metadata": {"next_cursor": "more"}}
    second = {"ok": True, "channels": [{"name": "b", "is_member": True}]}
    pages = [(200, json.dumps(page).encode(), {}) for page in (first, second)]
    with answering(*pages) as (slack, asked):
        assert slack.channel_code("#b") == ""
    assert len(asked) == 2


def test_rev_13_a_person_is_found_by_address(slack: SlackClient):
    assert slack.find("alice@example.com").email == "alice@example.com"
    assert code(lambda: slack.find("nobody@example.com")) == "users_not_found"
