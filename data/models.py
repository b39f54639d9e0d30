"""The table of AWS's models for `adapters.aws_models`: what serializing a call needs, from botocore's models.

The container is the action table's, with "JGM1". A service's block has a line for its metadata, its endpoints, each
operation and each shape: a name, a tab and JSON. So a function parses only the shapes of the operations that it calls.

Endpoints are resolved here, by AWS's rules for each Region, and never from a caller's parameters. A pattern is [URL,
signing name, signing Region], with {region} and {account}.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore import __version__ as botocore_version
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from data import table
from jitney.adapters.aws_models import (
    ENDPOINTS,
    MAGIC,
    METADATA,
    OPERATION,
    RESOURCES_IN_URLS,
    SHAPE,
    UNSUPPORTED,
    endpoint_variant,
)

_READERS_ONLY = frozenset({"documentation", "documentationUrl"})
"""Members of botocore's models for people to read. A shape may have members of these names, too."""


def encode(services: Iterable[str]) -> bytes:
    """Return the table of these services, by botocore's names."""
    loader = Loader(include_default_extras=False)  # extras are what only botocore's clients take
    partitions = loader.load_data("partitions")
    regions = {region: each["id"] for each in partitions["partitions"] for region in each["regions"]}
    regional = {region: name for region, name in regions.items() if not region.endswith("-global")}
    blocks = {}
    for name in services:
        raw = loader.load_service_model(name, "service-2")
        provider = EndpointProvider(loader.load_service_model(name, "endpoint-rule-set-1"), partitions)
        lines = [
            *_lines(raw, name),
            f"{ENDPOINTS}\t{table.compact(_endpoints(ServiceModel(raw, name), provider, regional))}",
        ]
        blocks[name] = "\n".join(lines)
    return table.contained({"botocore": botocore_version}, blocks, MAGIC, regions=regional)


def _lines(raw: Mapping[str, Any], name: str) -> Iterator[str]:
    model = ServiceModel(raw, name)
    reasons = {each: _unsupported(each, raw, model.operation_model(each)) for each in model.operation_names}
    yield f"{METADATA}\t{table.compact(raw['metadata'])}"
    yield f"{UNSUPPORTED}\t{table.compact({each: reason for each, reason in sorted(reasons.items()) if reason})}"
    for each, operation in sorted(raw["operations"].items()):
        if not reasons[each]:
            yield f"{OPERATION}{each}\t{table.compact(_operation(operation))}"
    for each, shape in sorted(raw["shapes"].items()):
        yield f"{SHAPE}{each}\t{table.compact(_shape(shape))}"


def _endpoints(model: ServiceModel, provider: EndpointProvider, regions: Mapping[str, str]) -> dict[str, Any]:
    """Return the patterns and, for each variant of operations, the pattern of each Region.

    A partition has its usual pattern.
    """
    variants = {
        endpoint_variant(operation): operation for operation in map(model.operation_model, model.operation_names)
    }
    patterns: dict[tuple[str, str, str], int] = {}
    places = {
        variant: _by_region(
            {
                region: patterns.setdefault(pattern, len(patterns))
                for region in regions
                if (pattern := _pattern(operation, provider, region))
            },
            regions,
        )
        for variant, operation in sorted(variants.items())
    }
    return {"patterns": list(patterns), "places": places}


def _by_region(found: Mapping[str, int], regions: Mapping[str, str]) -> dict[str, int]:
    usual: dict[str, int] = {}
    for partition in sorted(set(regions.values())):
        counted = Counter(place for region, place in found.items() if regions[region] == partition)
        if counted:
            usual[partition] = counted.most_common(1)[0][0]
    other = {region: place for region, place in found.items() if place != usual[regions[region]]}
    missing = {region: -1 for region, partition in regions.items() if region not in found and partition in usual}
    return usual | other | missing


_ACCOUNT = "111122223333"
_BUCKET = "bucket"


def _pattern(operation: OperationModel, provider: EndpointProvider, region: str) -> tuple[str, str, str] | None:
    """Return the pattern of the operation's endpoint in a Region, or None where the service has none."""
    context = {each.name: each.value for each in operation.static_context_parameters}
    if "AccountId" in provider.ruleset.parameters:
        context["AccountId"] = _ACCOUNT
    if RESOURCES_IN_URLS.intersection(each.name for each in operation.context_parameters):
        context |= {"Bucket": _BUCKET, "ForcePathStyle": True}
    known = {name: value for name, value in context.items() if name in provider.ruleset.parameters}
    try:
        found = provider.resolve_endpoint(Region=region, **known)
    except EndpointProviderError:
        return None
    scheme: Mapping[str, Any] = next(iter(found.properties.get("authSchemes", ())), {})
    signing_name = scheme.get("signingName") or operation.service_model.signing_name
    url = found.url.removesuffix(f"/{_BUCKET}").replace(_ACCOUNT, "{account}").replace(region, "{region}")
    return url, signing_name, (scheme.get("signingRegion") or region).replace(region, "{region}")


_ACCOUNT_PREFIX = "{AccountId}."
"""A prefix of hosts that the endpoint's pattern has, so that the account is the target's and not a parameter."""


def _operation(model: Mapping[str, Any]) -> dict[str, Any]:
    kept = _traits(model)
    if kept.get("endpoint", {}).get("hostPrefix") == _ACCOUNT_PREFIX:
        del kept["endpoint"]
    return kept


def _unsupported(name: str, raw: Mapping[str, Any], operation: OperationModel) -> str:
    """Return why the gateway cannot make the call, or ""."""
    if operation.has_event_stream_input or operation.has_event_stream_output:
        return "it streams events, which cannot be masked as a whole"
    if _answers_credentials(operation.output_shape):
        return "AWS answers with credentials, and no credentials leave the gateway"
    if operation.auth_type in ("none", "bearer"):
        return "AWS does not take it signed with an access key"
    model: Mapping[str, Any] = raw["operations"][name]
    if "{" in model.get("endpoint", {}).get("hostPrefix", "").removeprefix(_ACCOUNT_PREFIX):
        return "a parameter names its host"
    if model.get("endpointdiscovery", {}).get("required"):
        return "its endpoint has to be discovered by another call"
    return ""


_CREDENTIALS = frozenset({"secretaccesskey", "sessiontoken", "webidentitytoken"})


def _answers_credentials(shape: Any) -> bool:
    """Return whether an answer with this shape has a key or a token with which its holder acts in AWS."""
    waiting, seen = [shape] if shape else [], set[str]()
    while waiting:
        each = waiting.pop()
        if each.name in seen:
            continue
        seen.add(each.name)
        members: Mapping[str, Any] = getattr(each, "members", {})
        if any(name.lower() in _CREDENTIALS for name in members):
            return True
        parts = (getattr(each, part, None) for part in ("member", "value"))
        waiting += [*members.values(), *filter(None, parts)]
    return False


def _shape(shape: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shape and its members without texts for people."""
    kept = _traits(shape)
    if "members" in kept:
        kept["members"] = {
            name: _traits(member)
            for name, member in kept["members"].items()
            if not _names_endpoint(member) and not _frames(member)
        }
    return kept | {part: _traits(kept[part]) for part in ("member", "key", "value") if part in kept}


def _names_endpoint(member: Mapping[str, Any]) -> bool:
    """Return whether the member chooses an endpoint of several Regions, which takes SigV4A signatures only."""
    return bool(member.get("contextParam", {}).get("name") == "EndpointId")


def _frames(member: Mapping[str, Any]) -> bool:
    """Return whether the member says where the request's body ends, which is only for the sender to say."""
    return str(member.get("locationName", "")).lower() == "content-length" and member.get("location") == "header"


def _traits(model: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in model.items() if name not in _READERS_ONLY}
