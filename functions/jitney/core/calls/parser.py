"""Parses a command line, or {service, operation, parameters}, into an `AwsCall`.

Nothing is run, expanded or fetched.
"""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from jitney.core import strict_json
from jitney.core.calls.arns import structure_parameters
from jitney.core.calls.call import FILES, UNKNOWN_VALUE, AwsCall
from jitney.core.calls.operations import Operation, OperationTable, Parameter
from jitney.core.calls.options import ParsedOptions, invalid_call, read_options
from jitney.core.calls.shorthand import read_shorthand

_TYPES: Mapping[str, tuple[type, ...]] = {"s": (str,), "b": (bool,), "l": (list,), "m": (list,)}


def read_command(service: str, words: Sequence[str], operations: OperationTable) -> AwsCall:
    """Return the call of `aws SERVICE WORDS...`. Raises Problem call_invalid or operation_unknown."""
    known = operations.service(service)
    command, *rest = words or [""]
    waits = command == "wait" and rest
    operation = known.waiter(rest.pop(0)) if waits else known.by_command(command)
    kinds = {each.option: each.kind for each in operation.members if each.name not in (operation.words or ())}
    read = read_options(rest, {**operation.extra, **kinds})
    words = operation.words or ()
    if len(read.positional) > len(words) + operation.writes_file:
        word = read.positional[len(words) + operation.writes_file]
        raise invalid_call(f"{word[:60]!a} belongs to no option.", "Write each value, or list, after its option.")
    named = dict(zip(words, read.positional, strict=False))
    return _complete(operation, _parameters(operation, read) | named, read.region)


def read_object(value: Mapping[str, Any], operations: OperationTable) -> AwsCall:
    """Return the call of {"service", "operation", "parameters"}. Raises Problem call_invalid or operation_unknown."""
    service, name, parameters = (value.get(each) for each in ("service", "operation", "parameters"))
    if set(value) - {"service", "operation", "parameters"} or not isinstance(service, str) or not isinstance(name, str):
        detail = "The call's object needs the strings service and operation, and may have only parameters in addition."
        raise invalid_call(detail, "Write {service, operation, parameters}, or a command line.")
    if not isinstance(parameters, dict | None):
        raise invalid_call("The parameters are not an object.", 'Write them as for an SDK: {"Name": value}.')
    operation = operations.service(service).operation(name)
    members = {member.name: member for member in operation.members}
    for given, content in (parameters or {}).items():
        if given not in members:
            near = difflib.get_close_matches(given[:100], members, n=3)
            fix = f"Did you mean {', or '.join(near)}?" if near else "Remove it."
            raise invalid_call(f"{name} has no parameter {given[:60]!a}.", fix, alternatives=near)
        if not _fits(members[given], content):
            raise invalid_call(f"The value of {given} has the wrong type.", "Write it as for an SDK.")
    return _complete(operation, parameters or {}, "")


def _fits(member: Parameter, value: Any) -> bool:
    if member.kind in _TYPES and not isinstance(value, _TYPES[member.kind]):
        return False
    return member.kind != "l" or all(isinstance(each, str) for each in value)


def _complete(operation: Operation, parameters: Mapping[str, Any], region: str) -> AwsCall:
    """Return the call. Raises Problem call_invalid when a required parameter is missing.

    If, for example, an object's key were missing, every key would have to be requested.
    """
    missing = [member for member in operation.members if member.required and member.name not in parameters]
    # The CLI renames some parameters (--version-number for Version): a CLI option may be the missing parameter.
    renames = operation.words is None and set(operation.extra) - {"max-items", "page-size", "starting-token"}
    if missing and not renames:
        names = ", ".join(f"{_as_typed(member, operation)} ({member.name})" for member in missing[:5])
        absent = [member.name for member in missing]
        raise invalid_call(f"{operation.name} needs {names}.", "Add every required parameter.", missing=absent)
    return AwsCall(operation, parameters, region)


def _as_typed(member: Parameter, operation: Operation) -> str:
    return member.option.upper() if member.name in (operation.words or ()) else f"--{member.option}"


def _parameters(operation: Operation, read: ParsedOptions) -> dict[str, Any]:
    found: dict[str, Any] = {}
    structures = {name for need in operation.needs for name in structure_parameters(need)}
    for member in operation.members:
        if member.name in (operation.words or ()):
            continue
        if member.option in read.options:
            value = _value(member, read.options[member.option])
            found[member.name] = _structure(member, value) if member.name in structures else value
        elif member.kind == "b" and f"no-{member.option}" in read.options:
            found[member.name] = False
    return found


def _value(member: Parameter, words: list[str]) -> Any:
    """Return the value as the API would receive it; UNKNOWN_VALUE if it is on the caller's machine.

    The CLI's shorthand for structures stays as words; `_structure` parses it.
    """
    if any(word.startswith(FILES) for word in words):
        return UNKNOWN_VALUE
    if member.kind == "b":
        return True
    if member.kind == "s":
        return words[0]
    if len(words) == 1 and words[0].lstrip()[:1] in ("[", "{"):
        return _json(member, words[0])
    if member.kind == "l" and len(words) == 1 and "," in words[0]:
        return words[0].split(",")
    return words


def _structure(member: Parameter, value: Any) -> Any:
    """Return a value whose members are read, parsed where it is the CLI's shorthand.

    Raises Problem call_invalid for shorthand that the CLI may read differently, because that would name other
    resources.
    """
    if member.kind not in "xm" or not isinstance(value, list) or not any(isinstance(each, str) for each in value):
        return value
    read = [read_shorthand(each) if isinstance(each, str) else None for each in value]
    if None in read or (member.kind == "x" and len(read) > 1):
        raise invalid_call(
            f"The shorthand of --{member.option}, which names resources, is ambiguous: it is malformed, or holds a"
            " quote, a space, a backslash or a file.",
            "Write it as JSON, in single quotes.",
        )
    return read if member.kind == "m" else read[0]


def _json(member: Parameter, text: str) -> Any:
    try:
        value = strict_json.loads(text.encode())
    except ValueError as error:
        if member.kind == "l":
            raise invalid_call(f"--{member.option} is not well-formed JSON.", "Write words, or a JSON list.") from error
        return [text]
    if not _fits(member, value):
        raise invalid_call(f"--{member.option} has the wrong type of JSON.", "See aws help for its form.")
    return value
