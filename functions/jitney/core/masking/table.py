"""The table of masked members: for every operation, the members of its input and output to mask.

`make data` builds it. The file is in the same folder. Its form is that of the other tables (jitney.core.actions): a
compressed block for each service, read at its first use.

    "JMT1", length of the index (4 bytes, big-endian), index, blocks;  index and blocks are zlib-compressed JSON
    index:  {"about": {source: version}, "services": {service: [offset behind the index, length]},
             "events": {CloudTrail's event source: [service]}, "counts": {kind: members}}
    block:  {"shapes": [{member: reference}], "operations": {operation: [input reference, output reference]}}

A reference is a number, a letter or null. A number is the shape to look in. A letter is for everything in the member,
or in the whole input or output: a credential ("c"), marked as sensitive by AWS ("s"), or a look-alike ("l"). The name
of a look-alike does not make it a secret. Null means that nothing below is listed. The elements of lists and maps are
listed under "*". The keys of maps are names and are kept, unless AWS marks them: then a map has their letter under
`KEYS`.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Self, TypeAlias

from jitney.core.block_table import BlockTable
from jitney.core.masking.event_names import FURTHER_SERVICES, RENAMED_OPERATIONS

MAGIC = b"JMT1"
ANY = "*"
KEYS = "\0keys"
"""The name under which a map's shape has the reference of its keys."""
CREDENTIAL_REF = "c"
SENSITIVE_REF = "s"
LOOK_ALIKE_REF = "l"

ShapeRef: TypeAlias = int | str | None
Shape: TypeAlias = Mapping[str, ShapeRef]


class OperationShapes(NamedTuple):
    """The masked members of one operation. `shapes` are indexed by the numbers in references."""

    shapes: tuple[Shape, ...]
    input: ShapeRef
    output: ShapeRef


class MaskTable:
    """Look-ups in the table."""

    def __init__(self, table: BlockTable) -> None:
        index = table.index
        self.about: Mapping[str, str] = index["about"]
        self.counts: Mapping[str, int] = index["counts"]
        self._events: Mapping[str, list[str]] = index["events"]
        self._table = table
        self._read: dict[str, Mapping[str, Any]] = {}

    @classmethod
    def load(cls, data: bytes) -> Self:
        """Return the table in `data`. Raises ValueError if it is not a mask table."""
        return cls(BlockTable(data, MAGIC, "a table of masks"))

    def services(self) -> tuple[str, ...]:
        """Return botocore's names of all services, sorted."""
        return self._table.services

    def operations(self, service: str) -> tuple[str, ...]:
        """Return the names of a service's operations, sorted."""
        return tuple(self._block(service)["operations"])

    def of(self, service: str, operation: str) -> OperationShapes | None:
        """Return the masked members of an operation; None if the operation is unknown."""
        if service not in self._table:
            return None
        block = self._block(service)
        references = block["operations"].get(operation)
        return None if references is None else OperationShapes(block["shapes"], *references)

    def for_event(self, source: str, name: str) -> list[OperationShapes]:
        """Return the masked members of all operations that a CloudTrail event may be about.

        Some event names end with a version, such as CreateDistribution2020_05_31 and UpdateFunctionCode20150331v2.
        """
        found = [self.of(service, operation) for service, operation in self.operations_of_event(source, name)]
        return [each for each in found if each is not None]

    def operations_of_event(self, source: str, name: str) -> list[tuple[str, str]]:
        """Return the services and operations that an event may be about. Several services can share an event source."""
        if renamed := RENAMED_OPERATIONS.get((source, name)):
            return [renamed]
        services = (*self._events.get(source, ()), *FURTHER_SERVICES.get(source, ()))
        plain = name.rstrip("0123456789_v") or name
        return [(service, each) for service in services for each in dict.fromkeys((name, plain))]

    def _block(self, service: str) -> Mapping[str, Any]:
        if service not in self._read:
            block = json.loads(self._table.block(service))
            self._read[service] = {**block, "shapes": tuple(block["shapes"])}
        return self._read[service]
