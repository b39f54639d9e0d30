"""AWS's answer to a call of the gateway, before and after its secrets are masked (row GW 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_REQUEST_IDS = ("x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id")


@dataclass(frozen=True, slots=True)
class AwsAnswer:
    """AWS's answer, unmasked. It never leaves the broker in this form, and repr hides it."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def request_id(self) -> str:
        """AWS's id of the request, by which CloudTrail's event is found; "" if the answer has none."""
        names = {name.lower(): value for name, value in self.headers.items()}
        return next((names[each] for each in _REQUEST_IDS if each in names), "")


@dataclass(frozen=True, slots=True)
class MaskedAnswer:
    """An answer without its secrets. If there is nothing to mask, it has the bytes that AWS sent.

    `masked` are the paths of the masks: "Credentials.SecretAccessKey", "Users[2].Tags[0].Value", "headers.location",
    and "body" for content without members. At most `MOST_PATHS` are listed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    masked: tuple[str, ...]


MOST_PATHS = 200
"""The number of paths that are listed."""
