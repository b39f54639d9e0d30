"""The commands of `jitney`. A problem ends the command with an exit code (`jitney.client.problems`)."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from jitney import __version__
from jitney.client.command_group import command_group
from jitney.client.command_result import exit_on_problem
from jitney.client.commands.audit import audit
from jitney.client.commands.audit_report import show_report
from jitney.client.commands.audit_who import who_did
from jitney.client.commands.backfill import backfill_events
from jitney.client.commands.credentials import credentials
from jitney.client.commands.doctor import doctor
from jitney.client.commands.explain import explain
from jitney.client.commands.grants import grants
from jitney.client.commands.init import init
from jitney.client.commands.login import login, logout
from jitney.client.commands.mcp import mcp
from jitney.client.commands.permitted_targets import targets
from jitney.client.commands.policy import policy
from jitney.client.commands.profile import profile
from jitney.client.commands.query import run_query
from jitney.client.commands.redrive import redrive_dead_letters
from jitney.client.commands.request import request
from jitney.client.commands.review import review
from jitney.client.commands.run import CommandAfterDashes, run
from jitney.client.commands.serve import serve
from jitney.client.commands.suspend import suspend, suspensions
from jitney.client.commands.target import target
from jitney.client.commands.whoami import whoami
from jitney.client.exit_codes import in_one_paragraph
from jitney.client.request_options import invalid

# The exception that typer raises for a command line that it cannot read.
_UsageError: Any = typer.BadParameter.mro()[1]


class _Commands(TyperGroup):
    """The commands. They show an invalid command line like any other problem, also as JSON."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Remember whether --json is given, because parsing may fail before that option."""
        ctx.meta["json"] = "--json" in args[: args.index("--") if "--" in args else len(args)]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the arguments name."""
        try:
            return super().invoke(ctx)
        except _UsageError as error:
            if type(error).__name__ == "NoArgsIsHelpError" and not ctx.meta["json"]:
                raise
            verb = ctx.invoked_subcommand or ""
            with exit_on_problem(verb, as_json=ctx.meta["json"], output=sys.stderr if verb == "run" else None):
                raise invalid(error.format_message(), f"See `jitney {verb} --help`.".replace("  ", " ")) from error


# A traceback with local variables would show tokens and keys.
app = command_group(name="jitney", cls=_Commands, epilog=in_one_paragraph(), pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(f"jitney {__version__}")
        raise typer.Exit


@app.callback()
def jitney(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """AWS access for the moment an agent needs it."""


app.command()(request)
app.command(cls=CommandAfterDashes)(run)
app.command()(serve)
app.command()(mcp)
app.command(cls=CommandAfterDashes)(explain)
app.command()(credentials)
app.command()(profile)
app.command()(init)
app.command()(doctor)
app.command()(targets)
app.command()(login)
app.command()(logout)
app.command()(whoami)
app.add_typer(grants, name="grants")
app.command()(suspend)
app.add_typer(suspensions, name="suspensions")
app.add_typer(policy, name="policy")
app.add_typer(target, name="target")
app.add_typer(review, name="review")
audit.command("show")(show_report)
audit.command("query")(run_query)
audit.command("who")(who_did)
audit.command("backfill")(backfill_events)
audit.command("redrive")(redrive_dead_letters)
app.add_typer(audit, name="audit")
