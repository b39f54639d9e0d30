"""The operation table: AWS operations, their AWS CLI commands, and the actions that authorize them.

`make data` builds the table from botocore's models. Its container format is the action table's, with "JOT1" instead of
"JAT1". Each service has a block:

    {"names": [CLI commands], "waiters": {command: operation}, "commands": {command: operation}, "own": {command: row},
     "operations": {name: {"c": CLI command, "m": "Member=option=kind! ...", "x": "option=kind=Member ...", "o": 1,
                           "w": "Member ...", "n": [[action, [[required, template, ...], ...] or 0, when, why], ...]}}}

Rows may also have "d": [[action, when, why], ...] and "v": [[when, needs as in "n", what to do if none], ...].

"m" are the parameters; `!` marks required ones, and `~` those that the API requires and the CLI does not. "x" are the
CLI's other options: another name of a parameter, or an option of the CLI itself. "o" says that an output file's name
follows. "n" are the actions that the operation needs, "d" those that it may need, and "v" its needs instead of "n" for
other kinds of resources. "own" are the CLI's own commands, which make several calls each. "w" are the parameters of
such a command that it takes as words without an option.

An operation without "n" has no known action, so its calls are refused.
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from jitney.core.block_table import BlockTable
from jitney.core.problems import Problem

MAGIC = b"JOT1"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its API name, its CLI option without dashes ("" for none), and its kind.

    Kinds: s string, l list of strings, b boolean, m list of other things, v structure of a boolean that the CLI takes
    as a flag, x anything else. `required` is the API's requirement, `required_option` the CLI's.
    """

    name: str
    option: str
    kind: str
    required: bool = False
    required_option: bool = False


@dataclass(frozen=True, slots=True)
class ResourceTemplates:
    """How an operation names resources of one type. Each ARN template that can be filled names a resource.

    A template is an ARN with ${Partition}, ${Region}, ${Account}, ${Member}, ${Member|transform} or ${=text}. When the
    parameter holds a whole ARN, the template is "@Member FORMAT" or "@Member|transform FORMAT".
    """

    required: bool
    arns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequiredAction:
    """An action that an operation needs: on which types of resources, when, and why.

    `why` is "" for the action that authorizes the operation itself. `types` is None for an action that has no named
    resource. It is () if no parameter names the resource.

    `when` is "" for always. "Member" means that the parameter is given, and "Member|transform" that the transform finds
    something. "!Member" and "!Member|transform" mean the opposite. Of several conditions, separated by spaces, one is
    enough.
    """

    action: str
    types: tuple[ResourceTemplates, ...] | None
    when: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class MentionedAction:
    """An action that an operation may need, its condition (see `RequiredAction`), and why no call shows the need."""

    action: str
    when: str
    why: str


@dataclass(frozen=True, slots=True)
class NeedsVariant:
    """The needs that replace an operation's own needs for calls that satisfy `when`.

    If `needs` is empty, such calls are refused, and `fix` says what to do instead.
    """

    when: str
    needs: tuple[RequiredAction, ...]
    fix: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `service_command` and `command` are its words in the AWS CLI.

    `extra` are the CLI's other options, with their kinds, and `aliases` the parameters that some of them set. A "!"
    before a parameter says that the option sets it to false. `writes_file` says that the command takes the name
    of an output file. `words` are the parameters that one of the CLI's own commands takes without an option. It is None
    for an operation of the API.
    """

    service: str
    service_command: str
    name: str
    command: str
    members: tuple[Parameter, ...]
    extra: Mapping[str, str]
    needs: tuple[RequiredAction, ...]
    writes_file: bool
    aliases: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] | None = None
    may: tuple[MentionedAction, ...] = ()
    variants: tuple[NeedsVariant, ...] = ()


@dataclass(slots=True)
class Service:
    """The operations of one service, each built at its first use."""

    name: str
    block: Mapping[str, Any]
    _by_command: dict[str, str] = field(default_factory=dict)
    _built: dict[str, Operation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = self.block["operations"]
        own = {name: name for name in self.block["own"]}
        self._by_command = {row["c"]: name for name, row in rows.items()} | self.block["commands"] | own

    @property
    def command(self) -> str:
        """The name of the service in the AWS CLI."""
        return str(self.block["names"][0])

    def operation(self, name: str) -> Operation:
        """Return the operation with this API name. Raises Problem operation_unknown with the closest names."""
        row = self.block["operations"].get(name)
        if row is None:
            raise _unknown(f"{self.name} has no operation", name, self.block["operations"])
        if name not in self._built:
            self._built[name] = self._build(name, row)
        return self._built[name]

    def _build(self, name: str, row: Mapping[str, Any]) -> Operation:
        members = tuple(_member(text) for text in row["m"].split())
        options = [[*text.split("="), ""][:3] for text in row.get("x", "").split()]
        extra = {option: kind for option, kind, _ in options}
        aliases = {option: member for option, _, member in options if member}
        words = tuple(row["w"].split()) if "w" in row else None
        may = tuple(MentionedAction(*each) for each in row.get("d", ()))
        variants = tuple(NeedsVariant(when, tuple(map(_need, needs)), fix) for when, needs, fix in row.get("v", ()))
        return Operation(
            self.name,
            self.command,
            name,
            row["c"],
            members,
            extra,
            _needs(row),
            "o" in row,
            aliases,
            words,
            may,
            variants,
        )

    def needs_of(self, name: str) -> tuple[RequiredAction, ...]:
        """Return the actions that the operation with this API name needs; () for an unknown operation."""
        return _needs(self.block["operations"].get(name, {}))

    def by_command(self, command: str) -> Operation:
        """Return the operation of this AWS CLI command. Raises Problem operation_unknown with the closest names."""
        if command not in self._by_command:
            raise _unknown(f"aws {self.command} has no command", command, self._by_command)
        if command in self.block["own"]:
            return self._build(command, self.block["own"][command])
        return self.operation(self._by_command[command])

    def waiter(self, command: str) -> Operation:
        """Return the operation that `aws SERVICE wait COMMAND` repeats. Raises Problem operation_unknown."""
        if command not in self.block["waiters"]:
            raise _unknown(f"aws {self.command} wait has no command", command, self.block["waiters"])
        return self.operation(self.block["waiters"][command])

    def names(self) -> tuple[str, ...]:
        """Return the API names of all operations, sorted."""
        return tuple(self.block["operations"])

    def own_commands(self) -> tuple[str, ...]:
        """Return the supported commands that are the AWS CLI's own, sorted, for `by_command`."""
        return tuple(self.block["own"])

    def aliases(self) -> tuple[str, ...]:
        """Return the AWS CLI's own commands that are another name of one operation, sorted."""
        return tuple(sorted(self.block["commands"]))


class OperationTable:
    """Look-ups in the operation table. A service's block is decompressed at its first use."""

    def __init__(self, table: BlockTable) -> None:
        index = table.index
        self.about: Mapping[str, str] = index["about"]
        self.report: Mapping[str, int] = index["report"]
        self._commands: Mapping[str, str] = index["commands"]
        self._table = table
        self._read: dict[str, Service] = {}

    @classmethod
    def load(cls, data: bytes) -> Self:
        """Return the table in `data`. Raises ValueError when it is not an operation table."""
        return cls(BlockTable(data, MAGIC, "a table of operations"))

    def services(self) -> tuple[str, ...]:
        """Return botocore's names of all services, sorted."""
        return self._table.services

    def service(self, name: str) -> Service:
        """Return the service with this name in SDKs or the AWS CLI.

        Raises Problem operation_unknown with the closest names.
        """
        name = self._commands.get(name, name)
        if name not in self._table:
            raise _unknown("Jitney knows no AWS service", name, {*self._table.services, *self._commands, "s3"})
        return self._service(name)

    def needs_of(self, service: str, name: str) -> tuple[RequiredAction, ...]:
        """Return the actions that an operation needs, given the SDK's names; () for an unknown service or operation.

        It looks up no similar names, because CloudTrail events name many operations that no table has.
        """
        return self._service(service).needs_of(name) if service in self._table else ()

    def mentioned_by(self, service: str, action: str) -> tuple[MentionedAction, ...]:
        """Return what the operation with the name of `action` may need; () when the service has no such operation."""
        known, name = self._service(service), action.partition(":")[2]
        return known.operation(name).may if name in known.names() else ()

    def _service(self, name: str) -> Service:
        if name not in self._read:
            self._read[name] = Service(name, json.loads(self._table.block(name)))
        return self._read[name]


def _member(text: str) -> Parameter:
    name, option, kind = text.split("=")
    return Parameter(name, option, kind[0], kind[1:] != "", kind.endswith("!"))


def _needs(row: Mapping[str, Any]) -> tuple[RequiredAction, ...]:
    return tuple(_need(each) for each in row.get("n", ()))


def _need(row: list[Any]) -> RequiredAction:
    action, types, when, why = row
    templates = (
        tuple(ResourceTemplates(bool(required), tuple(arns)) for required, *arns in types) if types != 0 else None
    )
    return RequiredAction(action, templates, when, why)


def _unknown(what: str, name: str, known: Any) -> Problem:
    near = difflib.get_close_matches(name[:100], list(known), n=3, cutoff=0.5)
    fix = "Send permissions (actions and ARNs) instead of calls."
    if near:  # the name may also be right, and newer than the tables
        fix = f"Did you mean {', or '.join(near)}? If not, send permissions (actions and ARNs) instead of calls."
    return Problem("operation_unknown", f"{what} {name[:60]!a}.", fix, {"alternatives": near} if near else {})
