"""The table of AWS's models for `adapters.aws_models`: what serializing a call needs, from botocore's models.

The container is the action table's, with "JMT1". A service's block has a line for its metadata, each operation and each
shape: a name, a tab and JSON. So a function parses only the shapes of the operations that it calls.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore import __version__ as botocore_version
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from data import table
from jitney.adapters.aws_models import MAGIC, METADATA, OPERATION, SHAPE, UNSUPPORTED

_READERS_ONLY = frozenset({"documentation", "documentationUrl"})
"""Members of botocore's models for people to read. A shape may have members of these names, too."""


def encode(services: Iterable[str]) -> bytes:
    """Return the table of these services, by botocore's names."""
    loader = Loader(include_default_extras=False)  # extras are what only botocore's clients take
    blocks = {name: "\n".join(_lines(loader.load_service_model(name, "service-2"), name)) for name in services}
    return table.contained({"botocore": botocore_version}, blocks, MAGIC)


def _lines(raw: Mapping[str, Any], name: str) -> Iterator[str]:
    model = ServiceModel(raw, name)
    reasons = {each: _unsupported(model.operation_model(each)) for each in model.operation_names}
    yield f"{METADATA}\t{table.compact(raw['metadata'])}"
    yield f"{UNSUPPORTED}\t{table.compact({each: reason for each, reason in sorted(reasons.items()) if reason})}"
    for each, operation in sorted(raw["operations"].items()):
        if not reasons[each]:
            yield f"{OPERATION}{each}\t{table.compact(_traits(operation))}"
    for each, shape in sorted(raw["shapes"].items()):
        yield f"{SHAPE}{each}\t{table.compact(_shape(shape))}"


def _unsupported(operation: OperationModel) -> str:
    """Return why the gateway cannot make the call, or ""."""
    if operation.has_event_stream_input or operation.has_event_stream_output:
        return "it streams events, which cannot be masked as a whole"
    if operation.auth_type in ("none", "bearer"):
        return "AWS does not take it signed with an access key"
    discovery: Mapping[str, Any] = operation.endpoint_discovery or {}  # type: ignore[assignment]
    if discovery.get("required"):
        return "its endpoint has to be discovered by another call"
    return ""


def _shape(shape: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shape without texts for people, and its members too."""
    kept = _traits(shape)
    if "members" in kept:
        kept["members"] = {
            name: _traits(member) for name, member in kept["members"].items() if not _names_endpoint(member)
        }
    return kept | {part: _traits(kept[part]) for part in ("member", "key", "value") if part in kept}


def _names_endpoint(member: Mapping[str, Any]) -> bool:
    """Return whether the member chooses an endpoint of several Regions, which takes SigV4A signatures only."""
    return bool(member.get("contextParam", {}).get("name") == "EndpointId")


def _traits(model: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in model.items() if name not in _READERS_ONLY}
