"""`jitney policy diff`: where two versions of policies decide differently."""

from pathlib import Path
from typing import Annotated

import typer

from jitney.client.commands.policy_replay import Config, policy_screen
from jitney.client.inputs import options
from jitney.client.inputs.optional import load_extra
from jitney.client.problems import ClientProblem
from jitney.client.terminal.command_result import exit_on_problem, print_result

Old = Annotated[Path, typer.Argument(metavar="OLD", help="The other version's jitney.yaml, or its folder.")]
Most = Annotated[int, typer.Option("--most", metavar="NUMBER", min=1, help="How many requests to decide at most.")]
FailOnChange = Annotated[
    bool,
    typer.Option(
        "--fail-on-change", help="Exit with 1 if an answer differs or may differ, or if open grants are affected."
    ),
]


def compare_policies(
    old: Old,
    *,
    config: Config = None,
    most: Most = 20_000,
    fail_on_change: FailOnChange = False,
    as_json: options.AsJson = False,
) -> None:
    """Compare two versions of policies, and their effect on open grants.

    Generates requests from the values that either version compares: groups, claims, actions, resources, durations,
    conditions, ways. Decides each request with both versions, and shows one example of each difference. Lists the
    policies, cases and settings that differ.

    Example: jitney policy diff ../deployed/jitney.yaml
    """
    with exit_on_problem("policy diff", as_json=as_json):
        comparison = load_extra("jitney.client.policy.policy_comparison", "policy", "The policies were not compared")
        screen = policy_screen()
        with screen.progress() as progress:
            result = comparison.compare_versions(old, config, most, progress)
        hidden = comparison.may_hide_differences(result)
        rows, table = comparison.rows(result), comparison.table(result, screen.most_changes)
        print_result(result, lambda: screen.compared(rows, table, partial=hidden), as_json=as_json)
        if fail_on_change and (result["differences"] or result["affected_state"] or hidden):
            raise typer.Exit(ClientProblem.exit_code)
