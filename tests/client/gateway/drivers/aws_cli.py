"""Runs scripts of calls by the AWS CLI in one process, on the CLI's own Python. It imports nothing of this project.

Each line of the input is a script, `{"url", "calls"}`, and each line of the output has its answers. A call has the
CLI's names of its service and operation, and parameters. `{"$bytes": base64}` stands for bytes.
"""

import base64
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import awscli
from awscli.clidriver import create_clidriver

VERSION_1 = awscli.__version__.startswith("1.")
# Version 1 takes bytes as text in JSON, and version 2 in base64.
BYTES_AS_TEXT = VERSION_1
# Version 1 does not read AWS_ENDPOINT_URL for this service, whose old host it knows (docs/gateway.md).
NAMED_ENDPOINT = ("sqs",) if VERSION_1 else ()


def written(value):
    """Return a value as the CLI takes it in JSON."""
    if isinstance(value, dict) and "$bytes" in value:
        return base64.b64decode(value["$bytes"]).decode() if BYTES_AS_TEXT else value["$bytes"]
    if isinstance(value, dict):
        return {name: written(each) for name, each in value.items()}
    return [written(each) for each in value] if isinstance(value, list) else value


def answered(driver, call, url, file):
    """Return what the CLI prints for a call, or its exit code and what it says."""
    service, operation = call["service"], call["operation"]
    parameters = dict(call["parameters"])
    arguments = [service, operation]
    if "Body" in parameters:
        file.write_bytes(base64.b64decode(parameters.pop("Body")["$bytes"]))
        arguments += ["--body", str(file)]
    downloads = (service, operation) == ("s3api", "get-object")
    if downloads:  # version 1 takes no JSON for it
        arguments += [part for name, value in parameters.items() for part in (f"--{name.lower()}", value)]
    else:
        arguments += ["--cli-input-json", json.dumps(written(parameters))]
    if service in NAMED_ENDPOINT:
        arguments += ["--endpoint-url", url]
    arguments += [str(file)] if downloads else []
    out, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            code = driver.main(arguments)
        except SystemExit as error:
            code = error.code
    out.flush()
    text = out.buffer.getvalue().decode()
    if code:
        return {"code": code, "said": errors.getvalue().strip()}
    answer = json.loads(text) if text.strip() else {}
    return {**answer, "Body": file.read_text()} if downloads else answer


def main():
    os.environ["AWS_PAGER"] = ""
    driver = create_clidriver()
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            script = json.loads(line)
            os.environ["AWS_ENDPOINT_URL"] = script["url"]
            file = Path(folder, "body")
            answers = [answered(driver, call, script["url"], file) for call in script["calls"]]
            print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
