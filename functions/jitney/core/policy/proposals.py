"""The resources that permits name, as a request for a target could name them.

Only a decision shows whether policies permit them.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jitney.core.actions import AccessLevel, Action, ActionTable
from jitney.core.patterns import Budget, has_wildcard
from jitney.core.policy.pattern_text import beginning_with, wildcard_text
from jitney.core.policy.permits import ANY_RESOURCE, Permit
from jitney.core.target_config import Target

ANY_SERVICE = "*"
"""Stands for all services in an answer."""
# Stand for all services if a permit names none of them. Together they have actions of all access levels.
SAMPLE_SERVICES = ("sqs", "secretsmanager", "dynamodb", "s3", "sns")


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A resource of a service. `permits` name it by a literal, or, if `general`, only by its service.

    With `any_service`, the permits name no service, and this service is a sample. `acting` are the actions of the
    access level that act on the resource.
    """

    level: AccessLevel
    service: str
    resource: str
    acting: tuple[Action, ...]
    permits: tuple[Permit, ...]
    general: bool
    any_service: bool

    @property
    def permit_ids(self) -> frozenset[str]:
        """The ids of the permits."""
        return frozenset(permit.id for permit in self.permits)

    @property
    def modes(self) -> tuple[bool, ...]:
        """Whether to evaluate the resource with its wildcards, and as each single ARN that it matches."""
        return (True, False) if self.resource != ANY_RESOURCE and has_wildcard(self.resource) else (False,)


def proposals(
    level: AccessLevel, permits: Sequence[Permit], target: Target, actions: ActionTable, budget: Budget
) -> Iterator[list[Proposal]]:
    """Yield what the permits propose for an access level, in stages: literals, services, samples of all services.

    Raises PatternTooComplex.
    """
    named: dict[tuple[str, str], list[Permit]] = defaultdict(list)
    general: dict[tuple[str, str], list[Permit]] = defaultdict(list)
    samples: dict[tuple[str, str], list[Permit]] = defaultdict(list)
    services = _Services(level, target, actions)
    for permit in permits:
        own = _services_of(permit) & services.known
        for service in sorted(own):
            for resource in services.literals(service, permit, budget):
                named[service, resource].append(permit)
            for resource in services.everything(service):
                if (service, resource) not in named:
                    general[service, resource].append(permit)
        for service in SAMPLE_SERVICES:
            for resource in services.everything(service) if service not in own else ():
                samples[service, resource].append(permit)
    for found, is_general, is_sample in ((named, False, False), (general, True, False), (samples, True, True)):
        yield [
            Proposal(level, service, resource, acting, tuple(by), is_general, is_sample)
            for (service, resource), by in found.items()
            if (acting := services.acting(service, resource, budget))
        ]


def _services_of(permit: Permit) -> frozenset[str]:
    """Return the services that a permit names, alone or in ARNs."""
    arns = (wildcard_text(pattern).split(":") for pattern in permit.resources)
    return permit.services.union(parts[2] for parts in arns if len(parts) > 2)


class _Services:
    """The actions of one level, by service, and the beginnings of the ARNs on which they act in a target."""

    def __init__(self, level: AccessLevel, target: Target, actions: ActionTable) -> None:
        self.known = frozenset(actions.services())
        self._level, self._target, self._actions = level, target, actions
        self._read: dict[str, tuple[Action, ...]] = {}
        self._heads: dict[str, tuple[str, ...]] = {}

    def literals(self, service: str, permit: Permit, budget: Budget) -> Iterator[str]:
        """Yield the resources of a service that match a literal of the permit. Raises PatternTooComplex."""
        for head in self._heads_of(service):
            for pattern in permit.resources:
                yield from beginning_with(head, pattern, budget)

    def everything(self, service: str) -> Iterator[str]:
        """Yield the patterns of all resources of a service in the target, and "*"."""
        yield from (f"{head}*" for head in self._heads_of(service))
        yield ANY_RESOURCE

    def acting(self, service: str, resource: str, budget: Budget) -> tuple[Action, ...]:
        """Return the actions that act on the resource; for "*", the actions without resources.

        Raises PatternTooComplex.
        """
        found = self._of_level(service)
        if resource == ANY_RESOURCE:
            return tuple(action for action in found if not action.resource_types)
        head = _head(resource)
        return tuple(
            action
            for action in found
            if any(
                head in _heads(kind.arn_format, self._target) and kind.may_match(resource, budget)
                for kind in action.resource_types
            )
        )

    def _of_level(self, service: str) -> tuple[Action, ...]:
        if service not in self._read:
            found = self._actions.of_service(service)
            self._read[service] = tuple(action for action in found if action.level is self._level)
        return self._read[service]

    def _heads_of(self, service: str) -> tuple[str, ...]:
        """Return the beginnings of the service's ARNs, up to the account, in the target's accounts and Regions."""
        if service not in self._heads:
            formats = (kind.arn_format for action in self._of_level(service) for kind in action.resource_types)
            heads = (head for each in dict.fromkeys(formats) for head in _heads(each, self._target))
            self._heads[service] = tuple(dict.fromkeys(heads))
        return self._heads[service]


@lru_cache(maxsize=2048)
def _heads_in(arn_format: str, partition: str, regions: tuple[str, ...], accounts: tuple[str, ...]) -> tuple[str, ...]:
    head = _head(arn_format).replace("${Partition}", partition)
    filled = {
        head.replace("${Region}", region).replace("${Account}", account).replace("${AccountId}", account)
        for region in regions
        for account in accounts
    }
    return tuple(sorted(each for each in filled if "$" not in each and not has_wildcard(each)))


def _heads(arn_format: str, target: Target) -> tuple[str, ...]:
    regions, accounts = (target.region, *target.other_regions), (target.account, *target.other_accounts)
    return _heads_in(arn_format, target.role_arn.split(":")[1], regions, accounts)


def _head(arn: str) -> str:
    """Return an ARN up to its account."""
    return ":".join(arn.split(":", 5)[:5]) + ":"
