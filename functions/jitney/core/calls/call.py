"""One AWS call, read: which operation, with which parameters, where."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jitney.core.calls.operations import Operation

UNKNOWN_VALUE = None
"""The value of a parameter that is given but not known here: file://... is on the caller's machine."""

FILES = ("file://", "fileb://")
"""How a value begins that the AWS CLI reads from a file."""

MASKED = "***"


@dataclass(frozen=True, slots=True)
class AwsLocation:
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
