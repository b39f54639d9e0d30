"""`jitney policy`: the commands of policy authors, and the test of policies."""

import typer

from jitney.client.commands.policy_diff import compare_policies
from jitney.client.commands.policy_digest import print_digests
from jitney.client.commands.policy_explain import explain_decision
from jitney.client.commands.policy_replay import Config, replay_records
from jitney.client.commands.policy_shadow import show_shadow
from jitney.client.commands.policy_suggest import suggest_policies
from jitney.client.inputs import options
from jitney.client.inputs.command_group import command_group
from jitney.client.policy.policy_testing import decide_cases
from jitney.client.problems import ClientProblem
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen

policy = command_group("Test, compare and explain policies. Runs locally, without a broker.")
policy.command("replay")(replay_records)
policy.command("diff")(compare_policies)
policy.command("digest")(print_digests)
policy.command("explain")(explain_decision)
policy.command("shadow")(show_shadow)
policy.command("suggest")(suggest_policies)


@policy.command("test")
def run_cases(
    *,
    config: Config = None,
    as_json: options.AsJson = False,
) -> None:
    """Test the policies with the cases in tests.yaml beside them.

    Uses the configuration's targets, limits and reviewers. Exits with 1 when a case has another result than expected,
    or when no case tests a policy.

    Example: jitney policy test --config jitney.yaml
    """
    with exit_on_problem("policy test", as_json=as_json):
        tested = decide_cases(config)
        print_result(tested.document(), lambda: screen().policies(tested), as_json=as_json)
        if not tested.passed:
            raise typer.Exit(ClientProblem.exit_code)
