"""What an operation needs in addition to its own actions: derived where parameters show it, mentioned elsewhere.

A derived row has the form of a need in `jitney.core.calls.operations`. A mentioned one is [action, condition, why].
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from data.dependents import DependentActions
from data.documented import documented
from data.passing import PASSING, passed
from jitney.core.actions import AccessLevel, Action, ActionTable, ResourceType

CHANGES = (AccessLevel.WRITE, AccessLevel.PERMISSIONS_MANAGEMENT)
READS = (AccessLevel.READ, AccessLevel.LIST)
_KEY = "arn:${Partition}:kms:"
_OWN_SECRETS = "arn:${Partition}:secretsmanager:${Region}:${Account}:secret:"
_MANAGED_PASSWORD = re.compile(r"ManageMaster(User)?Password", re.ASCII)
_ANY = "${=*}"
_TAGGED = "arn:${Partition}:ec2:${Region}:"
_TAGS = frozenset({"tags", "taglist", "tagspecifications", "tagspecification", "tagset", "bucketattributes"})
_TAG_ACTION = re.compile(
    r"(TagResource|TagQueue|AddTags|AddTagsTo\w+|CreateTags|CreateOrUpdateTags|Tag\w+|ChangeTagsForResource)", re.ASCII
)
_TAKES_AWAY = re.compile(r"(Delete|Untag|Remove|Disassociate|Get|List|Describe|Search)", re.ASCII)
_KEY_PARAMETER = re.compile(r"(?!.*(context|spec|usage|policy|list)).*kms.*key.*", re.ASCII | re.IGNORECASE)
_FINDS: Mapping[str, str] = {
    "ec2:DescribeVpcs": "vpc",
    "ec2:DescribeSubnets": "subnet",
    "ec2:DescribeSecurityGroups": "securitygroup",
}
"""Actions that look up what a parameter names, and the word in that parameter's name. IAM cannot limit them."""

_WHY: Mapping[str, str] = {
    "iam:PassRole": "on a role that no parameter names",
    "iam:CreateServiceLinkedRole": "if the service's own role does not exist in the account yet",
}
_OF_KEY = "if a customer managed key encrypts it"
_OF_TAGS = "if it sets tags that no parameter of the call names"
_LISTED = "AWS lists it for this action; no parameter shows when it is needed, or on what"
DOCUMENTED = "the documentation of the operation names it"
_ANY_KEY = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")
"""What services usually do with a key as the caller. Which of these, each service decides."""

Need = list[Any]
Mention = list[str]


@dataclass(frozen=True, slots=True)
class FurtherNeeds:
    """Finds further needs of one service's operations.

    `rules` are the service's rules, and `mentions` are the rules for actions of any service. `need` returns the row of
    an action, and `named` the templates of one type of resource, filled with an operation's parameters.
    """

    rules: Mapping[str, Any]
    mentions: Mapping[str, list[Mapping[str, str]]]
    actions: ActionTable
    dependents: DependentActions
    need: Callable[[Mapping[str, Any], OperationModel], Need]
    named: Callable[[ResourceType, OperationModel], list[Any]]

    def of(self, operation: OperationModel, needs: list[Need]) -> tuple[list[Need], list[Mention]]:
        """Return the derived rows and the mentioned ones, for an operation whose own rows are `needs`."""
        members = operation.input_shape.members if operation.input_shape else {}
        listed = sorted(set(self.dependents.of(needs[0][0])) - {need[0] for need in needs})
        derived = [*self._also(members)]
        level = self._action(needs[0][0]).level
        if level in CHANGES:
            derived += self._roles(operation, members)
            derived += self._tags(operation, members, needs, listed)
            derived += self._keys(members, needs[0][0], listed)
            derived += self._secrets(operation, members, listed)
        derived += self._lookups(operation, members, _prefix(needs[0][0]), listed)
        have = {need[0] for need in needs}
        derived = [each for each in derived if each[0] == PASSING or each[0] not in have]
        mentions = self._mentions(operation, members, [*needs, *derived], listed)
        ruled = [list(each) for each in dict.fromkeys(map(tuple, self.ruled(needs)))]
        return derived, [*ruled, *(each for each in mentions if each[0] not in {rule[0] for rule in ruled})]

    def ruled(self, needs: list[Need]) -> Iterator[Mention]:
        """Yield what the rules mention for the actions of `needs`."""
        for name in dict.fromkeys(need[0] for need in needs):
            for rule in self.mentions.get(name, ()):
                yield [self._action(rule["action"]).name, rule.get("when", ""), rule["why"]]

    def _also(self, members: Mapping[str, Shape]) -> Iterator[Need]:
        """Yield what a parameter needs in every operation that takes it."""
        for name, rule in self.rules.get("also", {}).items():
            if name in members:
                yield [rule["action"], [[1, rule["resource"]]], rule.get("when", name), rule["why"]]

    def _roles(self, operation: OperationModel, members: Mapping[str, Shape]) -> Iterator[Need]:
        """Yield iam:PassRole for each role that the operation passes to a service."""
        role = self._action(PASSING).resource_types[0].arn_format
        if self.rules.get("passes_roles", True):
            for name, reading in passed(operation, members, self.rules.get("roles", [])):
                held = f"{name}|{reading}" if reading else name
                what = f"{'a role in ' if reading else ''}{name} is passed to the service, which requires {PASSING}"
                named = f"@{held} {role}" if reading else role.replace("${RoleNameWithPath}", f"${{{name}}}")
                yield [PASSING, [[1, named]], held, what]

    def _tags(
        self, operation: OperationModel, members: Mapping[str, Shape], needs: list[Need], listed: list[str]
    ) -> Iterator[Need]:
        """Yield the action that sets tags while creating, on what is created."""
        given = [name for name, shape in members.items() if name.lower() in _TAGS and _holds_tags(shape)]
        if not given or _TAKES_AWAY.match(operation.name) or self._sets_tags(needs[0][0]):
            return
        why = f"{given[0]} sets tags while creating"
        for action in self._tag_actions(operation, needs[0][0], listed):
            if action.name == "ec2:CreateTags" and given[0].lower().startswith("tagspec"):
                yield [action.name, [[1, f"{_TAGGED}${{{given[0]}|tagged}}/${{=*}}"]], given[0], why]
            else:
                tagged = self._tagged(operation, action, needs[0])
                yield from [[action.name, tagged, given[0], why]] if tagged else []

    def _sets_tags(self, name: str) -> bool:
        return bool(_TAG_ACTION.fullmatch(name.partition(":")[2]))

    def _tag_actions(self, operation: OperationModel, own: str, listed: list[str]) -> Iterator[Action]:
        """Yield the service's action for tags: the action that the Reference lists, or an action with a usual name."""
        found = [self._action(name) for name in listed if self._sets_tags(name) and name.split(":")[0] == _prefix(own)]
        thing = re.sub(r"^[A-Z][a-z]+", "", operation.name)
        usual = (
            f"Tag{thing}", "TagQueue", "TagResource", "AddTagsToResource", "AddTags", f"AddTagsTo{thing}",
            "CreateOrUpdateTags", "CreateTags", "ChangeTagsForResource",
        )  # fmt: skip
        named = (self.actions.get(f"{_prefix(own)}:{each}") for each in usual)
        yield from found or [each for each in named if each][:1]

    def _tagged(self, operation: OperationModel, action: Action, own: Need) -> list[Any]:
        """Return the templates of the resource that gets tags; [] if its type is unknown."""
        thing = _plain(re.sub(r"^[A-Z][a-z]+", "", operation.name))
        mine = {kind.name for kind in self._action(own[0]).resource_types if kind.required}
        kinds = sorted(action.resource_types, key=lambda kind: (-_likeness(kind, thing), kind.name not in mine))
        if not kinds or (not _likeness(kinds[0], thing) and kinds[0].name not in mine):
            return []
        named: list[Any] = self.named(kinds[0], operation)
        return [own[1][0] if own[1] and len(own[1]) == 1 and _start(own[1][0]) == _start(named) else named]

    def _keys(self, members: Mapping[str, Shape], own: str, listed: list[str]) -> Iterator[Need]:
        """Yield what a KMS key needs that a parameter names."""
        held = key_parameters(members) if _prefix(own) != "kms" else []
        wanted = [name for name in listed if name.startswith("kms:")] or self.rules.get("keys", [])
        when = " ".join(f"{name}|named_key" for name in held)
        for action in wanted if held else ():
            arns = [f"{_KEY}${{{name}|named_key}}" for name in held]
            yield [self._action(action).name, [[1, *arns]], when, f"{held[0]} names the key that encrypts it"]

    def _secrets(self, operation: OperationModel, members: Mapping[str, Shape], listed: list[str]) -> Iterator[Need]:
        """Yield what a password needs that the service keeps in Secrets Manager, in a secret with a name of its own."""
        for flag in (name for name in members if _MANAGED_PASSWORD.fullmatch(name)):
            for action in map(self._action, listed):
                if _prefix(action.name) == "secretsmanager":
                    arn = f"{_OWN_SECRETS}{operation.service_model.service_name}!${{=*}}"
                    on = [[1, arn]] if action.resource_types else 0
                    yield [action.name, on, f"{flag}|set", f"{flag} keeps the password in Secrets Manager"]

    def _lookups(
        self, operation: OperationModel, members: Mapping[str, Shape], own: str, listed: list[str]
    ) -> Iterator[Need]:
        """Yield the actions that only read, on what the parameters name."""
        for name in listed:
            action = self._action(name)
            holders = [each for each in members if _FINDS.get(name, " ") in each.lower()]
            if holders:
                yield [name, 0, " ".join(holders), f"{holders[0]} is looked up as the caller"]
            elif action.level in READS and action.resource_types and _prefix(name) == own:
                row = self.need({"action": name}, operation)
                if _all_named(row[1]):
                    yield [name, row[1], "", "AWS reads it for this action as the caller"]

    def _mentions(
        self, operation: OperationModel, members: Mapping[str, Shape], rows: list[Need], listed: list[str]
    ) -> Iterator[Mention]:
        held = key_parameters(members)
        have = {need[0] for need in rows}
        for name in listed:
            if name.startswith("kms:") and _prefix(rows[0][0]) != "kms":
                yield [name, f"!{held[0]}|named_key" if held else "", _OF_KEY]
            elif name in _FINDS and name in have:
                holder = next(need[2] for need in rows if need[0] == name).split()[0]
                yield [name, f"!{holder}", f"if the account's default is used instead of {holder}"]
            elif name not in have:
                yield [name, "", _WHY.get(name, _OF_TAGS if self._sets_tags(name) else _LISTED)]
        holders = [*held[:1], *_key_holders(members)]
        if holders and not any(name.startswith("kms:") for name in have) and _prefix(rows[0][0]) != "kms":
            for name in _ANY_KEY if self._action(rows[0][0]).level in CHANGES else ():
                why = f"on the key in {' or '.join(holders)}; the service decides which actions it uses"
                yield from [] if name in listed else [[name, " ".join(holders), why]]
        left_out = self.rules.get("not_needed", ())
        for name, parameter in documented(operation, self.actions):
            if name not in have and name not in listed and name not in left_out:
                yield [name, parameter, DOCUMENTED]

    def _action(self, name: str) -> Action:
        action = self.actions.get(name)
        if action is None:
            raise ValueError(f"{name} is no action")
        return action


def key_parameters(members: Mapping[str, Shape]) -> list[str]:
    """Return the parameters that name a KMS key."""
    return [n for n, shape in members.items() if shape.type_name == "string" and _KEY_PARAMETER.fullmatch(n)]


def _key_holders(members: Mapping[str, Shape]) -> list[str]:
    """Return the parameters that have a member that names a KMS key."""
    return [name for name, shape in members.items() if shape.type_name != "string" and _holds_key(shape, ())]


def _holds_key(shape: Shape, within: tuple[str, ...]) -> bool:
    if isinstance(shape, ListShape):
        return _holds_key(shape.member, within)
    if not isinstance(shape, StructureShape) or shape.name in within:
        return False
    deeper = (*within, shape.name)
    return bool(key_parameters(shape.members)) or any(_holds_key(each, deeper) for each in shape.members.values())


def _plain(name: str) -> str:
    return re.sub(r"\W", "", name).lower()


def _likeness(kind: ResourceType, thing: str) -> int:
    """Return how much of the name of what an operation makes is a type's name: "cluster" of CacheCluster."""
    name = _plain(kind.name.split("/")[0])
    if name in (thing, thing.removesuffix("s")):
        return 100
    return len(name) if len(name) > 3 and thing.endswith(name) else 3 * (bool(thing) and name.endswith(thing))


def _start(templates: list[Any]) -> str:
    """Return the fixed part of a type's ARNs after the account."""
    return re.split(r"\$\{", templates[1].split("${Account}:")[-1])[0]


def _prefix(action: str) -> str:
    return action.partition(":")[0]


def _holds_tags(shape: Shape) -> bool:
    member = shape.member if isinstance(shape, ListShape) else shape
    return isinstance(member, MapShape) or (isinstance(member, StructureShape) and isinstance(shape, ListShape))


def _all_named(templates: list[Any]) -> bool:
    """Return whether the parameters name each required type, other than by an ARN of any type."""
    named = [any(arn[:1] != "@" and _ANY not in arn for arn in arns) for required, *arns in templates if required]
    return bool(templates) and all(named)
