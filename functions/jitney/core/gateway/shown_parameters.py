"""A call's parameters as reviewers and records show them, and the keyed hash that identifies them (row REV 16).

A body is shown by its length and its SHA-256. All other values are shown whole.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jitney.core.gateway.tickets import DirectBody
from jitney.core.quantities import quantity

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_PURPOSE = b"jitney call parameters 1\0"


def shown_parameters(checked: Mapping[str, Any], masked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as JSON values.

    `checked` are the exact parameters, and `masked` the same parameters without their secrets (by `TextMaskTags`).

    A body becomes a text: "[12 bytes, SHA-256 ...]". The hash of a body that holds a secret is left out, because a
    guess of the secret could be tested with it. A time becomes ISO 8601.
    """
    return {name: _shown(checked.get(name), each) for name, each in masked.items()}


def parameters_mac(key: bytes, service: str, operation: str, region: str, checked: Mapping[str, Any]) -> str:
    """Return the HMAC-SHA256, in hexadecimal, of a call with its exact parameters.

    The hashed texts of two different calls are never equal.
    """
    text = _CANONICAL.encode([service, operation, region, _typed(checked)])
    return hmac.new(key, _PURPOSE + text.encode(), hashlib.sha256).hexdigest()


def canonical_parameters(shown: Mapping[str, Any]) -> str:
    """Return shown parameters as canonical JSON (RFC 8785): one text for equal values, with sorted names."""
    return _CANONICAL.encode(shown)


def _shown(exact: Any, masked: Any) -> Any:
    if isinstance(masked, DirectBody):
        return f"[{masked.content_length:,} bytes, SHA-256 {masked.content_sha256}]"
    if isinstance(masked, bytes | bytearray):
        if isinstance(exact, bytes | bytearray) and bytes(exact) == bytes(masked):
            return f"[{quantity(len(exact), 'byte')}, SHA-256 {_digest(exact)}]"
        length = quantity(len(exact), "byte") if isinstance(exact, bytes | bytearray) else "bytes"
        return f"[{length} with a masked secret]"
    if isinstance(masked, Mapping):
        # A masked name of a member has no exact counterpart, so that its body counts as masked.
        exactly = exact if isinstance(exact, Mapping) else {}
        return {name: _shown(exactly.get(name), each) for name, each in masked.items()}
    if isinstance(masked, list | tuple):
        elements = exact if isinstance(exact, list | tuple) and len(exact) == len(masked) else [None] * len(masked)
        return [_shown(one, each) for one, each in zip(elements, masked, strict=True)]
    return _time(masked) if isinstance(masked, datetime) else masked


def _typed(value: Any) -> Any:
    """Return a JSON value that differs for different values, also of different types.

    A list in the result begins with its kind, so that no list in the parameters equals a body or a time.
    """
    if isinstance(value, bytes | bytearray):
        return ["body", _digest(value), len(value)]
    if isinstance(value, DirectBody):
        return ["body", value.content_sha256, value.content_length]
    if isinstance(value, datetime):
        return ["time", _time(value)]
    if isinstance(value, list | tuple):
        return ["list", *map(_typed, value)]
    if isinstance(value, Mapping):
        return {name: _typed(each) for name, each in value.items()}
    return value


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _digest(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()
