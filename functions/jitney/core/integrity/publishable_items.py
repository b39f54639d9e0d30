"""Which items of the audit table may be published. Their content must match their key.

A function's IAM role limits which keys it may write, but not the content. The comparison of content and key prevents a
function from writing records into other functions' chains.
"""

import json
from collections.abc import Mapping

from jitney.core.audit import sort_key
from jitney.core.call_lookup import call_index
from jitney.core.integrity.contents import read_record
from jitney.core.record_texts import canonical
from jitney.core.trail.call import CALLS_PREFIX, calls_partition
from jitney.core.trail.call_line import verdict_key
from jitney.core.trail.join import verdict_word


def is_indexed(text: str, index: Mapping[str, str]) -> bool:
    """Return whether an item's attributes for the index of calls match its record."""
    members = json.loads(text)
    try:
        return dict(index) == dict(call_index(members))
    except KeyError:
        return False


def is_record(pk: str, sk: str, text: str) -> bool:
    """Return whether `text` is an intact record, with the chain and the number in this key."""
    record = read_record(text.encode("utf-8", "surrogatepass"))
    return bool(record and record.intact and (pk, sk) == (record.position.chain, sort_key(record.position.seq)))


def is_call_line(pk: str, sk: str, text: str) -> bool:
    """Return whether `text` is a canonical verdict on a call, and the key has the call's access key and event id."""
    if not _is_canonical(text):
        return False
    try:
        members = json.loads(text)
        place = calls_partition(members["account"], members["access_key_id"])
        number = verdict_key(members["event_id"], members["reasons"])
        agrees = members["verdict"] == verdict_word(members["reasons"])
    except (KeyError, TypeError):
        return False
    return agrees and (pk, sk) == (place, number)


def is_calls_partition(pk: str) -> bool:
    """Return whether the partition holds calls. Only the correlator may write there."""
    return pk.startswith(CALLS_PREFIX)


def _is_canonical(text: str) -> bool:
    """Return whether the text is canonical JSON. Then it has no duplicate members, which could be read in two ways."""
    try:
        return canonical(json.loads(text)).encode() == text.encode()
    except (ValueError, RecursionError):
        return False
