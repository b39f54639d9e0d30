"""Quotas, and keys that may be used once.

They make a POST safe to repeat, and a stolen token hard to use. A key is written in the same transaction as the change
that it guards, so that neither exists without the other.
"""

import hashlib
from typing import NamedTuple

IDEMPOTENCY_SECONDS = 24 * 3600
MOST_REVIEW_TOKEN_SECONDS = 900
"""The longest age of a token with which people review. For that time, a captured token could read, and vote once."""
REPEATED_ENDS_PER_MINUTE = 30
OUT_OF_OFFICE_CHANGES_PER_HOUR = 30
NARROWINGS_PER_HOUR = 10
MOST_HELD_ANSWERS = 40
"""How many answers may be held (`Prefer: wait`) at a time. `infra.read_functions` reserves more executions."""
_WAITS_WINDOW_SECONDS = 5
"""Half of the longest wait (core.preferences)."""


class SingleUseKey(NamedTuple):
    """A key that cannot be used again before `expires_at` (epoch seconds). `value` is stored with it."""

    key: str
    expires_at: int
    value: str = ""


class Quota(NamedTuple):
    """A key that may be used up to `most` times until `expires_at` (epoch seconds), the end of its minute or hour."""

    key: str
    most: int
    expires_at: int


def idempotency_key(owner: str, key: str) -> str:
    """Return the storage key of an Idempotency-Key. Keys of different owners never collide."""
    return f"IDEMPOTENCY#{owner}#{_sha256(key.encode())}"


def idempotency_record(owner: str, key: str, body: bytes, grant_id: str, now: int) -> SingleUseKey:
    """Return the single-use key of a POST that opens `grant_id`. Its value identifies the body and the grant."""
    return SingleUseKey(idempotency_key(owner, key), now + IDEMPOTENCY_SECONDS, f"{_sha256(body)} {grant_id}")


def repeated_grant_id(value: str, body: bytes) -> str | None:
    """Return the id of the grant that the same POST opened before, or None if its body was different."""
    digest, grant_id = value.split(" ")
    return grant_id if digest == _sha256(body) else None


def preview_quota(owner: str, most: int, now: int) -> Quota:
    """Return the quota of dry runs in the minute of `now`. Unlimited dry runs would reveal the policies (POL 9)."""
    return _quota("PREVIEWS", owner, most, now)


def ungranted_quota(owner: str, most: int, now: int) -> Quota:
    """Return the quota of requests that open no grant, in the minute of `now`. They reveal as much as dry runs."""
    return _quota("UNOPENED", owner, most, now)


def pending_duplicate_quota(owner: str, most: int, now: int) -> Quota:
    """Return the quota of requests that repeat one under review, in the minute of `now`.

    Each writes a record (REV 12).
    """
    return _quota("JOINS", owner, most, now)


def renewal_quota(grant_id: str, most: int, now: int) -> Quota:
    """Return the quota of a grant's renewals in the minute of `now`: each writes a record and calls STS."""
    return _quota("RENEWALS", grant_id, most, now)


def grant_quota(unit: str, most: int, now: int) -> Quota:
    """Return the quota of grants that an accountable unit gets without a review in the hour of `now`.

    It limits the unit's active grants and, after their end, its deny entries (END 6).
    """
    return _quota("GRANTS_OPENED", unit, most, now, window_seconds=3600)


def review_quota(unit: str, most: int, now: int) -> Quota:
    """Return the quota of reviews that an accountable unit begins in the hour of `now`: each notifies people."""
    return _quota("REVIEWS_BEGUN", unit, most, now, window_seconds=3600)


def trial_quota(unit: str, most: int, now: int) -> Quota:
    """Return the quota of a unit's trials of session policy sizes in the hour of `now`: each calls STS (STS 10)."""
    return _quota("TRIALS", unit, most, now, window_seconds=3600)


def measurement_quota(unit_key: str, state: str, most: int, now: int) -> Quota:
    """Return the quota of a unit's ended grants that are measured with a canary, in the minute of `now`.

    Each `state` in which they ended has its own quota. So releases use up no measurements of revocations.

    A measurement takes a session and calls of STS, and an execution for seconds (END 6).
    """
    return _quota("MEASUREMENTS", f"{unit_key}#{state}", most, now)


def repeated_end_quota(grant_id: str, who: str, now: int) -> Quota:
    """Return the quota of a caller's repeated ends of a grant in the minute of `now`.

    Each reads the role's deny entries. `who` is the caller's source identity. Each caller has a quota, so no caller's
    repeats prevent a revocation by another person.
    """
    return _quota("REPEATED_ENDS", f"{grant_id}#{who}", REPEATED_ENDS_PER_MINUTE, now)


def out_of_office_quota(human: str, now: int) -> Quota:
    """Return the quota of a reviewer's out-of-office changes in the hour of `now`: each writes a record."""
    return _quota("OUT_OF_OFFICE_CHANGES", human, OUT_OF_OFFICE_CHANGES_PER_HOUR, now, window_seconds=3600)


def narrowing_quota(grant_id: str, now: int) -> Quota:
    """Return the quota of narrowed approvals of a pending grant in the hour of `now`: each notifies its reviewers."""
    return _quota("NARROWINGS", grant_id, NARROWINGS_PER_HOUR, now, window_seconds=3600)


def waits_quota(now: int) -> Quota:
    """Return the quota of held answers that begin in the window of `now` (row CLI 3).

    An answer is held for at most two windows, so at most the answers of three windows are held at the same time.
    """
    return _quota("WAITS", "all", MOST_HELD_ANSWERS // 3, now, window_seconds=_WAITS_WINDOW_SECONDS)


def own_waits_quota(owner: str, now: int) -> Quota:
    """Return the quota of one unit and human among the answers of `waits_quota`."""
    return _quota("WAITS", owner, MOST_HELD_ANSWERS // 9, now, window_seconds=_WAITS_WINDOW_SECONDS)


def _quota(kind: str, owner: str, most: int, now: int, *, window_seconds: int = 60) -> Quota:
    window = now // window_seconds
    return Quota(f"{kind}#{owner}#{window}", most, (window + 1) * window_seconds)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
