"""AWS's models of the operations that the gateway supports. `make data` slices them from botocore's.

A Lambda function would need 60 ms for botocore's model of EC2. This table parses an operation's own shapes only.
"""

import difflib
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Self

from botocore.model import OperationModel, ServiceModel

from jitney.core.problems import Problem

MAGIC = b"JMT1"
METADATA, UNSUPPORTED, OPERATION, SHAPE = "metadata", "unsupported", "o ", "s "
"""The names of the lines of a block. Operations and shapes add their own name."""


class AwsModels:
    """Look-ups in the table of models. A service's block is decompressed at its first use."""

    def __init__(self, index: Mapping[str, Any], blocks: bytes) -> None:
        self.about: Mapping[str, str] = index["about"]
        self._places: Mapping[str, tuple[int, int]] = index["services"]
        self._blocks = blocks
        self._read: dict[str, _SlicedService] = {}

    @classmethod
    def load(cls, data: bytes) -> Self:
        """Return the table in `data`. Raises ValueError when it is not a table of models."""
        if data[:4] != MAGIC:
            raise ValueError("this is not a table of models")
        start = 8 + int.from_bytes(data[4:8])
        return cls(json.loads(zlib.decompress(data[8:start])), data[start:])

    def services(self) -> tuple[str, ...]:
        """Return botocore's names of all services, sorted."""
        return tuple(self._places)

    def operations(self, service: str) -> tuple[str, ...]:
        """Return the names of a service's supported operations, sorted. Raises Problem operation_unknown."""
        return self._service(service).names

    def operation(self, service: str, name: str) -> OperationModel:
        """Return an operation by botocore's names.

        Raises Problem call_unsupported for an operation that the gateway cannot call, with the other way. Raises
        Problem operation_unknown with the closest names.
        """
        sliced = self._service(service)
        if reason := sliced.unsupported.get(name):
            fix = "Request credentials for it instead: send a grant request with this call in calls."
            raise Problem("call_unsupported", f"The gateway does not make {service} {name}: {reason}.", fix)
        if name not in sliced.names:
            raise _unknown(f"{service} has no operation", name, [*sliced.names, *sliced.unsupported])
        return sliced.model.operation_model(name)

    def _service(self, name: str) -> "_SlicedService":
        if name not in self._places:
            raise _unknown("The gateway knows no AWS service", name, list(self._places))
        if name not in self._read:
            offset, length = self._places[name]
            self._read[name] = _SlicedService(name, zlib.decompress(self._blocks[offset : offset + length]).decode())
        return self._read[name]


class _SlicedService:
    """One service. `unsupported` maps names of operations to reasons."""

    def __init__(self, name: str, block: str) -> None:
        lines = dict(line.split("\t", 1) for line in block.split("\n"))
        self.unsupported: Mapping[str, str] = json.loads(lines[UNSUPPORTED])
        self.names = tuple(line.removeprefix(OPERATION) for line in lines if line.startswith(OPERATION))
        parts = {"operations": _Parsed(lines, OPERATION), "shapes": _Parsed(lines, SHAPE)}
        self.model = ServiceModel({"metadata": json.loads(lines[METADATA]), **parts}, name)


class _Parsed(Mapping[str, Any]):
    """The lines with one kind of name, each parsed when it is read."""

    def __init__(self, lines: Mapping[str, str], kind: str) -> None:
        self._lines = lines
        self._kind = kind

    def __getitem__(self, name: str) -> Any:
        return json.loads(self._lines[self._kind + name])

    def __iter__(self) -> Iterator[str]:
        return (line.removeprefix(self._kind) for line in self._lines if line.startswith(self._kind))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _unknown(what: str, name: str, known: list[str]) -> Problem:
    near = difflib.get_close_matches(name[:100], known, n=3, cutoff=0.5)
    fix = f"Did you mean {', or '.join(near)}?" if near else "Use the names of botocore, such as s3 and GetObject."
    return Problem("operation_unknown", f"{what} {name[:60]!a}.", fix, {"alternatives": near} if near else {})
