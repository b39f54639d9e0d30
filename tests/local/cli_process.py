"""Runs AWS CLI commands, each with its own environment, in one process of the AWS CLI's Python.

Reads a JSON list of [words, variables] from standard input and writes a JSON list of [exit code, output].
"""

import contextlib
import io
import json
import os
import sys

from awscli.clidriver import create_clidriver


def run(words: list[str], variables: dict[str, str]) -> tuple[int, str]:
    """Run one command. Return its exit code and its output with its errors."""
    os.environ.update(variables)
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        try:
            code = create_clidriver().main(words)
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    return code, text.getvalue()


if __name__ == "__main__":
    json.dump([run(*each) for each in json.load(sys.stdin)], sys.stdout)
