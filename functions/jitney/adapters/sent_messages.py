"""The messages to reviewers that were sent, or that an attempt began to send.

In the state table: `pk` SENT#<grant>, `sk` the notice, its check, the channel and the recipient. The item
is written before the message is sent. So a step that is repeated after a failure sends no message twice.
"""

from typing import NamedTuple

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.first_writes import put_first
from jitney.adapters.table_reads import Item, TableItems, item_key

KEEP_SENT_SECONDS = 9 * 86400
"""Seconds for which a message is remembered, longer than any review."""


class SentMessage(NamedTuple):
    """One message of a notice: `step` is the notice with its check."""

    grant_id: str
    step: str
    channel: str
    to: str


class SentMessages(TableItems):
    """Remembers the messages. Raises Problem unavailable."""

    def begin(self, message: SentMessage, now: int) -> bool:
        """Remember that the message is being sent. Return False if an earlier attempt began to send it."""
        item = _key(message) | {"expires": {"N": str(now + KEEP_SENT_SECONDS)}}
        with aws_errors_as_unavailable("The store"):
            return put_first(self._client, self._table, item)

    def withdraw(self, message: SentMessage) -> None:
        """Forget a message that was certainly not sent, so that another attempt may send it."""
        with aws_errors_as_unavailable("The store"):
            self._client.delete_item(TableName=self._table, Key=_key(message))


def _key(message: SentMessage) -> Item:
    return item_key(f"SENT#{message.grant_id}", f"{message.step}#{message.channel}#{message.to}")
