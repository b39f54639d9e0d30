"""The access levels to which a policy's scope limits it."""

from itertools import chain

from jitney.core.actions import READING, AccessLevel
from jitney.core.policy.literals import Literals

LEVEL_GROUPS = {
    "ReadOnly": READING,
    "Mutating": frozenset({AccessLevel.WRITE, AccessLevel.TAGGING, AccessLevel.PERMISSIONS_MANAGEMENT}),
}
"""The groups of access levels in the Cedar schema."""


def levels_of(literals: Literals) -> frozenset[AccessLevel]:
    """Return the access levels in the policy's scope: all levels if it has none, and none for an unknown level."""
    if not literals.actions:
        return frozenset(AccessLevel)
    named = (LEVEL_GROUPS.get(each, {each}) for each in literals.actions)
    return frozenset(AccessLevel).intersection(chain.from_iterable(named))
