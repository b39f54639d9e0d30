"""One parsed AWS call: its operation, parameters and location."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jitney.core.calls.operations import Operation

UNKNOWN_VALUE = None
"""The value of a parameter that is given but unknown here. For example, file://... is on the caller's machine."""

FILES = ("file://", "fileb://")
"""The prefixes of values that the AWS CLI reads from a file."""

MASKED = "***"


@dataclass(frozen=True, slots=True)
class AwsLocation:
    """The location of calls: the target's partition, Region and account."""

    partition: str
    region: str
    account: str


@dataclass(frozen=True, slots=True)
class AwsCall:
    """A call of one operation. `region` is "" for the target's own Region.

    `parameters` have API names and JSON values.
    """

    operation: Operation
    parameters: Mapping[str, Any] = field(default_factory=dict)
    region: str = ""
