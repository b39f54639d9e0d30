"""Where a request's Slack messages are. In the state table: `pk` MESSAGE#<grant>, `sk` the configured channel."""

from typing import NamedTuple

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.first_writes import put_first
from jitney.adapters.table_reads import Item, TableItems, item_key, readable

KEEP_LOCATION_SECONDS = 9 * 86400
"""Seconds for which a location is kept, longer than any review."""


class MessageLocation(NamedTuple):
    """The location of a message in Slack: the channel's id, and the timestamp that identifies the message in it."""

    channel: str
    timestamp: str


class MessageLocations(TableItems):
    """Stores the first message of each request in each channel. Raises Problem unavailable."""

    def of(self, grant_id: str) -> dict[str, MessageLocation]:
        """Return the messages of a grant by channel.

        Channels that have been removed from the configuration are included. Raises Problem item_unreadable as
        `readable`.
        """
        with aws_errors_as_unavailable("The store"):
            # One page: 1 MB holds the locations of more channels than a configuration can name.
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": _key(grant_id, "")["pk"]},
                ConsistentRead=True,
            )
        with readable("the places of the request's messages"):
            return {
                item["sk"]["S"]: MessageLocation(item["channel"]["S"], item["timestamp"]["S"])
                for item in answer["Items"]
            }

    def keep(self, grant_id: str, channel: str, location: MessageLocation, now: int) -> bool:
        """Store the location and return True. If there is one already, store nothing and return False."""
        item = _key(grant_id, channel) | {
            "channel": {"S": location.channel},
            "timestamp": {"S": location.timestamp},
            "expires": {"N": str(now + KEEP_LOCATION_SECONDS)},
        }
        with aws_errors_as_unavailable("The store"):
            return put_first(self._client, self._table, item)


def _key(grant_id: str, channel: str) -> Item:
    return item_key(f"MESSAGE#{grant_id}", channel)
