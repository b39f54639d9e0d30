"""Runs commands of `jitney` in the tests' process."""

from collections.abc import Mapping, Sequence

from typer.testing import CliRunner, Result

from jitney.client.cli import app_for


def invoke(line: Sequence[str], *, env: Mapping[str, str | None] | None = None, text: str | None = None) -> Result:
    """Run one command line as `jitney` does, with `text` on standard input.

    `env` is added to this process's environment.
    """
    return CliRunner().invoke(app_for(line), line, env=env, input=text)
