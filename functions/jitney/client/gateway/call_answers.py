"""The broker's answers to POST /v1/calls."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from jitney.client.api.responses import GrantResponse


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """AWS's answer to a call, masked: its status, its headers and its body. `budget` is what its grant has left."""

    call_id: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    masked: tuple[str, ...] = ()
    budget: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the answer in a body of the API. Raises KeyError, TypeError or ValueError for another body."""
        text = document["body"]
        try:
            body = base64.b64decode(text, validate=True) if document["body_encoding"] == "base64" else text.encode()
        except binascii.Error as error:
            raise ValueError("the body is not base64") from error
        headers = {str(name): str(value) for name, value in document["headers"].items()}
        masked, budget = tuple(document["masked"]), dict(document["budget"])
        return cls(document["call_id"], int(document["status"]), headers, body, masked, budget)


@dataclass(frozen=True, slots=True)
class DirectTicket:
    """One signed request that the client sends to S3 itself, until `expires_at` in epoch seconds."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    expires_at: float

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the ticket in a body of the API. Raises KeyError, TypeError or ValueError for another body."""
        ticket = document["ticket"]
        headers = {str(name): str(value) for name, value in ticket["headers"].items()}
        expires_at = datetime.fromisoformat(ticket["expires_at"]).timestamp()
        return cls(str(ticket["method"]), str(ticket["url"]), headers, expires_at)


@dataclass(frozen=True, slots=True)
class CallUnderReview:
    """A call that waits for a review. Repeat the same POST after `retry_seconds`."""

    call_id: str
    child: GrantResponse
    retry_seconds: int

    @classmethod
    def read(cls, document: Mapping[str, Any], retry_seconds: int) -> Self:
        """Return the review in a body of the API. Raises KeyError, TypeError or ValueError for another body."""
        return cls(document["call_id"], GrantResponse.read(document, retry_seconds), retry_seconds)
