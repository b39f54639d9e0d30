"""One call that reviewers approve or reject. Its grant covers this call once (row REV 16)."""

import hashlib
import json
from typing import Any, NamedTuple

from jitney.core.masking.mask_tags import untagged

MOST_PARAMETER_BYTES = 65_536
"""Limit of the parameters of one reviewed call, as they are shown. Bodies are shown by their hash, and do not count."""
RETRY_TOKENS = frozenset({"clienttoken", "clientrequesttoken", "idempotencytoken", "creatorrequestid"})
"""The parameters, in lower case, that SDKs and the AWS CLI fill with another value for each call."""


class ReviewedCall(NamedTuple):
    """The call that a grant covers, and no other.

    `grant_id` is the grant in which it is made. `service` and `operation` are botocore's names. `parameters` are all
    parameters as reviewers see them, in canonical JSON: secrets masked, bodies by their hash. They are not enough to
    send the call. `parameters_mac` is the keyed hash of the exact parameters under the key `mac_key`. So a repeated
    call is recognized, and a guess of a masked value cannot be tested without the key.
    """

    grant_id: str
    service: str
    operation: str
    region: str
    parameters: str
    parameters_mac: str
    mac_key: str

    @property
    def title(self) -> str:
        """The call in words: "s3 DeleteObject in eu-west-1"."""
        return f"{self.service} {self.operation} in {self.region}"

    @property
    def qualified_operation(self) -> str:
        """The service and operation, as `AccessRequest.operation`."""
        return f"{self.service}:{self.operation}"

    @property
    def identity(self) -> tuple[str, ...]:
        """The values that identify the call. Masks are left out, because they may differ each time a call is masked."""
        return (self.grant_id, self.service, self.operation, self.region, self.mac_key, self.parameters_mac)

    @property
    def digest(self) -> str:
        """The SHA-256 of what reviewers see of the call, in hexadecimal, to find rejections of equal calls.

        Tags of masks and retry tokens are left out, so it does not differ between grants or agents.
        """
        shown = {name: each for name, each in json.loads(self.parameters).items() if name.lower() not in RETRY_TOKENS}
        text = untagged(f"{self.title}\n{json.dumps(shown, sort_keys=True)}")
        return hashlib.sha256(text.encode()).hexdigest()

    def view(self) -> dict[str, Any]:
        """Return the call as the API shows it."""
        return {
            "grant": self.grant_id,
            "service": self.service,
            "operation": self.operation,
            "region": self.region,
            "parameters": json.loads(self.parameters),
            "parameters_mac": self.parameters_mac,
        }


def call_id_of(grant_id: str) -> str:
    """Return the id of the call that a child grant covers: "c-" and the characters of the grant's id."""
    return f"c{grant_id[1:]}"


def grant_id_of(call_id: str) -> str:
    """Return the id of the child grant that would cover a call with this id."""
    return f"g{call_id[1:]}"
