"""One AWS call, read: which operation, with which parameters, where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.calls.table import Operation

UNREAD = None
"""The value of a parameter that is given but not known here: file://... is on the caller's machine."""

MASKED = "***"


@dataclass(frozen=True, slots=True)
class Place:
    """Where calls are made: the target's partition, region and account."""

    partition: str
    region: str
    account: str


@dataclass(frozen=True, slots=True)
class AwsCall:
    """A call of one operation. `region` is "" for the target's own; `parameters` are by API name, as JSON has them."""

    operation: Operation
    parameters: Mapping[str, Any] = field(default_factory=dict)
    region: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """One action that a call needs, the resources it is asked on, and why.

    `call` is the call as records may show it: with the values that the resources come from, and no others.
    """

    call: str
    action: str
    resources: tuple[str, ...]
    why: str

    def view(self) -> dict[str, Any]:
        """The explanation as the API shows it."""
        return {"call": self.call, "action": self.action, "resources": list(self.resources), "why": self.why}
