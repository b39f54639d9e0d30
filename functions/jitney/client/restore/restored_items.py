"""The sessions, delegations, approvals and open grants of a restored state table, for `jitney restore`."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from jitney.adapters.grant_items import grant_id_of
from jitney.adapters.out_of_office import OUT_OF_OFFICE
from jitney.adapters.past_verdicts import APPROVAL_PREFIX
from jitney.adapters.record_items import record_in
from jitney.adapters.unreadable_grants import members_of
from jitney.adapters.web_sessions import SESSION_PREFIX
from jitney.client.restore.restore_problems import available
from jitney.client.restore.restore_summary import RestoreSummary
from jitney.core.integrity.contents import StoredRecord
from jitney.core.integrity.publishable_items import stored_record_at
from jitney.core.records.chain_numbers import records_in


class RestoredItems:
    """Changes items of the restored state table, and counts them in `summary`. Methods raise Unavailable."""

    def __init__(self, dynamodb: Any, summary: RestoreSummary, progress: Callable[[str], None]) -> None:
        self._dynamodb, self._summary, self._progress = dynamodb, summary, progress

    def forget(self) -> None:
        """Delete people's sessions, out-of-office entries and earlier approvals: any may have ended after the moment.

        The ends of approvals stay. So a run that fails lets no approval count again.
        """
        ended = {
            ":office": {"S": OUT_OF_OFFICE},
            ":session": {"S": SESSION_PREFIX},
            ":approval": {"S": APPROVAL_PREFIX},
        }
        approvals = "(begins_with(pk, :approval) AND attribute_not_exists(revoked))"
        for item in self._scanned(f"pk = :office OR begins_with(pk, :session) OR {approvals}", ended):
            with available("the state table"):
                self._dynamodb.delete_item(
                    TableName=self._summary.state_table, Key={"pk": item["pk"], "sk": item["sk"]}
                )
            if item["pk"]["S"] == OUT_OF_OFFICE:
                self._summary.delegations_ended += 1
            elif item["pk"]["S"].startswith(APPROVAL_PREFIX):
                self._summary.approvals_ended += 1
            else:
                self._summary.sessions_ended += 1
            self._progress(f"ending sessions of people: {self._summary.sessions_ended}")

    def continue_chains(self) -> None:
        """Let the records of each open grant continue after its last record in the audit table."""
        for item in self._open_items():
            self._summary.open_grants += 1
            self._progress(f"continuing the records of open grants: {self._summary.open_grants}")
            last = self._last_record(grant_id_of(item))
            if last is None or records_in(item) > last.position.seq:
                continue
            lifecycle = members_of(item, "lifecycle") | {"chain_head": last.hash}
            values = {
                ":records": {"N": str(last.position.seq + 1)},
                ":lifecycle": {"S": json.dumps(lifecycle, separators=(",", ":"))},
            }
            had = {":had": item["records"]} if "records" in item else {}
            with available("the state table"):
                self._dynamodb.update_item(
                    TableName=self._summary.state_table,
                    Key={"pk": item["pk"], "sk": item["sk"]},
                    UpdateExpression="SET records = :records, lifecycle = :lifecycle",
                    ConditionExpression="records = :had" if had else "attribute_not_exists(records)",
                    ExpressionAttributeValues=values | had,
                )
            self._summary.continued += 1

    def _open_items(self) -> Iterator[dict[str, Any]]:
        return self._scanned("attribute_exists(open_role)", {})

    def _scanned(self, sought: str, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
        more = {"ExpressionAttributeValues": values} if values else {}
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._summary.state_table, FilterExpression=sought, ConsistentRead=True, **more
        )
        with available("the state table"):
            for page in pages:
                yield from page["Items"]

    def _last_record(self, grant_id: str) -> StoredRecord | None:
        """Return the last intact record of a grant. A compromised function can write anything into a chain."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._summary.audit_table,
            KeyConditionExpression="pk = :chain",
            ExpressionAttributeValues={":chain": {"S": grant_id}},
            ConsistentRead=True,
            ScanIndexForward=False,
            PaginationConfig={"PageSize": 10},
        )
        with available("the audit table"):
            items = (item for page in pages for item in page["Items"])
            found = (stored_record_at(item["pk"]["S"], item["sk"]["S"], record_in(item)) for item in items)
            return next(filter(None, found), None)
