"""The texts of audit records: canonical JSON, with a hash and without secrets."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from jitney.core.access.request import Way
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.masking.text import cannot_hold_secret

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_HASH = "hash"
_PLAIN_WAY = (f'"way":"{Way.CREDENTIALS}"', '"way":""')
"""The member that nearly every request has, and its replacement in the quick check.

The check would take the member's value, "credentials", for a secret's name. Texts of callers cannot contain the member,
because JSON escapes their quotation marks.
"""


def canonical(value: Any) -> str:
    """Return canonical JSON (RFC 8785), which has one text for each value.

    Names here are ASCII, and numbers are integers.
    """
    return _CANONICAL.encode(value)


def hashed_text(members: Mapping[str, Any]) -> tuple[str, str]:
    """Return the canonical text of a record with the hash of its `members`, and the hash.

    Each member is serialized only once. The names before "hash" and after it are written separately. A member "hash"
    does not count.
    """
    before = canonical({name: value for name, value in members.items() if name < _HASH})[:-1]
    after = canonical({name: value for name, value in members.items() if name > _HASH})[1:]
    digest = hashlib.sha256(f"{before},{after}".encode()).hexdigest()
    return f'{before},"{_HASH}":"{digest}",{after}', digest


def masked_texts(reason: str, ticket: str, detail: Mapping[str, Any]) -> dict[str, str]:
    """Return the members of a record that may contain a caller's secret, masked. `detail` becomes a text."""
    texts = {"reason": reason, "ticket": ticket, "detail": canonical(detail)}
    if cannot_hold_secret("\0".join((reason, ticket, texts["detail"].replace(*_PLAIN_WAY)))):
        return texts
    found = {**texts, "detail": detail}
    masked = UNTAGGED.data(found)
    return texts if masked is found else {**masked, "detail": canonical(masked["detail"])}
