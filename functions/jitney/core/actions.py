"""The action table: every AWS action with its access level and the resources that it acts on.

`make data` builds the table. Each service has its own compressed block, so that a cold start decompresses only the
services that it needs:

    "JAT1", length of the index (4 bytes, big-endian), index, blocks;  index and blocks are zlib-compressed JSON
    index:  {"about": {source: version}, "services": {prefix: [offset behind the index, length]},
             "escalations": [[name, source, [action]]], "unknown": [names of the sources that AWS does not have],
             "outliving": [[name, what, seconds, left_to_do, source]], "aliases": {another name of a service: prefix}}
    block:  {"types": [[name, ARN format]], "keys": [condition key],
             "actions": {name: "LETTERS type type!~keys ~keys @effect"}}

An action's letters are its level (`LEVELS`) and its risks (`RISKS`). A type is an index into "types"; `!` marks a
required one. After `~` are indexes into "keys", joined by commas. They are the condition keys that calls of the action
carry for resources of the type or, without a type, for all resources. Only keys of `core.access.conditions` are listed.
An effect is an index into "outliving".

An action that is not in the table is unknown and never allowed (row POL 4).
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple, Self

from jitney.core.arn_formats import covers_format, format_meets, format_pattern
from jitney.core.block_table import BlockTable
from jitney.core.outliving import OUTLIVES_GRANT, OutlivingEffect
from jitney.core.patterns import Budget, Pattern, has_wildcard, wildcard_pattern

MAGIC = b"JAT1"
_CLOSE_SERVICES = 8  # how many services with a similar name are searched for an unknown service's action


class AccessLevel(StrEnum):
    """An action's access level: AWS's levels, and READ_SECRET.

    READ_SECRET marks actions that return a credential or a secret, such as secretsmanager:GetSecretValue. AWS calls
    them List or Read.
    """

    LIST = "List"
    READ = "Read"
    READ_SECRET = "ReadSecret"  # noqa: S105
    WRITE = "Write"
    TAGGING = "Tagging"
    PERMISSIONS_MANAGEMENT = "PermissionsManagement"


LEVELS = dict(zip("LRSWTP", AccessLevel, strict=True))
READING = frozenset({AccessLevel.LIST, AccessLevel.READ})
"""The levels of actions that neither change anything nor return a secret."""
RISKS = {
    "c": "CredentialExposure",
    "d": "DataExfiltration",
    "r": "ExistingRoleExecution",
    "e": "LoggingEvasion",
    "s": "DataSharing",
    "i": "IrreversibleDeletion",
    "m": "UnboundedCost",
    "n": "NotAssessed",
}


class ResourceType(NamedTuple):
    """A type of resource that an action acts on: its name, AWS's ARN format, and whether the action requires it.

    `condition_keys` are the keys in calls of the action on resources of the type.
    """

    name: str
    arn_format: str
    required: bool
    condition_keys: frozenset[str] = frozenset()

    @property
    def pattern(self) -> Pattern:
        """The pattern of all ARNs of the type."""
        return format_pattern(self.arn_format)

    def covers_whole_type(self, resource: str, budget: Budget) -> bool:
        """Return whether `resource`, which has wildcards, matches every resource of the type in an account or a Region.

        A pattern that matches every name of one length, such as `????`, also counts. Raises PatternTooComplex.
        """
        covers, steps = covers_format(self.arn_format, resource)
        budget.spend_once((self.arn_format, resource, "names"), steps)
        return covers

    def may_match(self, resource: str, budget: Budget) -> bool:
        """Return whether `resource`, an ARN with or without wildcards, can match a resource of the type.

        Raises PatternTooComplex.
        """
        fits, steps = format_meets(self.arn_format, resource)
        budget.spend_once((self.arn_format, resource), steps)
        return fits


@dataclass(frozen=True, slots=True)
class Action:
    """An AWS action under its canonical name. An action without `resource_types` can be granted on "*" only.

    `condition_keys` are the keys that its calls have on every resource. In a call, a key that ends with "/" or ":" is
    followed by another name, such as a tag key. `outliving` is its effect that outlives a grant, if it has one.
    """

    name: str
    service: str
    level: AccessLevel
    risks: frozenset[str]
    resource_types: tuple[ResourceType, ...]
    condition_keys: frozenset[str] = frozenset()
    outliving: OutlivingEffect | None = None
    possible_keys: frozenset[str] = field(init=False)
    """The condition keys that calls of the action may have on any resource."""

    def __post_init__(self) -> None:
        found = self.condition_keys.union(*(kind.condition_keys for kind in self.resource_types))
        object.__setattr__(self, "possible_keys", found)

    def keys_on(self, resource: str, budget: Budget) -> frozenset[str]:
        """Return the condition keys that calls of the action may have on a resource that `resource` matches.

        Raises PatternTooComplex.
        """
        matched = (
            kind.condition_keys
            for kind in self.resource_types
            if kind.condition_keys and (resource == "*" or kind.may_match(resource, budget))
        )
        return self.condition_keys.union(*matched)

    def acts_on(self, resource: str, budget: Budget) -> bool:
        """Return whether the action can act on something that `resource` matches.

        `resource` is an ARN with or without wildcards, or "*". An action without resource types acts on "*" alone.
        Raises PatternTooComplex.
        """
        return resource == "*" or any(kind.may_match(resource, budget) for kind in self.resource_types)


class Escalation(NamedTuple):
    """A known way to escalate privileges: all of `actions` together allow it. `source` is the URL of a description."""

    name: str
    source: str
    actions: tuple[str, ...]


class ActionTable:
    """Look-ups in the action table. A service's block is decompressed at its first use.

    `escalations` are the known privilege escalations. No escalation includes all actions of another. `outliving` are
    the effects of actions that outlive a grant.
    """

    def __init__(self, table: BlockTable) -> None:
        index = table.index
        self.about: Mapping[str, str] = index["about"]
        self.version = ", ".join(f"{source} {version}" for source, version in self.about.items())
        self.escalations = tuple(Escalation(name, source, tuple(names)) for name, source, names in index["escalations"])
        self.escalation_actions = frozenset(name for each in self.escalations for name in each.actions)
        self.combination_actions = frozenset(
            name for each in self.escalations if len(each.actions) > 1 for name in each.actions
        )
        """The actions that escalate privileges only in combination with others."""
        self.outliving = tuple(OutlivingEffect(*row) for row in index["outliving"])
        self._aliases: Mapping[str, str] = index.get("aliases", {})
        self._table = table
        self._read: dict[str, _Service] = {}

    @classmethod
    def load(cls, data: bytes) -> Self:
        """Return the table in `data`. Raises ValueError when it is not an action table."""
        return cls(BlockTable(data, MAGIC, "an action table"))

    def services(self) -> tuple[str, ...]:
        """Return the prefixes of all services, sorted."""
        return self._table.services

    def of_service(self, prefix: str) -> tuple[Action, ...]:
        """Return all actions of a service, sorted by name; () for an unknown service."""
        service = self._of_prefix(prefix.lower())
        return service.actions if service else ()

    def get(self, name: str) -> Action | None:
        """Return the action called `name`, in any case, as IAM accepts it; None when there is none."""
        service = self._service(name)
        # str.lower() turns a few non-ASCII characters, such as the Kelvin sign, into ASCII letters.
        return service.action(name.lower()) if service and name.isascii() else None

    def prefix_of(self, service: str) -> str:
        """Return IAM's prefix of a service that SDKs or endpoints name differently; `service` itself for others."""
        return service if service in self._table else self._aliases.get(service, service)

    def expand(self, pattern: str, budget: Budget | None = None) -> tuple[Action, ...]:
        """Return the actions that `pattern` ("s3:Get*", in any case) matches, sorted by name; () when there are none.

        Raises PatternTooComplex when a `budget` is given and it runs out.
        """
        if not has_wildcard(pattern):
            action = self.get(pattern)
            return (action,) if action else ()
        service = self._service(pattern)
        if service is None:
            return ()
        matches = wildcard_pattern(pattern.lower()).matches
        found = (service.action(name) for name in service.names if matches(name, budget))
        return tuple(action for action in found if action)

    def closest(self, name: str) -> tuple[str, ...]:
        """Return up to three action names similar to `name`, the most similar first."""
        service = self._service(name)
        if service is None:
            prefix, _, action = name.lower().partition(":")
            if alias := self._aliases.get(prefix):
                return self.closest(f"{alias}:{action}") or (f"{alias}:*",)
            services = difflib.get_close_matches(prefix[:64], self._table.services, n=_CLOSE_SERVICES, cutoff=0.5)
            found = tuple(each.name for name in services if (each := self.get(f"{name}:{action}")))[:3]
            return found or tuple(f"{each}:*" for each in difflib.get_close_matches(prefix[:64], services, n=3))
        return tuple(service.names[near] for near in difflib.get_close_matches(name.lower(), service.names, n=3))

    def _service(self, name: str) -> "_Service | None":
        """Return the service of the action or pattern `name`; None for an unknown one."""
        return self._of_prefix(name.lower().partition(":")[0])

    def _of_prefix(self, prefix: str) -> "_Service | None":
        if prefix not in self._table:
            return None
        if prefix not in self._read:
            block = json.loads(self._table.block(prefix))
            self._read[prefix] = _Service(prefix, block, self.outliving)
        return self._read[prefix]


class _Service:
    """The actions of one service, each built at its first use. `names` maps lower-case names to canonical ones."""

    def __init__(self, prefix: str, block: Mapping[str, Any], outliving: Sequence[OutlivingEffect]) -> None:
        self._outliving = outliving
        self.names = {f"{prefix}:{name}".lower(): f"{prefix}:{name}" for name in block["actions"]}
        self._prefix = prefix
        self._types: list[tuple[str, str]] = block["types"]
        self._keys: list[str] = block["keys"]
        self._entries: Mapping[str, str] = dict(zip(self.names, block["actions"].values(), strict=True))
        self._built: dict[str, Action] = {}

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        """All actions of the service, sorted by name."""
        return tuple(action for name in self.names if (action := self.action(name)))

    def action(self, name: str) -> Action | None:
        """Return the action with this lower-case full name; None if there is none."""
        if name not in self._built and name in self._entries:
            self._built[name] = self._build(name)
        return self._built.get(name)

    def _build(self, name: str) -> Action:
        entry, _, index = self._entries[name].partition(" @")
        letters, *items = entry.split(" ")
        parts = [item.partition("~") for item in items]
        kinds = (
            ResourceType(*self._types[int(kind.removesuffix("!"))], kind.endswith("!"), self._key_set(keys))
            for kind, _, keys in parts
            if kind
        )
        general = self._key_set(next((keys for kind, _, keys in parts if not kind), ""))
        effect = self._outliving[int(index)] if index else None
        risks = frozenset(RISKS[letter] for letter in letters[1:]) | ({OUTLIVES_GRANT} if effect else frozenset())
        return Action(self.names[name], self._prefix, LEVELS[letters[0]], risks, tuple(kinds), general, effect)

    def _key_set(self, places: str) -> frozenset[str]:
        return frozenset(self._keys[int(place)] for place in places.split(",")) if places else frozenset()
