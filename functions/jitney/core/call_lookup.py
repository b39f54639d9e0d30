"""How the records of a call through the gateway are found: by its id, or by its grant in an index."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

CALL_EVENT = "call"
"""The event of a call's records."""
CALL_CHAIN = "c-"
"""The prefix of a call's id. The id is also the chain of the call's records."""
CALL_INDEX = "calls_of_grant"
"""The index of the audit table with the first record of each call.

The keys of a call's later records follow from the first record's key.
"""
CALL_INDEX_ATTRIBUTES = ("call_of", "call_at")
UNANSWERED = "unanswered "
"""The prefix of a failed read's key in the index, so that failures are found without reading all calls."""
NOT_RECEIVED = frozenset({"upstream_unreached", "call_invalid"})
"""The codes of failed calls that did not reach AWS. Their records explain no event."""
_ID_BYTES = 9
_ID_CHARACTERS = 14


def read_call_id(access_key_id: str, aws_request_id: str) -> str:
    """Return the id of an answered read, from the key that signed it and AWS's id of the request.

    CloudTrail's event of the read has both, so the event leads to the record. Other calls have their id in the name of
    their session.
    """
    digest = hashlib.sha256(json.dumps([access_key_id, aws_request_id]).encode()).digest()
    return f"c-{base64.b32encode(digest[:_ID_BYTES]).decode().lower()[:_ID_CHARACTERS]}"


def call_index(members: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the attributes of a call's first record in the index: its grant and its place among the grant's calls.

    Later records of the call, records of other events and refusals have no such attributes. A key of an index cannot be
    empty, so a record without a grant has none either. Raises KeyError if a member is missing.
    """
    if members["event"] != CALL_EVENT or members["seq"] != 0:
        return ()
    if not (members["chain"].startswith(CALL_CHAIN) and members["grant_id"]):
        return ()
    place = f"{members['time']} {members['chain']}"
    values = (members["grant_id"], f"{UNANSWERED}{place}" if members["outcome"] == "failed" else place)
    return tuple(zip(CALL_INDEX_ATTRIBUTES, values, strict=True))
