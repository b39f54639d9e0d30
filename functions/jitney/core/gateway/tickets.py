"""Tickets: a signed request that the agent sends to S3 itself, because Lambda cannot carry its body (row GW 9).

A ticket is one request for one object. The session that signed it may do only this call, and ends after a minute. The
body of an upload is bound by its SHA-256 and its length. The answer to a download is not masked: neither the object nor
its headers, which can hold secrets in the object's metadata.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jitney.core.access.fields import FieldErrors
from jitney.core.access.grant import Grant
from jitney.core.call_limits import CallLimits
from jitney.core.problems import Problem
from jitney.core.times import iso

MAX_UPLOAD_BYTES = 5 * 1024**3
"""S3's limit for one request, https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
UPLOADS = frozenset({"PutObject", "UploadPart"})
DOWNLOADS = frozenset({"GetObject", "HeadObject"})

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MEMBERS = ("content_sha256", "content_length")
_EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@dataclass(frozen=True, slots=True)
class DirectBody:
    """The body that the agent sends to S3 itself: the SHA-256 of its bytes, in hex, and their number."""

    content_sha256: str = _EMPTY_SHA256
    content_length: int = 0


NO_BODY = DirectBody()
"""The body of a download: none."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A signed request. It holds no secret key.

    It is hidden in repr, because every holder can send it until `expires_at`.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    expires_at: int

    def view(self) -> dict[str, Any]:
        """Return the ticket as the answer to POST /v1/calls shows it."""
        return {
            "method": self.method,
            "url": self.url,
            "headers": dict(self.headers),
            "expires_at": iso(self.expires_at),
        }


def read_direct(value: Any, faults: FieldErrors) -> DirectBody:
    """Return the member `direct` of a call: {} for a download, else the hash and the length of what is uploaded."""
    if not isinstance(value, dict):
        faults.add("/direct", "The value is not an object.", "Write {}, or content_sha256 and content_length.")
        return NO_BODY
    faults.unknown_members(value, _MEMBERS, "/direct")
    if not value:
        return NO_BODY
    digest = value.get("content_sha256")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        faults.add(
            "/direct/content_sha256", "The value is not a SHA-256.", "Write 64 digits of hexadecimal in lower case."
        )
        digest = _EMPTY_SHA256
    length = faults.whole_number(value.get("content_length"), "/direct/content_length", 0, MAX_UPLOAD_BYTES)
    return DirectBody(digest, length)


def require_ticket(
    service: str, operation: str, parameters: Mapping[str, Any], direct: DirectBody, grant: Grant, limits: CallLimits
) -> None:
    """Return None if the call can have a ticket in this grant. `parameters` fit AWS's model.

    Raises Problem call_unsupported for another operation, and for a download, which a grant without `reveal` would get
    unmasked. Raises call_invalid for a body in the parameters, or for a download with members in `direct`. Raises
    call_budget_used for a download from a grant whose bytes are limited, because they cannot be counted.
    """
    if service != "s3" or operation not in UPLOADS | DOWNLOADS:
        names = ", ".join(sorted(UPLOADS | DOWNLOADS))
        raise Problem(
            "call_unsupported",
            f"There is no direct transfer for {service} {operation}.",
            f"Leave direct out. Direct transfers exist for s3 {names}.",
        )
    if operation in DOWNLOADS and not grant.reveal:
        raise Problem(
            "call_unsupported",
            "S3 sends its answer to you directly and unmasked, but the grant has no reveal.",
            "Request a grant with reveal, or leave direct out and read the object in ranges.",
        )
    if operation in DOWNLOADS and limits.bytes_out:
        detail = (
            f"The grant has a limit of {limits.bytes_out} bytes of answers, and direct downloads cannot be counted."
        )
        raise Problem("call_budget_used", detail, "Read ranges of the object without direct.")
    if "Body" in parameters:
        raise Problem(
            "call_invalid",
            "/parameters/Body: You send the body to S3 yourself.",
            "Leave Body out, and write its content_sha256 and content_length in direct.",
        )
    if operation in DOWNLOADS and direct != NO_BODY:
        raise Problem("call_invalid", "/direct: The operation has no body.", "Send {} as direct.")


def is_upload(operation: str) -> bool:
    """Return whether the ticket of an operation changes something."""
    return operation in UPLOADS
