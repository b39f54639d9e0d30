"""The page of the local Slack workspace: related things are together, under names that people know."""

import re

from local.slack.page import posted
from local.slack.workspace import Workspace

MINUTE = 60


def test_replies_stand_below_what_they_answer_with_the_channels_name_and_a_time():
    clock = iter(range(0, 10 * MINUTE, MINUTE))
    workspace = Workspace(["alice@example.com"], {"data-reviews": True}, lambda: next(clock))
    first = workspace.call("chat.postMessage", {"channel": "data-reviews", "text": "first"})
    workspace.call("chat.postMessage", {"channel": "UALICE", "text": "second"})
    workspace.call("chat.postMessage", {"channel": "data-reviews", "text": "answer", "thread_ts": first["ts"]})
    shown = posted(workspace.messages(), workspace.people(), workspace.places())
    articles = re.findall(r'<article class="(\w*)"><small>([^<]*)</small>(\w+)<', shown)
    assert articles == [
        ("", "alice@example.com, 1970-01-01 00:01:00 UTC", "second"),
        ("", "#data-reviews, 1970-01-01 00:00:00 UTC", "first"),
        ("reply", "#data-reviews, 1970-01-01 00:02:00 UTC", "answer"),
    ]
