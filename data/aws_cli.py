"""Prints the AWS CLI's options of each operation, as JSON. The CLI's own Python runs this file by itself.

    {"version": "1.46.3", "commands": {command: botocore's service},
     "options": {botocore's service: {operation's command: {option: [kind, parameter, required]}}},
     "words": {botocore's service: {operation's command: number of words without an option}},
     "without": {botocore's service: {operation's command: [parameter without an option]}}}

A kind is "b" for no value, "l" for several, "o" for one or none, "s" for one. The parameter is "" for an option that
only the CLI has, and "!Parameter" for one that sets a boolean to false.
"""

import json
import os
import sys
from typing import Any

from awscli import __version__
from awscli.arguments import CLIArgument
from awscli.clidriver import ServiceCommand, create_clidriver
from awscli.customizations.toplevelbool import NegativeBooleanParameter

KINDS = {None: "s", 0: "b", "?": "o", "*": "l", "+": "l"}


def main(services: list[str]) -> None:
    """Print the options of the services with these botocore names."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    commands: dict[str, str] = {}
    options: dict[str, Any] = {}
    words: dict[str, Any] = {}
    without: dict[str, Any] = {}
    for name, command in create_clidriver()._get_command_table().items():  # noqa: SLF001 - the CLI has no other way
        if isinstance(command, ServiceCommand) and command.service_model.service_name in services:
            service = command.service_model.service_name
            commands[name] = service
            table = command._get_command_table()  # noqa: SLF001
            parsed = {
                operation: _options(each) for operation, each in table.items() if hasattr(each, "_operation_model")
            }
            options[service] = {operation: found for operation, (found, _) in parsed.items()}
            words[service] = {operation: count for operation, (_, count) in parsed.items() if count}
            without[service] = {
                operation: left
                for operation, (found, _) in parsed.items()
                if (left := _without(table[operation], found))
            }
    found = {"version": __version__, "commands": commands, "options": options, "words": words, "without": without}
    json.dump(found, sys.stdout, sort_keys=True)


def _without(operation: Any, options: dict[str, list[Any]]) -> list[str]:
    shape = operation._operation_model.input_shape  # noqa: SLF001
    return sorted(set(shape.members if shape else ()) - {member.removeprefix("!") for _, member, _ in options.values()})


def _options(operation: Any) -> tuple[dict[str, list[Any]], int]:
    """Return the options of an operation, as its own parser takes them, and how many words have no option."""
    arguments = operation.arg_table
    parser = operation._create_operation_parser(arguments)  # noqa: SLF001
    found: dict[str, list[Any]] = {}
    words = 0
    for action in parser._actions:  # noqa: SLF001 - argparse does not list them otherwise
        words += not action.option_strings
        for option in action.option_strings:
            name = option.removeprefix("--")
            found[name] = [KINDS[action.nargs], _member(arguments[name]), action.required]
    return found, words


def _member(argument: Any) -> str:
    if not isinstance(argument, CLIArgument):
        return ""
    negative = isinstance(argument, NegativeBooleanParameter) or getattr(argument, "_action", "") == "store_false"
    return f"{'!' * negative}{argument._serialized_name}"  # noqa: SLF001


if __name__ == "__main__":
    main(sys.argv[1:])
