"""The commands of `jitney`. A problem ends the command with an exit code (`jitney.client.problems`)."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from jitney import __version__
from jitney.client.inputs.command_group import command_group
from jitney.client.inputs.request_options import invalid
from jitney.client.terminal.command_result import exit_on_problem
from jitney.client.terminal.exit_codes import in_one_paragraph

COMMANDS: Mapping[str, str] = {
    "request": "request.request",
    "run": "run.run",
    "serve": "serve.serve",
    "mcp": "mcp.mcp",
    "explain": "explain.explain",
    "credentials": "credentials.credentials",
    "profile": "profile.profile",
    "init": "init.init",
    "doctor": "doctor.doctor",
    "targets": "permitted_targets.targets",
    "login": "login.login",
    "logout": "login.logout",
    "whoami": "whoami.whoami",
    "grants": "grants.grants",
    "suspend": "suspend.suspend",
    "suspensions": "suspend.suspensions",
    "policy": "policy.policy",
    "target": "target.target",
    "review": "review.review",
    "audit": "audit.audit",
    "restore": "restore.restore",
}
"""The commands and groups in the order of the help, each with its module below `commands` and its name there."""
_AFTER_DASHES = ("run", "explain")
"""The commands that take another command after `--`."""

# The exception that typer raises for a command line that it cannot read.
_UsageError: Any = typer.BadParameter.mro()[1]


class _Commands(TyperGroup):
    """The commands. They show an invalid command line like any other problem, also as JSON."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Remember whether --json is given, because parsing may fail before it reaches that option."""
        own = args[: args.index("--") if "--" in args else len(args)]
        ctx.meta["json"] = "--json" in own
        try:
            _refuse_empty_values(own)
            return super().parse_args(ctx, args)
        except _UsageError as error:
            _exit_on_usage_error(ctx, error)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the arguments name."""
        try:
            return super().invoke(ctx)
        except _UsageError as error:
            _exit_on_usage_error(ctx, error)


def _refuse_empty_values(words: Sequence[str]) -> None:
    """Raise typer.BadParameter for an option with an empty value, which is usually that of an unset variable.

    Otherwise the command would run without what the option limits or checks.
    """
    given = [word.removesuffix("=") for word in words if word.startswith("--") and word.endswith("=")]
    given += [word for word, value in pairwise(words) if word.startswith("--") and not value]
    if given:
        raise typer.BadParameter(
            f"{given[0]} has an empty value. Set the variable that gives it, or leave the option out."
        )


def _exit_on_usage_error(ctx: Any, error: Any) -> NoReturn:
    if type(error).__name__ == "NoArgsIsHelpError" and not ctx.meta["json"]:
        raise error
    verb = ctx.invoked_subcommand or ""
    with exit_on_problem(verb, as_json=ctx.meta["json"], output=sys.stderr if verb == "run" else None):
        message = error.format_message().replace(": Value error, ", ": ")  # how pydantic begins its messages
        detail = re.sub(r"\s+", " ", message).replace(":,", ":")  # a choice can stand on a line of its own
        words = error.ctx.command_path.split()[1:] if error.ctx else []
        raise invalid(detail, f"See `{' '.join(['jitney', *words])} --help`.") from error
    raise AssertionError  # pragma: no cover - exit_on_problem has ended the process


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer passes it by position
    if wanted:
        typer.echo(f"jitney {__version__}")
        raise typer.Exit


def _jitney(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """AWS access for the moment an agent needs it."""


def app_for(words: Sequence[str]) -> typer.Typer:
    """Return the program for one command line: with the command that its first word names, or with all."""
    return build_app(words[:1] if words and words[0] in COMMANDS else COMMANDS)


def build_app(names: Iterable[str] = tuple(COMMANDS)) -> typer.Typer:
    """Return the program with these commands. It does not import the others, because importing all takes 100 ms."""
    # A traceback with local variables would show tokens and keys.
    app = command_group(name="jitney", cls=_Commands, epilog=in_one_paragraph(), pretty_exceptions_enable=False)
    app.callback()(_jitney)
    for name in names:
        command = _imported(COMMANDS[name])
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(cls=_imported("run.CommandAfterDashes") if name in _AFTER_DASHES else None)(command)
    return app


def _imported(place: str) -> Any:
    module, _, name = place.partition(".")
    return getattr(import_module(f"jitney.client.commands.{module}"), name)
