"""A secret of the Slack app, from Secrets Manager: kept for a while in memory, and nowhere else (AUD 7).

The bot's token and the secret that Slack signs with lie apart: who only writes to Slack cannot make up clicks.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.problems import Problem

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

KEPT_SECONDS = 300
"""After which a secret that was changed is in use everywhere."""
BOT_TOKEN = re.compile(r"xox[be]\S{3,500}", re.ASCII)
SIGNING_SECRET = re.compile(r"[\w-]{16,200}", re.ASCII)


class SlackSecret:
    """Reads the secret `arn`, whose text is wholly of `form`; `now` gives epoch seconds."""

    def __init__(self, client: "SecretsManagerClient", arn: str, form: re.Pattern[str], now: Callable[[], int]) -> None:
        self._client = client
        self._arn = arn
        self._form = form
        self._now = now
        self._known: tuple[int, str] | None = None

    def read(self) -> str:
        """The secret as it was within the last `KEPT_SECONDS`. Raises Problem unavailable."""
        now = self._now()
        if self._known is None or not 0 <= now - self._known[0] < KEPT_SECONDS:
            self._known = (now, self._fetched())
        return self._known[1]

    def _fetched(self) -> str:
        with aws_errors_as_unavailable("Secrets Manager"):
            answer = self._client.get_secret_value(SecretId=self._arn)
        text = answer.get("SecretString", "").strip()
        if not self._form.fullmatch(text):
            fix = "Ask your platform engineer: docs/slack.md says what it holds."
            raise Problem("unavailable", "A secret for Slack does not hold what it should.", fix)
        return text
