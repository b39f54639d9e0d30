"""Claims inside claims, by a dotted path from the configuration."""

from collections.abc import Mapping
from typing import Any


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim at `path`, or None when it is absent.

    A claim with exactly that name takes precedence over a nested member ("act.sub"). A null claim counts as absent
    (OpenID Connect Core section 5.3.2).

    A name may itself hold full stops, such as "kubernetes.io" in "kubernetes.io.namespace".
    """
    if (named := claims.get(path)) is not None:
        return named
    at = path.find(".")
    while at >= 0:
        inner = claims.get(path[:at])
        if isinstance(inner, Mapping) and (found := claim_at(inner, path[at + 1 :])) is not None:
            return found
        at = path.find(".", at + 1)
    return None
