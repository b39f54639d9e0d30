"""The Slack app's tokens, from one secret in Secrets Manager: kept for a while in memory, and nowhere else (AUD 7)."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from adapters.calls import unavailable_when_failing
from core.problems import Problem

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

KEPT_SECONDS = 300
"""After which a secret that was changed is in use everywhere."""


class Tokens(NamedTuple):
    """What Jitney calls Slack with, and what Slack signs with."""

    bot_token: str
    signing_secret: str

    def __repr__(self) -> str:
        """Nothing of them: this is what a log would get."""
        return "Tokens(***)"


class SlackSecret:
    """Reads the secret `arn`; `now` gives epoch seconds."""

    def __init__(self, client: "SecretsManagerClient", arn: str, now: Callable[[], int]) -> None:
        self._client = client
        self._arn = arn
        self._now = now
        self._known: tuple[int, Tokens] | None = None

    def read(self) -> Tokens:
        """The tokens as they were within the last `KEPT_SECONDS`. Raises Problem unavailable."""
        now = self._now()
        if self._known is None or not 0 <= now - self._known[0] < KEPT_SECONDS:
            self._known = (now, self._fetched())
        return self._known[1]

    def _fetched(self) -> Tokens:
        with unavailable_when_failing("Secrets Manager"):
            text = self._client.get_secret_value(SecretId=self._arn)["SecretString"]
        try:
            members = json.loads(text)
            tokens = Tokens(members["bot_token"], members["signing_secret"])
        except (ValueError, KeyError, TypeError):
            tokens = None
        if tokens is None or not all(isinstance(each, str) and each.strip() for each in tokens):
            # The error that it came from would quote the secret.
            fix = "Ask your platform engineer: docs/slack.md says what it holds."
            raise Problem("unavailable", "The secret for Slack does not hold what it should.", fix)
        return tokens
