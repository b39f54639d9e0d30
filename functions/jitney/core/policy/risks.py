"""The risks of a request: from its single actions, and from combinations with other active grants (row POL 5).

A risk is a name that policies see in `context.risks`, and a sentence for people. Escalations come from the action
table. Other grants count only within the same account, because IAM passes roles and changes identities only there.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from jitney.core.access.decision import HarmLevel, Risk
from jitney.core.actions import AccessLevel, Action, Escalation
from jitney.core.outliving import OUTLIVES_GRANT, grouped_effects
from jitney.core.patterns import Budget

PRIVILEGE_ESCALATION = "PrivilegeEscalation"
ESCALATION_COMBINATION = "EscalationCombination"
ESCALATIONS = frozenset({PRIVILEGE_ESCALATION, ESCALATION_COMBINATION})

# The verb phrase of each risk, for one action and for several.
RISK_PHRASES: Mapping[str, tuple[str, str]] = {
    "CredentialExposure": ("hands out a credential or a secret", "hand out credentials or secrets"),
    "DataExfiltration": ("reads all data that wildcards match", "read all data that wildcards match"),
    "ResourceExposure": ("changes who may do what", "change who may do what"),
    "ExistingRoleExecution": ("runs or changes code under an existing role", "run or change code under existing roles"),
    "LoggingEvasion": ("can stop or hide logging or detection", "can stop or hide logging or detection"),
    "DataSharing": ("can give data to another account or the public", "can give data to another account or the public"),
    "IrreversibleDeletion": ("deletes what AWS cannot restore", "delete what AWS cannot restore"),
    "UnboundedCost": ("causes costs until a person ends them", "cause costs until a person ends them"),
    "OtherAccounts": ("may use resources of other accounts", "may use resources of other accounts"),
    "UnwatchedRegions": (
        "may be called in Regions whose calls Jitney does not record",
        "may be called in Regions whose calls Jitney does not record",
    ),
    "NotAssessed": ("is not assessed by any rule", "are not assessed by any rule"),
    "InfrastructureModification": (
        "may be used on any resource, although AWS could limit it to one",
        "may be used on any resource, although AWS could limit them to some",
    ),
}
HARM_LEVELS: Mapping[str, HarmLevel] = {
    PRIVILEGE_ESCALATION: HarmLevel.SEVERE,
    ESCALATION_COMBINATION: HarmLevel.SEVERE,
    "LoggingEvasion": HarmLevel.SEVERE,
    "IrreversibleDeletion": HarmLevel.SEVERE,
    "NotAssessed": HarmLevel.UNKNOWN,
    "CredentialExposure": HarmLevel.HIGH,
    "ResourceExposure": HarmLevel.HIGH,
    "DataSharing": HarmLevel.HIGH,
    "ExistingRoleExecution": HarmLevel.HIGH,
    "DataExfiltration": HarmLevel.HIGH,
    "InfrastructureModification": HarmLevel.HIGH,
    "UnboundedCost": HarmLevel.MODERATE,
    OUTLIVES_GRANT: HarmLevel.MODERATE,
    "OtherAccounts": HarmLevel.MODERATE,
    "UnwatchedRegions": HarmLevel.MODERATE,
}
_WORST_FIRST = tuple(HarmLevel)
RISK_NAMES = frozenset(HARM_LEVELS)
"""The names of all risks. A policy that names any other risk is refused when it is loaded."""

MAX_RISKS = 20
_CHANGES = frozenset({AccessLevel.WRITE, AccessLevel.TAGGING, AccessLevel.PERMISSIONS_MANAGEMENT})
_IDENTITIES = frozenset({"iam", "sts"})


class HeldActions(NamedTuple):
    """The actions that an active grant in the same account holds.

    `grant_id` is "" if the requester may not see the grant.
    """

    grant_id: str
    actions: frozenset[str]


HeldActionsLookup: TypeAlias = Callable[[frozenset[str]], Sequence[HeldActions]]
"""Returns the held actions of other active grants, given the requested actions that escalate in combination."""


class CompletedEscalation(NamedTuple):
    """An escalation that a request completes. Some of its actions are `requested`, and other grants hold the rest.

    `held` maps each action of the rest to the grant that holds it.
    """

    escalation: Escalation
    requested: tuple[str, ...]
    held: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """The escalation as a sentence. It names only the requester's own grants."""
        if "" in self.held.values():
            return (
                f"{_listed(self.requested)} completes a known privilege escalation together with other active grants "
                "of the same agent or person."
            )
        first, *others = self.escalation.actions
        named = [self._named(name) for name in (first, *others)]
        together = f"{named[0]} with {_listed(named[1:])}" if others else named[0]
        return f"{together} lets its holder {_use(self.escalation)}."

    def _named(self, action: str) -> str:
        return f"{action} (held by grant {self.held[action]})" if action in self.held else action


def completed_escalations(
    requested: Collection[str], held: Iterable[HeldActions], escalations: Iterable[Escalation]
) -> tuple[CompletedEscalation, ...]:
    """Return the escalations that a request for the actions `requested` completes."""
    holders: dict[str, str] = {}
    for grant in held:
        # Prefer a grant that the requester may see.
        holders |= {name: grant.grant_id for name in grant.actions if not holders.get(name)}
    return tuple(
        CompletedEscalation(
            each,
            tuple(name for name in each.actions if name in requested),
            {name: holders[name] for name in each.actions if name not in requested},
        )
        for each in escalations
        if any(name in requested for name in each.actions)
        and all(name in requested or name in holders for name in each.actions)
    )


def risks_of(
    action: Action, resource: str, *, wildcard: bool, gained: Sequence[CompletedEscalation], budget: Budget
) -> frozenset[str]:
    """Return the names of the risks of `action` on `resource` ("*", or an ARN with or without wildcards).

    `gained` are the escalations that the action contributes to. Reading data is a risk only with wildcards. Raises
    PatternTooComplex.
    """
    found = set(action.risks) if wildcard else set(action.risks) - {"DataExfiltration"}
    if action.level is AccessLevel.PERMISSIONS_MANAGEMENT:
        found.add("ResourceExposure")
    if wildcard and action.level in _CHANGES and _changes_any(action, resource, budget):
        found.add("InfrastructureModification")
    if gained:
        found.add(PRIVILEGE_ESCALATION)
    if any(len(gain.escalation.actions) > 1 for gain in gained):
        found.add(ESCALATION_COMBINATION)
    return frozenset(found)


def _changes_any(action: Action, resource: str, budget: Budget) -> bool:
    """Return whether the wildcards of `resource` cover all resources of a type that the action acts on."""
    return resource == "*" or any(kind.covers_whole_type(resource, budget) for kind in action.resource_types)


def describe_risks(
    risks: Mapping[Action, Collection[str]],
    gained: Iterable[CompletedEscalation],
    notes: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Risk, ...]:
    """Return the risks in sentences, the worst first.

    `risks` maps each action to the names of its risks. `notes` are added to the sentences of the risks that they name.
    """
    found = {gain.sentence: _escalation_risk(gain) for gain in gained}
    present = set().union(*risks.values())
    for name, phrases in RISK_PHRASES.items():
        if name in present:
            actions = tuple(action.name for action, names in risks.items() if name in names)
            sentence = f"{_listed(actions)} {phrases[len(actions) > 1]}{notes.get(name, '')}."
            found[name] = Risk(name, sentence, actions, level=HARM_LEVELS[name])
    if OUTLIVES_GRANT in present:
        outliving = ((action.name, action.outliving) for action, names in risks.items() if OUTLIVES_GRANT in names)
        effects = grouped_effects(outliving)
        found |= {
            each.sentence: Risk(
                OUTLIVES_GRANT, each.sentence, each.actions, (), each.effect.source, HARM_LEVELS[OUTLIVES_GRANT]
            )
            for each in effects
        }
    return tuple(sorted(found.values(), key=lambda each: _WORST_FIRST.index(each.level)))[:MAX_RISKS]


def _escalation_risk(gain: CompletedEscalation) -> Risk:
    name = ESCALATION_COMBINATION if len(gain.escalation.actions) > 1 else PRIVILEGE_ESCALATION
    hidden = "" in gain.held.values()
    grants = tuple(sorted(set(gain.held.values()) - {""}))
    source = "" if hidden else gain.escalation.source
    return Risk(name, gain.sentence, gain.requested, () if hidden else grants, source, HARM_LEVELS[name])


def _use(escalation: Escalation) -> str:
    """Return what an agent with the escalation can do."""
    services = [name.partition(":")[0] for name in escalation.actions]
    service = next((each for each in services if each not in _IDENTITIES), "")
    if "iam:PassRole" in escalation.actions:
        return f"act as any role that {service} may assume"
    return f"act as a role that a resource of {service} has" if service else "gain permissions that were never granted"


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
