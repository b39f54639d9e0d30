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
from data.cli_options import CliOptions, cli_kind, own_options
from data.naming import kind_of
from data.passing import PASSING, passed
from jitney.core.actions import AccessLevel, Action, ActionTable, ResourceType
from jitney.core.calls.operations import MAGIC

_VARIABLE = re.compile(r"\$\{(\w+)\}|\*")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of operations.yaml, for what names alone do not show. That file describes the members."""

    services: Mapping[str, Mapping[str, Any]]

    def of(self, service: str) -> Mapping[str, Any]:
        """Return the rules of one service."""
        return self.services[service] or {}

    def sources(self, service: str, variable: str, kind: str) -> list[str] | None:
        """Return what may fill a format's variable: "Member", "Member|reading", "=text".

        None means to go by the name.
        """
        own: Mapping[str, list[str]] = self.of(service).get("names", {})
        return own.get(f"{kind}.{variable}", own.get(variable))


@dataclass(slots=True)
class OperationsReport:
    """How many operations have an action by name, by exception, or none, and how many have ARNs that can be derived."""

    by_name: int = 0
    by_exception: int = 0
    unknown: int = 0
    derived: int = 0
    unnamed: int = 0

    def add(self, other: Self) -> None:
        """Add the counts of `other`."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


class ServiceRows:
    """The rows of one service's operations."""

    def __init__(self, name: str, rules: Rules, actions: ActionTable, cli: CliOptions) -> None:
        self.model = ServiceModel(Loader().load_service_model(name, "service-2"), name)
        self.report = OperationsReport()
        self._name = name
        self._rules = rules
        self._actions = actions
        signing: str = self.model.metadata.get("signingName") or self.model.endpoint_prefix
        self._prefixes: list[str] = rules.of(name).get("prefixes", [signing])
        actions_of = rules.of(name).get("actions", {})
        self._exceptions: Mapping[str, Any] = self._verbs() if actions_of == "verbs" else actions_of
        self._unused = set(self._exceptions)
        self._cli = cli

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
        return {"c": command, "x": rule["options"], "m": rule["parameters"], "w": rule.get("words", ""), "n": needs}

    def _verbs(self) -> dict[str, Any]:
        """Return API Gateway's rows. Its actions are the verbs of its own HTTP API, and its resources are the paths."""
        return {name: _verb(self.model.operation_model(name)) for name in self.model.operation_names}

    def _waiters(self) -> dict[str, str]:
        if self._name not in Loader().list_available_services("waiters-2"):
            return {}
        found = Loader().load_service_model(self._name, "waiters-2")["waiters"]
        return {xform_name(name, "-"): each["operation"] for name, each in sorted(found.items())}

    def _row(self, operation: OperationModel) -> Row:
        members = _members(operation)
        required = set(operation.input_shape.required_members) if operation.input_shape else set()
        filled_in = set(operation.idempotent_members)  # by SDKs and the AWS CLI, if the caller does not
        needs = list(self._needs(operation))
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
        if self._cli.words.get(command):
            row["o"] = 1
        return row

    def _needs(self, operation: OperationModel) -> Iterator[list[Any]]:
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
            return
        named = bool(needs[0][1]) and all(len(kind) > 1 for kind in needs[0][1] if kind[0])
        self.report.derived += named
        self.report.unnamed += not named and bool(self._action(needs[0][0]).resource_types)
        yield from needs
        yield from self._also(_members(operation))
        if self._action(needs[0][0]).level in (AccessLevel.WRITE, AccessLevel.PERMISSIONS_MANAGEMENT):
            yield from self._passed_roles(operation)

    def _passed_roles(self, operation: OperationModel) -> Iterator[list[Any]]:
        """Yield iam:PassRole for each role that the operation passes to a service."""
        rules = self._rules.of(self._name)
        role = self._action(PASSING).resource_types[0].arn_format
        if rules.get("passes_roles", True):
            for name, reading in passed(operation, _members(operation), rules.get("roles", [])):
                held = f"{name}|{reading}" if reading else name
                what = f"{'a role in ' if reading else ''}{name} is handed to the service, which takes {PASSING}"
                yield [PASSING, [[1, f"@{held} {role}"]], held, what]

    def _also(self, members: Mapping[str, Shape]) -> Iterator[list[Any]]:
        """Yield what a parameter needs in every operation that takes it."""
        for name, rule in self._rules.of(self._name).get("also", {}).items():
            if name in members:
                yield [rule["action"], [[1, rule["resource"]]], name, rule["why"]]

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
            named = any(arns for _, arns in found)
            # A required type that no parameter names, such as what the operation creates, is open.
            templates = [
                [int(kind.required), *(arns or [open_template(self._format(kind))])]
                for kind, arns in found
                if arns or (kind.required and named)
            ]
            templates = with_alternatives(without_borrowed(templates))
        return [action.name, templates, rule.get("when", ""), rule.get("why", "")]

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
    """Return the sources that an operation has. "else:Name" and "=text" count only if no earlier one is there."""
    found: list[str] = []
    for each in ruled:
        name = each.removeprefix("else:")
        stands_in = name != each or each.startswith("=")
        if (each.startswith("=") or name.split("|")[0] in members) and not (stands_in and found):
            found.append(name)
    return found


def _verb(operation: OperationModel) -> dict[str, str]:
    members = _members(operation)
    by_label = {shape.serialization.get("name", name): name for name, shape in members.items()}
    path = operation.http["requestUri"].removeprefix("/v2").split("?")[0]
    filled = re.sub(r"\{(\w+)\+?\}", lambda label: f"${{{by_label[label[1]]}|escaped}}", path)
    verb = operation.http["method"]
    return {
        "action": f"apigateway:{verb}",
        "resource": f"arn:${{Partition}}:apigateway:${{Region}}::{filled}",
        "why": f"API Gateway is authorized by verb and path: {verb} {path}",
    }


def encode(
    services: Mapping[str, Any], actions: ActionTable, cli: Mapping[str, Any]
) -> tuple[bytes, dict[str, OperationsReport]]:
    """Return the table as bytes, and the report of each service. `cli` is the output of `data.aws_cli`."""
    rules = Rules(services)
    blocks: dict[str, Any] = {}
    reports: dict[str, OperationsReport] = {}
    total = OperationsReport()
    for name in sorted(services):
        rows = ServiceRows(name, rules, actions, CliOptions.of(cli, name))
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
