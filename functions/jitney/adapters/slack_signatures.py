"""Verifies the signature of a request from Slack (row REV 9).

https://docs.slack.dev/authentication/verifying-requests-from-slack/
"""

from collections.abc import Mapping

from slack_sdk.signature import Clock, SignatureVerifier

WITHIN_SECONDS = 300
"""The library's tolerance in seconds, both before and after the current time."""


class _Now(Clock):
    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> float:
        return self._now


def is_signed(headers: Mapping[str, str], body: bytes, signing_secret: str, now: int) -> bool:
    """Return whether the raw body is signed with the secret and within five minutes of `now`, in constant time.

    `headers` have lower-case names. Input for which the library raises an exception counts as unsigned.
    """
    stated, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (stated.isascii() and stated.isdigit() and len(stated) <= 12 and signature.isascii()):
        return False
    try:
        return SignatureVerifier(signing_secret, _Now(now)).is_valid(body, stated, signature)
    except UnicodeDecodeError:
        return False
