"""The targets that a caller may have meant by an unknown name: those of its own list that have a similar name."""

import difflib
from collections.abc import Collection

from jitney.core.identity.principal import Principal
from jitney.handlers.runtime.ports import Ports

MOST_TRIED = 3
LEAST_SIMILARITY = 0.6


def similar_names(name: str, known: Collection[str]) -> list[str]:
    """Return the known names that are similar to `name`, the most similar first.

    Only these names are tried. So neither the answer to another name nor its time reveals whether a target exists.
    """
    return difflib.get_close_matches(name, known, n=MOST_TRIED, cutoff=LEAST_SIMILARITY)


def similar_targets(name: str, principal: Principal, ports: Ports) -> list[str]:
    """Return the aliases similar to `name` that GET /v1/targets lists for the principal, the most similar first."""
    # Imported here, because a request with the name of a known target does not need these modules.
    from jitney.handlers.caller.visible_targets import visible_targets  # noqa: PLC0415 - as above

    similar = similar_names(name, ports.config.targets)
    visible = {each.target.alias for each in visible_targets(principal, ports, similar).targets}
    return [alias for alias in similar if alias in visible]
