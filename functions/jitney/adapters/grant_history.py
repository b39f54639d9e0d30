"""Reads the records and calls of one grant from the audit table, by key and never by scan.

`adapters.store` and `adapters.trail` write them. An item that does not match its key is returned as an empty line. The
report counts these lines.
"""

from collections.abc import Iterator
from itertools import islice, product
from typing import Any, NamedTuple, TypeVar

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.adapters.record_items import record_in
from jitney.adapters.table_reads import Item, TableItems, item_key, query_items, read_items
from jitney.core.call_lookup import CALL_INDEX
from jitney.core.integrity.publishable_items import call_line_at, record_at
from jitney.core.records.audit import Outcome
from jitney.core.records.chain_numbers import sort_key
from jitney.core.report.published_lines import Line
from jitney.core.trail.call import CALLS_PREFIX, grant_keys_partition

T = TypeVar("T")

MOST_RECORDS, MOST_KEYS, MOST_CALLS, MOST_GATEWAY_CALLS, MOST_GATEWAY_RECORDS = 1000, 50, 500, 500, 1000
"""Limits for one page of a report."""
MOST_OTHERS = 1000
"""The limit of other grants' calls that one search reads. Calls without a key share one partition per account."""
CONCLUSIONS = ("BYPASS#", "UNISSUED#", "UNRECORDED#", "BEYOND#", "EXPLAINED#")
"""The order in which calls are read. Severe verdicts come first, because other calls of the agent could fill the page.
"""


class HistoryPage(NamedTuple):
    """The lines that were read, and whether there are more."""

    lines: list[Line]
    cut: bool


class GrantHistory(TableItems):
    """Reads records and calls by grant. Every method raises Problem unavailable when DynamoDB does not answer."""

    def records(self, grant_id: str) -> HistoryPage:
        """Return the records of the grant.

        A chain longer than MOST_RECORDS is cut in the middle. Its first and last MOST_RECORDS / 2 records remain.
        """
        items, cut = _most(self._items(grant_id), MOST_RECORDS)
        if cut:
            first = MOST_RECORDS // 2
            last = list(islice(self._items(grant_id, backwards=True), MOST_RECORDS - first))
            items = items[:first] + last[::-1]
        return HistoryPage([_record(item) for item in items], cut)

    def gateway_calls(self, grant_id: str) -> HistoryPage:
        """Return the records of the grant's first MOST_GATEWAY_CALLS calls through the gateway.

        The index has each call's first record, and lags behind the table by moments. The later records of the calls are
        read by their numbers, at most MOST_GATEWAY_RECORDS in all.
        """
        values = {":key": {"S": grant_id}}
        keys, cut = _most(self._query("call_of = :key", values, IndexName=CALL_INDEX), MOST_GATEWAY_CALLS)
        wanted, lines, number = [{"pk": each["pk"], "sk": each["sk"]} for each in keys], list[Line](), 0
        while wanted:
            left = MOST_GATEWAY_RECORDS - len(lines)
            cut = cut or len(wanted) > left
            with aws_errors_as_unavailable("The audit table"):
                items = read_items(self._client, self._table, wanted[:left])
            read = [(item["pk"]["S"], _record(item)) for item in items]
            lines += [line for _, line in read]
            number += 1
            chains = dict.fromkeys(chain for chain, line in read if _may_continue(line))
            wanted = [item_key(chain, sort_key(number)) for chain in chains]
        return HistoryPage(lines, cut)

    def calls(self, grant_id: str) -> HistoryPage:
        """Return the published calls of the grant, unexplained ones first.

        It returns at most MOST_CALLS calls of MOST_KEYS keys. A call whose key became known late occurs twice. In a
        partition that grants share, reading stops after MOST_OTHERS calls of other grants.
        """
        items, cut = _most(self._items(grant_keys_partition(grant_id)), MOST_KEYS)
        keys = [item["calls_pk"]["S"] for item in items if "calls_pk" in item]
        lines, others = list[Line](), 0
        for kind, key in product(CONCLUSIONS, [key for key in keys if key.startswith(CALLS_PREFIX)]):
            for item in self._items(key, kind):
                line = call_line_at(item["pk"]["S"], item["sk"]["S"], item.get("line", {}).get("S", "")) or {}
                if line.get("grant_id", grant_id) == grant_id:
                    lines.append(line)
                else:
                    others += 1
                if len(lines) > MOST_CALLS:
                    return HistoryPage(lines[:MOST_CALLS], cut=True)
                if others > MOST_OTHERS:
                    cut = True
                    break
        return HistoryPage(lines, cut)

    def _items(self, partition: str, begins: str = "", *, backwards: bool = False) -> Iterator[Item]:
        condition = "pk = :key AND begins_with(sk, :begins)" if begins else "pk = :key"
        values: Item = {":key": {"S": partition}} | ({":begins": {"S": begins}} if begins else {})
        return self._query(condition, values, ScanIndexForward=not backwards)

    def _query(self, condition: str, values: Item, **more: Any) -> Iterator[Item]:
        request = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values, **more}
        return query_items(self._client, "The audit table", TableName=self._table, **request)


def _most(things: Iterator[T], most: int) -> tuple[list[T], bool]:
    """Return the first `most` lines, and whether there are more."""
    found = list(islice(things, most + 1))
    return found[:most], len(found) > most


def _may_continue(line: Line) -> bool:
    """Return whether the call may have another record. After a record that cannot be read, it may."""
    if not line:
        return True
    # A failed read has only its first record. A call that AWS throttled may be sent again after its failure.
    outcome, seq = str(line["outcome"]), int(line["seq"])
    return outcome == Outcome.SENT or (outcome == Outcome.FAILED and seq > 0)


def _record(item: Item) -> Line:
    return record_at(item["pk"]["S"], item["sk"]["S"], record_in(item)) or {}
