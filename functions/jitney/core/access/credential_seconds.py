"""Reads the requested lifetime of credentials that a caller renews before its grant ends (row CLI 6)."""

from collections.abc import Mapping
from typing import Any

from jitney.core.access.body_object import read_object
from jitney.core.access.fields import FieldErrors
from jitney.core.config import Limits
from jitney.core.masking.generic_masker import UNTAGGED

MIN_CREDENTIAL_SECONDS = 5
"""The shortest lifetime that a caller can request. `renewals_per_minute` limits how often credentials are renewed."""
_MEMBER = "credential_seconds"


def read_credential_seconds(body: Mapping[str, Any], limits: Limits, faults: FieldErrors) -> int | None:
    """Return the requested lifetime of credentials in seconds, None if it is the grant's. Add errors to `faults`."""
    if not faults.present(body, _MEMBER):
        return None
    return faults.whole_number(body[_MEMBER], f"/{_MEMBER}", MIN_CREDENTIAL_SECONDS, limits.max_duration_seconds)


def parse_renewal(body: bytes, limits: Limits) -> int | None:
    """Return `credential_seconds` in the body of a renewal. The body may be empty.

    Raises Problem body_too_large, body_malformed or request_invalid.
    """
    if not body:
        return None
    sent = read_object(body, limits)
    faults = FieldErrors()
    faults.unknown_members(UNTAGGED.data(sent), (_MEMBER,), "")
    seconds = read_credential_seconds(sent, limits, faults)
    faults.refuse()
    return seconds
