"""Prints the requests that the AWS CLI would send for command lines. The CLI's own Python runs this file by itself.

Each line of the input is a JSON list of words, with "aws" first. Each line of the output is the JSON of

    {"calls": [[botocore's service, operation, parameters], ...], "region": text}

or of {"error": text}. Nothing is sent. Values in files are "file://...", because the CLI opens no file here.
"""

import contextlib
import functools
import io
import json
import os
import sys
from typing import Any
from unittest.mock import patch

from awscli import arguments, clidriver, paramfile
from botocore import client
from botocore.loaders import JSONFileLoader
from botocore.validate import ParamValidator

UNKNOWN = "file://..."
_FILES = ("file://", "fileb://", "http://", "https://")


class Sent(Exception):
    """The first request of a command, after which no answer lets the command go on."""


def main() -> None:
    """Print the requests of the command lines on standard input."""
    os.environ |= {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true"}
    calls: list[Any] = []
    patch.object(JSONFileLoader, "load_file", functools.cache(JSONFileLoader.load_file)).start()  # by each session
    _record(calls)
    _open_no_files()
    for line in sys.stdin:
        calls.clear()
        print(json.dumps(_requests(json.loads(line)[1:], calls), default=str), flush=True)  # noqa: T201


def _requests(words: list[str], calls: list[Any]) -> dict[str, Any]:
    said = io.StringIO()
    driver = clidriver.create_clidriver()
    code: Any = None
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = driver.main(words)
    except (SystemExit, Exception) as stopped:  # noqa: BLE001 - the CLI's own faults too
        code = repr(stopped)
    return {"calls": calls} if calls else {"error": said.getvalue().strip()[-300:] or f"no request: {code}"}


def _record(calls: list[Any]) -> None:
    """Let each request be recorded instead of sent, if botocore accepts its parameters."""

    def invoke(_self: Any, service: str, operation: str, parameters: dict[str, Any], _globals: Any) -> int:
        model = _self._session.get_service_model(service).operation_model(operation)  # noqa: SLF001
        _check(model, parameters)
        calls.append([service, operation, parameters])
        return 0

    def make_api_call(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        model = self.meta.service_model
        _check(model.operation_model(operation), parameters)
        calls.append([model.service_name, operation, parameters])
        raise Sent

    patch.object(clidriver.CLIOperationCaller, "invoke", invoke).start()
    patch.object(client.BaseClient, "_make_api_call", make_api_call).start()


def _check(model: Any, parameters: dict[str, Any]) -> None:
    sent = {name: value for name, value in parameters.items() if name != "PaginationConfig"}  # for the CLI's paginator
    if model.input_shape is not None and not _holds_file(sent):
        report = ParamValidator().validate(sent, model.input_shape)
        if report.has_errors():
            raise ValueError(report.generate_report())


def _holds_file(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_file(each) for each in value.values())
    if isinstance(value, list):
        return any(_holds_file(each) for each in value)
    return isinstance(value, str) and value.startswith(_FILES)


def _open_no_files() -> None:
    """Let values that the CLI would open stay as they are."""
    unpacked = arguments.CLIArgument._unpack_argument  # noqa: SLF001

    def unpack(self: Any, value: Any) -> Any:
        single = value[0] if isinstance(value, list) and len(value) == 1 else value
        streams = self.argument_model.type_name == "blob" and self.argument_model.serialization.get("streaming")
        return UNKNOWN if streams or single == UNKNOWN else unpacked(self, value)

    patch.object(arguments.CLIArgument, "_unpack_argument", unpack).start()
    for prefixes in (paramfile.LOCAL_PREFIX_MAP, paramfile.REMOTE_PREFIX_MAP):
        for prefix in prefixes:
            prefixes[prefix] = (lambda *_, **__: UNKNOWN, {})


if __name__ == "__main__":
    main()
