"""The table of masked members: of every operation, which members of its input and of its output.

It is built by `python -m data` (`make data`) and checked in beside this module, in the form of the other tables
(jitney.core.actions): a compressed block for each service, read when it is first asked about.

    "JMT1", length of the index (4 bytes, big-endian), index, blocks;  index and blocks are zlib-compressed JSON
    index:  {"about": {source: version}, "services": {service: [offset behind the index, length]},
             "events": {what CloudTrail calls a source of events: [service]}, "counts": {kind: members}}
    block:  {"shapes": [{member: way}], "operations": {operation: [way of the input, way of the output]}}

A way is a number: the shape to go on in. Or a letter: all that the member holds is a credential ("c"), is marked as
sensitive by AWS ("s"), or is a look-alike ("l"), which its name does not make a secret. Or null: nothing in it is
listed. What a list or a map holds stands under "*". Its keys are names, and stay.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Self, TypeAlias

MAGIC = b"JMT1"
ANY = "*"
CREDENTIAL_REF = "c"
SENSITIVE_REF = "s"
LOOK_ALIKE_REF = "l"

ShapeRef: TypeAlias = int | str | None
Shape: TypeAlias = Mapping[str, ShapeRef]


class OperationShapes(NamedTuple):
    """Where the masked members of one operation are: `shapes` are what numbers stand for."""

    shapes: tuple[Shape, ...]
    input: ShapeRef
    output: ShapeRef


class MaskTable:
    """Look-ups in the table."""

    def __init__(self, index: Mapping[str, Any], blocks: bytes) -> None:
        self.about: Mapping[str, str] = index["about"]
        self.counts: Mapping[str, int] = index["counts"]
        self._places: Mapping[str, tuple[int, int]] = index["services"]
        self._events: Mapping[str, list[str]] = index["events"]
        self._blocks = blocks
        self._read: dict[str, Mapping[str, Any]] = {}

    @classmethod
    def load(cls, data: bytes) -> Self:
        """The table in `data`. Raises ValueError when it is none."""
        if data[:4] != MAGIC:
            raise ValueError("this is not a table of masks")
        start = 8 + int.from_bytes(data[4:8])
        return cls(json.loads(zlib.decompress(data[8:start])), data[start:])

    def services(self) -> tuple[str, ...]:
        """The names of all services, as botocore has them, sorted."""
        return tuple(self._places)

    def operations(self, service: str) -> tuple[str, ...]:
        """The names of a service's operations, sorted."""
        return tuple(self._block(service)["operations"])

    def of(self, service: str, operation: str) -> OperationShapes | None:
        """The masked members of an operation; None for one that is not known."""
        if service not in self._places:
            return None
        block = self._block(service)
        ways = block["operations"].get(operation)
        return None if ways is None else OperationShapes(block["shapes"], *ways)

    def for_event(self, source: str, name: str) -> list[OperationShapes]:
        """The masked members of what a CloudTrail event may tell of; several services share a source.

        The names of some events end with a version: CreateDistribution2020_05_31, UpdateFunctionCode20150331v2.
        """
        found = [self.of(service, operation) for service, operation in self.operations_of_event(source, name)]
        return [each for each in found if each is not None]

    def operations_of_event(self, source: str, name: str) -> list[tuple[str, str]]:
        """The services and the operations that an event of this source and name may be about."""
        services = self._events.get(source, ())
        plain = name.rstrip("0123456789_v") or name
        return [(service, each) for service in services for each in dict.fromkeys((name, plain))]

    def _block(self, service: str) -> Mapping[str, Any]:
        if service not in self._read:
            offset, length = self._places[service]
            block = json.loads(zlib.decompress(self._blocks[offset : offset + length]))
            self._read[service] = {**block, "shapes": tuple(block["shapes"])}
        return self._read[service]
