"""Cut-offs of a target role or of accountable units. Credentials issued up to the time of a cut-off are denied.

When a deny document is full, the unit with the most deny entries is cut off. Its agents fetch new credentials
afterwards.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Self

from jitney.core.access.credentials import MAX_STS_SESSION_SECONDS


class CutOffs(NamedTuple):
    """The issue times (epoch seconds) up to which credentials are denied: for the whole role, and for single units."""

    role: int | None = None
    units: Mapping[str, int] = MappingProxyType({})

    def until(self, unit: str) -> int | None:
        """Return the issue time up to which the unit's credentials are denied, or None when it is not cut off."""
        found = [each for each in (self.role, self.units.get(unit)) if each is not None]
        return max(found, default=None)

    @property
    def last(self) -> int | None:
        """The latest cut-off time, or None."""
        found = [*self.units.values(), *(() if self.role is None else (self.role,))]
        return max(found, default=None)

    def at(self, now: int) -> Self:
        """Return the cut-offs that still deny something at `now`.

        A cut-off ends after an hour, as sessions do. A unit's cut-off is left out if the role's is not earlier.
        """
        role = self.role if self.role is not None and now < self.role + MAX_STS_SESSION_SECONDS else None
        later = {
            unit: cut
            for unit, cut in self.units.items()
            if now < cut + MAX_STS_SESSION_SECONDS and (role is None or role < cut)
        }
        return self._replace(role=role, units=later)

    def since(self, earlier: "CutOffs") -> "CutOffs":
        """Return the cut-offs that are not in `earlier`."""
        role = self.role if self.role != earlier.role else None
        return CutOffs(role, {unit: cut for unit, cut in self.units.items() if earlier.units.get(unit) != cut})
