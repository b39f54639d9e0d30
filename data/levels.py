"""The access level of an action: AWS's level, corrected where the action is more dangerous than that."""

from collections.abc import Iterable, Mapping

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

CREDENTIAL_EXPOSURE = "CredentialExposure"
DATA_EXFILTRATION = "DataExfiltration"


class Corrections:
    """Where other sources disagree with AWS's levels.

    `overrides` maps lower-case actions to policy-sentry's level. `credentials` are patterns of actions that return
    credentials or secrets, from corrections.yaml and cloudsplaining. `data` are cloudsplaining's actions that can
    exfiltrate data.
    """

    def __init__(self, overrides: Mapping[str, str], credentials: Iterable[str], data: Iterable[str] = ()) -> None:
        self._overrides = overrides
        self._data = frozenset(name.lower() for name in data)
        self._credentials = {name: wildcard_pattern(name) for name in credentials}
        self._used: set[str] = set()

    def rate(self, action: str, aws_level: str) -> tuple[AccessLevel, frozenset[str]]:
        """Return the level and the risks of `action`. Raises KeyError for an access level that is new in AWS."""
        level = NAMES[aws_level]
        if override := self._overrides.get(action.lower()):
            level = max(level, NAMES[override], key=RANKED.index)
        matching = {name for name, pattern in self._credentials.items() if pattern.matches(action)}
        self._used |= matching
        risks = {DATA_EXFILTRATION} if action.lower() in self._data else set()
        if not matching:
            return level, frozenset(risks)
        reads = level in (AccessLevel.LIST, AccessLevel.READ)
        return (AccessLevel.READ_SECRET if reads else level), frozenset({CREDENTIAL_EXPOSURE, *risks})

    def unused(self) -> list[str]:
        """Return the credential patterns that have matched no action yet."""
        return sorted(self._credentials.keys() - self._used)
