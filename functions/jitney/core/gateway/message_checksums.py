"""The checksums that SQS writes beside each message. SDKs compare them, so they have to fit the masked message."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from jitney.core.gateway.json_edit import edit_json


def with_message_checksums(before: bytes, after: bytes) -> bytes:
    """Return a masked answer of `ReceiveMessage` with the checksums of its masked messages.

    `before` is the answer as AWS sent it.
    """
    old, new = json.loads(before), json.loads(after)
    if not old.get("Messages"):
        return after
    messages = [_checked(message, masked) for message, masked in zip(old["Messages"], new["Messages"], strict=True)]
    return edit_json(after.decode(), new, {**new, "Messages": messages}).encode()


def _checked(message: Mapping[str, Any], masked: dict[str, Any]) -> dict[str, Any]:
    sums = {}
    if masked.get("Body") != message.get("Body"):
        sums["MD5OfBody"] = _md5(str(masked["Body"]).encode())
    if masked.get("MessageAttributes") != message.get("MessageAttributes"):
        sums["MD5OfMessageAttributes"] = _md5(b"".join(map(_attribute, sorted(masked["MessageAttributes"].items()))))
    kept = {name: each for name, each in sums.items() if name in masked}
    return {**masked, **kept} if kept else masked


def _attribute(item: tuple[str, Mapping[str, Any]]) -> bytes:
    """Return what SQS hashes of a message's attribute: its name, its type, whether it is binary, and its value."""
    name, value = item
    kind = str(value.get("DataType", ""))
    binary = kind.partition(".")[0] == "Binary"
    data = base64.b64decode(value.get("BinaryValue", "")) if binary else str(value.get("StringValue", "")).encode()
    return _sized(name.encode()) + _sized(kind.encode()) + (b"\2" if binary else b"\1") + _sized(data)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
