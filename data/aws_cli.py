"""Prints how the AWS CLI's names differ from botocore's, as JSON. The CLI's own Python runs this file by itself.

    {"version": "1.46.3", "commands": {command: botocore's service},
     "options": {botocore's service: {operation's command: {option: kind}}}}

Options that are a parameter's own name are left out. A kind is "b" for no value, "l" for several, "s" for one.
"""

import json
import os
import sys
from typing import Any

from awscli import __version__
from awscli.clidriver import ServiceCommand, create_clidriver
from botocore import xform_name

KINDS = {"boolean": "b", "list": "l"}
# Of every operation, and read before these.
_EVERYWHERE = frozenset({"outfile", "cli-input-json", "cli-input-yaml", "generate-cli-skeleton"})


def main(services: list[str]) -> None:
    """Print the differences for the services with these botocore names."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    commands: dict[str, str] = {}
    options: dict[str, Any] = {}
    for name, command in create_clidriver()._get_command_table().items():  # noqa: SLF001 - the CLI has no other way
        if isinstance(command, ServiceCommand) and command.service_model.service_name in services:
            service = command.service_model.service_name
            commands[name] = service
            table = command._get_command_table().items()  # noqa: SLF001
            found = {operation: _own_options(each) for operation, each in table}
            options[service] = {operation: own for operation, own in sorted(found.items()) if own}
    json.dump({"version": __version__, "commands": commands, "options": options}, sys.stdout, sort_keys=True)


def _own_options(operation: Any) -> dict[str, str]:
    model = getattr(operation, "_operation_model", None)
    if model is None:
        return {}
    members = model.input_shape.members if model.input_shape else {}
    names = {xform_name(member, "-") for member in members}
    return {
        name: KINDS.get(argument.cli_type_name, "s")
        for name, argument in operation.arg_table.items()
        if name not in names | _EVERYWHERE and name.removeprefix("no-") not in names and not argument.positional_arg
    }


if __name__ == "__main__":
    main(sys.argv[1:])
