"""A Slack workspace with the parts that Jitney needs: the Web API, people who press buttons, and a page for people."""

import json
import secrets
import sys
from collections.abc import Mapping
from typing import NamedTuple

import boto3

from local.identity import HUMANS
from local.processes import Process
from local.settings import ACCOUNT, REGION, ROOT, LocalSettings

NAME = "slack"
CHANNELS: Mapping[str, bool] = {"data-reviews": True, "general": False}
"""The workspace's channels, and whether the bot was invited to each."""
PEOPLE = (*HUMANS, "mallory")
"""The people in the workspace. mallory is not in jitney.yaml."""
WORKSPACE = "TLOCAL"
BOT_TOKEN, SIGNING_SECRET = "jitney/slack-bot", "jitney/slack-signing"
"""The names of the two secrets."""


class App(NamedTuple):
    """The app's two tokens, and the address of the workspace's Web API."""

    bot_token: str
    signing_secret: str
    port: int

    @property
    def url(self) -> str:
        """The workspace's page."""
        return f"http://127.0.0.1:{self.port}"


def app(port: int) -> App:
    """Return a workspace's app with new tokens."""
    return App(f"xoxb-{secrets.token_hex(16)}", secrets.token_hex(16), port)


def variables(port: int) -> dict[str, str]:
    """Return the variables of the workspace that a configuration can use."""
    return {
        "JITNEY_SLACK_BOT_TOKEN_ARN": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{BOT_TOKEN}",
        "JITNEY_SLACK_SIGNING_SECRET_ARN": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{SIGNING_SECRET}",
        "JITNEY_SLACK_WORKSPACE": WORKSPACE,
        "JITNEY_SLACK_API_URL": f"http://127.0.0.1:{port}/api/",
    }


def store_secrets(made: App, session: boto3.Session, endpoint: str) -> None:
    """Store the app's tokens in the secrets that Jitney reads."""
    client = session.client("secretsmanager", endpoint_url=endpoint)
    client.create_secret(Name=BOT_TOKEN, SecretString=made.bot_token)
    client.create_secret(Name=SIGNING_SECRET, SecretString=made.signing_secret)


def process(_settings: LocalSettings, made: App, interactions: str) -> Process:
    """Return the workspace's process. It sends interactions to the URL `interactions`."""
    environment: Mapping[str, str] = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "JITNEY_SLACK_PORT": str(made.port),
        "JITNEY_SLACK_TOKEN": made.bot_token,
        "JITNEY_SLACK_SIGNING_SECRET": made.signing_secret,
        "JITNEY_SLACK_INTERACTIONS": interactions,
        "JITNEY_SLACK_CHANNELS": json.dumps(CHANNELS),
        "JITNEY_SLACK_EMAILS": ",".join(f"{name}@example.com" for name in PEOPLE),
    }
    return Process(NAME, (sys.executable, "-m", "local.slack"), environment, ROOT)
