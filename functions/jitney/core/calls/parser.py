"""Parses a command line, or {service, operation, parameters}, into an `AwsCall`.

Nothing is run, expanded or fetched.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jitney.core import strict_json
from jitney.core.calls.call import FILES, UNKNOWN_VALUE, AwsCall
from jitney.core.calls.operations import Operation, OperationTable, Parameter
from jitney.core.calls.options import INPUT_OPTIONS, ParsedOptions, check_region, first_word, invalid_call, read_options
from jitney.core.calls.s3_transforms import escaped_copy_source
from jitney.core.calls.shorthand import read_shorthand
from jitney.core.calls.templates import structure_parameters

_OBJECT = ("service", "operation", "region", "parameters")
_TYPES: Mapping[str, tuple[type, ...]] = {"s": (str,), "b": (bool,), "l": (list,), "m": (list,)}


def read_command(service: str, words: Sequence[str], operations: OperationTable) -> AwsCall:
    """Return the call of `aws SERVICE WORDS...`. Raises Problem call_invalid or operation_unknown."""
    known = operations.service(service)
    command, rest = first_word(words)
    if command == "wait" and rest:
        command, rest = first_word(rest)
        operation = known.waiter(command)
    else:
        operation = known.by_command(command)
    named = operation.words or ()
    kinds = {each.option: each.kind for each in operation.members if each.option and each.name not in named}
    inputs = INPUT_OPTIONS if operation.words is None and not operation.writes_file else {}
    read = read_options(rest, {**operation.extra, **kinds, **inputs})
    if len(read.positional) > len(named) + operation.writes_file:
        word = read.positional[len(named) + operation.writes_file]
        flag = " A flag takes no value: write --flag or --no-flag." if word.lower() in ("true", "false") else ""
        fix = f"Write each value, or list, after its option.{flag}"
        raise invalid_call(f"{word[:60]!a} belongs to no option.", fix)
    found = _parameters(operation, read) | dict(zip(named, read.positional, strict=False))
    for text in read.options.get("cli-input-json", ()):
        found = _input(operation, text) | found
    if isinstance(source := found.get("CopySource"), str):
        found["CopySource"] = escaped_copy_source(source)
    return _complete(operation, found, read.region, typed=True)


def _input(operation: Operation, text: str) -> dict[str, Any]:
    """Return the parameters in the value of --cli-input-json. The command's other options take precedence."""
    if text.startswith(FILES):
        fix = "Write the file's content in single quotes: --cli-input-json '{...}'."
        raise invalid_call("--cli-input-json is in a file, which the call does not contain.", fix)
    value = _json(text)
    if not isinstance(value, dict):
        raise invalid_call("--cli-input-json is not a JSON object.", "Write the parameters as a JSON object.")
    return _checked(operation, value)


def read_object(value: Mapping[str, Any], operations: OperationTable) -> AwsCall:
    """Return the call of {"service", "operation", "region", "parameters"}; the last two are optional.

    Raises Problem call_invalid or operation_unknown.
    """
    service, name, region, parameters = (value.get(each) for each in _OBJECT)
    if set(value) - set(_OBJECT) or not all(isinstance(each, str) for each in (service, name, region or "")):
        detail = "The call's object needs the strings service and operation. It may have region and parameters, too."
        raise invalid_call(detail, "Write {service, operation, region, parameters}, or a command line.")
    check_region(region or "")
    if not isinstance(parameters, dict | None):
        raise invalid_call("The parameters are not an object.", 'Write them as for an SDK: {"Name": value}.')
    operation = operations.service(str(service)).operation(str(name))
    return _complete(operation, _checked(operation, parameters or {}), region or "", typed=False)


def _checked(operation: Operation, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters. Raises Problem call_invalid for an unknown one or a value of another type."""
    members = {member.name: member for member in operation.members}
    for given, content in parameters.items():
        if given not in members:
            near = difflib.get_close_matches(given[:100], members, n=3)
            fix = f"Did you mean {', or '.join(near)}?" if near else "Remove it."
            raise invalid_call(f"{operation.name} has no parameter {given[:60]!a}.", fix, alternatives=near)
        if not _fits(members[given], content):
            raise invalid_call(f"The value of {given} has the wrong type.", "Write it as for an SDK.")
    return parameters


def _fits(member: Parameter, value: Any) -> bool:
    if member.kind in _TYPES and not isinstance(value, _TYPES[member.kind]):
        return False
    return member.kind != "l" or all(isinstance(each, str) for each in value)


def _complete(operation: Operation, parameters: Mapping[str, Any], region: str, *, typed: bool) -> AwsCall:
    """Return the call. Raises Problem call_invalid when a required parameter is missing.

    If, for example, an object's key were missing, every key would have to be requested. With `typed`, the AWS CLI's own
    options can replace a parameter, such as --count for MinCount.
    """
    missing = [
        member
        for member in operation.members
        if (member.required_option if typed else member.required) and member.name not in parameters
    ]
    if missing:
        names = ", ".join(f"{member.name} ({_as_typed(member, operation)})" for member in missing[:5])
        absent = [member.name for member in missing]
        raise invalid_call(f"{operation.name} needs {names}.", "Add every required parameter.", missing=absent)
    return AwsCall(operation, parameters, region)


def _as_typed(member: Parameter, operation: Operation) -> str:
    return member.option.upper() if member.name in (operation.words or ()) else f"--{member.option}"


def _parameters(operation: Operation, read: ParsedOptions) -> dict[str, Any]:
    found: dict[str, Any] = {}
    members = {member.name: member for member in operation.members if member.name not in (operation.words or ())}
    structures = {name for need in operation.needs for name in structure_parameters(need)}
    for option, name, negative in _options(operation, members):
        if option not in read.options:
            continue
        if name in found:
            raise invalid_call(f"'--{option}' sets {name}, which another option sets too.", "Write one of them.")
        value = _flag(members[name], given=False) if negative else _value(members[name], read.options[option])
        found[name] = _structure(members[name], value) if name in structures else value
    return found


def _options(operation: Operation, members: Mapping[str, Parameter]) -> Iterator[tuple[str, str, bool]]:
    """Yield each option that sets a parameter: its name, the parameter, and whether it sets the parameter to false."""
    for member in members.values():
        if member.option:
            yield member.option, member.name, False
        if member.option and member.kind in "bv":
            yield f"no-{member.option}", member.name, True
    for option, name in operation.aliases.items():
        if name.removeprefix("!") in members:
            yield option, name.removeprefix("!"), name.startswith("!")


def _value(member: Parameter, words: list[str]) -> Any:
    """Return the value as the API would receive it; UNKNOWN_VALUE if it is on the caller's machine.

    The CLI's shorthand for structures is kept as words, which `_structure` parses.
    """
    if any(word.startswith(FILES) for word in words):
        return UNKNOWN_VALUE
    if member.kind == "b" or not words:
        return _flag(member, given=True)
    if member.kind == "s":
        return words[0]
    first = words[0].lstrip()[:1]
    if first == "{" and member.kind == "m":
        found = [_json(word) for word in words]
        return words if None in found else found
    if (first == "[" or (first == "{" and member.kind != "l")) and len(words) == 1:
        found = _json(words[0])
        if found is not None and _fits(member, found):
            return found
        if found is not None or member.kind == "l":
            raise invalid_call(f"'--{member.option}' has the wrong type of JSON.", "See aws help for its form.")
    return words


def _flag(member: Parameter, *, given: bool) -> Any:
    return {"Value": given} if member.kind == "v" else given


def _json(text: str) -> Any:
    """Return the JSON value in `text`; None when it is not well-formed."""
    try:
        return strict_json.loads(text.encode())
    except ValueError:
        return None


def _structure(member: Parameter, value: Any) -> Any:
    """Return a value whose members name resources, with the CLI's shorthand in it parsed.

    Raises Problem call_invalid for shorthand that the CLI refuses, or that reads a file.
    """
    if member.kind not in "xm" or not isinstance(value, list) or not any(isinstance(each, str) for each in value):
        return value
    read = [read_shorthand(each) if isinstance(each, str) else None for each in value]
    if None in read or (member.kind == "x" and len(read) > 1):
        raise invalid_call(
            f"The shorthand of --{member.option}, which names resources, cannot be read: it is malformed, names a file,"
            " or is more than one word.",
            "Write it as JSON, in single quotes.",
        )
    return read if member.kind == "m" else read[0]
