"""Sessions of the reviewers' pages in the state table: `pk` SESSION#<hash of the id>, `sk` SESSION."""

import json
import logging

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.first_writes import put_first
from jitney.adapters.table_reads import Item, TableItems, item_key, read_item
from jitney.core.config import Config
from jitney.core.identity.session import Session, hash_session_id, session_of_view
from jitney.core.problems import Problem

SESSION_PREFIX = "SESSION#"
"""The prefix of the `pk` of each session."""

_log = logging.getLogger(__name__)


class WebSessions(TableItems):
    """Stores sessions by the hash of their id. Every method raises Problem unavailable if DynamoDB does not answer."""

    def begin(self, session_id: str, session: Session) -> None:
        """Store a new session. TTL deletes it after it expires."""
        item = {
            **_key(session_id),
            "session": {"S": json.dumps(session.view())},
            "expires": {"N": str(session.expires_at)},
        }
        with aws_errors_as_unavailable("The store"):
            new = put_first(self._client, self._table, item)
        if not new:  # two ids of 256 random bits are never the same
            raise Problem("unavailable", "The session could not be stored.", "Sign in again.")

    def of(self, session_id: str, config: Config) -> Session | None:
        """Return the session of an id, or None. It may have expired already, because TTL deletes late.

        A session that cannot be read, such as one of a newer version, counts as none: its person signs in again.
        """
        item = read_item(self._client, "The store", self._table, _key(session_id))
        if item is None:
            return None
        try:
            return session_of_view(json.loads(item["session"]["S"]), config)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            _log.warning("session not read", extra={"error": type(error).__name__})
            return None

    def end(self, session_id: str) -> None:
        """Delete the session of an id."""
        with aws_errors_as_unavailable("The store"):
            self._client.delete_item(TableName=self._table, Key=_key(session_id))


def _key(session_id: str) -> Item:
    return item_key(f"{SESSION_PREFIX}{hash_session_id(session_id)}", "SESSION")
