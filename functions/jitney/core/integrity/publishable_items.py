"""Which items of the audit table may be published. Their content must match their key.

A function's IAM role limits which keys it may write, but not the content. The comparison of content and key prevents a
function from writing records into other functions' chains.

Athena reads what is published. One line that does not fit its table can make queries of a whole day fail. So a member
of another type than its column is not published.
"""

import json
from collections.abc import Mapping
from typing import Any

from jitney.core.call_lookup import call_index
from jitney.core.integrity.contents import StoredRecord, parse_record
from jitney.core.records.chain_numbers import sort_key
from jitney.core.records.record_texts import canonical
from jitney.core.trail.call import CALLS_PREFIX, calls_partition
from jitney.core.trail.call_line import verdict_key
from jitney.core.trail.join import verdict_word

INTEGER_BITS: Mapping[str, int] = {
    **dict.fromkeys(("version", "seq", "duration_seconds", "count"), 32),
    **dict.fromkeys(("bytes_in", "bytes_out"), 64),
}
"""The members that are numbers in Athena's tables (`audit_database.glue_tables`), and their columns' bits."""
LISTS = frozenset({"actions", "resources", "policies", "created", "deleted", "reasons"})
BOOLEANS = frozenset({"read_only"})


def is_row(members: Mapping[str, Any]) -> bool:
    """Return whether Athena can read the members as a row.

    Athena ignores the case of names, and refuses a row with two members of one name. Members that a later version adds
    have no columns.
    """
    return all(name == name.lower() and _fits(name, value) for name, value in members.items())


def _fits(name: str, value: Any) -> bool:
    if bits := INTEGER_BITS.get(name):
        return type(value) is int and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)
    if name in BOOLEANS:
        return isinstance(value, bool)
    if isinstance(value, list):
        return all(isinstance(each, str) for each in value)
    return name not in LISTS and (value is None or isinstance(value, str | int))


def is_indexed(members: Mapping[str, Any], index: Mapping[str, str]) -> bool:
    """Return whether an item's attributes for the index of calls match its record."""
    try:
        return dict(index) == dict(call_index(members))
    except KeyError:
        return False


def record_at(pk: str, sk: str, text: str) -> Mapping[str, Any] | None:
    """Return the members of the intact record with the chain and the number in this key; None for any other text."""
    found = _parsed_at(pk, sk, text)
    return found and found[1]


def stored_record_at(pk: str, sk: str, text: str) -> StoredRecord | None:
    """Return the intact record with the chain and the number in this key; None for any other text."""
    found = _parsed_at(pk, sk, text)
    return found and found[0]


def _parsed_at(pk: str, sk: str, text: str) -> tuple[StoredRecord, Mapping[str, Any]] | None:
    found = parse_record(text.encode("utf-8", "surrogatepass"))
    if found is None:
        return None
    position = found[0].position
    intact = found[0].intact and is_row(found[1])
    return found if intact and (pk, sk) == (position.chain, sort_key(position.seq)) else None


def call_line_at(pk: str, sk: str, text: str) -> Mapping[str, Any] | None:
    """Return the members of the verdict on a call with this key's access key and event id; None for other text.

    The text must be canonical JSON. Then it has no duplicate members, which could be read in two ways.
    """
    try:
        members: Mapping[str, Any] = json.loads(text)
        place = calls_partition(members["account"], members["access_key_id"])
        number = verdict_key(members["event_id"], members["reasons"])
        agrees = members["verdict"] == verdict_word(members["reasons"]) and canonical(members).encode() == text.encode()
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return members if agrees and is_row(members) and (pk, sk) == (place, number) else None


def is_calls_partition(pk: str) -> bool:
    """Return whether the partition holds calls. Only the correlator may write there."""
    return pk.startswith(CALLS_PREFIX)
