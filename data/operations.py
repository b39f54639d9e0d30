"""The table of operations for `core.calls.operations`, from botocore's models, the AWS CLI and operations.yaml."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from botocore import __version__ as botocore_version
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from data import naming, table
from data.alternatives import FROM_TARGET, open_template, with_alternatives, without_borrowed
from data.buckets import variants
from data.cli_options import CliOptions, cli_kind, own_options
from data.dependents import DependentActions
from data.further import DOCUMENTED, FurtherNeeds
from data.naming import kind_of
from data.rules import Rules
from data.verbs import by_verb
from jitney.core.actions import Action, ActionTable, ResourceType
from jitney.core.calls.operations import MAGIC

_VARIABLE = re.compile(r"\$\{(\w+)\}|\*")
_CREATES = re.compile(
    r"(Create|Allocate|Copy|Import|Export|Restore|Register|Request|Purchase|Provision|Run|Build|Clone)", re.ASCII
)
"""Operations whose resources have no name yet, or a name that the call does not contain."""

Row = dict[str, Any]


@dataclass(slots=True)
class OperationsReport:
    """How many operations have an action by name, by exception, or none, and how many have ARNs that can be derived.

    `further` counts those with derived permissions that are not their own, `mentioned` those that may need others, and
    `dependent` those with dependent actions. `documented` and `ruled` count mentioned actions, by their source.
    """

    by_name: int = 0
    by_exception: int = 0
    unknown: int = 0
    derived: int = 0
    unnamed: int = 0
    further: int = 0
    mentioned: int = 0
    dependent: int = 0
    documented: int = 0
    documented_operations: int = 0
    ruled: int = 0

    def add(self, other: Self) -> None:
        """Add the counts of `other`."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


class ServiceRows:
    """The rows of one service's operations."""

    def __init__(
        self, name: str, rules: Rules, actions: ActionTable, dependents: DependentActions, cli: CliOptions
    ) -> None:
        self.model = ServiceModel(Loader().load_service_model(name, "service-2"), name)
        self.report = OperationsReport()
        self._name = name
        self._rules = rules
        self._actions = actions
        self._prefixes = rules.prefixes(name)
        actions_of = rules.of(name).get("actions", {})
        self._exceptions: Mapping[str, Any] = self._verbs() if actions_of == "verbs" else actions_of
        self._unused = set(self._exceptions)
        self._cli = cli
        self._further = FurtherNeeds(rules.of(name), rules.may, actions, dependents, self._need, self._named)

    def block(self) -> dict[str, Any]:
        """Return the service's block: rows by operation, and waiters.

        Raises ValueError for a rule that matches nothing.
        """
        rows = {name: self._row(self.model.operation_model(name)) for name in sorted(self.model.operation_names)}
        if self._unused:
            raise ValueError(f"operations.yaml names {sorted(self._unused)}, which {self._name} does not have")
        return {
            "operations": rows,
            "waiters": self._waiters(),
            "commands": self._rules.of(self._name).get("commands", {}),
            "own": {
                name: self._own_row(name, rule)
                for name, rule in sorted(self._rules.of(self._name).get("own", {}).items())
            },
        }

    def _own_row(self, command: str, rule: Mapping[str, Any]) -> Row:
        needs = [self._need(each, None) for each in rule["needs"]]
        row = {"c": command, "x": rule["options"], "m": rule["parameters"], "w": rule.get("words", ""), "n": needs}
        mentions = [each for each in self._further.ruled(needs) if not each[1]]
        return row | ({"d": mentions} if mentions else {})

    def _verbs(self) -> dict[str, Any]:
        return {name: by_verb(self.model.operation_model(name)) for name in self.model.operation_names}

    def _waiters(self) -> dict[str, str]:
        if self._name not in Loader().list_available_services("waiters-2"):
            return {}
        found = Loader().load_service_model(self._name, "waiters-2")["waiters"]
        return {xform_name(name, "-"): each["operation"] for name, each in sorted(found.items())}

    def _row(self, operation: OperationModel) -> Row:
        members = _members(operation)
        required = set(operation.input_shape.required_members) if operation.input_shape else set()
        filled_in = set(operation.idempotent_members)  # by SDKs and the AWS CLI, if the caller does not
        needs, mentions = self._needs(operation)
        command = xform_name(operation.name, "-")
        cli = self._cli.options.get(command, {})
        named = {name: self._cli.option(command, name) for name in members}
        kinds = {name: cli_kind(kind_of(shape), named[name], cli) for name, shape in members.items()}
        flags = {
            name: "!" if self._cli.required(command, named[name], kinds[name]) else "~" for name in required - filled_in
        }
        row: Row = {"c": command}
        if options := own_options(cli, named):
            row["x"] = options
        row["m"] = " ".join(f"{name}={named[name]}={kinds[name]}{flags.get(name, '')}" for name in members)
        if needs:
            row["n"] = needs
        if mentions:
            row["d"] = mentions
        if needs and self._name == "s3" and "Bucket" in members:
            row["v"] = variants(operation.name, needs, self._actions)
        if self._cli.words.get(command):
            row["o"] = 1
        return row

    def _needs(self, operation: OperationModel) -> tuple[list[list[Any]], list[list[str]]]:
        """Return the actions that the operation needs, and those that it may need."""
        listed = self._exceptions.get(operation.name)
        self._unused.discard(operation.name)
        own = next((a for p in self._prefixes if (a := self._actions.get(f"{p}:{operation.name}"))), None)
        if listed is not None:
            self.report.by_exception += 1
            needs = [self._need(each, operation) for each in (listed if isinstance(listed, list) else [listed])]
        elif own:
            self.report.by_name += 1
            needs = [self._need({"action": own.name}, operation)]
        else:
            self.report.unknown += 1
            return [], []
        named = bool(needs[0][1]) and all(len(kind) > 1 for kind in needs[0][1] if kind[0])
        self.report.derived += named
        self.report.unnamed += not named and bool(self._action(needs[0][0]).resource_types)
        derived, mentions = self._further.of(operation, needs)
        documented = sum(each[2] == DOCUMENTED for each in mentions)
        self.report.further += bool(derived)
        self.report.mentioned += bool(mentions)
        self.report.dependent += bool(self._further.dependents.of(needs[0][0]))
        self.report.documented += documented
        self.report.documented_operations += bool(documented)
        self.report.ruled += len(list(self._further.ruled(needs)))
        return [*needs, *derived], mentions

    def _need(self, each: Any, operation: OperationModel | None) -> list[Any]:
        """Return one action of a row: [name, [[required, template...] for each type] or 0, condition, why]."""
        rule = {"action": each} if isinstance(each, str) else each
        action = self._action(rule["action"])
        on = rule.get("resource")
        templates: list[Any] | int
        if on is not None:
            templates = [[1, *([on] if isinstance(on, str) else on)]]
        elif not action.resource_types:
            templates = 0
        else:
            found = [(kind, list(self._templates(kind, operation))) for kind in action.resource_types]
            named = any(arns for _, arns in found) or bool(operation and _CREATES.match(operation.name))
            # A required type that no parameter names, such as what the operation creates, is open.
            templates = [
                [int(kind.required), *(arns or [open_template(self._format(kind))])]
                for kind, arns in found
                if arns or (kind.required and named)
            ]
            templates = with_alternatives(without_borrowed(templates))
        return [action.name, templates, rule.get("when", ""), rule.get("why", "")]

    def _named(self, kind: ResourceType, operation: OperationModel) -> list[Any]:
        return [1, *(list(self._templates(kind, operation)) or [open_template(self._format(kind))])]

    def _action(self, name: str) -> Action:
        action = self._actions.get(name)
        if action is None:
            raise ValueError(f"operations.yaml names {name}, which is no action")
        return action

    def _templates(self, kind: ResourceType, operation: OperationModel | None) -> Iterator[str]:
        """Yield a resource type's format with members instead of variables, in every possible way."""
        arn_format = self._format(kind)
        filled = [arn_format]
        for variable in dict.fromkeys(_VARIABLE.findall(arn_format)):
            if variable and variable not in FROM_TARGET:
                sources = list(self._sources(variable, kind, operation))
                filled = [each.replace(f"${{{variable}}}", f"${{{source}}}") for each in filled for source in sources]
        free = {variable for variable in _VARIABLE.findall(arn_format) if variable not in FROM_TARGET}
        # A format without variables is the same for all parameters, except for the ARN of another resource.
        named = [
            name for name in self._arn_members(kind, _members(operation)) if free or name.lower() in naming.ANY_ARN
        ]
        yield from filled if free or not named else []
        # What fills the only variable of a format may be a whole ARN already.
        whole = [name for name in named if len(free) > 1 or f"${{{name}" not in "".join(filled)]
        yield from (f"@{name} {arn_format}" for name in whole)
        # The ARN has an id that AWS chose, and the parameter may hold a name.
        yield from (
            open_template(arn_format, name)
            for name in whole
            if free and naming.may_hold_name(name) and f"${{{name}" not in "".join(filled)
        )

    def _format(self, kind: ResourceType) -> str:
        formats: Mapping[str, str] = self._rules.of(self._name).get("formats", {})
        return formats.get(kind.name, kind.arn_format)

    def _sources(self, variable: str, kind: ResourceType, operation: OperationModel | None) -> Iterator[str]:
        members = _members(operation)
        ruled = self._rules.sources(self._name, variable, kind.name)
        if ruled is not None:
            return iter(_present(ruled, members))
        ways = (
            naming.by_name(variable, members),
            naming.by_thing(variable, kind, members),
            naming.by_operation(variable, kind, operation, members),
        )
        return iter(next((found for way in ways if (found := list(way))), []))

    def _arn_members(self, kind: ResourceType, members: Mapping[str, Shape]) -> Iterator[str]:
        ruled: list[str] | None = self._rules.of(self._name).get("arns", {}).get(kind.name)
        return naming.holding_arns(kind, members) if ruled is None else iter(_present(ruled, members))


def _members(operation: OperationModel | None) -> Mapping[str, Shape]:
    return operation.input_shape.members if operation and operation.input_shape else {}


def _present(ruled: list[str], members: Mapping[str, Shape]) -> list[str]:
    """Return the sources that an operation has.

    "else:Name" and "=text" count only if the operation has no earlier source.
    """
    found: list[str] = []
    for each in ruled:
        name = each.removeprefix("else:")
        stands_in = name != each or each.startswith("=")
        if (each.startswith("=") or name.split("|")[0] in members) and not (stands_in and found):
            found.append(name)
    return found


def encode(
    rules: Rules, actions: ActionTable, dependents: DependentActions, cli: Mapping[str, Any]
) -> tuple[bytes, dict[str, OperationsReport]]:
    """Return the table as bytes, and the report of each service. `cli` is the output of `data.aws_cli`."""
    blocks: dict[str, Any] = {}
    reports: dict[str, OperationsReport] = {}
    total = OperationsReport()
    for name in sorted(rules.services):
        rows = ServiceRows(name, rules, actions, dependents, CliOptions.of(cli, name))
        own = sorted(command for command, service in cli["commands"].items() if service == name)
        blocks[name] = {"names": own or [name], **rows.block()}
        reports[name] = rows.report
        total.add(rows.report)
    commands = {command: name for name, block in blocks.items() for command in block["names"] if command != name}
    about = {"botocore": botocore_version, "aws-cli": cli["version"], **actions.about}
    encoded = table.encode(about, blocks, MAGIC, commands=commands, report=asdict(total))
    return encoded, reports


def faults(new: Mapping[str, int], old: Mapping[str, int]) -> list[str]:
    """Return why a table with the report `new` must not replace one with `old` ({} for a first build), in sentences."""
    return [
        f"there were {old[count]} operations {what} and are {new.get(count, 0)}"
        for count, what in (("by_name", "with an action by name"), ("derived", "with a resource"))
        if new.get(count, 0) < old.get(count, 0) * table.LEAST_REMAINING
    ]
