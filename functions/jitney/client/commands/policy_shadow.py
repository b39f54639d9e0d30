"""`jitney policy shadow`: how decisions of the shadow policies differ from those of the active policies."""

from typing import Annotated

import typer

from jitney.client.audit.record_lines import RecordSource
from jitney.client.commands.audit_options import Records, Since, Stack, Until, chosen_days
from jitney.client.commands.policy_replay import DryRuns, Folder, policy_screen
from jitney.client.inputs import options
from jitney.client.inputs.optional import load_extra
from jitney.client.problems import ClientProblem
from jitney.client.terminal.command_result import exit_on_problem, print_result

FailOnDifference = Annotated[
    bool,
    typer.Option("--fail-on-change", help="Exit with 1 on a difference, on an error, or if nothing was compared."),
]


def show_shadow(
    *,
    since: Since = None,
    until: Until = None,
    folder: Folder = None,
    records: Records = "",
    stack: Stack = None,
    dry_runs: DryRuns = False,
    fail_on_change: FailOnDifference = False,
    as_json: options.AsJson = False,
) -> None:
    """Show where shadow policies decided differently.

    The broker also decides each request by `shadow_policies` of jitney.yaml, and records an answer that differs.
    Counts and lists these answers. Reads a local copy of the records, or the bucket with your AWS credentials.

    Example: jitney policy shadow --since 7d --folder records
    """
    with exit_on_problem("policy shadow", as_json=as_json):
        report = load_extra("jitney.client.policy.shadow_report", "policy", "The shadow's answers were not read")
        screen = policy_screen()
        source = RecordSource(folder, records, stack, *chosen_days(since, until))
        with screen.progress() as progress:
            result = report.document(report.shadowed(report.ReplayOptions(source, dry_runs), progress))
        rows, table = report.counts(result), report.table(result, screen.most_changes)
        print_result(result, lambda: screen.shadow(result, rows, table), as_json=as_json)
        if fail_on_change and (result["changes"] or result["errors"] or not result["compared"]):
            raise typer.Exit(ClientProblem.exit_code)
