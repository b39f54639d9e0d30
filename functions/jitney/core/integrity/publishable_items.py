"""What may be published of an item of the audit table: what its key says that it is.

A function's role names the keys that it may put, and IAM looks at no more than the key. What an item says about its
own place is held against it here, so that who may add to some chains cannot speak for another.
"""

import json

from jitney.core.audit import canonical, sort_key
from jitney.core.integrity.contents import read_contents
from jitney.core.trail.call import CALLS_PREFIX, calls_partition
from jitney.core.trail.call_line import verdict_key


def is_record(pk: str, sk: str, text: str) -> bool:
    """Whether `text` is an intact record in its one spelling, and that of this key: chain and number."""
    if not _is_canonical(text):
        return False
    entries = read_contents(text.encode()).entries
    return any(each.intact and (pk, sk) == (each.place.chain, sort_key(each.place.seq)) for each in entries)


def is_call_line(pk: str, sk: str, text: str) -> bool:
    """Whether `text` is what a call came to, in its one spelling, and of the call of this key (access key and id)."""
    if not _is_canonical(text):
        return False
    try:
        said = json.loads(text)
        place = calls_partition(said["account"], said["access_key_id"])
        number = verdict_key(said["event_id"], said["reasons"])
        agrees = (said["verdict"] == "explained") is not bool(said["reasons"])
    except (KeyError, TypeError):
        return False
    return agrees and (pk, sk) == (place, number)


def is_calls_partition(pk: str) -> bool:
    """Whether items of calls with an access key lie there: none but the correlator puts any."""
    return pk.startswith(CALLS_PREFIX)


def _is_canonical(text: str) -> bool:
    """Whether it is canonical: whichever of two members of one name somebody reads, they read the same."""
    try:
        return canonical(json.loads(text)).encode() == text.encode()
    except (ValueError, RecursionError):
        return False
