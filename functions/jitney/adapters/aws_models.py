"""AWS's models of the operations that the gateway supports. `make data` slices them from botocore's.

A Lambda function would need 60 ms for botocore's model of EC2. This table parses an operation's own shapes only.
"""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

from botocore.model import OperationModel, ServiceModel

from jitney.core.block_table import BlockTable
from jitney.core.problems import Problem

MAGIC = b"JGM1"
METADATA, UNSUPPORTED, ENDPOINTS, OPERATION, SHAPE = "metadata", "unsupported", "endpoints", "o ", "s "
"""The names of a block's lines. The line of an operation or a shape has its own name after the prefix."""
RESOURCES_IN_URLS = frozenset({"Bucket"})
"""Parameters by which AWS's rules choose an endpoint. Buckets are put into the path, so no caller chooses a host."""


class AwsEndpoint(NamedTuple):
    """Where a call is sent, and the name and Region with which it is signed."""

    url: str
    signing_name: str
    signing_region: str


def endpoint_variant(operation: OperationModel) -> str:
    """Return a key. A service's operations with the same key share an endpoint."""
    named = [each.name for each in operation.context_parameters if each.name in RESOURCES_IN_URLS]
    return " ".join([*(f"{each.name}={each.value}" for each in operation.static_context_parameters), *named])


class AwsModels:
    """Look-ups in the table of models. A service's block is decompressed at its first use.

    `local_url` is the address of an emulator that receives all calls; "" for AWS itself.
    """

    def __init__(self, table: BlockTable, local_url: str = "") -> None:
        index = table.index
        self._local_url = local_url
        self.about: Mapping[str, str] = index["about"]
        self._regions: Mapping[str, str] = index["regions"]
        self._table = table
        self._read: dict[str, _SlicedService] = {}

    @classmethod
    def load(cls, data: bytes, local_url: str = "") -> Self:
        """Return the table in `data`. Raises ValueError when it is not a table of models."""
        return cls(BlockTable(data, MAGIC, "a table of models"), local_url)

    def services(self) -> tuple[str, ...]:
        """Return botocore's names of all services, sorted."""
        return self._table.services

    def service_model(self, service: str) -> ServiceModel:
        """Return a service's model, with its supported operations only. Raises Problem operation_unknown."""
        return self._service(service).model

    def signing_names(self, operation: OperationModel) -> frozenset[str]:
        """Return the service names with which requests for an operation of this table are signed, in any Region."""
        patterns, places = self._service(operation.service_model.service_name).endpoints
        return frozenset(patterns[place][1] for place in places[endpoint_variant(operation)].values() if place >= 0)

    def operations(self, service: str) -> tuple[str, ...]:
        """Return the names of a service's supported operations, sorted. Raises Problem operation_unknown."""
        return self._service(service).names

    def operation(self, service: str, name: str) -> OperationModel:
        """Return an operation by botocore's names.

        Raises Problem call_unsupported, with what to do instead, for an operation that the gateway cannot call. Raises
        Problem operation_unknown with the closest names.
        """
        sliced = self._service(service)
        if reason := sliced.unsupported.get(name):
            fix = "Request credentials for it instead: send a grant request with this call in calls."
            raise Problem("call_unsupported", f"The gateway does not support {name} of {service}: {reason}.", fix)
        if name not in sliced.names:
            raise _unknown(f"{service} has no operation", name, [*sliced.names, *sliced.unsupported])
        return sliced.model.operation_model(name)

    def endpoint(self, operation: OperationModel, partition: str, region: str, account: str) -> AwsEndpoint:
        """Return AWS's endpoint for an operation of this table in a Region of the partition.

        Raises Problem call_invalid when the Region is not in the partition, or the service has no endpoint there.
        """
        service = operation.service_model.service_name
        if self._regions.get(region) != partition:
            known = [name for name, of in self._regions.items() if of == partition]
            raise _unknown(f"Partition {partition} has no Region", region, known, "call_invalid")
        patterns, places = self._service(service).endpoints
        by_region = places[endpoint_variant(operation)]
        place = by_region.get(region, by_region.get(partition, -1))
        if place < 0:
            detail = f"AWS has no endpoint of {service} in {region}."
            raise Problem("call_invalid", detail, "Call it in a Region that has the service.")
        url, name, signing = patterns[place]
        address = self._local_url or url.format(region=region, account=account)
        return AwsEndpoint(address, name, signing.format(region=region))

    def _service(self, name: str) -> "_SlicedService":
        if name not in self._table:
            other_way = " For a service that the gateway does not know, request a grant with the way credentials."
            raise _unknown("The gateway knows no AWS service", name, list(self._table.services), otherwise=other_way)
        if name not in self._read:
            self._read[name] = _SlicedService(name, self._table.block(name))
        return self._read[name]


class _SlicedService:
    """One service. `unsupported` maps names of operations to reasons."""

    def __init__(self, name: str, block: str) -> None:
        lines = dict(line.split("\t", 1) for line in block.split("\n"))
        self.unsupported: Mapping[str, str] = json.loads(lines[UNSUPPORTED])
        endpoints = json.loads(lines[ENDPOINTS])
        self.endpoints: tuple[list[list[str]], Mapping[str, Mapping[str, int]]] = (
            endpoints["patterns"],
            endpoints["places"],
        )
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


def _unknown(
    what: str, name: str, known: list[str], code: str = "operation_unknown", *, otherwise: str = ""
) -> Problem:
    near = difflib.get_close_matches(name[:100], known, n=3, cutoff=0.5)
    fix = f"Did you mean {', or '.join(near)}?" if near else "Use AWS's names, such as s3, GetObject and eu-west-1."
    return Problem(code, f"{what} {name[:60]!a}.", f"{fix}{otherwise}", {"alternatives": near} if near else {})
