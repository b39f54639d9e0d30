"""A secret of the Slack app from Secrets Manager. It is cached in memory only (AUD 7).

The bot token and the signing secret are separate secrets. So a function that posts to Slack cannot forge clicks.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.problems import Problem

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

KEPT_SECONDS = 300
"""How long a secret is cached. A rotated secret is used everywhere after this time."""
BOT_TOKEN = re.compile(r"xox[be]\S{3,500}", re.ASCII)
SIGNING_SECRET = re.compile(r"[\w-]{16,200}", re.ASCII)


class SlackSecret:
    """Reads the secret `arn`. Its whole text must match `form`. `now` returns epoch seconds."""

    def __init__(self, client: "SecretsManagerClient", arn: str, form: re.Pattern[str], now: Callable[[], int]) -> None:
        self._client = client
        self._arn = arn
        self._form = form
        self._now = now
        self._known: tuple[int, str] | None = None

    def read(self) -> str:
        """Return the secret, at most `KEPT_SECONDS` old. Raises Problem unavailable."""
        now = self._now()
        if self._known is None or not 0 <= now - self._known[0] < KEPT_SECONDS:
            self._known = (now, self._fetched())
        return self._known[1]

    def _fetched(self) -> str:
        with aws_errors_as_unavailable("Secrets Manager"):
            answer = self._client.get_secret_value(SecretId=self._arn)
        text = answer.get("SecretString", "").strip()
        if not self._form.fullmatch(text):
            fix = "Ask your platform engineer to store it as docs/slack.md shows."
            raise Problem("unavailable", "A secret of the Slack app has an invalid value.", fix)
        return text
