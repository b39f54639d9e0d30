"""Claims inside claims, by a dotted path from the configuration."""

from collections.abc import Mapping
from typing import Any


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim at `path`: a claim of that exact name, else nested members ("act.sub"); None when absent."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
