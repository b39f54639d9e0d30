"""`jitney policy replay`: what changed policies would have decided on recorded requests."""

from pathlib import Path
from typing import Annotated, Any

import typer

from jitney.client.audit.record_lines import RecordSource
from jitney.client.commands.audit_options import Records, Since, Stack, Until, chosen_days
from jitney.client.inputs import options
from jitney.client.inputs.optional import load_extra
from jitney.client.problems import ClientProblem
from jitney.client.terminal.command_result import exit_on_problem, print_result

Config = Annotated[
    Path | None,
    typer.Option(metavar="FILE", envvar="JITNEY_CONFIG", help="The configuration (default: jitney.yaml)."),
]
Folder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Instead of the bucket: a local copy, `aws s3 sync s3://BUCKET/records DIR`."),
]
DryRuns = Annotated[bool, typer.Option("--dry-runs", help="Include dry runs.")]
FailOnChange = Annotated[
    bool, typer.Option("--fail-on-change", help="Exit with 1 if an answer changes, or if nothing could be replayed.")
]


def replay_records(
    *,
    since: Since = None,
    until: Until = None,
    folder: Folder = None,
    records: Records = "",
    stack: Stack = None,
    config: Config = None,
    dry_runs: DryRuns = False,
    fail_on_change: FailOnChange = False,
    as_json: options.AsJson = False,
) -> None:
    """Replay recorded requests under these policies.

    Decides each recorded request again, with the configuration's policies, targets, limits and reviewers. Counts and
    lists the answers that change. Reads a local copy, or the bucket with your AWS credentials. A record without all
    inputs of its decision is left out, and the reason is shown.

    Example: jitney policy replay --since 30d --folder records
    """
    with exit_on_problem("policy replay", as_json=as_json):
        report = load_extra("jitney.client.policy.replay_report", "policy", "The requests were not replayed")
        screen = policy_screen()
        source = RecordSource(folder, records, stack, *chosen_days(since, until))
        with screen.progress() as progress:
            result = report.document(report.replay(report.ReplayOptions(source, dry_runs), config, progress))
        rows, table = report.counts(result), report.table(result, screen.most_changes)
        print_result(result, lambda: screen.replay(result, rows, table), as_json=as_json)
        if fail_on_change and (result["changes"] or not result["replayed"]):
            raise typer.Exit(ClientProblem.exit_code)


def policy_screen() -> Any:
    """Return the screen of `jitney policy`. rich is loaded only now."""
    from jitney.client.terminal.policy_screen import PolicyScreen  # noqa: PLC0415 - see command_result

    return PolicyScreen()
