"""A Slack workspace's Web API as far as a notifier needs it, and a page that shows what was posted."""

import json
import sys
from collections.abc import Mapping

from local.identity import HUMANS
from local.processes import Process
from local.settings import ROOT, Settings

NAME = "slack"
CHANNELS: Mapping[str, bool] = {"jitney-reviews": True, "general": False}
"""The workspace's channels, and whether the bot has been invited to each."""


def process(_settings: Settings, port: int, token: str) -> Process:
    """The workspace on 127.0.0.1:`port`, whose bot has `token`."""
    environment: Mapping[str, str] = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "JITNEY_SLACK_PORT": str(port),
        "JITNEY_SLACK_TOKEN": token,
        "JITNEY_SLACK_CHANNELS": json.dumps(CHANNELS),
        "JITNEY_SLACK_EMAILS": ",".join(f"{name}@example.com" for name in HUMANS),
    }
    return Process(NAME, (sys.executable, "-m", "local.slack"), environment, ROOT)
