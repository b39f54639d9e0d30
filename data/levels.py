"""The access level of an action: AWS's level, corrected where the action is more dangerous than that."""

from collections.abc import Iterable, Mapping

from data.harms import CREDENTIAL_EXPOSURE, DATA_EXFILTRATION, NOT_ASSESSED, Harms
from jitney.core.actions import AccessLevel
from jitney.core.patterns import wildcard_pattern

# From harmless to dangerous. If sources disagree about an action, the more dangerous level counts.
RANKED = (
    AccessLevel.LIST,
    AccessLevel.READ,
    AccessLevel.TAGGING,
    AccessLevel.WRITE,
    AccessLevel.PERMISSIONS_MANAGEMENT,
)

# AWS's service reference flags an action as both ("Permissions management, Write"); the stronger one counts.
NAMES = {
    "List": AccessLevel.LIST,
    "Read": AccessLevel.READ,
    "Write": AccessLevel.WRITE,
    "Tagging": AccessLevel.TAGGING,
    "Tagging, Write": AccessLevel.TAGGING,
    "Permissions management": AccessLevel.PERMISSIONS_MANAGEMENT,
    "Permissions management, Write": AccessLevel.PERMISSIONS_MANAGEMENT,
}


class Corrections:
    """Where other sources disagree with AWS's levels.

    `overrides` maps lower-case actions to policy-sentry's level; `credentials` are patterns of actions that hand out
    credentials or secrets, from corrections.yaml and cloudsplaining; `data` are actions that read what others want to
    have, cloudsplaining's; `harms` rate actions that change something.
    """

    def __init__(
        self, overrides: Mapping[str, str], credentials: Iterable[str], data: Iterable[str], harms: Harms
    ) -> None:
        self._harms = harms
        self._overrides = overrides
        self._data = frozenset(name.lower() for name in data)
        self._credentials = {name: wildcard_pattern(name) for name in credentials}
        self._used: set[str] = set()

    def rate(self, action: str, aws_level: str) -> tuple[AccessLevel, frozenset[str]]:
        """Return the level and the risks of `action`. Raises KeyError for an access level that is new in AWS."""
        level = NAMES[aws_level]
        if override := self._overrides.get(action.lower()):
            level = max(level, NAMES[override], key=RANKED.index)
        level = self._harms.level(action, level)
        matching = {name for name, pattern in self._credentials.items() if pattern.matches(action)}
        self._used |= matching
        risks = self._harms.risks(action, level) | ({DATA_EXFILTRATION} if action.lower() in self._data else set())
        if not matching:
            return level, risks
        reads = level in (AccessLevel.LIST, AccessLevel.READ)
        return (AccessLevel.READ_SECRET if reads else level), (risks - {NOT_ASSESSED}) | {CREDENTIAL_EXPOSURE}

    def unused(self) -> list[str]:
        """Return the patterns of corrections.yaml and harms.yaml that have matched no action yet."""
        return sorted(self._credentials.keys() - self._used) + self._harms.unused()
