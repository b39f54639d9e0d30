"""Keys that may be used once, or so many times: what makes a POST safe to repeat and a token hard to replay.

They are written in the same transaction as what they guard, so that neither exists without the other.
"""

import hashlib
from typing import NamedTuple

IDEMPOTENCY_SECONDS = 24 * 3600


class SingleUseKey(NamedTuple):
    """A key that nobody may take again before `expires_at` (epoch seconds); `holds` is what its taker left there."""

    key: str
    expires_at: int
    holds: str = ""


class Quota(NamedTuple):
    """A key that may be taken `most` times before `expires_at` (epoch seconds)."""

    key: str
    most: int
    expires_at: int


def idempotency_key(owner: str, key: str) -> str:
    """The key under which an owner's Idempotency-Key is kept; one owner's keys never meet another's."""
    return f"IDEMPOTENCY#{owner}#{_sha256(key.encode())}"


def idempotency_record(owner: str, key: str, body: bytes, grant_id: str, now: int) -> SingleUseKey:
    """The once-key of a POST that opens `grant_id`, holding what its body was."""
    return SingleUseKey(idempotency_key(owner, key), now + IDEMPOTENCY_SECONDS, f"{_sha256(body)} {grant_id}")


def repeated_grant_id(holds: str, body: bytes) -> str | None:
    """The id of the grant that the same POST opened before; None when it was another body."""
    digest, grant_id = holds.split(" ")
    return grant_id if digest == _sha256(body) else None


def preview_quota(owner: str, most: int, now: int) -> Quota:
    """The quota of dry runs in the minute of `now`: unbounded, they would be an oracle (POL 9)."""
    return _quota("PREVIEWS", owner, most, now)


def ungranted_quota(owner: str, most: int, now: int) -> Quota:
    """The quota of requests that no grant came of, in the minute of `now`: they tell as much as dry runs do."""
    return _quota("UNOPENED", owner, most, now)


def pending_duplicate_quota(owner: str, most: int, now: int) -> Quota:
    """The quota of requests that are under review already, in the minute of `now`: each leaves a record (REV 12)."""
    return _quota("JOINS", owner, most, now)


def _quota(kind: str, owner: str, most: int, now: int) -> Quota:
    minute = now // 60
    return Quota(f"{kind}#{owner}#{minute}", most, (minute + 2) * 60)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
